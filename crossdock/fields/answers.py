"""What the fields of a table answer about one document: each value with its place, and all that is wrong.

Whatever is missing, is of the wrong kind, or is a word that nobody knows is told here, once, with its JSON pointer.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from canonical.events import When
from crossdock.errors import Place, Unreadable
from crossdock.fields import values
from crossdock.fields.table import CodeRow, FieldSpec, Table
from crossdock.fields.values import NotThat, Said
from crossdock.formats.json_query import Document, Query, QueryFailed, pointer_of

MOST_LINES: Final = 10_000
UNMAPPED: Final = "EDI.UNMAPPED_CODE"
_MAP_FAILURE: Final = "EDI.MAP_FAILURE"
_MOST_PROBLEMS: Final = 10


class _Problems:
    """What is wrong with one document, as (pointer, sentence), and whether it is a word that nobody knows."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.unknown: tuple[str, str, str] | None = None

    def tell(self, pointer: str, sentence: str) -> None:
        if (pointer, sentence) not in self.found:
            self.found.append((pointer, sentence))


class Scope:
    """The values of the document, or of one of its lines with those of the document behind them."""

    def __init__(
        self,
        answers: "Answers",
        fields: Mapping[str, FieldSpec],
        part: Any,
        pointer: str,
        outer: "Scope | None" = None,
    ) -> None:
        self._answers = answers
        self._fields = fields
        self._part = part
        self._outer = outer
        self._read: dict[str, Said | None] = {}
        self.pointer = pointer

    def value(self, name: str) -> Said | None:
        """The value of a field, ``None`` when it is not said."""
        if name not in self._fields:
            assert self._outer is not None  # the table was checked: the name is known here or round it
            return self._outer.value(name)
        if name not in self._read:
            self._read[name] = self._answers.ask(self._fields[name], self._part, self.pointer)
        return self._read[name]

    def spec(self, name: str) -> FieldSpec:
        """What the table says of a field."""
        if name in self._fields or self._outer is None:
            return self._fields[name]
        return self._outer.spec(name)

    def read_all(self) -> None:
        """Asks every field, so that what is required and missing, and a word that nobody knows, is told whatever is
        said of the document."""
        for name, spec in self._fields.items():
            if self.value(name) is not None and spec.codes:
                self._answers.coded(self, name)


class Answers:
    """What one document answers to the fields of a table. ``zone``: what a time without an offset means; ``lenient``:
    a word that nobody knows does not stop it."""

    def __init__(self, table: Table, document: Any, *, zone: str | None, lenient: bool) -> None:
        self._table = table
        self._document = Document(document)
        self._problems = _Problems()
        self._zone, self._lenient = zone, lenient
        self._lines: list[Scope] | None = None
        self.whole = Scope(self, table.fields, self._document.root, "")

    @property
    def are_right(self) -> bool:
        """Whether nothing was wrong so far."""
        return not self._problems.found

    def tell(self, pointer: str, sentence: str) -> None:
        """One more thing that is wrong with the document."""
        self._problems.tell(pointer, sentence)

    def read_all(self) -> None:
        """Asks every field of the document and of its lines. Raises ``Unreadable`` for what is no object."""
        if not isinstance(self._document.root, dict):
            self.tell("", f"must be an object, not {values.kind(self._document.root)}")
            self.refuse()
        self.whole.read_all()
        for line in self.lines():
            line.read_all()

    def unread(self) -> list[str]:
        """The places that no field looked at."""
        return self._document.unread()

    def lines(self) -> list[Scope]:
        """The lines of the document, each with its values."""
        if self._lines is None:
            self._lines = self._split() if self._table.each is not None else []
        return self._lines

    def _split(self) -> list[Scope]:
        each = self._table.each
        assert each is not None
        found, pointer = self._ask(each, self._document.root, "")
        if found is None:
            return []
        if not isinstance(found, list):
            self._problems.tell(pointer, f"must be a list of lines, not {values.kind(found)}")
            return []
        if len(found) > MOST_LINES:
            self._problems.tell(pointer, f"has more than {MOST_LINES} lines")
            return []
        scopes = []
        for index, part in enumerate(found):
            at = pointer_of(part, f"{pointer}/{index}")
            if isinstance(part, dict):
                scopes.append(Scope(self, self._table.line_fields, part, at, self.whole))
            else:
                self._problems.tell(at, f"must be an object, not {values.kind(part)}")
        return scopes

    def coded(self, scope: Scope, name: str) -> tuple[CodeRow, bool] | None:
        """What the word in a field means, and whether somebody knows it. ``None``: nothing is said there."""
        said = scope.value(name)
        if said is None:
            return None
        codes = self._table.codes[scope.spec(name).codes]
        word = self.text(said, 128)
        if (row := codes.get(word)) is not None:
            return row, True
        if not self._lenient:
            self._problems.unknown = self._problems.unknown or (said.pointer, word, scope.spec(name).codes)
            self._problems.tell(said.pointer, f"{word[:40]!r} is a word that nobody knows")
        return CodeRow(), False

    # -- values -----------------------------------------------------------------------------------------------

    def ask(self, spec: FieldSpec, part: Any, pointer: str) -> Said | None:
        """The value of a field in a part of the document. What is required and is not said is a problem."""
        if spec.query is None:
            return Said(value=spec.value, pointer="", name=spec.name)
        found, where = self._ask(spec.query, part, pointer)
        if values.is_said(found):
            return Said(value=found, pointer=where, name=spec.name)
        if spec.required:
            self._problems.tell(where, "is missing")
        return None

    def _ask(self, query: Query, part: Any, pointer: str) -> tuple[Any, str]:
        try:
            return self._document.ask(query, part, pointer)
        except QueryFailed as error:
            self._problems.tell(pointer, str(error))
            return None, pointer

    def read_as(self, said: Said, read: Any, *more: Any) -> Any:
        """A value by one of the readers of ``values``; ``None``, and told, when it is not that."""
        try:
            return read(said.value, *more)
        except NotThat as error:
            self._problems.tell(said.pointer, str(error))
            return None

    def text(self, said: Said, longest: int) -> str:
        """A text; empty, and told, when it is none."""
        found: str | None = self.read_as(said, values.text, longest)
        return found or ""

    def number(self, said: Said | None) -> Decimal | None:
        """An exact number; ``None`` when none is said, or it is none."""
        found: Decimal | None = None if said is None else self.read_as(said, values.number)
        return found

    def when(self, scope: Scope, name: str) -> When | None:
        """The time in a field; ``None`` when none is said, or it is none."""
        said = scope.value(name) if name else None
        if said is None:
            return None
        try:
            return values.when(said.value, form=scope.spec(name).form, zone=self._zone)
        except NotThat as error:
            self._problems.tell(said.pointer, str(error))
            return None

    # -- what is wrong ----------------------------------------------------------------------------------------

    def where(self) -> str:
        """Where a person corrects the table."""
        return f"{self._table.path.parent.name}/{self._table.path.name}"

    def refuse(self) -> NoReturn:
        """Raises ``Unreadable`` with everything that is wrong."""
        told = [f"{pointer or 'the document'} {sentence}" for pointer, sentence in self._problems.found]
        shown, more = told[:_MOST_PROBLEMS], len(told) - _MOST_PROBLEMS
        unknown = self._problems.unknown
        what = f"the {self._table.document.replace('_', ' ')} cannot be read: "
        sentence = what + "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
        if unknown is not None and len(self._problems.found) == 1:
            pointer, word, codes = unknown
            raise Unreadable(
                sentence,
                place=Place(json_pointer=pointer),
                code=UNMAPPED,
                remedy=(
                    f"ask the sender what {word[:40]!r} means, add it under [codes.{codes}] of {self.where()}, "
                    "then replay this dead letter"
                ),
            )
        raise Unreadable(
            sentence,
            place=Place(json_pointer=self._problems.found[0][0]),
            code=_MAP_FAILURE,
            remedy=(
                f"if the sender's documents have changed, correct {self.where()} and replay this; if this "
                "one is wrong, ask the sender for a correct one and discard it"
            ),
        )
