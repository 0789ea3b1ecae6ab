"""The papers about the same business as matching looks at them: one fact each, whose it is, and what still counts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final, cast

from canonical.events import Ref, reference_key
from crossdock.clocks import direction_of
from crossdock.partners import Partner
from crossdock.whose import are_strangers

CANCELLATION: Final = "01"
REPLACEMENT: Final = "05"
"""Purposes [353] that act on an earlier paper of the same number."""

_OF_A_CHANGE: Final = frozenset({"change_requested", "change_answered"})
"""What cancels by such a purpose is the order: the paper that says so, and the answer to it, count like any other."""

BUSINESS: Final = frozenset(
    {
        "customer_po", "supplier_po", "invoice", "shipment", "asn", "bol", "warehouse_order", "warehouse_receipt",
    }
)  # fmt: skip
"""Kinds of numbers that make papers belong together. An item or a lot is in many of them."""


_OWN_NUMBER: Final = {"x12_861": "receipt", "x12_944": "receipt", "x12_945": "shipment"}
"""The kind of number that a document gives itself, where its facts name first what it is about: of one order there
may be several receipts and shipments."""


def _own_number(mapping: str, refs: Sequence[Mapping[str, str]]) -> Ref:
    """The reference by which a document is the same one when it comes again, is replaced or taken away."""
    kind = _OWN_NUMBER.get(mapping)
    return cast(Ref, next((ref for ref in refs if ref["kind"] == kind), refs[0]))


class Paper:
    """One fact with its partner. ``key``: the number that its sender gave it; ``words``: all of its references."""

    def __init__(self, document: Mapping[str, Any], partner: Partner | None) -> None:
        self.document = document
        self.partner = partner
        data = document["data"]
        self.id: str = document["id"]
        self.kind: str = data["kind"]
        self.mapping: str = data["provenance"]["mapping"]
        self.attributes: Mapping[str, str] = data.get("attributes", {})
        self.refs: Sequence[Mapping[str, str]] = data["refs"]
        self.key = reference_key(_own_number(self.mapping, data["refs"]))
        self.direction = direction_of(document)
        self.received_at = datetime.fromisoformat(data["provenance"]["received_at"])

    @property
    def is_numbered(self) -> bool:
        """Whether it has the number that documents of its kind give themselves, by which a repeat of it is known."""
        kind = _OWN_NUMBER.get(self.mapping)
        return kind is None or bool(self.of_kind(kind))

    @cached_property
    def words(self) -> frozenset[str]:
        """The numbers that make papers belong together, with their issuers."""
        return frozenset(reference_key(ref) for ref in self.refs if ref["kind"] in BUSINESS)  # type: ignore[arg-type]

    @cached_property
    def lines(self) -> Sequence[Mapping[str, Any]]:
        """Its lines; with ``_order`` and ``_basis`` where the attributes say whose line it is and per how many the
        price is meant, which the fact's lines have no room for."""
        lines: Sequence[Mapping[str, Any]] = self.document["data"].get("lines", ())
        if not any(name.startswith(("order.", "price_basis.")) for name in self.attributes):
            return lines
        return [
            {
                **line,
                "_order": self.attributes.get(f"order.{ordinal}"),
                "_basis": self.attributes.get(f"price_basis.{ordinal}"),
            }
            for ordinal, line in enumerate(lines, 1)
        ]

    def lines_of(self, order: "Paper") -> Sequence[Mapping[str, Any]]:
        """Its lines as far as they are about this order: a paper may be about several."""
        kind = order.refs[0]["kind"]
        if len(self.of_kind(kind)) < 2:
            return self.lines
        return [line for line in self.lines if line.get("_order") == order.refs[0]["value"]]

    @property
    def raw_id(self) -> str:
        """The message that holds it."""
        raw_id: str = self.document["data"]["provenance"]["raw_id"]
        return raw_id

    @property
    def with_whom(self) -> str:
        """The partner that it was exchanged with, by name; empty: one without a profile."""
        return self.partner.name if self.partner is not None else ""

    def is_strange_to(self, other: "Paper") -> bool:
        """Whether the two are of deals with different partners, though they name the same number."""
        return are_strangers(self.document, self.with_whom or None, other.document, other.with_whom or None)

    @property
    def part(self) -> tuple[str, ...]:
        """The message and the transaction set in it that say it: one set may say several papers."""
        place = self.document["data"]["provenance"]["place"].get("x12", {})
        return self.raw_id, *(str(place.get(name, "")) for name in ("isa13", "gs06", "st02"))

    def is_a(self, kind: str, mappings: Sequence[str]) -> bool:
        """Whether it is of this kind, and of one of these mappings if any is named."""
        return self.kind == kind and (not mappings or self.mapping in mappings)

    @property
    def purpose(self) -> str:
        return self.attributes.get("purpose", "")

    def of_kind(self, kind: str) -> frozenset[str]:
        """Its references of this kind, with their issuers."""
        return frozenset(reference_key(ref) for ref in self.refs if ref["kind"] == kind)  # type: ignore[arg-type]

    @cached_property
    def orders(self) -> frozenset[str]:
        """The numbers of the orders that it is about."""
        return frozenset(ref["value"] for ref in self.refs if ref["kind"] in ("supplier_po", "customer_po"))

    def amount(self, name: str) -> Decimal | None:
        """An attribute that is an exact number; ``None`` when it is not there."""
        try:
            return Decimal(self.attributes[name])
        except (KeyError, InvalidOperation):
            return None


@dataclass(slots=True)
class Dossier:
    """All papers about the same business, in the order in which they came.

    Of papers of one partner that carry the same number, a replacement takes the place of what came before it, and a
    cancellation takes everything away: ``current`` leaves out what does not count any more.
    """

    papers: Sequence[Paper]
    _current: list[Paper] = field(init=False)
    _by_word: dict[str, list[Paper]] = field(init=False)

    def __post_init__(self) -> None:
        self.papers = sorted(self.papers, key=lambda paper: (paper.received_at, paper.id))
        counted: dict[tuple[str, str, str, str], list[Paper]] = {}
        for paper in self.papers:
            name = paper.kind, paper.mapping, paper.key, paper.with_whom
            if paper.purpose in (CANCELLATION, REPLACEMENT) and paper.kind != "change_answered":
                # several papers of one message may carry the number: they do not replace each other
                kept = [one for one in counted.get(name, ()) if one.raw_id == paper.raw_id]
                counted[name] = kept
            if paper.purpose != CANCELLATION or paper.kind in _OF_A_CHANGE:
                counted.setdefault(name, []).append(paper)
        ids = {paper.id for papers in counted.values() for paper in papers}
        self._current = [paper for paper in self.papers if paper.id in ids]
        self._by_word = {}
        for paper in self._current:
            for word in paper.words:
                self._by_word.setdefault(word, []).append(paper)

    def current(self, kind: str, *mappings: str) -> Iterator[Paper]:
        """The papers of this kind that count, of these mappings if any is named."""
        return (paper for paper in self._current if paper.is_a(kind, mappings))

    def about(self, words: Iterable[str], kind: str, *mappings: str) -> list[Paper]:
        """Those of them that share one of these references, in the order in which they came, whoever said them."""
        found = {
            paper.id: paper
            for word in words
            for paper in self._by_word.get(word, ())
            if paper.is_a(kind, mappings)
        }
        return sorted(found.values(), key=lambda paper: (paper.received_at, paper.id))

    def beside(self, paper: Paper, kind: str, *mappings: str) -> list[Paper]:
        """Those that share a number with this paper and are of no deal with somebody else."""
        return self.of_it(paper, paper.words, kind, *mappings)

    def of_it(self, paper: Paper, words: Iterable[str], kind: str, *mappings: str) -> list[Paper]:
        """The same by these of its references alone."""
        return [one for one in self.about(words, kind, *mappings) if not one.is_strange_to(paper)]
