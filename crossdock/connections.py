"""Where logins come from: the environment in Airflow's own form, else Airflow's connections."""

import os

from crossdock.errors import Misconfigured
from crossdock.logins import parse
from crossdock.ports import Login


def login(connection_id: str) -> Login:
    """How to enter the system behind this connection id.

    Raises ``Misconfigured`` when it is defined nowhere or cannot be read. No message ever shows its content.
    """
    variable = f"AIRFLOW_CONN_{connection_id.upper()}"
    text = os.environ.get(variable)
    if text is not None:
        return parse(connection_id, text, where=variable)
    try:
        from crossdock.airflow.connections import fetch
    except ImportError as error:
        raise Misconfigured(
            f"connection {connection_id!r} is not defined; set {variable} or install Airflow and create it there"
        ) from error
    return fetch(connection_id)
