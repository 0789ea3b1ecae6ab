"""What may be set for Dynamics 365 Business Central, and where its connection's fields lead."""

import re
from typing import Final

from crossdock.errors import Misconfigured
from crossdock.kit.call_times import CallTimes
from crossdock.ports import Login

_COMPANY: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,30}")


SETTINGS = {"sink": CallTimes}


def company_path(login: Login) -> str:
    """The path of the company that the connection names, in its environment, under API v1.0.

    Raises ``Misconfigured`` with the field that a person must fill in.
    """
    environment = str(login.extra.get("environment") or "")
    company = str(login.extra.get("company") or "").strip("{}").lower()
    for name, value, pattern, wanted in (
        ("environment", environment, _ENVIRONMENT, "the name of the environment, as 'production'"),
        ("company", company, _COMPANY, "the id of the company, as the API's /companies lists it"),
    ):
        if not pattern.fullmatch(value):
            raise Misconfigured(
                f"connection {login.connection_id!r}: {name} {value!r} must be {wanted}", field=name
            )
    return f"/v2.0/{environment}/api/v1.0/companies({company})"
