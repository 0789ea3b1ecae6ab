"""Decision tables as people write them: read, and checked so that every problem is told with file and line.

A folder holds the rules (``*.toml``, read as one table in the order of their names, or one ``*.json`` that was
drawn in the JDM editor) and ``queues.toml``. First hit wins; the last row has no condition and catches all.

    [[rule]]
    id = "backorder-with-date"
    when = { code = "INV.BACKORDER", has_promised_date = true }
    queue = "supply"
    owner = "supply-planning"
    priority = 30                                   # 1 comes first, 99 last
    actions = ["erp:note", "erp:change_date"]       # or { do = "erp:hold", reason = "..." }
    because = "{partner} backordered {affected} of {ordered} on PO {subject}, promised for {promised_date}"
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from crossdock import toml_lines
from crossdock.decide import drawn as drawn_tables
from crossdock.decide.conditions import Condition, OneOf
from crossdock.decide.context import FIELDS
from crossdock.decide.row import QUEUES_FILE, Check, Problems, Rule, Where
from crossdock.errors import Misconfigured
from crossdock.toml_lines import TomlFile, did_you_mean

TRIAGE: Final = "triage"
"""The queue of what no rule could decide."""

_KEYS: Final = (
    "id",
    "when",
    "queue",
    "owner",
    "priority",
    "actions",
    "approve",
    "together",
    "undo",
    "because",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows in the order in which they are tried. ``version`` is of the files' content."""

    rules: tuple[Rule, ...]
    version: str
    folder: Path

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that some condition looks at, in their own order."""
        used = {name for rule in self.rules for name in rule.conditions}
        return tuple(name for name in FIELDS if name in used)


def load(folder: Path, targets: Mapping[str, Collection[str]]) -> Table:
    """Read and check the rules of a folder. ``targets``: each sink's operations, by its connector's name.

    Raises ``Misconfigured`` with every problem, one a line, each with file and line.
    """
    if not folder.is_dir():
        raise Misconfigured("is no folder with decision tables", where=str(folder))
    drawn = sorted(folder.glob("*.json"))
    written = sorted(path for path in folder.glob("*.toml") if path.name != QUEUES_FILE)
    problems = Problems()
    check = Check(queues=_queues(folder, problems), targets=targets, problems=problems)
    if drawn and (written or len(drawn) > 1):
        problems.tell(f"{drawn[0]}:1", "a drawn table stands alone; put its rows or the others elsewhere")
    elif not drawn and not written:
        problems.tell(f"{folder}", "holds no decision table (*.toml, or one *.json of the JDM editor)")
    rules: list[Rule] = []
    contents: list[bytes] = []
    for path in written:
        try:
            file = toml_lines.read(path)
        except Misconfigured as error:
            problems.add(str(error))
            continue
        contents.append(path.name.encode() + b"\0" + file.content)
        rules += _rules_of(file, check)
    if len(drawn) == 1 and not written:
        content, found = drawn_tables.read(drawn[0], check)
        contents.append(drawn[0].name.encode() + b"\0" + content)
        rules += found
    _check_together(rules, problems)
    if contents and not check.defaults:
        problems.tell(
            rules[-1].where if rules else str(folder),
            "there is no default: the last row must have no 'when', so that no event is lost",
        )
    if problems.found:
        raise Misconfigured("\n".join(problems.found))
    version = sha256(b"\0\0".join(contents)).hexdigest()[:16]
    return Table(rules=tuple(rules), version=version, folder=folder)


class _TomlRow(Where):
    def __init__(self, file: TomlFile, index: int) -> None:
        super().__init__(file.at("rule", index))
        self._file = file
        self._index = index

    def of(self, *way: str) -> str:
        return self._file.at("rule", self._index, *way)


def _rules_of(file: TomlFile, check: Check) -> list[Rule]:
    found: list[Rule] = []
    for key in file.values:
        if key not in ("rule", "title"):
            check.problems.tell(file.at(key), f"unknown key {key!r}{did_you_mean(key, ['rule', 'title'])}")
    rows = file.values.get("rule")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        check.problems.tell(file.at("rule"), "there are no rows: write them as [[rule]]")
        return found
    for index, row in enumerate(rows):
        where = _TomlRow(file, index)
        for key in row:
            if key not in _KEYS:
                check.problems.tell(where.of(key), f"unknown key {key!r}{did_you_mean(key, _KEYS)}")
        before = len(check.problems.found)
        conditions_found = check.conditions(row.get("when", {}), where)
        rule = check.rule(
            row,
            conditions_found,
            written=bool(row.get("when")),
            table=file.path.stem,
            where=where,
            number=index + 1,
        )
        if rule is not None and len(check.problems.found) == before:
            found.append(rule)
    return found


def _queues(folder: Path, problems: Problems) -> Collection[str]:
    path = folder / QUEUES_FILE
    if not path.is_file():
        problems.tell(str(path), "is missing: it names the queues, [queues] with a sentence for each")
        return ()
    try:
        file = toml_lines.read(path)
    except Misconfigured as error:
        problems.add(str(error))
        return ()
    queues = file.values.get("queues")
    if not isinstance(queues, dict) or not all(isinstance(text, str) for text in queues.values()):
        problems.tell(file.at("queues"), "[queues] must name each queue with a sentence")
        return ()
    if TRIAGE not in queues:
        problems.tell(
            file.at("queues"), f"the queue {TRIAGE!r} is missing: it takes what no rule could decide"
        )
    return frozenset(queues)


def _check_together(rules: Sequence[Rule], problems: Problems) -> None:
    """What only the whole table shows: ids twice, and rows that no event reaches."""
    seen: dict[str, str] = {}
    for rule in rules:
        if rule.id in seen:
            problems.tell(rule.where, f"the id {rule.id!r} is already that of the row at {seen[rule.id]}")
        seen.setdefault(rule.id, rule.where)
    for index, rule in enumerate(rules):
        for earlier in rules[:index]:
            if covers(earlier, rule):
                problems.tell(
                    rule.where,
                    f"row {rule.id!r} is unreachable: row {earlier.id!r} ({earlier.where}) takes all it would match",
                )
                break


def covers(earlier: Rule, later: Rule) -> bool:
    """Whether every event that the later row matches is matched by the earlier one."""
    return all(_implied(name, condition, later) for name, condition in earlier.conditions.items())


def _implied(name: str, condition: Condition, later: Rule) -> bool:
    own = later.conditions.get(name)
    if own is not None and condition.covers(own):
        return True
    if name == "code" and isinstance(condition, OneOf):
        family = later.conditions.get("family")
        if isinstance(family, OneOf) and not family.prefixes:
            return condition.covers(OneOf(frozenset(), tuple(f"{word}." for word in family.words)))
    if name == "family" and isinstance(condition, OneOf):
        code = later.conditions.get("code")
        if isinstance(code, OneOf):
            begun: Iterable[str] = (*code.words, *code.prefixes)
            return all("." in each and condition.matches(each.partition(".")[0]) for each in begun)
    return False
