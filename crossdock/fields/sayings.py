"""One JSON document as facts and exception events, by a checked table.

All that is wrong with a document is told at once, each with its JSON pointer; the first one is the error's place. A
word that the table has no row for stops the document, so that it is learnt; of a lenient partner it is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from canonical.events import (
    ExceptionEvent,
    Fact,
    Line,
    Money,
    Party,
    Quantity,
    Ref,
    SourceCode,
    Statement,
    Variance,
)
from crossdock.errors import Place, Unreadable
from crossdock.fields import reading, values
from crossdock.fields.answers import UNMAPPED, Answers, Scope
from crossdock.fields.table import (
    COMPUTED,
    HOLE,
    AmountSpec,
    CodeRow,
    LineSpec,
    MoneySpec,
    PartySpec,
    RefSpec,
    Row,
    Table,
    VarianceSpec,
)
from crossdock.fields.values import NotThat, Said
from crossdock.partners import MappingContext

_MOST_REFS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """A fields.toml as an inbound mapping: what a module with DOCUMENT, VERSION and map is."""

    table: Table

    @property
    def document(self) -> str:
        return self.table.document

    @property
    def version(self) -> str:
        return self.table.version

    def map(self, document: Any, context: MappingContext) -> Iterator[Statement]:
        """One document as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
        return _Speaker(self.table, document, context).statements()

    def as_module(self, name: str) -> ModuleType:
        """What the registry finds when a mapping is in Python: a module of this name."""
        module = ModuleType(name, self.table.title)
        module.__file__ = str(self.table.path)
        module.__dict__.update(DOCUMENT=self.document, VERSION=self.version, map=self.map, unread=self.unread)
        return module

    def unread(self, document: Any, context: MappingContext) -> list[str]:
        """The places of a document that no field reads, as JSON pointers; ``*`` is any place in a list."""
        answers = _Speaker(self.table, document, context).answers
        try:
            answers.read_all()
        except Unreadable:
            pass  # what is wrong with it is told by ``map``
        return answers.unread()


def load(folder: Path) -> FieldMapping:
    """The mapping of this folder. Raises ``Misconfigured`` with file and line."""
    return FieldMapping(table=reading.read(folder))


def _each(said: Said) -> Iterator[Said]:
    """A value by itself; of a list each of its values, as a shipment has several tracking numbers."""
    if not isinstance(said.value, list):
        yield said
        return
    for index, value in enumerate(said.value):
        if values.is_said(value):
            yield Said(value=value, pointer=f"{said.pointer}/{index}", name=said.name)


def title_of(title: str, words: Mapping[str, str]) -> str:
    """A title with its holes filled: ``{picked} of {ordered}``."""
    return HOLE.sub(lambda found: words[found[1]], title).strip()


class _Speaker:
    """Says what one document means."""

    def __init__(self, table: Table, document: Any, context: MappingContext) -> None:
        self._table = table
        self._context = context
        partner = context.partner
        self._sender_id = partner.name if partner is not None else table.sender.id
        self._sender_name = partner.title if partner is not None else table.sender.name
        self._answers = Answers(
            table,
            document,
            zone=table.zone or (partner.timezone if partner is not None else None),
            lenient=partner is not None and partner.lenient,
        )

    @property
    def answers(self) -> Answers:
        return self._answers

    # -- the whole --------------------------------------------------------------------------------------------

    def statements(self) -> Iterator[Statement]:
        self._answers.read_all()
        said = [statement for row in self._table.rows for statement in self._row(row)]
        if not self._answers.are_right:
            self._answers.refuse()
        if not said:
            raise Unreadable(
                f"no row of {self._table.path.name} says anything of this document",
                place=Place(json_pointer=""),
                remedy=f"give {self._answers.where()} a [[fact]] without 'when', then replay this dead letter",
            )
        yield from said

    def _row(self, row: Row) -> Iterator[Statement]:
        for scope in self._answers.lines() if row.each_line else [self._answers.whole]:
            if row.when and not self._holds(scope, row.when):
                continue
            statement = self._fact(row, scope) if row.is_fact else self._event(row, scope)
            if statement is not None:
                yield statement

    def _holds(self, scope: Scope, name: str) -> bool:
        said = scope.value(name)
        return said is not None and said.value is not False

    def _fact(self, row: Row, scope: Scope) -> Statement | None:
        kind, code = row.says, None
        if row.says_of:
            code = self._answers.coded(scope, row.says_of)
            kind = (code[0].fact if code is not None else "") or kind
        refs = self._refs(row.refs, scope)
        if not kind or not refs:
            return None
        lines = [self._line(row.line, scope)] if row.line is not None else []
        if row.lines is not None:
            for part in self._answers.lines():
                if not row.lines_when or self._holds(part, row.lines_when):
                    lines.append(self._line(row.lines, part))
        return Fact(
            kind=kind,
            refs=refs,
            place={"json_pointer": self._place(row, scope)},
            occurred_at=self._answers.when(scope, row.at),
            parties=self._parties(row, scope),
            lines=[line for line in lines if line is not None],
            source_codes=self._source_codes(row, scope),
            attributes=self._notes(row, scope),
        )

    def _event(self, row: Row, scope: Scope) -> Statement | None:
        exception, cause, severity, meaning = row.says, row.cause, row.severity, ""
        if row.says_of:
            code, is_known = self._answers.coded(scope, row.says_of) or (CodeRow(), True)
            exception = (code.exception or exception) if is_known else UNMAPPED
            cause, severity = code.cause or cause, code.severity or severity
            meaning = code.text
        if not exception:
            return None
        refs = self._refs(row.refs, scope)
        if not refs:
            return None
        line = self._line(row.line, scope) if row.line is not None else None
        affected = line.get("affected") if line is not None else None
        worth = row.value_at_risk
        ext: dict[str, Any] = dict(self._notes(row, scope))
        if self._sender_id:
            ext["partner"] = self._sender_id
        detail = scope.value(row.detail) if row.detail else None
        return ExceptionEvent(
            code=exception,
            title=self._title(row, scope, line, meaning, cause),
            cause=cause or None,
            detail=self._answers.text(detail, 1_000_000)[: values.LONGEST_TEXT]
            if detail
            else meaning or None,
            severity=severity or None,
            refs=refs,
            place={"json_pointer": self._place(row, scope)},
            occurred_at=self._answers.when(scope, row.at),
            parties=self._parties(row, scope),
            lines=[line] if line is not None else [],
            variances=[found for each in row.variances if (found := self._variance(each, row, scope))],
            source_codes=self._source_codes(row, scope),
            value_at_risk=self._money(worth, scope, affected) if worth is not None else None,
            ext=ext,
        )

    # -- its parts --------------------------------------------------------------------------------------------

    def _place(self, row: Row, scope: Scope) -> str:
        """Where the statement is said: at its code, or at what makes it true, else the whole part."""
        for name in (row.says_of, row.when):
            said = scope.value(name) if name else None
            if said is not None and said.pointer:
                return said.pointer
        return scope.pointer

    def _source_codes(self, row: Row, scope: Scope) -> list[SourceCode]:
        found: list[SourceCode] = []
        for name in dict.fromkeys(filter(None, (row.says_of, *row.source_codes))):
            said = scope.value(name)
            if said is None:
                continue
            codes = scope.spec(name).codes
            word = self._answers.text(said, 128)
            known = self._table.codes[codes].get(word)
            one: SourceCode = {
                "scheme": f"{self._table.document}-{codes}".replace("_", "-")[:64],
                "code": word,
            }
            if known is not None and known.text:
                one["text"] = known.text
            found.append({**one, "mapped": known is not None})
        return found

    def _refs(self, specs: Sequence[RefSpec], scope: Scope) -> list[Ref]:
        found: list[Ref] = []
        for spec in specs:
            said = scope.value(spec.of)
            for one in _each(said) if said is not None else ():
                if (ref := self._ref(spec, one)) is not None and ref not in found:
                    found.append(ref)
        if specs and all(scope.value(spec.of) is None for spec in specs):
            self._answers.tell(
                scope.pointer,
                f"names none of the numbers that it is found by ({', '.join(spec.of for spec in specs)})",
            )
        return found[:_MOST_REFS]

    def _ref(self, spec: RefSpec, said: Said) -> Ref | None:
        value = self._answers.text(said, 256)
        if not value:
            return None
        ref: Ref = {"kind": spec.kind, "value": value}
        if spec.scheme:
            ref["scheme"] = spec.scheme
        if spec.issuer == "ours":
            ref["issuer"] = self._context.tenant
        elif spec.issuer == "sender" and self._sender_id:
            ref["issuer"] = self._sender_id
        if spec.role:
            ref["role"] = spec.role
        return ref

    def _line(self, spec: LineSpec, scope: Scope) -> Line | None:
        said = scope.value(spec.ref)
        items = [
            ref for each in spec.items if (value := scope.value(each.of)) and (ref := self._ref(each, value))
        ]
        name = (
            self._answers.text(said, 64)
            if said is not None
            else next((item["value"][:64] for item in items), "")
        )
        if not name:
            if self._answers.are_right:
                self._answers.tell(scope.pointer, f"has no {spec.ref!r}, and no item to call the line by")
            return None
        line: Line = {"line_ref": name}
        if items:
            line["item_ids"] = items
        unit = scope.value(spec.unit) if spec.unit else None
        in_unit = self._answers.text(unit, 64) if unit is not None else ""
        if (ordered := self._quantity(spec.ordered, in_unit, scope)) is not None:
            line["ordered"] = ordered
        if (affected := self._quantity(spec.affected, in_unit, scope)) is not None:
            line["affected"] = affected
        if spec.price is not None and (price := self._money(spec.price, scope, None)) is not None:
            line["unit_price"] = price
        others = [
            ref
            for each in spec.substitutes
            if (value := scope.value(each.of)) and (ref := self._ref(each, value))
        ]
        if others:
            line["substitutes"] = others
        return line

    def _quantity(self, spec: AmountSpec | None, unit: str, scope: Scope) -> Quantity | None:
        found = self._amount(spec, scope)
        return None if found is None else values.quantity(found, unit, self._table.units)

    def _amount(self, spec: AmountSpec | None, scope: Scope) -> Decimal | None:
        if spec is None:
            return None
        whole = self._answers.number(scope.value(spec.of))
        if whole is None or not spec.less:
            return whole
        done = self._answers.number(scope.value(spec.less))
        return None if done is None else whole - done

    def _money(self, spec: MoneySpec, scope: Scope, affected: Quantity | None) -> Money | None:
        amount = self._answers.number(scope.value(spec.amount or spec.price))
        currency = scope.value(spec.currency)
        if amount is None or currency is None:
            return None
        if spec.price and affected is not None:
            amount = round(abs(amount * Decimal(affected["value"])), 9)
        try:
            values.number(amount)
            return values.money(amount, currency.value)
        except NotThat as error:
            self._answers.tell(currency.pointer, str(error))
            return None

    def _variance(self, spec: VarianceSpec, row: Row, scope: Scope) -> Variance | None:
        expected, actual = (self._compared(spec, row, scope, name) for name in (spec.expected, spec.actual))
        if expected is None and actual is None:
            return None
        return {"attribute": spec.attribute, "expected": expected, "actual": actual}

    def _compared(self, spec: VarianceSpec, row: Row, scope: Scope, name: str) -> Any:
        said = scope.value(name) if name else None
        if said is None:
            return None
        match spec.attribute:
            case "date":
                return self._answers.when(scope, name)
            case "quantity":
                unit = scope.value(row.line.unit) if row.line is not None and row.line.unit else None
                in_unit = self._answers.text(unit, 64) if unit is not None else ""
                return self._quantity(AmountSpec(of=name), in_unit, scope)
            case "unit_price" | "amount":
                amount = self._answers.number(said)
                return None if amount is None else values.plain(amount)
        return self._answers.text(said, 1_024)

    def _parties(self, row: Row, scope: Scope) -> list[Party]:
        parties = [found for spec in row.parties if (found := self._party(spec, scope)) is not None]
        sender = self._table.sender
        if sender.role and self._sender_id:
            own: Party = {"role": sender.role, "ids": [{"scheme": "internal", "value": self._sender_id}]}
            if self._sender_name:
                own["name"] = self._sender_name
            parties.append(own)
        return parties

    def _party(self, spec: PartySpec, scope: Scope) -> Party | None:
        said = scope.value(spec.id)
        if said is None or not (value := self._answers.text(said, 128)):
            return None
        party: Party = {"role": spec.role, "ids": [{"scheme": spec.scheme, "value": value}]}
        if spec.name and (name := scope.value(spec.name)) is not None:
            party["name"] = self._answers.text(name, 256)
        return party

    def _notes(self, row: Row, scope: Scope) -> dict[str, str]:
        found = {}
        for name, of in row.beside.items():
            said = scope.value(of)
            if said is not None and (note := self._answers.read_as(said, values.note)):
                found[name] = note
        return found

    def _title(self, row: Row, scope: Scope, line: Line | None, meaning: str, cause: str) -> str:
        """The first title whose names are all known. The last one is said with what is known."""
        computed = {"meaning": meaning, "cause": cause.replace("_", " "), "sender": self._sender_name}
        if line is not None and (affected := line.get("affected")) is not None:
            computed["affected"] = affected["value"]

        def known(name: str) -> str:
            if name in COMPUTED:
                return computed.get(name, "")
            if name in self._table.times:
                time = self._answers.when(scope, name)
                return time["value"][:10] if time is not None else ""
            said = scope.value(name)
            return self._answers.read_as(said, values.note) or "" if said is not None else ""

        for title in row.titles:
            words = {name: known(name) for name in HOLE.findall(title)}
            if all(words.values()) or title is row.titles[-1]:
                return title_of(title, words)
        raise AssertionError("a row without a title was let through")
