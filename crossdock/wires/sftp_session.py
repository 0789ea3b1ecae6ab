"""One SSH connection to a partner whose host key is known, and the words of this house for what paramiko raises."""

import base64
import errno
import hashlib
import io
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
from paramiko.message import Message
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR, SFTPError
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    ChannelException,
    ConfigParseError,
    CouldNotCanonicalize,
    IncompatiblePeer,
    ProxyCommandFailure,
    SSHException,
)

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import Login
from crossdock.wires.declared_hosts import refuse_undeclared
from crossdock.wires.http_adapter import resolved
from crossdock.wires.patience import bounded

CONNECT_S = 20.0
AUTH_S = 30.0
BANNER_S = 30.0
"""banner >= auth >= connect: a shorter banner time makes paramiko return before it has connected."""
CHANNEL_S = 60.0
KEEPALIVE_S = 30

FOREIGN = (SSHException, SFTPError, OSError, EOFError, ValueError, struct.error, AttributeError)
"""Everything that paramiko raises: its own tree, sockets and status codes (OSError), and what garbage from the other
side makes its parsers raise. AttributeError: it uses a transport that its own thread has just taken down."""


class _Tolerant(paramiko.SFTPClient):
    """paramiko's client decodes names as UTF-8 and fails the whole listing for one that is not."""

    def entries(self, directory: str) -> Iterator[tuple[bytes, paramiko.SFTPAttributes]]:
        """Names as bytes, with the attributes that the server gives for them."""
        ask: Any = self._request  # type: ignore[attr-defined]
        kind, message = ask(CMD_OPENDIR, directory.encode())
        if kind != CMD_HANDLE:
            raise SFTPError("expected a handle")
        handle = message.get_binary()
        try:
            while True:
                try:
                    kind, message = ask(CMD_READDIR, handle)
                except EOFError:
                    return
                if kind != CMD_NAME:
                    raise SFTPError("expected names")
                yield from _names(message)
        finally:
            with suppress(*FOREIGN):
                ask(CMD_CLOSE, handle)


def _names(message: Message) -> Iterator[tuple[bytes, paramiko.SFTPAttributes]]:
    from_message: Any = paramiko.SFTPAttributes._from_msg  # type: ignore[attr-defined]
    for _ in range(message.get_int()):
        name = message.get_binary()
        message.get_binary()  # the long form, for people
        attributes: paramiko.SFTPAttributes = from_message(message, None, None)
        if name not in (b".", b".."):
            yield name, attributes


class _PinnedFingerprint(paramiko.RejectPolicy):
    """Refuses every host key, but one whose fingerprint is pinned."""

    def __init__(self, fingerprints: frozenset[str], where: str, connection_id: str) -> None:
        self._fingerprints = fingerprints
        self._where = where
        self._connection_id = connection_id

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:  # type: ignore[override]
        if fingerprint(key) not in self._fingerprints:
            raise _host_key_refused(self._where, self._connection_id, key)


def fingerprint(key: paramiko.PKey) -> str:
    """``SHA256:...`` as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


class Session:
    """An SFTP client on its own connection, opened when it is first used. Not safe to share between threads."""

    def __init__(
        self,
        login: Login,
        *,
        connect_s: float = CONNECT_S,
        auth_s: float = AUTH_S,
        banner_s: float = BANNER_S,
        channel_s: float = CHANNEL_S,
    ) -> None:
        if not login.host or not login.user:
            raise Misconfigured(
                f"connection {login.connection_id!r} lacks host or user; add them",
                field="login" if login.host else "host",
            )
        refuse_undeclared(login, login.host)
        self._login = login
        self._where = f"{login.host}:{login.port or 22}"
        self._connect_s = connect_s
        self._auth_s = max(auth_s, connect_s)
        self._banner_s = max(banner_s, auth_s, connect_s)
        self._channel_s = channel_s
        self._keys, self._fingerprints = _pinned(login)
        self._private_key = _private_key(login)
        self.stage = "resolve"  # what the last opening was at: resolve, connect, host key, login
        self._client: paramiko.SSHClient | None = None
        self._sftp: _Tolerant | None = None

    @property
    def where(self) -> str:
        """``host:port``, for messages."""
        return self._where

    @contextmanager
    def use(self, what: str, *, deadline_s: float, effect: bool = False) -> Iterator[_Tolerant]:
        """The client, for one step that must be over in this time; what paramiko raises inside is translated.

        After the deadline the connection is closed under the step, whatever it waits for. After a failure of the
        wire the next step opens a new one. ``effect``: what fails inside may have happened there (``WireQuiet``).
        """
        sftp = self._open()
        deadline_s = bounded(deadline_s)
        over = threading.Event()

        def end() -> None:
            over.set()
            self._drop()

        timer = threading.Timer(deadline_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield sftp
        except CrossdockError:
            raise
        except FOREIGN as error:
            late = TimeoutError(f"not over after {deadline_s:g} s")
            word = translated(
                late if over.is_set() else error, what=f"{self._where}: {what}", sent=True, effect=effect
            )
            if not isinstance(word, Refused):
                self.close()
            raise word from error
        finally:
            timer.cancel()

    def check_host_key(self) -> None:
        """Connect and compare the host key. Raises like every step."""
        self._open()

    def close(self) -> None:
        """Safe to call again; the next step opens anew."""
        self._drop()
        self._client = self._sftp = None

    def _drop(self) -> None:
        if self._client is not None:
            with suppress(*FOREIGN):
                self._client.close()

    def _open(self) -> _Tolerant:
        if self._sftp is not None and self._client is not None:
            transport = self._client.get_transport()
            if transport is not None and transport.is_active():
                return self._sftp
            self.close()
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(
            _PinnedFingerprint(self._fingerprints, self._where, self._login.connection_id)
        )
        port = self._login.port or 22
        known_as = self._login.host if port == 22 else f"[{self._login.host}]:{port}"
        for key in self._keys:
            client.get_host_keys().add(known_as, key.get_name(), key)
        timer = threading.Timer(bounded(self._connect_s + self._banner_s + self._auth_s), client.close)
        timer.daemon = True
        timer.start()
        sock = None
        try:
            sock = self._connected(port)
            self.stage = "host key"
            client.connect(
                self._login.host,
                port=port,
                username=self._login.user,
                password=self._login.password.reveal() or None,
                pkey=self._private_key,
                sock=sock,
                timeout=self._connect_s,
                banner_timeout=self._banner_s,
                auth_timeout=self._auth_s,
                channel_timeout=self._channel_s,
                allow_agent=False,
                look_for_keys=False,
            )
            self.stage = "login"
            transport = client.get_transport()
            if transport is None:
                raise SSHException("no transport")
            transport.set_keepalive(KEEPALIVE_S)
            sftp = _Tolerant.from_transport(transport)
            if sftp is None:
                raise SSHException("no SFTP channel")
            channel = sftp.get_channel()
            if channel is not None:
                channel.settimeout(self._channel_s)
            self._client, self._sftp = client, sftp
            return sftp
        except CrossdockError:
            client.close()
            raise
        except FOREIGN as error:
            client.close()
            if sock is not None:
                sock.close()
            if isinstance(error, AuthenticationException):
                self.stage = "login"
            if isinstance(error, BadHostKeyException):
                raise _host_key_refused(self._where, self._login.connection_id, error.key) from error
            raise translated(
                error,
                what=f"{self._where}: connection {self._login.connection_id!r}",
                sent=False,
                effect=False,
            ) from error
        finally:
            timer.cancel()

    def _connected(self, port: int) -> socket.socket:
        last: OSError = OSError("the name has no address")
        self.stage = "resolve"
        addresses = resolved(self._login.host, port, self._connect_s)
        self.stage = "connect"
        for family, kind, protocol, address in addresses:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(self._connect_s)
            try:
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                last = error
        raise last


# -- what goes wrong --------------------------------------------------------------------------------------

LOGIN_OR_SETUP = (
    AuthenticationException,
    BadHostKeyException,
    IncompatiblePeer,
    ProxyCommandFailure,
    CouldNotCanonicalize,
    ConfigParseError,
)
"""A person must edit something: the login, the pinned host key, the algorithms."""

NOT_ABOUT_THE_LOGIN = ("timeout", "transport shut down", "saw eof", "session", "closed", "timed out")
"""paramiko raises AuthenticationException, too, when the connection broke while it logged in."""

SAID_NO = (FileNotFoundError, PermissionError, FileExistsError, ChannelException)
"""The server answered, and the answer was no."""


def translated(error: BaseException, *, what: str, sent: bool, effect: bool) -> CrossdockError:
    """The word of this house for an exception of paramiko, its sockets, or a status of the server.

    ``sent``: the step had begun; before that it is ``WireDown``. ``effect``: the step may have changed something.
    """
    name = type(error).__name__
    if isinstance(error, LOGIN_OR_SETUP):
        text = " ".join(map(str, error.args)).lower()
        broke = any(word in text for word in NOT_ABOUT_THE_LOGIN)
        if isinstance(error, AuthenticationException) and broke:
            return WireDown(f"{what}: the connection broke while logging in; nothing was sent")
        if isinstance(error, AuthenticationException):
            return Misconfigured(
                f"{what}: the login is not accepted ({name}); correct the user, password or private key",
                field="password",
            )
        if isinstance(error, BadHostKeyException):
            return Misconfigured(
                f"{what}: the host key changed; confirm it with the partner and update the connection",
                field="host_key",
            )
        return Misconfigured(
            f"{what}: no secure connection can be agreed on ({name}); ask the partner for newer algorithms"
        )
    if isinstance(error, SAID_NO):
        return Refused(f"{what}: the server said no ({_status(error)})", status=_status(error))
    if type(error) is OSError and error.errno is None:
        # What paramiko makes of every other status (SSH_FX_FAILURE, SSH_FX_OP_UNSUPPORTED, ...).
        return Refused(f"{what}: the server said that it failed", status="SSH_FX_FAILURE")
    late = isinstance(error, TimeoutError)
    happened = "no answer came in time" if late else f"the connection failed ({name})"
    if not sent:
        return WireDown(f"{what}: {happened}; nothing was sent")
    if not effect:
        return WireDown(f"{what}: {happened}; nothing was changed there")
    return WireQuiet(f"{what}: it was sent and {happened}; whether it took effect is unknown")


def _status(error: BaseException) -> str:
    if isinstance(error, ChannelException):
        return f"SSH_OPEN {error.code}" if error.args else "SSH_OPEN"
    match getattr(error, "errno", None):
        case errno.EACCES:
            return "SSH_FX_PERMISSION_DENIED"
        case errno.EEXIST:
            return "SSH_FX_FILE_ALREADY_EXISTS"
        case _:
            return "SSH_FX_NO_SUCH_FILE" if isinstance(error, FileNotFoundError) else type(error).__name__


def _host_key_refused(where: str, connection_id: str, key: paramiko.PKey) -> Misconfigured:
    return Misconfigured(
        f"connection {connection_id!r}: host key of {where} is not the pinned one: it shows {key.get_name()} "
        f"{fingerprint(key)}; nothing was sent. Confirm it with the partner, then update host_key of the connection",
        field="host_key",
    )


# -- keys -------------------------------------------------------------------------------------------------


def _pinned(login: Login) -> tuple[list[paramiko.PKey], frozenset[str]]:
    """The host keys of the connection: lines of ``type base64`` (as in known_hosts), or ``SHA256:`` fingerprints."""
    text = login.extra.get("host_key")
    if not isinstance(text, str) or not text.strip():
        raise Misconfigured(
            f"connection {login.connection_id!r} pins no host key; ask the partner for it and put "
            "'ssh-ed25519 AAAA...' in the extra host_key",
            field="host_key",
        )
    keys: list[paramiko.PKey] = []
    fingerprints: set[str] = set()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        words = line.split()
        if words[-1].startswith("SHA256:"):
            fingerprints.add(words[-1].rstrip("="))
            continue
        at = next((i for i, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-"))), None)
        try:
            if at is None:
                raise ValueError
            keys.append(
                paramiko.PKey.from_type_string(words[at], base64.b64decode(words[at + 1], validate=True))
            )
        except (*FOREIGN, IndexError, paramiko.pkey.UnknownKeyType) as error:
            raise Misconfigured(
                f"connection {login.connection_id!r}: host_key is no line like 'ssh-ed25519 AAAA...'; correct it",
                field="host_key",
            ) from error
    return keys, frozenset(fingerprints)


def _private_key(login: Login) -> paramiko.PKey | None:
    secret = login.secrets.get("private_key")
    if not secret:
        return None
    passphrase = login.secrets.get("private_key_passphrase")
    kinds: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    for kind in kinds:
        try:
            text = secret.reveal().replace("\r\n", "\n").strip() + "\n"
            return kind.from_private_key(io.StringIO(text), passphrase.reveal() if passphrase else None)
        except (*FOREIGN, IndexError):
            continue
    raise Misconfigured(
        f"connection {login.connection_id!r}: private_key is no OpenSSH private key, or its passphrase is wrong",
        field="private_key",
    )


def is_regular(attributes: paramiko.SFTPAttributes) -> bool | None:
    """Whether it is a regular file; ``None`` when the server does not say."""
    return None if attributes.st_mode is None else stat.S_ISREG(attributes.st_mode)


def kind_of(attributes: paramiko.SFTPAttributes) -> str:
    """What it is, in a word."""
    mode = attributes.st_mode or 0
    kinds = {
        stat.S_ISDIR: "directory",
        stat.S_ISLNK: "symlink",
        stat.S_ISFIFO: "fifo",
        stat.S_ISSOCK: "socket",
    }
    return next((word for test, word in kinds.items() if test(mode)), "device")
