"""Where a call may go: public addresses, or private ones where a person marked them as internal.

A name is resolved once for each connection, and the connection is made to exactly the addresses that were judged: a
name server that answers a second time with another address is never asked. Host header and TLS name stay those of the
URL. If *any* address of a name is forbidden, the name is: which one is taken is chance.

Any wire can use it: ``Rest(..., resolve=AddressGuard())``.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from crossdock.errors import Misconfigured
from crossdock.wires.http_adapter import Address, Resolve, resolved

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local: the metadata of nearly every cloud
        "fe80::/10",
        "168.63.129.16/32",  # Azure's, at a public address
        "100.100.100.200/32",  # Alibaba's
        "192.0.0.192/32",  # Oracle's
        "fd00:ec2::254/128",  # Amazon's
        "fd20:ce::254/128",  # Google's
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
        "240.0.0.0/4",
    )
)
"""Where nothing is ever sent, internal or not: metadata services, multicast, what is no host."""

_IPV4_INSIDE: Final = tuple(
    (ipaddress.IPv6Network(network), shift)
    for network, shift in (
        ("::ffff:0:0/96", 0),  # mapped
        ("::ffff:0:0:0/96", 0),  # translated
        ("64:ff9b::/96", 0),  # NAT64
        ("64:ff9b:1::/48", 0),  # NAT64 of a local network
        ("::/96", 0),  # compatible
        ("2002::/16", 80),  # 6to4
    )
)
_TEREDO: Final = ipaddress.IPv6Network("2001::/32")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")

_HOST: Final = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
                          r"(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?")  # fmt: skip
_NUMBER: Final = re.compile(r"\d+|0[xX][0-9a-fA-F]*")


class ForbiddenAddress(Misconfigured):
    """This address is not called. A person must correct the URL, or mark it as internal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A URL that may be called, taken apart. ``path`` has the query with it."""

    scheme: str
    host: str
    port: int | None
    path: str


def destination(url: str, *, internal: bool = False, ports: Collection[int] = (443, 8443)) -> Destination:
    """Take a URL apart, if it is one that may be called. Nothing is resolved.

    HTTPS on one of ``ports``; internal ones may be HTTP, on any port. A name that a resolver would read as a number
    (``2130706433``, ``0x7f.1``) is refused: plain addresses are written plainly. Raises ``ForbiddenAddress``.
    """
    if len(url) > 2000 or re.search(r"[^!-~]|\\", url):
        raise ForbiddenAddress("the URL holds characters that no URL holds, or is longer than 2000")
    try:
        split = urlsplit(url)
        port = split.port
        host = split.hostname or ""
    except ValueError:
        raise ForbiddenAddress(f"{url!r} is no URL") from None
    scheme = split.scheme.lower()
    if scheme != "https" and not (internal and scheme == "http"):
        raise ForbiddenAddress(f"{url!r}: only https is called" + ("" if internal else " (http if internal)"))
    if "@" in split.netloc:
        raise ForbiddenAddress("the URL holds a user or password; secrets belong into a connection")
    if split.fragment or "#" in url:
        raise ForbiddenAddress(f"{url!r}: a fragment is not sent; leave it out")
    _judge_host(split.netloc.rpartition("]")[0].startswith("["), host, url, internal=internal)
    if not internal and (port or 443) not in ports:
        raise ForbiddenAddress(f"{url!r}: port {port} is not called; {', '.join(map(str, ports))} are")
    path = split.path or "/"
    return Destination(
        scheme=scheme, host=host, port=port, path=f"{path}?{split.query}" if split.query else path
    )


def _judge_host(bracketed: bool, host: str, url: str, *, internal: bool) -> None:
    try:
        address: IP | None = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None:
        if (address.version == 6) != bracketed or "%" in host:
            raise ForbiddenAddress(f"{url!r}: the host is no plain address")
        if why := forbidden(address, internal=internal):
            raise ForbiddenAddress(f"{url!r}: {address} is {why}")
        return
    if bracketed or not _HOST.fullmatch(host):
        raise ForbiddenAddress(f"{url!r}: {host!r} is no host")
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise ForbiddenAddress(f"{url!r}: {host!r} is a number and no plain address")


class AddressGuard:
    """Gives the addresses of a host, or refuses it."""

    def __init__(self, *, internal: bool = False, resolve: Resolve = resolved) -> None:
        self._internal = internal
        self._resolve = resolve

    def __call__(self, host: str, port: int, within_s: float) -> list[Address]:
        """Resolve once, and judge every address. Raises ``ForbiddenAddress``."""
        addresses = self._resolve(host, port, within_s)
        for _family, _kind, _protocol, address in addresses:
            ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
            if why := forbidden(ip, internal=self._internal):
                raise ForbiddenAddress(
                    f"{host} is at {ip}, which is {why}; nothing was sent. Correct the URL"
                    + ("" if self._internal else ", or mark it as internal if that is meant")
                )
        return addresses


def forbidden(address: IP, *, internal: bool) -> str | None:
    """Why this address is not called, or ``None``. An IPv4 address inside an IPv6 one is judged as well."""
    for one in _all_in(address):
        if any(one in network for network in NEVER if network.version == one.version):
            return "never called (a metadata service, multicast, or no host)"
        if internal:
            continue
        if one.is_loopback:
            return "this machine itself"
        if not one.is_global or one.is_private or one.is_reserved or one in _SITE_LOCAL:
            return "in a private network"
    return None


def _all_in(address: IP) -> list[IP]:
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inside: list[IP] = [
        ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
        for network, shift in _IPV4_INSIDE
        if address in network and address not in (ipaddress.IPv6Address("::1"), ipaddress.IPv6Address("::"))
    ]
    if address in _TEREDO:
        server, client = address.teredo or (None, None)
        inside += [one for one in (server, client) if one is not None]
    # what only carries an IPv4 address is judged by it; Python calls some of these private themselves
    return inside or [address]
