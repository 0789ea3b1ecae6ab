"""Reads a fields.toml and checks it: unknown keys, names that no field has, codes that the taxonomy lacks.

Every complaint has file and line. ``like = "NAME"`` takes the statements of the fields.toml in the folder beside it
(or of one that Crossdock brings), and every field, code and unit that is not said here: so a second supplier says
only where its own API has things.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canonical import crosswalks, taxonomy
from crossdock import toml_lines
from crossdock.errors import Misconfigured
from crossdock.fields.table import (
    COMPUTED,
    HOLE,
    ISSUERS,
    PARTY_ROLES,
    VARIANCES,
    AmountSpec,
    CodeRow,
    FieldSpec,
    LineSpec,
    MoneySpec,
    PartySpec,
    RefSpec,
    Row,
    Sender,
    Table,
    VarianceSpec,
)
from crossdock.fields.values import EPOCHS
from crossdock.formats.json_query import Query, WrongQuery
from crossdock.mapping import FIELDS_NAME
from crossdock.packages import package_folder
from crossdock.toml_lines import TomlFile, did_you_mean

PACKAGED: Final = "mappings.inbound"
"""Where the mappings are that Crossdock brings."""

OF_BOTH: Final = ("for", "when", "refs", "at", "line", "parties", "source_codes")
OF_A_FACT: Final = ("kind", "kind_of", "lines", "lines_when", "attributes")
OF_AN_EXCEPTION: Final = (
    "code", "code_of", "title", "detail", "cause", "severity", "variances", "value_at_risk", "ext",
)  # fmt: skip
"""The keys of a statement."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_CAUSE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def read(folder: Path) -> Table:
    """The fields.toml of a folder. Raises ``Misconfigured`` with file and line."""
    own = toml_lines.read(folder / FIELDS_NAME)
    files = [own]
    like = own.values.get("like")
    if like is not None:
        if not isinstance(like, str) or not _NAME.fullmatch(like) or like == folder.name:
            raise Misconfigured("'like' is the name of another mapping's folder", where=own.at("like"))
        roots = (folder.parent, package_folder(PACKAGED))
        found = next(
            (root / like / FIELDS_NAME for root in roots if (root / like / FIELDS_NAME).is_file()), None
        )
        if found is None:
            known = [path.parent.name for root in roots for path in root.glob(f"*/{FIELDS_NAME}")]
            raise Misconfigured(
                f"there is no {FIELDS_NAME} in {like!r}{did_you_mean(like, known)}", where=own.at("like")
            )
        files.append(toml_lines.read(found))
        if "like" in files[1].values:
            raise Misconfigured(f"{like!r} is like another one itself; name that one", where=own.at("like"))
    return _Reading(files).table(folder)


class _Reading:
    """One fields.toml while it is read, with the one that it is like behind it."""

    def __init__(self, files: Sequence[TomlFile]) -> None:
        self._files = files
        self._lines = {way: file for file in reversed(files) for way in file.lines}
        self._names: dict[bool, Collection[str]] = {}
        self._code_lists: Collection[str] = ()
        self._every: Mapping[str, Any] = {}
        self._times: set[str] = set()

    # -- the file ---------------------------------------------------------------------------------------------

    def table(self, folder: Path) -> Table:
        own = self._files[0]
        known = (
            "title", "version", "document", "like", "timezone", "sender", "fields", "lines", "units", "codes",
            "every", "fact", "exception",
        )  # fmt: skip
        for file in self._files:
            for key in file.values:
                if key not in known:
                    raise Misconfigured(f"unknown key {key!r}{did_you_mean(key, known)}", where=file.at(key))
        codes = {name: self._code_list(name, words) for name, words in self._merged("codes").items()}
        self._code_lists = codes
        lines = self._section("lines", ("each", "fields"))
        fields = self._fields(("fields",), self._merged("fields"))
        line_fields = self._fields(("lines", "fields"), self._merged_lines())
        if not fields and not line_fields:
            self._stop(("fields",), "[fields] is missing: the names of the values, and where each is")
        each = lines.get("each")
        if line_fields and not isinstance(each, str):
            self._stop(
                ("lines",), "[lines] lacks 'each': the JMESPath of the list whose elements are the lines"
            )
        self._names = {False: fields.keys(), True: {**fields, **line_fields}.keys()}
        self._every = self._section("every", ("refs", "at", "parties"))
        rows = tuple(
            self._row(kind, index, row) for kind in ("fact", "exception") for index, row in self._rows(kind)
        )
        if not any(row.is_fact for row in rows):
            self._stop(("fact",), "there is no [[fact]]: a document must say something even when all is well")
        return Table(
            path=own.path,
            document=self._text((), own.values, "document", otherwise=folder.name),
            title=self._text((), self._merged_top(), "title"),
            version=self._version(),
            zone=self._zone(),
            sender=self._sender(),
            fields=fields,
            each=self._query(("lines", "each"), each) if isinstance(each, str) else None,
            line_fields=line_fields,
            codes=codes,
            units=self._units(),
            rows=rows,
            times=frozenset(self._times),
        )

    def _version(self) -> str:
        written = self._text((), self._files[0].values, "version")
        content = b"\0".join(file.content for file in self._files)
        return f"{written}-{sha256(content).hexdigest()[:8]}"

    def _zone(self) -> str | None:
        zone = self._merged_top().get("timezone")
        if zone is None:
            return None
        try:
            return ZoneInfo(zone).key
        except (ZoneInfoNotFoundError, ValueError, TypeError):
            self._stop(
                ("timezone",), f"{zone!r} is no time zone of the IANA database, such as America/Chicago"
            )

    def _sender(self) -> Sender:
        said = self._section("sender", ("role", "id", "name"))
        role = said.get("role", "")
        if role and role not in PARTY_ROLES:
            self._stop(("sender", "role"), f"{role!r} is no role{did_you_mean(str(role), PARTY_ROLES)}")
        return Sender(
            role=role,
            id=self._text(("sender",), said, "id", otherwise=""),
            name=self._text(("sender",), said, "name", otherwise=""),
        )

    def _units(self) -> Mapping[str, str]:
        units: dict[str, str] = {}
        for theirs, ours in self._merged("units").items():
            if ours not in crosswalks.units():
                self._stop(("units", theirs), f"{ours!r} is no unit of UN/ECE Rec 20, such as EA")
            units[theirs] = ours
        return units

    def _code_list(self, name: str, words: Any) -> Mapping[str, CodeRow]:
        rows: dict[str, CodeRow] = {}
        for word, said in self._table(("codes", name), words).items():
            way = ("codes", name, word)
            said = self._table(way, said)
            self._known(way, said, tuple(CodeRow.__slots__))
            if not all(isinstance(value, str) for value in said.values()):
                self._stop(way, "what a code means is said in texts")
            row = CodeRow(**said)
            if row.exception:
                self._code(way, row.exception)
            if row.fact and row.fact not in taxonomy.FACT_KINDS:
                self._stop(
                    way, f"{row.fact!r} is no kind of fact{did_you_mean(row.fact, taxonomy.FACT_KINDS)}"
                )
            if row.cause and not _CAUSE.fullmatch(row.cause):
                self._stop(way, f"the cause {row.cause!r} is no word of small letters, such as out_of_stock")
            self._severity(way, row.severity)
            rows[word] = row
        return rows

    # -- fields -----------------------------------------------------------------------------------------------

    def _fields(self, way: tuple[str, ...], said: Mapping[str, Any]) -> dict[str, FieldSpec]:
        return {name: self._field((*way, name), name, each) for name, each in said.items()}

    def _field(self, way: tuple[str, ...], name: str, said: Any) -> FieldSpec:
        if not _NAME.fullmatch(name) or name in COMPUTED:
            self._stop(
                way,
                f"{name!r} cannot be the name of a field: small letters, digits and _, and none of "
                f"{', '.join(COMPUTED)}",
            )
        if isinstance(said, str):
            return FieldSpec(name=name, query=self._query(way, said))
        said = self._table(way, said)
        self._known(way, said, ("from", "value", "required", "time", "codes"))
        if ("from" in said) == ("value" in said):
            self._stop(way, "a field has either 'from', a JMESPath, or 'value', the same in every document")
        if type(said.get("required", False)) is not bool:
            self._stop(way, "'required' is true or false")
        codes = self._text(way, said, "codes", otherwise="")
        if codes and codes not in self._code_lists:
            near = did_you_mean(codes, list(self._code_lists))
            self._stop(way, f"there is no [codes.{codes}]{near}: what each of their words means")
        form = self._text(way, said, "time", otherwise="")
        if form and form not in EPOCHS and "%" not in form:
            self._stop(
                way, f"'time' is {' or '.join(EPOCHS)}, or written as strptime reads it, such as %m/%d/%Y"
            )
        return FieldSpec(
            name=name,
            query=self._query(way, self._text(way, said, "from")) if "from" in said else None,
            value=self._text(way, said, "value") if "value" in said else None,
            required=said.get("required", False),
            form=form,
            codes=codes,
        )

    def _query(self, way: tuple[str, ...], text: str) -> Query:
        try:
            return Query(text)
        except WrongQuery as error:
            raise Misconfigured(str(error), where=self._at(*way)) from error

    # -- statements -------------------------------------------------------------------------------------------

    def _rows(self, kind: str) -> list[tuple[int, Mapping[str, Any]]]:
        rows = self._merged_top().get(kind, [])
        if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
            self._stop((kind,), f"write [[{kind}]], one for each")
        return list(enumerate(rows))

    def _row(self, kind: str, index: int, said: Mapping[str, Any]) -> Row:
        way: tuple[str | int, ...] = (kind, index)
        said = {**self._every, **said}
        is_fact = kind == "fact"
        word = "kind" if is_fact else "code"
        self._known(way, said, (*OF_BOTH, *(OF_A_FACT if is_fact else OF_AN_EXCEPTION)))
        scope = self._text(way, said, "for", otherwise="document")
        if scope not in ("document", "line"):
            self._stop((*way, "for"), f"'for' is document or line, not {scope!r}")
        each_line = scope == "line"
        if each_line and True not in self._names:
            self._stop((*way, "for"), "there are no [lines] to say this of")
        if word not in said and f"{word}_of" not in said:
            self._stop(
                way, f"a statement has a '{word}', or '{word}_of', the field whose code says it, or both"
            )
        says = self._text(way, said, word, otherwise="")
        if says and is_fact and says not in taxonomy.FACT_KINDS:
            self._stop((*way, word), f"{says!r} is no kind of fact{did_you_mean(says, taxonomy.FACT_KINDS)}")
        if says and not is_fact:
            self._code((*way, word), says)
        beside = self._table(
            (*way, "attributes" if is_fact else "ext"), said.get("attributes" if is_fact else "ext", {})
        )
        for name in beside:
            if not _ATTRIBUTE.fullmatch(name):
                self._stop((*way, "attributes"), f"{name!r} is no name of an attribute")
        titles = said.get("title", [])
        titles = tuple([titles] if isinstance(titles, str) else titles)
        if not is_fact:
            self._titles(way, titles, each_line)
        severity = self._text(way, said, "severity", otherwise="")
        self._severity((*way, "severity"), severity)
        lines_when = self._text(way, said, "lines_when", otherwise="")
        return Row(
            is_fact=is_fact,
            says=says,
            says_of=self._coded(way, said, f"{word}_of", each_line),
            each_line=each_line,
            when=self._named(way, said, "when", each_line),
            refs=self._refs(way, said.get("refs"), each_line, needed=True),
            at=self._time(self._named(way, said, "at", each_line)),
            line=self._line((*way, "line"), said.get("line"), each_line),
            lines=self._line((*way, "lines"), said.get("lines"), True),
            lines_when=self._name((*way, "lines_when"), lines_when, True) if lines_when else "",
            parties=tuple(self._party(way, each, each_line) for each in self._list(way, said, "parties")),
            source_codes=tuple(
                self._is_coded((*way, "source_codes"), self._name((*way, "source_codes"), each, each_line))
                for each in self._list(way, said, "source_codes")
            ),
            beside={
                name: self._name((*way, "attributes" if is_fact else "ext"), of, each_line)
                for name, of in beside.items()
            },
            titles=titles,
            detail=self._named(way, said, "detail", each_line),
            cause=self._cause(way, said),
            severity=severity,
            variances=tuple(
                self._variance(way, each, each_line) for each in self._list(way, said, "variances")
            ),
            value_at_risk=self._money((*way, "value_at_risk"), said.get("value_at_risk"), each_line),
        )

    def _titles(self, way: tuple[str | int, ...], titles: Sequence[Any], each_line: bool) -> None:
        where = (*way, "title")
        if not titles or not all(isinstance(each, str) and each.strip() for each in titles):
            self._stop(where, "an exception has a 'title', or several, the fullest first")
        for each in titles:
            for name in HOLE.findall(each):
                if name not in COMPUTED:
                    self._name(where, name, each_line)

    def _cause(self, way: tuple[str | int, ...], said: Mapping[str, Any]) -> str:
        cause = self._text(way, said, "cause", otherwise="")
        if cause and not _CAUSE.fullmatch(cause):
            self._stop((*way, "cause"), f"{cause!r} is no word of small letters, such as out_of_stock")
        return cause

    def _refs(
        self, way: tuple[str | int, ...], said: Any, each_line: bool, *, needed: bool = False
    ) -> tuple[RefSpec, ...]:
        where = (*way, "refs")
        if needed and not said:
            self._stop(
                way, "a statement needs 'refs': the numbers that it is about, the most telling one first"
            )
        refs = []
        for each in said or []:
            each = self._table(where, each)
            self._known(where, each, RefSpec.__slots__)
            kind = self._text(where, each, "kind")
            if kind not in taxonomy.REF_KINDS:
                self._stop(where, f"{kind!r} is no kind of number{did_you_mean(kind, taxonomy.REF_KINDS)}")
            refs.append(self._ref(where, each, kind, each_line))
        return tuple(refs)

    def _ref(
        self, where: tuple[str | int, ...], each: Mapping[str, Any], kind: str, each_line: bool
    ) -> RefSpec:
        issuer = self._text(where, each, "issuer", otherwise="")
        if issuer and issuer not in ISSUERS:
            self._stop(where, f"'issuer' is {' or '.join(ISSUERS)}, not {issuer!r}")
        return RefSpec(
            kind=kind,
            of=self._name(where, self._text(where, each, "of"), each_line),
            issuer=issuer,
            role=self._text(where, each, "role", otherwise=""),
            scheme=self._text(where, each, "scheme", otherwise=""),
        )

    def _line(self, where: tuple[str | int, ...], said: Any, each_line: bool) -> LineSpec | None:
        if said is None:
            return None
        said = self._table(where, said)
        self._known(where, said, LineSpec.__slots__)
        return LineSpec(
            ref=self._name(where, self._text(where, said, "ref"), each_line),
            items=self._items(where, said, "items", each_line),
            substitutes=self._items(where, said, "substitutes", each_line),
            ordered=self._amount(where, said.get("ordered"), each_line),
            affected=self._amount(where, said.get("affected"), each_line),
            unit=self._named(where, said, "unit", each_line),
            price=self._money(where, said.get("price"), each_line),
        )

    def _items(
        self, where: tuple[str | int, ...], said: Mapping[str, Any], key: str, each_line: bool
    ) -> tuple[RefSpec, ...]:
        """Numbers of items, and lots beside them."""
        found = []
        for each in self._list(where, said, key):
            each = {"of": each, "scheme": "sku"} if isinstance(each, str) else self._table(where, each)
            self._known(where, each, RefSpec.__slots__)
            kind = each.get("kind", "item")
            if kind not in ("item", "lot", "serial"):
                self._stop(where, f"{kind!r} is no number of an item: item, lot or serial")
            found.append(self._ref(where, each, kind, each_line))
        return tuple(found)

    def _amount(self, where: tuple[str | int, ...], said: Any, each_line: bool) -> AmountSpec | None:
        if said is None:
            return None
        if isinstance(said, str):
            return AmountSpec(of=self._name(where, said, each_line))
        said = self._table(where, said)
        self._known(where, said, AmountSpec.__slots__)
        return AmountSpec(
            of=self._name(where, self._text(where, said, "of"), each_line),
            less=self._named(where, said, "less", each_line),
        )

    def _money(self, where: tuple[str | int, ...], said: Any, each_line: bool) -> MoneySpec | None:
        if said is None:
            return None
        said = self._table(where, said)
        self._known(where, said, MoneySpec.__slots__)
        if ("amount" in said) == ("price" in said):
            self._stop(where, "money has either an 'amount', or the 'price' of one unit")
        return MoneySpec(
            currency=self._name(where, self._text(where, said, "currency"), each_line),
            amount=self._named(where, said, "amount", each_line),
            price=self._named(where, said, "price", each_line),
        )

    def _party(self, way: tuple[str | int, ...], said: Any, each_line: bool) -> PartySpec:
        where = (*way, "parties")
        said = self._table(where, said)
        self._known(where, said, PartySpec.__slots__)
        role = self._text(where, said, "role")
        if role not in PARTY_ROLES:
            self._stop(where, f"{role!r} is no role of a party{did_you_mean(role, PARTY_ROLES)}")
        return PartySpec(
            role=role,
            id=self._name(where, self._text(where, said, "id"), each_line),
            scheme=self._text(where, said, "scheme", otherwise="internal"),
            name=self._named(where, said, "name", each_line),
        )

    def _variance(self, way: tuple[str | int, ...], said: Any, each_line: bool) -> VarianceSpec:
        where = (*way, "variances")
        said = self._table(where, said)
        self._known(where, said, VarianceSpec.__slots__)
        attribute = self._text(where, said, "attribute")
        if attribute not in VARIANCES:
            self._stop(where, f"{attribute!r} cannot differ{did_you_mean(attribute, VARIANCES)}")
        expected, actual = (self._named(where, said, key, each_line) for key in ("expected", "actual"))
        if attribute == "date":
            self._time(expected), self._time(actual)
        return VarianceSpec(attribute=attribute, expected=expected, actual=actual)

    # -- what is checked everywhere -----------------------------------------------------------------------------

    def _name(self, where: tuple[str | int, ...], name: Any, each_line: bool) -> str:
        known = self._names[each_line]
        if not isinstance(name, str) or name not in known:
            of_line = " (it is a field of the lines, and this is said of the document)" if (
                not each_line and isinstance(name, str) and name in self._names[True]
            ) else did_you_mean(str(name), list(known))  # fmt: skip
            self._stop(where, f"there is no field {name!r}{of_line}")
        return str(name)

    def _named(self, way: tuple[str | int, ...], said: Mapping[str, Any], key: str, each_line: bool) -> str:
        return self._name((*way, key), said[key], each_line) if key in said else ""

    def _time(self, name: str) -> str:
        """Notes that a field is a time, so that a title says it as one."""
        self._times.add(name)
        return name

    def _coded(self, way: tuple[str | int, ...], said: Mapping[str, Any], key: str, each_line: bool) -> str:
        name = self._named(way, said, key, each_line)
        return self._is_coded((*way, key), name) if name else ""

    def _is_coded(self, where: tuple[str | int, ...], name: str) -> str:
        spec = self._merged_lines().get(name, self._merged("fields").get(name))
        if not isinstance(spec, dict) or not spec.get("codes"):
            self._stop(where, f"field {name!r} has no 'codes', so its words mean nothing")
        return name

    def _code(self, where: tuple[str | int, ...], code: str) -> None:
        if code not in taxonomy.codes():
            near = did_you_mean(code, list(taxonomy.codes()))
            self._stop(where, f"the taxonomy has no code {code!r}{near}")

    def _severity(self, where: tuple[str | int, ...], severity: str) -> None:
        if severity and severity not in taxonomy.SEVERITIES:
            self._stop(where, f"{severity!r} is no severity (S1 to S4)")

    def _known(self, where: tuple[str | int, ...], said: Mapping[str, Any], keys: Collection[str]) -> None:
        for key in said:
            if key not in keys:
                self._stop((*where, key), f"unknown key {key!r}{did_you_mean(key, list(keys))}")

    def _text(
        self, where: tuple[str | int, ...], said: Mapping[str, Any], key: str, otherwise: str | None = None
    ) -> str:
        value = said.get(key, otherwise)
        if value is None:
            self._stop(where, f"{key!r} is missing")
        if not isinstance(value, str) or (not value.strip() and value != otherwise):
            self._stop((*where, key), f"{key!r} must be a text, not {value!r}")
        return str(value)

    def _list(self, where: tuple[str | int, ...], said: Mapping[str, Any], key: str) -> list[Any]:
        value = said.get(key, [])
        if not isinstance(value, list):
            self._stop((*where, key), f"{key!r} must be a list")
        return list(value)

    def _table(self, where: tuple[str | int, ...], said: Any) -> dict[str, Any]:
        if not isinstance(said, dict):
            self._stop(where, f"must be a table, not {said!r}")
        return dict(said)

    def _section(self, name: str, keys: Collection[str]) -> dict[str, Any]:
        merged = self._merged(name)
        self._known((name,), merged, keys)
        return merged

    def _merged_top(self) -> dict[str, Any]:
        return {
            key: value
            for file in reversed(self._files)
            for key, value in file.values.items()
            if key != "document"
        }

    def _merged(self, name: str) -> dict[str, Any]:
        """A section of both files; what this one says goes before what the other says."""
        merged: dict[str, Any] = {}
        for file in reversed(self._files):
            merged.update(self._table((name,), file.values.get(name, {})))
        return merged

    def _merged_lines(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for file in reversed(self._files):
            lines = self._table(("lines",), file.values.get("lines", {}))
            merged.update(self._table(("lines", "fields"), lines.get("fields", {})))
        return merged

    def _at(self, *way: str | int) -> str:
        """File and line of what is meant: of the file that says it, in [every] for what a statement has of there."""
        if len(way) > 2 and way[:3] not in self._lines and way[2] in self._every:
            way = ("every", *way[2:])
        for length in range(len(way), 0, -1):
            if way[:length] in self._lines:
                return self._lines[way[:length]].at(*way)
        return self._files[0].at(*way)

    def _stop(self, way: Sequence[str | int], sentence: str) -> NoReturn:
        raise Misconfigured(sentence, where=self._at(*way))
