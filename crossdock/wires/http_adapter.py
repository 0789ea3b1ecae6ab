"""The connections under the REST and SOAP wires: one wall-clock deadline, and the knowledge of what was sent.

``requests`` knows timeouts of single reads only, so a server that drips holds a call for ever, and it raises the
same exception whether the request had left or not. Here every socket operation of a call gets the time that the
call has left, and the call notes when the first byte of its request was handed to the system.
"""

import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from crossdock.errors import WireDown
from crossdock.wires.patience import bounded

Monotonic = Callable[[], float]


class Call:
    """One request and its answer: when it must be over, how far it came, and whether a byte of it has left.

    ``stage`` is what it was at when it ended: ``resolve``, ``connect``, ``tls``, ``talk``; ``at`` the address that
    it reached.
    """

    __slots__ = ("at", "connect_s", "ends_at", "monotonic", "resolve", "sent", "stage")

    def __init__(
        self,
        *,
        deadline_s: float,
        connect_s: float,
        monotonic: Monotonic = time.monotonic,
        resolve: "Resolve | None" = None,
    ) -> None:
        """``resolve`` says at which addresses a host is; the system does without it."""
        self.resolve = resolve or resolved
        self.monotonic = monotonic
        self.ends_at = monotonic() + bounded(deadline_s)
        self.connect_s = connect_s
        self.sent = False
        self.stage = "resolve"
        self.at = ""

    @property
    def left_s(self) -> float:
        """Seconds left, at least a millisecond: for what ends by itself when its time is over."""
        return max(self.ends_at - self.monotonic(), 0.001)

    def remaining(self) -> float:
        """Seconds left, above 0. Raises ``TimeoutError`` when there are none."""
        left = self.ends_at - self.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the call is over")
        return left


_thread = threading.local()


def current() -> Call:
    """The call that this thread is in."""
    call: Call = _thread.call
    return call


class _BoundedReader(io.RawIOBase):
    """Reads a socket with the time that the current call has left."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(current().remaining())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._raw.close()


class _BoundedSocket:
    """A connected socket whose every operation ends with the current call; the rest is the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._encrypted = isinstance(sock, ssl.SSLSocket)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        raw: Any = self._sock.makefile("rb", buffering=0)
        return io.BufferedReader(_BoundedReader(raw, self._sock))

    def sendall(self, data: Any, _flags: int = 0) -> None:
        call = current()
        view = memoryview(data).cast("B")
        while view:
            self._sock.settimeout(call.remaining())
            if self._encrypted:
                # A record may have left in part when this fails, so it counts before.
                call.sent = True
            count = self._sock.send(view)
            call.sent = True
            view = view[count:]


def _connected(connection: HTTPConnection) -> socket.socket:
    """A TCP connection within the time of the current call. Raises ``WireDown``: nothing was sent."""
    call = current()
    where = f"{connection.host}:{connection.port}"
    try:
        call.stage = "resolve"
        addresses = call.resolve(connection._dns_host, connection.port, min(call.connect_s, call.remaining()))
        call.stage = "connect"
        last: OSError = OSError("the name has no address")
        for family, kind, protocol, address in addresses:
            sock = socket.socket(family, kind, protocol)
            try:
                for option in connection.socket_options or ():
                    sock.setsockopt(*option)
                # It stays for the TLS handshake, which ssl bounds as a whole.
                sock.settimeout(min(call.connect_s, call.remaining()))
                sock.connect(address)
                call.stage, call.at = "tls", str(address[0])
                return sock
            except OSError as error:
                sock.close()
                last = error
        raise last
    except TimeoutError as error:
        raise WireDown(f"{where} did not accept a connection in time; nothing was sent") from error
    except OSError as error:
        raise WireDown(f"{where} cannot be reached: {error.strerror or error}; nothing was sent") from error


Address = tuple[socket.AddressFamily, socket.SocketKind, int, Any]

Resolve = Callable[[str, int, float], list[Address]]


def resolved(host: str, port: int, within_s: float) -> list[Address]:
    """The addresses of a host. The system's resolver knows no deadline, so another thread asks it."""
    try:
        ipaddress.ip_address(host)
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [(family, kind, protocol, address) for family, kind, protocol, _name, address in known]
    except ValueError:
        pass
    answers: queue.Queue[list[Address] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(family, kind, protocol, address) for family, kind, protocol, _, address in found])
        except OSError as error:
            answers.put(error)
        except UnicodeError as error:
            answers.put(OSError(f"the name is none: {error}"))

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=within_s)
    except queue.Empty:
        raise TimeoutError(f"the name {host} was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def connect(self) -> None:
        super().connect()
        current().stage = "talk"
        self.sock = _BoundedSocket(self.sock)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def connect(self) -> None:
        super().connect()
        current().stage = "talk"
        self.sock = _BoundedSocket(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Response(requests.Response):
    """What the wire needs of an answer: no cookies are kept, no history."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        self.request = request
        self.raw = raw
        self.status_code = raw.status
        self.headers = raw.headers


class OneHostAdapter(HTTPAdapter):
    """requests' adapter for one host: no retries, no proxies, no cookies, and the deadline of the call."""

    def __init__(
        self,
        *,
        verify: bool | str = True,
        connections: int = 8,
        certificate: Callable[[ssl.SSLContext], None] | None = None,
    ) -> None:
        """``certificate`` puts our own certificate into the context of TLS."""
        self._one_pool: Any = None
        self._verify_with = verify
        self._certificate = certificate
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if self._certificate is not None:
            # requests takes certificates from files only; the rest of the context is urllib3's own
            context = create_urllib3_context()
            self._certificate(context)
            pool["ssl_context"] = context
        return host, pool

    def get_connection_with_tls_context(self, request: Any, verify: Any, *_: Any, **__: Any) -> Any:
        # One host and one way to verify for the life of the adapter, so the pool's key is computed once.
        if self._one_pool is None:
            self._one_pool = super().get_connection_with_tls_context(request, verify)
        return self._one_pool

    def close(self) -> None:
        # urllib3 closes a pool when nobody holds it any more; this one is held here.
        if self._one_pool is not None:
            self._one_pool.close()
            self._one_pool = None
        super().close()

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        return _Response(req, resp)

    def open(self, request: requests.PreparedRequest, call: Call) -> None:
        """Connects for a request like this, TLS included, and sends nothing; the next call takes the connection."""
        _thread.call = call
        pool = self.get_connection_with_tls_context(request, self._verify_with)
        verify: Any = self.cert_verify
        verify(pool, request.url, self._verify_with, None)
        connection = pool._get_conn(timeout=call.remaining())
        try:
            if not connection.is_connected:
                connection.connect()
        except BaseException:
            connection.close()
            raise
        finally:
            pool._put_conn(connection)

    def call(self, request: requests.PreparedRequest, call: Call) -> requests.Response:
        """Sends, and gives the answer as soon as its head is there; reading its body is bounded by the same call."""
        _thread.call = call
        return self.send(request, stream=True, timeout=call.remaining(), verify=self._verify_with)


def headers_of(response: requests.Response) -> Mapping[str, str]:
    """The answer's headers, names in lower case; a repeated one is joined with commas."""
    return {
        name.lower(): response.headers[name] for name in response.headers
    }  # items() gives them one by one
