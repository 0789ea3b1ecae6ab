"""Logins from Airflow's connections and secrets backends, with every form of each secret masked in task logs.

Airflow masks what it recognises by field name, as it is written. A secret also travels in other clothes (encoded
in a URL, in an ``Authorization`` header, in XML), so each of those is registered too.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from airflow.sdk.log import mask_secret

from crossdock.errors import Misconfigured, Undefined, WireDown
from crossdock.logins import from_fields, parse
from crossdock.ports import Login
from crossdock.secret_forms import forms_of_login

_ADDRESS: Final = re.compile(r"(?P<kind>[\w+]+)://(?:[^:/]*(?::[^@]*)?@)?(?P<place>[^?@]*)(?:\?[^@]*)?")
"""Taken apart as SQLAlchemy does it: a password ends at the @."""


def fetch(connection_id: str) -> Login:
    """The login behind this connection id, as Airflow knows it: in a task, in the API server and in a terminal.

    Airflow asks its own database for the first two and not for a terminal, to which it is a stranger; there we ask
    it, as ``airflow connections get`` does. Raises ``Undefined`` when there is none, and ``WireDown`` when Airflow
    cannot be asked.
    """
    asked = ""
    fields: dict[str, Any] | None
    try:
        fields = _fields_of(Connection.get(connection_id))
    except AirflowNotFoundException as error:
        fields, asked = _of_terminal(connection_id) if _is_terminal() else (None, "")
        if fields is None:
            raise Undefined(
                f"connection {connection_id!r} is not defined{asked}; create it in Airflow under Admin, Connections, "
                f"or set AIRFLOW_CONN_{connection_id.upper()}"
            ) from error
    except AirflowException as error:
        raise WireDown(f"connection {connection_id!r} could not be read from Airflow") from error
    login = from_fields(connection_id, fields)
    mask(login)
    return login


def _fields_of(found: Any) -> dict[str, Any]:
    return {
        "conn_type": found.conn_type,
        "host": found.host,
        "port": found.port,
        "schema": found.schema,
        "login": found.login,
        "password": found.password,
        "extra": found.extra,
    }


def _is_terminal() -> bool:
    """Whether no process of Airflow runs this: its servers say so of themselves, a task has somebody to ask."""
    if os.environ.get("_AIRFLOW_PROCESS_CONTEXT"):
        return False
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return getattr(runner, "SUPERVISOR_COMMS", None) is None


def _of_terminal(connection_id: str) -> tuple[dict[str, Any] | None, str]:
    """The fields of a connection in Airflow's own database, and who was asked for it when there are none. A database
    that is not there is not made."""
    from airflow.configuration import conf

    shown, file = _database(str(conf.get("database", "sql_alchemy_conn")))
    if file is not None and not file.is_file():
        return None, (
            f": the environment and the secrets backends were asked, and there is no Airflow database at {shown} "
            "(AIRFLOW_HOME and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN say where the workers' is)"
        )
    try:
        from airflow.secrets.metastore import MetastoreBackend

        found = MetastoreBackend().get_connection(connection_id)
        fields = _fields_of(found) if found is not None else None
    except Exception as error:
        raise WireDown(
            f"connection {connection_id!r} could not be read from the Airflow database {shown} "
            f"({type(error).__name__}); does it run, and is AIRFLOW__CORE__FERNET_KEY that of the workers?"
        ) from error
    return fields, f": neither the environment nor a secrets backend has it, nor the Airflow database {shown}"


def _database(address: str) -> tuple[str, Path | None]:
    """What is shown of a database's address, and its file where it is one. A password may hold a / or a #, behind
    which others see a host and a path."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return "that AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names", None
    shown = f"{found['kind']}://{found['place']}"
    return shown, Path(found["place"].removeprefix("/")) if found["kind"].startswith("sqlite") else None


def mask(login: Login) -> None:
    """Register every secret of this login, in every form it may travel in."""
    for form in forms_of_login(login):
        mask_secret(form)


def mask_environment() -> None:
    """Register the secrets that come by the environment, which nobody fetches through Airflow."""
    for variable, text in os.environ.items():
        if variable.startswith("AIRFLOW_CONN_CROSSDOCK_"):
            try:
                mask(parse(variable.removeprefix("AIRFLOW_CONN_").lower(), text))
            except Misconfigured:
                mask_secret(text)  # whoever needs it will say what is wrong with it
    password = urlsplit(os.environ.get("CROSSDOCK_DATABASE_URL", "")).password
    if password:
        mask_secret(password)
