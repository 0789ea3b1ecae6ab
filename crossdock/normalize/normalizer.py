"""Reads a message by its media type, splits it into parts, and maps each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crossdock.errors import CrossdockError, Unreadable
from crossdock.formats import json_strict, safe_xml
from crossdock.kit.mail_rules import handed_on
from crossdock.mapping import InboundMapping
from crossdock.messages import DOCUMENT, PARTNER, SENT_BY, RawMessage
from crossdock.normalize import bounds
from crossdock.normalize.mail import KINDS, read_mail
from crossdock.normalize.part import map_part, problem_of
from crossdock.normalize.values import (
    REPORT,
    Agreed,
    Found,
    Normalized,
    Opened,
    PartResult,
    Register,
    set_aside,
    unsupported,
)
from crossdock.partners import Partner, Partners
from crossdock.partners.lists import USUAL
from crossdock.ports import Clock
from crossdock.registry import Registry


class Normalizer:
    """Makes parts, facts and events of raw messages."""

    def __init__(
        self, *, registry: Registry, partners: Partners, clock: Clock, assume: Partner | None = None
    ) -> None:
        """``assume``: take every interchange as this partner's, whatever ids it carries (to try a file out)."""
        self._registry = registry
        self._partners = partners
        self._assume = assume
        self._clock = clock

    def normalize(
        self,
        message: RawMessage,
        *,
        only: set[int] | None = None,
        document: str | None = None,
        register: Register | None = None,
    ) -> Normalized:
        """What this message means. ``only``: the ordinals that a replay asks for; the others are read, because an
        answer to the sender speaks of all, and not returned. ``document``: what it is, when not what its source says.
        ``register``: asked for control numbers that came before; without it none ever did.
        """
        reading = self.read(message, only=only, document=document, register=register)
        return reading.ended(list(reading))

    def read(
        self,
        message: RawMessage,
        *,
        only: set[int] | None = None,
        document: str | None = None,
        register: Register | None = None,
    ) -> "Reading":
        """The same part by part, for messages whose statements need not all be there at once."""
        manifest = self._registry.manifests().get(message.source)
        if manifest is not None and manifest.source is not None:
            message = handed_on(message, manifest.source.mailbox)
        kind = document or self._document_of(message)
        opened = Opened(
            message=message,
            raw_id=str(message.id),
            sha256=message.sha256,
            connector_version=manifest.version if manifest else "0",
            now=self._clock.now(),
        )
        found = Found()
        if kind in KINDS:
            whole = iter([read_mail(message)])
            return Reading(opened, whole if only is None else _asked_for(message, whole, only), found)
        mapping = None if kind == "x12" else self._list(kind)
        bounds.refuse(message, x12=kind == "x12", workbooks=mapping is not None)
        if kind == "x12":
            from crossdock.normalize.x12 import read_x12

            parts = read_x12(opened, self._registry, self._partner_of, found, register)
        elif mapping is not None:
            from crossdock.normalize.lists import read_list

            agreed = self._agreed(message, kind)
            parts = read_list(opened, mapping, agreed, found, register, only)
        else:
            parts = iter([self._single(opened, kind)])
        parts = bounds.in_time(parts)
        if only is not None:
            parts = _asked_for(message, parts, only)
        return Reading(opened, parts, found)

    def is_list(self, message: RawMessage) -> bool:
        """Whether a message is a list, whose rows are compared with those that came before."""
        return bool(self.kind_of_list(message))

    def kind_of_list(self, message: RawMessage) -> str:
        """The document of a list; empty for a message that is none."""
        try:
            document = self._document_of(message)
        except CrossdockError:
            return ""
        return document if self._list(document) is not None else ""

    def _list(self, document: str) -> InboundMapping | None:
        """The mapping of this kind of list; ``None`` for a document that is no list, or that nobody maps."""
        try:
            mapping = self._registry.inbound(document)
        except CrossdockError:
            return None  # it is told where it is mapped
        return mapping if mapping is not None and mapping.layout is not None else None

    def _agreed(self, message: RawMessage, document: str) -> Agreed:
        """Who sent a list, how it is written, and who is told about its rows. Raises ``Unreadable`` for a partner
        whom nobody knows."""
        named = message.headers.get(PARTNER, "")
        partner = self._assume
        if partner is None and named:
            partner = next((one for one in self._partners if one.name == named), None)
            if partner is None:
                raise Unreadable(
                    f"'{message.source}' says that it is of {named!r}, and no partner is called so",
                    code="EDI.UNKNOWN_PARTNER",
                    remedy="Add the partner's profile, then replay this. Or it is another's: correct the connector's "
                    f"settings, and take it as that one's by `crossdock lists again {str(message.id)[:8]} --partner "
                    "NAME`.",
                )
        terms = partner.lists.get(document, USUAL) if partner is not None else USUAL
        manifest = self._registry.manifests().get(message.source)
        own = manifest is not None and manifest.sink is not None and REPORT in manifest.sink.operations
        target = terms.report_to or (message.source if own else "")
        return Agreed(partner=partner, terms=terms, target=target, shown=bool(message.headers.get(SENT_BY)))

    def _document_of(self, message: RawMessage) -> str:
        manifest = self._registry.manifest(message.source)
        if manifest.source is None:
            raise Unreadable(
                f"connector '{message.source}' has no source any more, so it is not known what its messages are",
                remedy="Put [source] back into its connector.toml, then replay.",
            )
        by_hand = manifest.source.every_s is None and manifest.wire == "file"
        if by_hand or manifest.wire == "imap":
            # who brought it said what it is, or the rules of its mailbox; what a system sends says nothing about that
            return message.headers.get(DOCUMENT, manifest.source.document)
        return manifest.source.document

    def _partner_of(self, qualifier: str, sender: str) -> Partner | None:
        return self._assume or self._partners.find(qualifier, sender)

    def _single(self, opened: Opened, kind: str) -> PartResult:
        """A message that is one document: a JSON record or an XML element."""
        message = opened.message
        label = f"{kind} {message.name}".strip()
        mapping = self._registry.inbound(kind)
        try:
            if mapping is None:
                raise unsupported(kind)
            read = safe_xml.parse if "xml" in message.media_type else json_strict.loads
            value = read(message.body)
        except CrossdockError as error:
            return set_aside(message, ordinal=0, label=label, problem=problem_of(error))
        return map_part(opened, mapping, value, ordinal=0, label=label, partner=None)


class Reading:
    """A message while it is normalized: its parts, each made when it is asked for."""

    def __init__(self, opened: Opened, parts: Iterator[PartResult], found: Found) -> None:
        self._opened = opened
        self._parts = parts
        self._found = found

    def __iter__(self) -> Iterator[PartResult]:
        return self._parts

    def some(self, parts: Sequence[PartResult]) -> Normalized:
        """What these parts of it came to, by themselves."""
        return Normalized(
            message=self._opened.message,
            parts=parts,
            connector_version=self._opened.connector_version,
            part_of={str(doc["id"]): part.ordinal for part in parts for doc in part.documents},
            repeated=frozenset(id for part in parts for id in part.repeated),
        )

    def ended(self, parts: Sequence[PartResult]) -> Normalized:
        """The message, once all of its parts were made, with ``parts`` of them: beside them the answers that its
        senders are owed, and what was exchanged."""
        answers = self._found.acknowledgements
        if len(answers) > 1:
            from crossdock.normalize.acknowledge import put_together

            answers = put_together(answers)
        return replace(
            self.some(parts),
            acknowledgements=tuple(answers),
            exchanged=tuple(self._found.exchanged),
            reports=tuple(self._found.reports),
        )


def _asked_for(message: RawMessage, parts: Iterator[PartResult], only: set[int]) -> Iterator[PartResult]:
    """The parts that a replay asks for."""
    missing = set(only)
    for part in parts:
        if part.ordinal in only:
            missing.discard(part.ordinal)
            yield part
    yield from _vanished(message, missing)


def _vanished(message: RawMessage, ordinals: set[int]) -> list[PartResult]:
    """Parts that a replay asked for and that the reader does not find any more: they stay set aside."""
    error = Unreadable(
        "the reader does not find this part in the message any more", remedy="Look at the bytes."
    )
    return [
        set_aside(message, ordinal=ordinal, label=f"part {ordinal}", problem=problem_of(error))
        for ordinal in sorted(ordinals)
    ]
