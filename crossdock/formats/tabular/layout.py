"""What is in a list: its fields, how they are found among the columns, and what identifies a row.

A layout is a TOML file beside the mapping that reads the list (``layout.toml``)::

    title = "Backorders of a supplier"
    key = ["supplier_po", "line", "item"]       # a row with the same of these is about the same thing

    [fields.supplier_po]
    title = "PO number"                         # what we call it to the sender
    aliases = ["PO", "Purchase order"]          # what the sender's column may be called
    type = "text"                               # text, whole, number, date, choice
    required = true

A sender's own names of columns are in its profile. Titles are compared without regard to case, blanks and marks.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from crossdock import toml_lines
from crossdock.errors import Misconfigured, Unreadable
from crossdock.formats.tabular.records import Broken, Cell, Record, letter_of
from crossdock.toml_table import Table, exact

FILE: Final = "layout.toml"
KINDS: Final = ("text", "whole", "number", "date", "choice")

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ALIAS: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_MARKS: Final = re.compile(r"[\W_]+")
_LONGEST_TEXT: Final = 1_000
_LARGEST_LENGTH: Final = 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a list. ``choices`` are our words by those of the sender; ``most`` is the longest text."""

    name: str
    title: str
    kind: str = "text"
    aliases: tuple[str, ...] = ()
    required: bool = False
    most: int = _LONGEST_TEXT
    smallest: Decimal | None = None
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def called(self) -> frozenset[str]:
        """What a column of it may be called, as titles are compared."""
        return frozenset(plain(each) for each in (self.name, self.title, *self.aliases))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The fields of a list by name, and those that say what a row is about; without any, its whole content does."""

    title: str
    fields: Mapping[str, Field]
    key: tuple[str, ...] = ()

    def called(self, names: Mapping[str, Sequence[str]], key: Sequence[str] = ()) -> "Layout":
        """The same with a sender's own names of columns and, where it has one, its own key."""
        fields = {
            name: replace(each, aliases=(*names[name], *each.aliases)) if name in names else each
            for name, each in self.fields.items()
        }
        return replace(self, fields=fields, key=tuple(key) or self.key)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file that is a field: where it is, and what its sender calls it."""

    place: int
    title: str
    field: Field

    @property
    def letter(self) -> str:
        return letter_of(self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns of a file. ``unread`` are the titles of those that nobody declared."""

    columns: Sequence[Column]
    unread: tuple[str, ...]
    width: int


def plain(title: str) -> str:
    """A title as titles are compared: ``PO-Number:`` is ``po number``."""
    return _MARKS.sub(" ", unicodedata.normalize("NFKC", title).casefold()).strip()


def header_of(record: Record, layout: Layout, extra: str) -> Header:
    """Which column is which field. Raises ``Unreadable``, with all that is wrong, for a header that does not fit."""
    titles = [_title(cell) for cell in record.cells]
    while titles and not titles[-1]:
        titles.pop()
    found: dict[str, list[int]] = {}
    unread: list[int] = []
    for place, title in enumerate(titles):
        names = [name for name, each in layout.fields.items() if plain(title) in each.called]
        if not names and title:
            unread.append(place)
        for name in names:
            found.setdefault(name, []).append(place)
    wrong = []
    for name, places in found.items():
        if len(places) > 1:
            letters = ", ".join(map(letter_of, places))
            wrong.append(f"columns {letters} are all {layout.fields[name].title!r}")
    for place in range(len(titles)):
        names = [name for name, places in found.items() if place in places]
        if len(names) > 1:
            shown = " and ".join(repr(layout.fields[name].title) for name in names)
            wrong.append(f"column {letter_of(place)} ({titles[place]!r:.80}) could be {shown}")
    missing = [each for name, each in layout.fields.items() if each.required and name not in found]
    if missing:
        shown = "; ".join(_wanted(each) for each in missing)
        wrong.append(f"there is no column {shown}")
    if unread and extra == "refuse":
        shown = ", ".join(f"{letter_of(place)} ({titles[place]!r:.80})" for place in unread[:5])
        wrong.append(f"nobody declared column {shown}")
    if wrong:
        raise Unreadable(
            f"row {record.number}, the header: {'; '.join(wrong)}",
            code="TABLE.HEADER",
            remedy="Name the columns as agreed and send the file again; or tell us their new names.",
        )
    columns = [Column(places[0], titles[places[0]], layout.fields[name]) for name, places in found.items()]
    columns.sort(key=lambda column: column.place)
    return Header(columns=columns, unread=tuple(titles[place] for place in unread), width=len(titles))


def _title(cell: Cell) -> str:
    if cell is None or isinstance(cell, Broken | bool):
        return ""
    return " ".join(str(cell).split())


def _wanted(field: Field) -> str:
    others = [each for each in field.aliases if plain(each) != plain(field.title)]
    shown = f" (or {', '.join(map(repr, others[:3]))})" if others else ""
    return f"{field.title!r}{shown}"


# -- the file that declares it --------------------------------------------------------------------------------------


@cache
def layout_of(folder: Path) -> Layout:
    """The layout in this folder. Raises ``Misconfigured`` with file, line and everything that is wrong with it."""
    file = toml_lines.read(folder / FILE)
    problems: list[str] = []
    table = Table(file, problems)
    table.only(("title", "key", "fields"))
    title = table.text("title", None)
    fields = {
        name: _field(name, one) for name, one in table.tables("fields", '[fields.item] with title = "Item"')
    }
    for name in fields:
        if not _NAME.fullmatch(name):
            problems.append(
                f"{file.at('fields', name)}: the name {name!r} must be small letters, digits and _"
            )
    if not fields:
        table.tell("fields", "the layout has no fields; add [fields.NAME] for each")
    key = table.texts("key", _NAME, "names of fields", empty=True)
    for name in key:
        if name not in fields:
            table.tell("key", f"'key' names {name!r}, which is none of the fields")
    called: dict[str, str] = {}
    for name, each in fields.items():
        for word in sorted(each.called):
            other = called.setdefault(word, name)
            if other != name:
                problems.append(
                    f"{file.at('fields', name)}: {word!r} may be the column of {name!r} and of {other!r}"
                )
    if problems:
        raise Misconfigured("; ".join(problems))
    return Layout(title=title, fields=fields, key=key)


def _field(name: str, table: Table) -> Field:
    table.only(("title", "aliases", "type", "required", "most", "smallest", "choices"))
    kind = table.one_of("type", "text", KINDS)
    choices = _choices(table)
    if (kind == "choice") != bool(choices):
        table.tell(
            "choices",
            f"[{table.name}] needs choices = {{ theirs = 'ours' }} if its type is choice, and only then",
        )
    smallest = table.values.get("smallest")
    if smallest is not None and (exact(smallest) is None or kind not in ("whole", "number")):
        table.tell("smallest", f"{table.shown('smallest')} must be a number, of a whole or a number")
    return Field(
        name=name,
        title=table.text("title", name),
        kind=kind,
        aliases=table.texts("aliases", _ALIAS, "names of columns", empty=True),
        required=table.flag("required", False),
        most=table.number("most", smallest=1, largest=_LARGEST_LENGTH) or _LONGEST_TEXT,
        smallest=exact(smallest),
        choices=choices,
    )


def _choices(table: Table) -> dict[str, str]:
    inner = table.table("choices")
    if inner is None:
        return {}
    found = {}
    for theirs, ours in inner.values.items():
        if not isinstance(ours, str) or not ours:
            inner.tell(theirs, f"{inner.shown(theirs)} must be a text")
        else:
            found[plain(theirs)] = ours
    return found
