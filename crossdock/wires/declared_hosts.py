"""Which hosts a connector may open: those that its connector.toml declares (``hosts``), and no other.

Every wire asks here at the one place where it opens an address. A connection that was pointed elsewhere, by mistake
or by somebody who wants what is sent there, is refused before a name is looked up.
"""

from crossdock.errors import Misconfigured
from crossdock.kit.declarations import CONNECTION
from crossdock.ports import Login


class UndeclaredHost(Misconfigured):
    """This host is not among those that the connector declares."""


def refuse_undeclared(login: Login, host: str, *, field: str = "host") -> None:
    """Raises ``UndeclaredHost`` unless this host may be opened with this login.

    ``field`` is the field of the connection that names the host.
    """
    if any(_fits(declared, host, login) for declared in login.hosts):
        return
    known = ", ".join(login.host if one == CONNECTION else one for one in login.hosts) or "none"
    raise UndeclaredHost(
        f"connection {login.connection_id!r}: {host!r} is not among the hosts of its connector ({known}); nothing "
        f"was sent. If the connector is meant to open it, add it to hosts in its connector.toml; else correct "
        f"{field} of the connection",
        field=field,
    )


def _fits(declared: str, host: str, login: Login) -> bool:
    declared, host = _plain(login.host if declared == CONNECTION else declared), _plain(host)
    if declared.startswith("*."):
        return host.endswith(declared[1:]) and len(host) > len(declared) - 1
    return host == declared


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")
