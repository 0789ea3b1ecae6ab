"""The SMTP wire: one mail to its recipients, within one deadline, and the knowledge of whether it was handed over.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (implicit TLS). A server answers for a mail when it says 250 to
the line with the single dot. What fails before that line left is ``WireDown``: no server may keep such a mail. What
fails after it is ``WireQuiet``. Nothing is repeated here, and nothing is sent in the clear except on this machine.
"""

import io
import ipaddress
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import CheckStep, Login
from crossdock.wires.address_guard import AddressGuard
from crossdock.wires.declared_hosts import refuse_undeclared
from crossdock.wires.http_adapter import Call, Monotonic, Resolve

FOREIGN: Final = (smtplib.SMTPException, OSError, ValueError, EOFError)
"""Everything that smtplib and the sockets raise."""

ENCRYPTION: Final = ("starttls", "implicit", "none")
"""What ``tls`` of a connection may say. ``none`` only where the server is this machine itself."""

IMPLICIT_PORT: Final = 465
SUBMISSION_PORT: Final = 587

MOST_SAID: Final = 256 * 1024
"""So many bytes a server may say in one session."""

NO_LOGIN: Final = (530, 534, 535, 538)

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def is_address(text: str) -> bool:
    """Whether a text is one mail address, plainly written: no name, no comment, nothing that ends a line."""
    return _ADDRESS.fullmatch(text) is not None and ".." not in text


class Smtp:
    """One mail server, entered with one login. Each mail has a session of its own. Safe to share between threads.

    ``extra`` of the login may hold ``tls`` (``ENCRYPTION``) and ``ca_bundle``. ``resolve`` takes the place of the
    guard of addresses.
    """

    def __init__(
        self,
        login: Login,
        *,
        deadline_s: float = 60.0,
        connect_s: float = 10.0,
        monotonic: Monotonic = time.monotonic,
        resolve: Resolve | None = None,
    ) -> None:
        self._login = login
        self._host = login.host
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", self._host):
            raise self._wrong(f"the host {self._host!r} is none", "host")
        refuse_undeclared(login, self._host)
        tls = str(login.extra.get("tls") or ("implicit" if login.port == IMPLICIT_PORT else "starttls"))
        if tls not in ENCRYPTION:
            raise self._wrong(f"tls must be one of {', '.join(ENCRYPTION)}, not {tls!r}", "tls")
        if tls == "none" and not _is_this_machine(self._host):
            raise self._wrong(
                "tls 'none' is only for a server on this machine; use starttls or implicit", "tls"
            )
        self._tls = tls
        self._port = login.port or (IMPLICIT_PORT if tls == "implicit" else SUBMISSION_PORT)
        self._deadline_s, self._connect_s, self._monotonic = deadline_s, connect_s, monotonic
        self._resolve = resolve or AddressGuard(internal=login.extra.get("addresses") != "public")

    def __repr__(self) -> str:
        return f"Smtp({self.where})"

    @property
    def where(self) -> str:
        """``smtp://host:port``."""
        return f"smtp://{self._host}:{self._port}"

    def send(self, message: bytes, *, sender: str, recipients: Sequence[str]) -> str:
        """Hand over one mail, to all of its recipients or to none; what the server said of it.

        ``message``: headers and body with CRLF. Raises ``Refused`` with the server's code for its no, ``WireDown``,
        ``WireQuiet``, and ``Misconfigured`` for a login or a certificate that does not fit.
        """
        for address in (sender, *recipients):
            if not is_address(address):
                raise Misconfigured(f"{address[:80]!r} is no mail address; nothing was sent")
        if not recipients:
            raise Misconfigured("a mail has no recipient; nothing was sent")
        what = f"mail over {self.where}"
        call = self._call()
        session = _Session(call)
        try:
            for _step in self._entered(session):
                pass
            self._offered(session, sender, recipients)
            return self._handed_over(session, message)
        except CrossdockError:
            raise
        except FOREIGN as error:
            raise self._translated(error, what, left=session.dot_left) from error
        finally:
            session.end()

    def check(self, sender: str, recipients: Sequence[str]) -> Iterator[CheckStep]:
        """Resolve and connect, TLS, login, and whether it takes mail of this sender for them; no mail is sent."""
        session = _Session(self._call())
        steps = iter(_STEPS)
        at = next(steps)
        try:
            for done in self._entered(session):
                yield CheckStep(step=done, ok=True, sentence=f"{self.where}: {_GOOD[done]}")
                at = next(steps)
            if recipients:
                self._offered(session, sender, recipients)
                session.rset()
            yield CheckStep(step=at, ok=True, sentence=f"{self.where} takes mail of {sender}; none was sent")
        except CrossdockError as error:
            yield _failed(at, error)
        except FOREIGN as error:
            yield _failed(at, self._translated(error, f"check of {self.where}", left=False))
        finally:
            session.end()

    # -- a session, step by step ----------------------------------------------------------------------------

    def _call(self) -> Call:
        return Call(
            deadline_s=self._deadline_s,
            connect_s=self._connect_s,
            monotonic=self._monotonic,
            resolve=self._resolve,
        )

    def _entered(self, session: "_Session") -> Iterator[str]:
        """Connected, encrypted and logged in; the names of the steps as they are done."""
        if self._tls == "implicit":
            session.tls = self._context()
        session.host_name = self._host
        code, said = session.connect(self._host, self._port)
        self._expect(code, said, (220,), "the greeting")
        yield "connect"
        session.ehlo_or_helo_if_needed()
        if self._tls == "starttls":
            code, said = session.docmd("STARTTLS")
            self._expect(code, said, (220,), "STARTTLS")
            session.secure(self._context())
            session.ehlo()
        yield "tls"
        if self._login.user:
            try:
                session.login(self._login.user, self._login.password.reveal())
            except smtplib.SMTPAuthenticationError as error:
                raise self._wrong(
                    f"{self.where} does not take the login ({error.smtp_code})", "password"
                ) from None
            except smtplib.SMTPNotSupportedError:
                raise self._wrong(f"{self.where} offers no way to log in that we know", "login") from None
        yield "login"

    def _offered(self, session: "_Session", sender: str, recipients: Sequence[str]) -> None:
        """The envelope. One recipient that is refused refuses the mail: it is for all of them."""
        self._expect(*session.mail(sender), (250,), f"the sender {sender}")
        for recipient in recipients:
            self._expect(*session.rcpt(recipient), (250, 251, 252), f"the recipient {recipient}")

    def _handed_over(self, session: "_Session", message: bytes) -> str:
        self._expect(*session.docmd("DATA"), (354,), "DATA")
        session.put(_dotted(message))
        session.put_dot()
        code, said = session.getreply()
        self._expect(code, said, (250,), "the mail")
        return _shown(said)

    def _expect(self, code: int, said: bytes, wanted: tuple[int, ...], what: str) -> None:
        if code in wanted:
            return
        if code in NO_LOGIN:
            raise self._wrong(f"{self.where} wants another login for {what} ({code})", "login")
        if code < 0:
            raise smtplib.SMTPServerDisconnected("no reply that is one")
        raise Refused(f"{self.where} refuses {what} ({code}): {_shown(said)}", status=str(code), body=said)

    def _context(self) -> ssl.SSLContext:
        bundle = self._login.extra.get("ca_bundle") or None
        try:
            return ssl.create_default_context(cafile=None if bundle is None else str(bundle))
        except OSError as error:
            raise self._wrong(
                f"ca_bundle is no file with certificates that can be read ({type(error).__name__})",
                "ca_bundle",
            ) from error

    def _wrong(self, sentence: str, field: str) -> Misconfigured:
        return Misconfigured(f"connection {self._login.connection_id!r}: {sentence}; correct it", field=field)

    def _translated(self, error: BaseException, what: str, *, left: bool) -> CrossdockError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return Misconfigured(
                f"{what}: its certificate does not fit: {error.verify_message}; nothing was sent",
                field="ca_bundle",
            )
        why = (
            "no answer came in time"
            if isinstance(error, TimeoutError)
            else (f"the connection failed ({type(error).__name__})")
        )
        if left:
            return WireQuiet(f"{what}: it was handed over and {why}; whether it was taken is unknown")
        return WireDown(f"{what}: {why}; the mail was not handed over")


_GOOD: Final = {"connect": "it answers", "tls": "the channel is as it must be", "login": "it takes our login"}
_STEPS: Final = {
    "connect": ("host", "Look whether the server runs, and at host and port of the connection."),
    "tls": (
        "ca_bundle",
        "Look at what the certificate says, then at host, tls and ca_bundle of the connection.",
    ),
    "login": ("password", "Correct user and password of the connection."),
    "permission": (
        "sender",
        "Ask who keeps the server whether this sender may send, and correct sender and recipients.",
    ),
}
"""The steps of a check in their order, with the field to look at and the remedy, where a failure does not say."""


def _failed(step: str, error: CrossdockError) -> CheckStep:
    field, remedy = _STEPS[step]
    blamed = error.field if isinstance(error, Misconfigured) and error.field else field
    return CheckStep(step=step, ok=False, sentence=str(error), remedy=remedy, field=blamed)


class _Session(smtplib.SMTP):
    """One session of smtplib, whose every socket operation ends with the call."""

    def __init__(self, call: Call) -> None:
        self._limit = call
        self._raw: socket.socket | None = None
        self.tls: ssl.SSLContext | None = None
        self.host_name = ""
        self.dot_left = False
        super().__init__(local_hostname="crossdock.invalid")

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        self._raw = _connected(self._limit, host, port)
        if self.tls is not None:
            return self._wrapped(self.tls)
        return _Bounded(self._raw, self._limit)

    def secure(self, context: ssl.SSLContext) -> None:
        """What was read ahead in the clear is dropped: nobody may put words before the handshake."""
        self.sock: Any = self._wrapped(context)
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def _wrapped(self, context: ssl.SSLContext) -> "_Bounded":
        assert self._raw is not None
        self._raw.settimeout(self._limit.remaining())
        self._raw = context.wrap_socket(self._raw, server_hostname=self.host_name)
        return _Bounded(self._raw, self._limit)

    def put(self, data: bytes) -> None:
        self.sock.sendall(data)

    def put_dot(self) -> None:
        self.dot_left = True  # from here on the server may have the whole mail
        self.sock.sendall(b".\r\n")

    def end(self) -> None:
        """Say good-bye if there is time for it, and close."""
        try:
            if self.sock is not None:
                self.docmd("QUIT")
        except FOREIGN:
            pass
        finally:
            self.close()
            if self._raw is not None:
                self._raw.close()


class _Bounded:
    """A connected socket whose every operation ends with the call; the rest is the socket's own."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self._sock, self._call = sock, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(self._call.remaining())
            view = view[self._sock.send(view) :]

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._call))


class _Reader(io.RawIOBase):
    """What the server says, as far as there is time, and no more of it than any server needs."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self._sock, self._call, self._left = sock, call, MOST_SAID

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._call.remaining())
        count = self._sock.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise OSError("the server says more than any reply needs")
        return count


def _connected(call: Call, host: str, port: int) -> socket.socket:
    last: OSError = OSError("the name has no address")
    for family, kind, protocol, address in call.resolve(host, port, min(call.connect_s, call.remaining())):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(call.connect_s, call.remaining()))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            last = error
    raise last


def _dotted(message: bytes) -> bytes:
    """The mail as DATA takes it: CRLF at each end of line, a second dot before a leading one (RFC 5321, 4.5.2)."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    lines = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(said: bytes) -> str:
    """The beginning of what a server said, in one line."""
    text = said[:200].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)
