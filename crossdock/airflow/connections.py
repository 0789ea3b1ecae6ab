"""Logins from Airflow's connections and secrets backends, with every form of each secret masked in task logs.

Airflow masks what it recognises by field name, as it is written. A secret also travels in other clothes (encoded
in a URL, in an ``Authorization`` header, in XML), so each of those is registered too.
"""

import base64
import os
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlsplit
from xml.sax.saxutils import escape

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from airflow.sdk.log import mask_secret

from crossdock.errors import Misconfigured, WireDown
from crossdock.logins import from_fields, parse
from crossdock.ports import Login


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
    for form in forms(login):
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


def forms(login: Login) -> Iterator[str]:
    """Each secret of a login as it is, and as a URL, base64, HTTP basic and XML would carry it."""
    secrets = [login.password, *login.secrets.values()]
    for secret in secrets:
        text = secret.reveal()
        if not text:
            continue
        plain = text.encode()
        yield from dict.fromkeys(
            (text, quote(text, safe=""), quote_plus(text), escape(text), base64.b64encode(plain).decode())
        )
    if login.user and login.password:
        yield base64.b64encode(f"{login.user}:{login.password.reveal()}".encode()).decode()
