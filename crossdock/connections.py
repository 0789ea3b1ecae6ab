"""Where logins come from: the environment in Airflow's own form, else Airflow's connections."""

import os

from crossdock.errors import Undefined
from crossdock.logins import parse
from crossdock.ports import Login


def login(connection_id: str) -> Login:
    """How to enter the system behind this connection id.

    Raises ``Undefined`` when it is defined nowhere, and ``Misconfigured`` when it cannot be read. No message ever
    shows its content.
    """
    variable = f"AIRFLOW_CONN_{connection_id.upper()}"
    text = os.environ.get(variable)
    if text is not None:
        return parse(connection_id, text, where=variable)
    try:
        from crossdock.airflow.connections import fetch
    except ImportError as error:
        there = (error.name or "").partition(".")[0] not in ("airflow", "crossdock")
        remedy = (
            f"or mend Airflow, which knows the others and does not start here: {error}"
            if there
            else "or install Airflow and create it there"
        )
        raise Undefined(f"connection {connection_id!r} is not defined; set {variable} {remedy}") from error
    return fetch(connection_id)
