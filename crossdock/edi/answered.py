"""Answered: the segment, the element and the value of ours that an acknowledgement calls wrong, and what wrote them.

A 997 names a position ("segment 5, element 2"). What stands there is looked up in the very bytes that went out, with
the element's name from the guide, and so is who wrote it: the decision behind a write-back, or the message that holds
the copy of what another system sent.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from canonical.events import Ref
from canonical.validate import validator
from crossdock.edi.matched import as_json, last_sent
from crossdock.edi.outgoing import field_of
from crossdock.formats import x12
from crossdock.formats.x12 import acknowledge as ack
from crossdock.formats.x12 import guides
from crossdock.mapping import OutboundMapping
from crossdock.registry import Registry
from crossdock.store import sendings

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

Document = Mapping[str, Any]
"""A sealed statement."""

_MOST_RESOLVED: Final = 50
_MOST_SENTENCES: Final = 10
_MOST_GROUPS: Final = 200
_LONGEST_DETAIL: Final = 4000
_LONGEST_TEXT: Final = 256
_SETS: Final = ("x12_997", "x12_999")


def enrich(connection: "Transaction", tenant: str, documents: Sequence[Document]) -> Sequence[Document]:
    """The same statements, where acknowledgements say of what they complain; the others as they are.

    A rejected set's event gets our segments, elements and values and what wrote them, in ``detail`` and ``ext``. The
    fact of a TA1 that rejects an interchange names the groups that were in it, so that it ends their wait.
    """
    sets = {id(one): key for one in documents if (key := _group_of(one, tenant)) is not None}
    interchanges = {
        id(one): number for one in documents if (number := _interchange_of(one, tenant)) is not None
    }
    if not sets and not interchanges:
        return documents
    in_groups = sendings.sent_in_groups(connection, tenant, set(sets.values()), lock=False)
    in_interchanges = sendings.sent_in_interchanges(
        connection, tenant, set(interchanges.values()), lock=False
    )
    resolver = _Resolver(connection, tenant, in_groups)
    enriched: list[Document] = []
    for one in documents:
        if id(one) in sets:
            try:
                new = resolver.resolved(one, sets[id(one)])
            except Exception:  # what is looked up must never stop what was said, whatever the bytes are
                new = one
            enriched.append(_valid(new, one))
        elif id(one) in interchanges:
            enriched.append(_valid(_with_groups(one, tenant, interchanges[id(one)], in_interchanges), one))
        else:
            enriched.append(one)
    return enriched


def _group_of(document: Document, tenant: str) -> tuple[str, str, str] | None:
    """Partner, GS01 and GS06 of the set that an acknowledgement's event is about."""
    data = document["data"]
    refs: Sequence[Ref] = data["refs"]
    about_set = (
        "code" in data
        and data["provenance"]["mapping"] in _SETS
        and len(refs) > 1
        and (refs[0]["kind"], refs[1]["kind"]) == ("transaction_set", "group")
    )
    if not about_set:
        return None
    who = refs[1].get("issuer", "").split(":")
    return (who[1], who[2], refs[1]["value"]) if len(who) == 3 and who[0] == tenant else None


def _interchange_of(document: Document, tenant: str) -> tuple[str, str] | None:
    """Partner and ISA13 of the interchange that a TA1 rejects."""
    data = document["data"]
    if data.get("kind") != "acknowledgement" or "code" in data:
        return None
    ref = data["refs"][0]
    if ref["kind"] != "interchange" or data.get("attributes", {}).get("accepted") == "true":
        return None
    who = ref.get("issuer", "").split(":")
    return (who[1], ref["value"]) if len(who) == 2 and who[0] == tenant else None


def _valid(new: Document, old: Document) -> Document:
    """The new document, if it obeys its schema: what is looked up must never stop what was said."""
    if new is old:
        return old
    name = "exception-event" if "code" in new["data"] else "fact"
    return new if validator(name, "1.0").is_valid(new) else old


def _with_groups(
    document: Document, tenant: str, key: tuple[str, str], sent: Iterable[sendings.Sent]
) -> Document:
    meant = last_sent([one for one in sent if (one.partner, one.interchange_number) == key], None)
    groups = dict.fromkeys((one.functional_id, one.group_number) for one in meant if one.group_number)
    if not groups:
        return document
    refs = list(document["data"]["refs"])
    refs += [
        {"kind": "group", "value": number, "issuer": ack.issuer(tenant, key[0], functional_id)}
        for functional_id, number in list(groups)[:_MOST_GROUPS]
    ]
    return {**document, "data": {**document["data"], "refs": refs}}


# -- what we sent -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    """One set of ours as it went out, and what is behind it."""

    sent: sendings.Sent
    entry: x12.TransactionSet | None
    behind: sendings.Behind | None
    message: sendings.Message | None


class _Resolver:
    """What we sent, read from its bytes; each body once."""

    def __init__(self, connection: "Transaction", tenant: str, sent: Sequence[sendings.Sent]) -> None:
        self._latest: dict[tuple[str, ...], sendings.Sent] = {}
        groups: dict[tuple[str, ...], list[sendings.Sent]] = {}
        for one in sent:
            group = (one.partner, one.functional_id, one.group_number, one.identity)
            groups.setdefault(group, []).append(one)
        meant = [one for same in groups.values() for one in last_sent(same, None)]
        for one in sorted(meant, key=lambda one: one.at):  # the last is the one that counts
            key = (one.partner, one.functional_id, one.group_number)
            self._latest[(*key, one.set_id, one.set_number)] = one
        chosen = list(self._latest.values())
        self._behind = sendings.behind(
            connection, tenant, {one.write_back_id for one in chosen if one.write_back_id}
        )
        self._messages = sendings.messages(
            connection, tenant, {one.raw_id for one in chosen if one.raw_id}, bodies=True
        )
        self._read: dict[uuid.UUID, dict[tuple[str, ...], x12.TransactionSet]] = {}

    def resolved(self, document: Document, key: tuple[str, str, str]) -> Document:
        """The event with what it complains of, as far as we sent it."""
        data = document["data"]
        ref = data["refs"][0]
        sent = self._latest.get((*key, ref.get("scheme", "").removeprefix("x12/"), ref["value"]))
        if sent is None:
            return document
        ours = self._ours(sent)
        ext = {**data.get("ext", {}), **_where(ours)}
        sentences = [_written_by(ours)]
        errors = ext.get("errors")
        if isinstance(errors, Mapping) and ours.entry is not None:
            ext["resolved"], said = _resolve(errors, ours.entry, _writer_of(ours))
            sentences = [*said, *sentences]
        detail = "; ".join(filter(None, (data.get("detail", ""), *sentences)))
        if len(detail) > _LONGEST_DETAIL:
            detail = detail[: _LONGEST_DETAIL - 1] + "…"
        return {**document, "data": {**data, "detail": detail, "ext": ext}}

    def _ours(self, sent: sendings.Sent) -> _Ours:
        behind = self._behind.get(sent.write_back_id) if sent.write_back_id else None
        message = self._messages.get(sent.raw_id) if sent.raw_id else None
        body = behind.body if behind else message.body if message else b""
        sets = self._read.get(sent.sending)
        if sets is None:
            sets = self._read[sent.sending] = _sets_of(body)
        numbers = (sent.interchange_number, sent.group_number, sent.set_id, sent.set_number)
        return _Ours(sent=sent, entry=sets.get(numbers), behind=behind, message=message)


def _sets_of(body: bytes) -> dict[tuple[str, ...], x12.TransactionSet]:
    """The sets of a file by their numbers."""
    return {
        (
            item.interchange.control_number,
            ack.plain_number(item.group.control_number) if item.group else "",
            item.set_id,
            item.control_number,
        ): item
        for item in x12.read(body)
        if isinstance(item, x12.TransactionSet)
    }


def _where(ours: _Ours) -> dict[str, Any]:
    """Where it lies, and who wrote it."""
    sent = ours.sent
    found: dict[str, Any] = {
        "answered": {
            "exchange_id": str(sent.id),
            "interchange": sent.interchange_number,
            "release": sent.release,
        }
    }
    if ours.behind is not None:
        found["write_back"] = as_json(ours.behind)
    if sent.raw_id is not None:
        found["copy"] = {"raw_id": str(sent.raw_id), "part": sent.part}
    return found


def _written_by(ours: _Ours) -> str:
    if ours.behind is not None:
        case = f" of case {ours.behind.case_id}" if ours.behind.case_id else ""
        what = f"{ours.behind.operation} for {ours.behind.subject}{case}"
        return f"written by {what} (write-back {ours.behind.write_back_id})"
    if ours.message is not None:
        return (
            f"a copy of it is in '{ours.message.name}' (raw message {ours.message.id}, part {ours.sent.part})"
        )
    return ""


@cache
def _writers() -> Mapping[str, OutboundMapping]:
    """The mappings that write documents, by their operations."""
    return {name: one for name, one in Registry().outbound_mappings().items() if one.document}


def _writer_of(ours: _Ours) -> OutboundMapping | None:
    return _writers().get(ours.behind.operation) if ours.behind is not None else None


def _resolve(
    errors: Mapping[str, Any], entry: x12.TransactionSet, writer: OutboundMapping | None
) -> tuple[dict[str, Any], list[str]]:
    """Each error with our segment, the element's name, our value and the field that it came from, as columns beside
    those of the errors; and the first of them as sentences."""
    columns: dict[str, list[str | None]] = {
        "our_segment": [],
        "element_name": [],
        "our_value": [],
        "our_field": [],
    }
    said: dict[str, None] = {}
    count = min(len(errors.get("path", ())), _MOST_RESOLVED)
    for place in range(count):
        error = {column: values[place] for column, values in errors.items() if place < len(values)}
        segment = _segment(error, entry)
        name, value = _element(error, segment, entry)
        text = _text(segment, entry)
        columns["our_segment"].append(text or None)
        columns["element_name"].append(name or None)
        columns["our_value"].append(value or None)
        columns["our_field"].append(_field(error, segment, entry, writer))
        sentence = _sentence(error, segment, text, name, value)
        if sentence and len(said) < _MOST_SENTENCES:
            said.setdefault(sentence)
    return dict(columns), list(said)


def _segment(error: Mapping[str, Any], entry: x12.TransactionSet) -> list[str] | None:
    number = str(error.get("segment_position") or "")
    if not (number.isascii() and number.isdigit()) or not 1 <= int(number[:9]) <= len(entry.segments):
        return None
    return entry.segments[int(number[:9]) - 1]


def _number(error: Mapping[str, Any], column: str) -> int:
    text = str(error.get(column) or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _element(
    error: Mapping[str, Any], segment: list[str] | None, entry: x12.TransactionSet
) -> tuple[str, str]:
    """The element's name in the guide, and what we wrote there."""
    place = _number(error, "element")
    if segment is None or not place or segment[0] != error.get("segment"):
        return "", ""
    value = segment[place] if place < len(segment) else ""
    delimiters = entry.interchange.delimiters
    if (repetition := _number(error, "repetition")) and delimiters.repetition:
        value = _piece(value, delimiters.repetition, repetition)
    if (component := _number(error, "component")) and delimiters.component:
        value = _piece(value, delimiters.component, component)
    guide = guides.guide(entry.set_id, entry.version)
    known = guide.words.segments.get(segment[0]) if guide else None
    if known is None or place > len(known.elements):
        return "", value[:_LONGEST_TEXT]
    used = known.elements[place - 1]
    if component and component <= len(used.components):
        used = used.components[component - 1]
    return used.name, value[:_LONGEST_TEXT]


def _field(
    error: Mapping[str, Any],
    segment: list[str] | None,
    entry: x12.TransactionSet,
    writer: OutboundMapping | None,
) -> str | None:
    """The field of ours that produced what is wrong, where a mapping of ours wrote it and says so."""
    if writer is None or segment is None or segment[0] != error.get("segment"):
        return None
    return field_of(writer, entry, _number(error, "segment_position"), _number(error, "element")) or None


def _piece(value: str, separator: str, number: int) -> str:
    pieces = value.split(separator)
    return pieces[number - 1] if number <= len(pieces) else ""


def _text(segment: list[str] | None, entry: x12.TransactionSet) -> str:
    if segment is None:
        return ""
    text = entry.interchange.delimiters.element.join(segment)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _sentence(error: Mapping[str, Any], segment: list[str] | None, text: str, name: str, value: str) -> str:
    number, called = error.get("segment_position"), error.get("segment")
    if segment is None:
        return f"we sent no segment {number}" if number else ""
    if segment[0] != called:
        # a missing segment is named where it should stand; everything else should be what is there
        missing = error.get("code") in ("3", "I6", "I7", "I8")
        return f"our segment {number} is {text!r}" + ("" if missing else f", no {called}")
    if not error.get("element"):
        return f"our segment {number} is {text!r}"
    what = f"element {error['element']}" + (f" ({name})" if name else "")
    if error.get("component"):
        what += f" component {error['component']}"
    return (
        f"in our segment {number}, {text!r}, {what} is {value!r}"
        if value
        else (f"in our segment {number}, {text!r}, {what} is empty")
    )
