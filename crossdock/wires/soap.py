"""The SOAP wire: zeep on a contract that lies beside the connector and is pinned, on top of the REST wire.

zeep builds the request and reads the answer; it never opens a connection or a file of its own. The contract is given
to it from bytes whose hash was compared, what it imports must lie in the same folder, and everything else is refused.
The answer passes ``safe_xml`` before zeep sees it. One deadline holds for the whole call, parsing included.
"""

import hashlib
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import zeep
import zeep.exceptions
import zeep.wsdl
from lxml import etree
from zeep.transports import Transport

from crossdock.errors import CrossdockError, Misconfigured, Refused, Unreadable, WireDown, WireQuiet
from crossdock.formats import safe_xml
from crossdock.ports import CheckStep, Clock, Dice, Login, system_dice
from crossdock.wires import ws_security
from crossdock.wires.http_adapter import Monotonic
from crossdock.wires.http_answer import NOT_NOW
from crossdock.wires.http_login import unsigned
from crossdock.wires.rest import Answer, Rest, refused
from crossdock.wires.watchdog import within

MOST_CONTRACTS = 16
"""So many contracts are kept as they were read."""
ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
XML = ("text/xml", "application/xml", "application/soap+xml")
OUR_FAULT = ("Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown")
"""Fault codes that say that the request itself is wrong (SOAP 1.1, 4.4.1; SOAP 1.2, 5.4.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapAnswer:
    """What the service answered.

    ``body``: the bytes, as they came. ``content``: the first element in the SOAP body, read safely; ``None`` when
    there is none. ``value``: what zeep made of it by the contract; ``problem``: why it could not. zeep is lenient
    with elements that are missing or empty: who needs one looks whether it is there.
    """

    body: bytes = field(repr=False)
    content: etree._Element | None
    value: Any
    problem: Unreadable | None


class _Reply:
    """An answer in the shape that zeep asks for."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.headers = dict(answer.headers)
        self.headers.setdefault("Content-Type", answer.headers.get("content-type", "text/xml"))
        self.content = answer.body
        self.encoding = "utf-8"


class _Closed(Transport):
    """Where zeep meets the world: a folder for its contract, and one method to send."""

    def __init__(self, folder: Path, pinned: Mapping[Path, bytes]) -> None:
        # The constructor of zeep's Transport makes a session with retries, redirects and file access: not called.
        self.cache = None
        self.session = None
        self.load_timeout = self.operation_timeout = None
        self._close_session = False
        self._folder = folder
        self._pinned = pinned
        self.send: Any = None

    def load(self, url: Any) -> bytes:
        """A file of the contract's folder. Anything else is refused: no network, no other path, no way out."""
        if not isinstance(url, str) or urlsplit(url).scheme:
            _contract_leaves(url)
        path = Path(url).resolve()
        if path in self._pinned:
            return self._pinned[path]
        if not path.is_relative_to(self._folder) or not path.is_file():
            _contract_leaves(url)
        return path.read_bytes()

    def get(self, address: str, params: Any, headers: Any) -> NoReturn:
        raise Misconfigured("the contract binds an operation to HTTP GET; only SOAP over POST is spoken")

    def post(self, address: str, message: Any, headers: Mapping[str, str]) -> _Reply:
        body = message if isinstance(message, bytes) else str(message).encode()
        reply: _Reply = self.send(body, headers)
        return reply


def _contract_leaves(url: Any) -> NoReturn:
    raise Misconfigured(
        f"the contract refers to {str(url)[:200]!r}, outside its folder; put the file beside it and refer to it there"
    )


class Soap:
    """One SOAP service, entered with one login. For one thread.

    ``folder`` and ``wsdl``: where the contract lies; ``wsdl_sha256`` pins its bytes. The address comes from the login
    and ``path``, never from the contract. The login is shown as over REST, or in the envelope (``ws_security``);
    ``headers`` makes the header elements that a vendor wants besides, for each request anew. ``not_done`` names the
    details of faults that say, whatever their code, that nothing was done; ``no_login`` those that say that the login
    is not taken.
    """

    def __init__(
        self,
        login: Login,
        *,
        folder: Path,
        wsdl: str,
        wsdl_sha256: str,
        path: str,
        deadline_s: float,
        clock: Clock,
        connect_s: float = 5.0,
        monotonic: Monotonic = time.monotonic,
        dice: Dice | None = None,
        headers: ws_security.SoapHeaders | None = None,
        not_done: Collection[str] = (),
        no_login: Collection[str] = (),
    ) -> None:
        self._clock = clock
        inside = ws_security.wants(login)
        self._token = ws_security.Token(login, clock, dice or system_dice()) if inside else None
        self._headers = headers
        self._not_done = frozenset(not_done)
        self._no_login = frozenset(no_login)
        self._wire = Rest(
            login,
            deadline_s=deadline_s,
            connect_s=connect_s,
            monotonic=monotonic,
            clock=clock,
            signer=unsigned if inside else None,
        )
        self._contract = (folder / wsdl).resolve()
        self._sha256 = wsdl_sha256
        self._path = path
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._transport: _Closed | None = None
        self._client: Any = None
        self._service: Any = None
        self._answers: Mapping[str, str] = {}

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._wire.base + self._path

    def call(self, operation: str, *, effect: bool, **arguments: Any) -> SoapAnswer:
        """One call of an operation.

        A fault is ``Refused`` with the fault code as status and its detail as body; a server's fault about an effect
        is ``WireQuiet``. Silence is ``WireDown`` for a read and ``WireQuiet`` for an effect. An answer that does not
        follow the contract is given with its ``problem`` for a read, and is ``WireQuiet`` for an effect.
        """
        started = self._monotonic()
        got: list[Answer] = []
        sent: list[bool] = []
        what = f"{operation} at {self.address}"

        def send(body: bytes, headers: Mapping[str, str]) -> _Reply:
            sent.append(True)
            left = self._deadline_s - (self._monotonic() - started)
            answer = self._wire.call(
                "POST", self._path, effect=effect, headers=headers, body=body, deadline_s=max(left, 0.001)
            )
            self._expect_xml(answer, what=what, effect=effect)
            got.append(answer)
            # Before zeep: refuses DTDs, entities, depth and size.
            safe_xml.parse(answer.body)
            return _Reply(answer)

        def whole() -> Any:
            service = self._opened()
            assert self._transport is not None
            self._transport.send = send
            self._client.wsse = self._token() if self._token else None
            headers = {"_soapheaders": list(self._headers())} if self._headers else {}
            return service[operation](**arguments, **headers)

        try:
            value = within(self._deadline_s, whole)
        except TimeoutError as error:
            self._wire.close()
            self._service = None
            if effect and sent:
                raise WireQuiet(
                    f"{what}: not over after {self._deadline_s:g} s; whether it took effect is unknown"
                ) from error
            raise WireDown(
                f"{what}: not over after {self._deadline_s:g} s; it was a read or did not leave"
            ) from error
        except zeep.exceptions.Fault as error:
            raise self._fault(error, what=what, effect=effect) from error
        except Unreadable as error:
            return self._misread(got, error, what=what, effect=effect)
        except CrossdockError:
            raise
        except Exception as error:
            # zeep and the parsers under it raise nearly anything (its own tree, ValueError, TypeError, isodate's and
            # decimal's errors). Before an answer it is our request or contract; after it, the answer.
            if not got:
                raise not_built(error, what=what) from error
            return self._misread(got, _unreadable(error), what=what, effect=effect)
        content = _content(got[-1].body)
        wanted = self._answers[operation]
        if content is None or content.tag != wanted:
            # zeep reads an empty body, or another element, as an answer without content.
            other = Unreadable(f"the answer holds no {wanted}", code="XML.MALFORMED")
            return self._misread(got, other, what=what, effect=effect)
        return SoapAnswer(body=got[-1].body, content=content, value=value, problem=None)

    def typed(self, name: str, **fields: Any) -> Any:
        """A value of one of the contract's types (``{namespace}Name``), where an operation takes a general one.

        Raises ``Misconfigured`` for a type, or a field of it, that the contract does not have.
        """
        try:
            self._opened()
            return self._client.get_type(name)(**fields)
        except CrossdockError:
            raise
        except Exception as error:
            raise not_built(error, what=f"the type {name} of the contract") from error

    def check(self, operation: str, **arguments: Any) -> Iterator[CheckStep]:
        """The contract, then connect, login and permission by one call that reads. Stops at what fails."""
        try:
            within(self._deadline_s, self._opened)
        except (CrossdockError, TimeoutError) as error:
            remedy = (
                "Compare the contract with the one that was agreed on, then pin its sha256 in connector.toml."
            )
            yield CheckStep(
                step="contract", ok=False, sentence=str(error), remedy=remedy, field="wsdl_sha256"
            )
            return
        yield CheckStep(step="contract", ok=True, sentence=f"{self._contract.name} is the pinned one")
        reached = True
        for step in self._wire.reach(self._path):
            yield step
            reached = step.ok
        if not reached:
            return
        try:
            answer = self.call(operation, effect=False, **arguments)
        except Misconfigured as error:
            field = error.field or self._wire.login_field
            remedy = f"Correct {field} of the connection, or ask the service's owner whether the login is still good."
            yield CheckStep(step="login", ok=False, sentence=str(error), remedy=remedy, field=field)
            return
        except Refused as error:
            yield CheckStep(step="login", ok=True, sentence="the login is accepted")
            yield CheckStep(
                step="permission", ok=False, sentence=str(error), remedy="Ask the owner of the service."
            )
            return
        except CrossdockError as error:
            remedy = "It takes connections and does not answer: look at the service's own log."
            yield CheckStep(step="answer", ok=False, sentence=str(error), remedy=remedy, field="host")
            return
        yield CheckStep(step="login", ok=True, sentence="the login is accepted")
        if answer.problem is not None:
            remedy = "The service does not follow its contract any more; ask its owner for the new one."
            yield CheckStep(
                step="sample", ok=False, sentence=str(answer.problem), remedy=remedy, field="wsdl"
            )
            return
        yield CheckStep(step="sample", ok=True, sentence=f"{operation} was answered by the contract")

    def close(self) -> None:
        self._wire.close()

    def _opened(self) -> Any:
        """zeep's service on the pinned contract. Raises ``Misconfigured`` when it is not the pinned one."""
        if self._service is not None:
            return self._service
        try:
            content = self._contract.read_bytes()
        except OSError as error:
            raise Misconfigured(f"the contract {self._contract} cannot be read: {error.strerror}") from error
        found = hashlib.sha256(content).hexdigest()
        if found != self._sha256:
            raise Misconfigured(
                f"the contract {self._contract.name} is not the pinned one (sha256 {found}, pinned {self._sha256}); "
                "compare the two, then pin the right one in connector.toml",
                where=str(self._contract),
            )
        transport = _Closed(self._contract.parent, {})
        settings = zeep.Settings(
            strict=True,
            forbid_dtd=True,
            forbid_entities=True,
            forbid_external=True,
            xml_huge_tree=False,
            force_https=False,
        )
        try:
            make: Any = zeep.Client
            parsed = _parsed(self._contract, content, found, settings)
            client = make(parsed, transport=transport, settings=settings)
            service = next(iter(client.wsdl.services.values()))
            port = next(iter(service.ports.values()))
            self._service = client.create_service(port.binding.name, self.address)
            self._answers = {
                name: operation.output.body.qname.text if operation.output else ""
                for name, operation in port.binding.all().items()
            }
        except CrossdockError:
            raise
        except Exception as error:
            raise not_built(error, what=f"the contract {self._contract.name}") from error
        self._transport, self._client = transport, client
        return self._service

    def _expect_xml(self, answer: Answer, *, what: str, effect: bool) -> None:
        if answer.media_type in XML and answer.status in (200, 500):
            return
        if answer.status in (401, 403, 407) or 300 <= answer.status < 400 or answer.status in NOT_NOW:
            raise refused(answer, what=what, now=self._clock.now())
        if answer.media_type in XML and 400 <= answer.status < 600:
            return
        said = f"{answer.status} with {answer.media_type or 'no type'}"
        if effect:
            raise WireQuiet(f"{what}: answered {said}, which is no SOAP; whether it took effect is unknown")
        raise Refused(
            f"{what}: answered {said}, which is no SOAP", status=str(answer.status), body=answer.body
        )

    def _fault(self, error: zeep.exceptions.Fault, *, what: str, effect: bool) -> CrossdockError:
        code = str(error.code or "").rpartition(":")[2].split(".")[0] or "Unknown"
        detail = b""
        if isinstance(error.detail, etree._Element):
            detail = etree.tostring(error.detail)
        elif error.detail:
            detail = str(error.detail).encode()
        sentence = f"{what}: fault {code}: {self._wire.shown(str(error.message or ''))[:200]}"
        details = _names(error.detail) if isinstance(error.detail, etree._Element) else set()
        if code in ws_security.REFUSED or details & self._no_login:
            return Misconfigured(
                f"{sentence}; the login is not accepted. Correct the user or password of the connection, and look at "
                "our clock",
                field="password",
            )
        if named := details & self._not_done:
            return Refused(sentence, status=min(named), body=detail)
        if effect and code not in OUR_FAULT:
            return WireQuiet(f"{sentence}; whether it took effect is unknown")
        return Refused(sentence, status=code, body=detail)

    def _misread(self, got: list[Answer], problem: Unreadable, *, what: str, effect: bool) -> SoapAnswer:
        if effect:
            raise WireQuiet(
                f"{what}: the answer is not by the contract; whether it took effect is unknown"
            ) from problem
        body = got[-1].body
        return SoapAnswer(body=body, content=_content(body), value=None, problem=problem)


def _parsed(contract: Path, content: bytes, sha256: str, settings: zeep.Settings) -> Any:
    """What zeep read of a pinned contract. Reading costs more than a call, and nobody writes to it: it is kept."""
    with _reading:
        if (contract, sha256) not in _read:
            make: Any = zeep.wsdl.Document
            transport = _Closed(contract.parent, {contract: content})  # its own: a kept one keeps no login
            _read[contract, sha256] = make(str(contract), transport, settings=settings)
            while len(_read) > MOST_CONTRACTS:
                del _read[next(iter(_read))]
        return _read[contract, sha256]


_read: dict[tuple[Path, str], Any] = {}
_reading = threading.Lock()


def _names(detail: etree._Element) -> set[str]:
    """The local names of a fault's detail and of what stands in it."""
    return {str(one.tag).rpartition("}")[2] for one in (detail, *detail)}


def not_built(error: BaseException, *, what: str) -> Misconfigured:
    """What zeep could not read or build from the contract, before anything was sent."""
    if isinstance(error, zeep.exceptions.XMLSyntaxError):
        # Its content is the file: never shown.
        return Misconfigured(f"{what}: is not well-formed XML")
    if isinstance(error, zeep.exceptions.DTDForbidden | zeep.exceptions.EntitiesForbidden):
        return Misconfigured(f"{what}: holds a DTD or an entity, which is not accepted")
    if isinstance(error, zeep.exceptions.ExternalReferenceForbidden):
        return Misconfigured(f"{what}: refers to something outside its folder, which is not fetched")
    return Misconfigured(
        f"{what}: cannot be built from the contract ({type(error).__name__}: {_text(error)})"
    )


def _text(error: BaseException) -> str:
    """What an exception says; some of zeep's cannot be made a text."""
    try:
        return str(error)[:200]
    except (TypeError, AttributeError):
        return ""


def _unreadable(error: BaseException) -> Unreadable:
    return Unreadable(
        f"the answer does not follow the contract ({type(error).__name__})",
        code="XML.MALFORMED",
        remedy="Ask the owner of the service whether its contract changed.",
    )


def _content(body: bytes) -> etree._Element | None:
    """The first element inside the SOAP body, if the answer can be read at all."""
    try:
        root = safe_xml.parse(body)
    except Unreadable:
        return None
    for namespace in ENVELOPES:
        inside = root.find(f"{{{namespace}}}Body")
        if inside is not None and len(inside):
            return inside[0]
    return None
