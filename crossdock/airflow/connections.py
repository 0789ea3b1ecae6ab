"""Logins from Airflow's connections and secrets backends, with every form of each secret masked in task logs.

Airflow masks what it recognises by field name, as it is written. A secret also travels in other clothes (encoded
in a URL, in an ``Authorization`` header, in XML), so each of those is registered too.
"""

import os
from urllib.parse import urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from airflow.sdk.log import mask_secret

from crossdock.errors import Misconfigured, WireDown
from crossdock.logins import from_fields, parse
from crossdock.ports import Login
from crossdock.secret_forms import forms_of_login


def fetch(connection_id: str) -> Login:
    """The login behind this connection id, as Airflow (in a task or in the API server) knows it.

    Raises ``Misconfigured`` when there is none, and ``WireDown`` when Airflow cannot be asked.
    """
    try:
        found = Connection.get(connection_id)
    except AirflowNotFoundException as error:
        raise Misconfigured(
            f"connection {connection_id!r} is not defined; create it in Airflow under Admin, Connections, "
            f"or set AIRFLOW_CONN_{connection_id.upper()}"
        ) from error
    except AirflowException as error:
        raise WireDown(f"connection {connection_id!r} could not be read from Airflow") from error
    login = from_fields(
        connection_id,
        {
            "conn_type": found.conn_type,
            "host": found.host,
            "port": found.port,
            "schema": found.schema,
            "login": found.login,
            "password": found.password,
            "extra": found.extra,
        },
    )
    mask(login)
    return login


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
