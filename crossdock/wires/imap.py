"""IMAP: the mails of one folder of a mailbox, whole; what was taken is moved aside or marked, and never deleted.

TLS always, but for a server on this machine. The library is imapclient, which keeps no deadline beyond a socket's:
each step here ends within its own. Which mails are new the mailbox itself knows: a taken one is in the archive
folder, or carries our keyword. A UID counts only under the UIDVALIDITY that it was told with.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import imapclient
from imapclient import exceptions

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import CheckStep, Login, Secret
from crossdock.wires.declared_hosts import refuse_undeclared
from crossdock.wires.patience import bounded
from crossdock.wires.watchdog import within

KEYWORD: Final = b"$Crossdock"
"""What a taken mail carries where there is no archive folder, or the server cannot move."""

FOREIGN: Final = (
    exceptions.IMAPClientError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What imapclient, imaplib below it, and a server that talks nonsense raise."""

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECURITY: Final = ("tls", "starttls", "none")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A mail that waits: its UID under this UIDVALIDITY, and its size as the server says."""

    validity: int
    uid: int
    size: int

    @property
    def place(self) -> str:
        """How it is named in the mailbox: ``1700000000.42``."""
        return f"{self.validity}.{self.uid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A mail, byte for byte, and when the server took it in."""

    body: bytes
    taken_in_at: datetime | None


class MailTooLarge(Refused):
    """The mail is longer than what is taken."""


class Mailbox:
    """One folder. ``archive`` empty: taken mails stay and carry ``KEYWORD``."""

    def __init__(
        self,
        login: Login,
        *,
        folder: str,
        archive: str = "",
        deadline_s: float = 60.0,
        connect_s: float = 10.0,
    ) -> None:
        self._login = login
        self._folder, self._archive = folder, archive
        self._deadline_s, self._connect_s = deadline_s, connect_s
        self._client: Any = None
        self._validity = 0
        self._keywords: frozenset[bytes] = frozenset()

    def waiting(self) -> list[Listed]:
        """The mails that were not taken yet, oldest first. Raises ``WireDown``, ``Refused`` or ``Misconfigured``."""

        def ask() -> list[Listed]:
            client = self._selected()
            uids = sorted(client.search(["UNKEYWORD", KEYWORD.decode(), "UNDELETED"]))
            sizes: dict[int, int] = {}
            for begin in range(0, len(uids), 500):
                found = client.fetch(uids[begin : begin + 500], ["RFC822.SIZE"])
                sizes |= {uid: int(said.get(b"RFC822.SIZE", 0)) for uid, said in found.items()}
            return [Listed(validity=self._validity, uid=uid, size=sizes.get(uid, 0)) for uid in uids]

        return self._step(ask, "is looked through")

    def fetch(self, listed: Listed, *, most: int) -> Fetched | None:
        """The bytes of a mail; ``None`` when it is gone. It is not marked as read.

        Raises ``MailTooLarge`` when it has more than ``most`` bytes, whatever size was listed, and ``Refused`` when
        the server does not give it.
        """

        def ask() -> Fetched | None:
            client = self._selected()
            if self._validity != listed.validity:
                return None
            item = f"BODY.PEEK[]<0.{most + 1}>"
            said = client.fetch([listed.uid], [item, "INTERNALDATE"]).get(listed.uid)
            body = next((value for name, value in (said or {}).items() if name.startswith(b"BODY[]")), None)
            if said is None:
                return None
            if not isinstance(body, bytes):
                raise Refused(
                    f"{self._login.host} lists mail {listed.place} and gives no body", status="body"
                )
            if len(body) > most:
                raise MailTooLarge(f"mail {listed.place} has more than {most} bytes", status="size")
            at = said.get(b"INTERNALDATE")
            at = at.astimezone(UTC) if isinstance(at, datetime) else None
            return Fetched(body=body, taken_in_at=at)

        return self._step(ask, f"gives mail {listed.place}")

    def take(self, validity: int, uid: int) -> None:
        """Move a mail into the archive, or mark it: from now on it does not wait any more. To do it again is free.

        Raises ``WireQuiet`` when nobody knows whether it happened."""

        def act() -> None:
            client = self._selected()
            if self._validity != validity:
                return  # the folder was made anew: this UID is another mail now, and ours is found by its content
            if self._archive and client.has_capability("MOVE"):
                client.move([uid], self._archive)
                return
            if self._archive:
                client.copy([uid], self._archive)
            client.add_flags([uid], [KEYWORD], silent=True)

        self._step(act, f"moves mail {validity}.{uid} aside", effect=True)

    def check(self) -> Iterator[CheckStep]:
        """Connect, log in, open the folder, list what waits: up to the first step that fails."""
        steps: tuple[tuple[str, Callable[[], str], str, str], ...] = (
            ("connect", self._check_connection, "host", "Look at host, port and security of the connection."),
            ("login", self._check_login, "password", "Correct the login of the connection."),
            ("permission", self._check_folder, "folder", "Correct folder and archive of the connector."),
            ("sample", self._check_list, "folder", "Look at what the server says."),
        )
        for step, look, field, remedy in steps:
            try:
                sentence = look()
            except CrossdockError as error:
                blamed = error.field if isinstance(error, Misconfigured) and error.field else field
                yield CheckStep(step=step, ok=False, sentence=str(error), remedy=remedy, field=blamed)
                return
            yield CheckStep(step=step, ok=True, sentence=sentence)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                within(5.0, client.logout)
            except (*FOREIGN, TimeoutError):
                _hang_up(client)

    # -- the connection ---------------------------------------------------------------------------------------------

    def _step(self, ask: Callable[[], Result], what: str, *, effect: bool = False) -> Result:
        """One step within its deadline; one that a silent socket holds ends with the socket's own, which is as long.
        A connection on which something failed is not used again."""
        try:
            return within(bounded(self._deadline_s), ask)
        except CrossdockError:
            self._drop()
            raise
        except (*FOREIGN, TimeoutError) as error:
            self._drop()
            raise translated(error, what=f"{self._login.host}, while it {what}", effect=effect) from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            _hang_up(client)

    def _selected(self) -> Any:
        """The connection, logged in, with the folder open."""
        if self._client is None:
            client = self._connected()
            self._client = client  # what fails from here on hangs it up
            self._log_in(client)
            if self._archive and not client.folder_exists(self._archive):
                client.create_folder(self._archive)
            said: Mapping[bytes, Any] = client.select_folder(self._folder)
            self._validity = int(said.get(b"UIDVALIDITY", 0))
            self._keywords = frozenset(said.get(b"PERMANENTFLAGS", ()))
            moves = bool(self._archive) and client.has_capability("MOVE")
            if not moves and not {b"\\*", KEYWORD} & self._keywords:
                raise Misconfigured(
                    f"{self._login.host}: the folder {self._folder!r} keeps no keyword of ours, so what was taken "
                    "could not be told from what was not; name an archive folder on a server that can move",
                    field="archive",
                )
        return self._client

    def _connected(self) -> Any:
        login = self._login
        refuse_undeclared(login, login.host)
        security = str(login.extra.get("security") or "tls")
        if security not in _SECURITY:
            raise Misconfigured(
                f"connection {login.connection_id!r}: security is one of {', '.join(_SECURITY)}",
                field="security",
            )
        if security == "none" and login.host not in _LOCAL:
            raise Misconfigured(
                f"connection {login.connection_id!r}: a password is not sent to {login.host} without TLS; security "
                "is tls or starttls",
                field="security",
            )
        context = self._context()
        timeout = imapclient.SocketTimeout(connect=bounded(self._connect_s), read=bounded(self._deadline_s))
        open_client = partial(
            imapclient.IMAPClient, login.host, port=login.port, timeout=timeout, use_uid=True
        )
        if security == "tls":
            return open_client(ssl=True, ssl_context=context)
        client = open_client(ssl=False)
        if security == "starttls":
            try:
                client.starttls(context)
            except BaseException:
                _hang_up(client)
                raise
        return client

    def _context(self) -> ssl.SSLContext:
        bundle = self._login.extra.get("ca_bundle")
        try:
            return ssl.create_default_context(cafile=str(bundle) if bundle else None)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"connection {self._login.connection_id!r}: ca_bundle {bundle!r} is no file with certificates",
                field="ca_bundle",
            ) from error

    def _log_in(self, client: Any) -> None:
        login = self._login
        try:
            if str(login.extra.get("auth") or "") == "oauth2":
                client.oauth2_login(login.user, self._token().reveal())
            else:
                client.login(login.user, login.password.reveal())
        except exceptions.LoginError as error:
            if isinstance(error.__context__, exceptions.IMAPClientAbortError):
                raise error.__context__ from None  # the connection broke: nobody judged the login
            raise Misconfigured(
                f"{login.host} does not accept the login of {login.user!r}; correct the connection",
                field="password",
            ) from error

    def _token(self) -> Secret:
        from crossdock.wires.http_door import Door
        from crossdock.wires.oauth2 import OAuth2

        def door_to(login: Login, most: int) -> Door:
            return Door(login, deadline_s=self._connect_s, connect_s=self._connect_s, most_body=most)

        return OAuth2(self._login, door_to).token(within_s=self._connect_s)

    # -- the check --------------------------------------------------------------------------------------------------

    def _check_connection(self) -> str:
        client = self._step(self._connected, "takes the connection")
        _hang_up(client)
        return f"{self._login.host} takes connections"

    def _check_login(self) -> str:
        def ask() -> None:
            client = self._connected()
            try:
                self._log_in(client)
            finally:
                _hang_up(client)

        self._step(ask, "takes the login")
        return "the login is accepted"

    def _check_folder(self) -> str:
        self._step(self._selected, f"opens the folder {self._folder!r}")
        aside = (
            f"taken mails are moved to {self._archive!r}"
            if self._archive
            else f"taken mails carry {KEYWORD.decode()}"
        )
        return f"the folder {self._folder!r} is open, and {aside}"

    def _check_list(self) -> str:
        return f"{len(self.waiting())} mail(s) wait"


def translated(error: BaseException, *, what: str, effect: bool) -> CrossdockError:
    """One of ours. ``effect``: what was asked may have happened."""
    said = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
    match error:
        case ssl.SSLCertVerificationError():
            return Misconfigured(
                f"{what}: its certificate is not the one of this host, or of nobody whom we trust: {said}",
                field="host",
            )
        case exceptions.CapabilityError() | exceptions.IllegalStateError():
            return Refused(f"{what}: the server lacks what is needed: {said}", status="capability")
        case exceptions.IMAPClientAbortError() | exceptions.ProtocolError():
            pass
        case exceptions.IMAPClientError():
            return Refused(f"{what}: {said}", status="NO")
    return WireQuiet(f"{what}: {said}") if effect else WireDown(f"{what}: {said}")


def _hang_up(client: Any) -> None:
    try:
        client.shutdown()
    except FOREIGN:
        pass
