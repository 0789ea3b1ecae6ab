"""An address that is itself the secret: whoever knows the URL of an incoming webhook may post there.

The URL stands in a secret field of the connection. It is taken apart once; what follows the host is a secret of the
login, so the wire leaves it out of every message.
"""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from crossdock.errors import Misconfigured
from crossdock.ports import Login, Secret

FIELD: Final = "url_secret"
"""The field of the connection that holds the URL."""


def opened(login: Login) -> tuple[Login, str]:
    """A login to the host of the secret URL, and the path with its query. Raises ``Misconfigured``; shows nothing."""
    url = login.secrets[FIELD].reveal().strip() if FIELD in login.secrets else ""
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError:
        host, port = "", None
    fits = (
        re.fullmatch(r"[!-~]+", url)
        and host
        and split.scheme in ("http", "https")
        and "@" not in split.netloc
        and not split.fragment
    )
    if not fits or len(split.path) < 2:
        raise Misconfigured(
            f"connection {login.connection_id!r}: {FIELD} holds no URL such as https://host/path; paste it again",
            field=FIELD,
        )
    target = f"{split.path}?{split.query}" if split.query else split.path
    return (
        replace(
            login,
            scheme=split.scheme,
            host=host,
            port=port,
            user="",
            password=Secret(""),
            # an error may show the path without the query
            secrets={FIELD: Secret(target), f"{FIELD}_path": Secret(split.path)},
        ),
        target,
    )
