"""One table of a TOML file while it is checked: every mistake is told with file and line, and reading goes on.

A wrong value is replaced by its default, so that all problems of a file are found in one go; who reads the table
uses nothing of it as long as a problem was told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from crossdock.toml_lines import TomlFile, Way, did_you_mean

_BARE: Final = re.compile(r"[A-Za-z0-9_\-]+")


class Table:
    """A table by its way in the file: ``("send", "855")``; without one it is the file itself.

    ``above``: the fields of the file itself, by which one that stands below a [table] by mistake is known.
    """

    above: Sequence[str] = ()

    def __init__(self, file: TomlFile, problems: list[str], way: Way = (), above: Sequence[str] = ()) -> None:
        if above:
            self.above = above
        self.file = file
        self.way = way
        self._problems = problems
        value: Any = file.values
        for step in way:
            value = value[step]
        self.values: Mapping[str, Any] = value

    @property
    def name(self) -> str:
        """How a person writes it: ``send.855``."""
        return ".".join(
            str(step) if _BARE.fullmatch(str(step)) else f'"{step}"'
            for step in self.way
            if not isinstance(step, int)
        )

    def tell(self, key: str | None, sentence: str) -> None:
        """A problem of one key, or of the whole table."""
        self.tell_at(() if key is None else (key,), sentence)

    def tell_at(self, way: Sequence[str], sentence: str) -> None:
        """A problem of a value deeper in the table."""
        self._problems.append(f"{self.file.at(*self.way, *way)}: {sentence}")

    def shown(self, key: str) -> str:
        """The key as a person finds it: with the table that it stands in."""
        return f"{self.name}.{key}" if self.way else key

    def only(self, known: Sequence[str], *, also: re.Pattern[str] | None = None) -> None:
        """Tell every key that is not known."""
        for key in self.values:
            if key not in known and not (also and also.fullmatch(key)):
                inside = f" of [{self.name}]" if self.way else ""
                near = self.belongs_above(key) or did_you_mean(key, known)
                self.tell(key, f"unknown field {key!r}{inside}{near}")

    def belongs_above(self, key: str) -> str:
        """What to do with a field of the file itself that stands below a [table]; empty for any other."""
        return f"; {key} belongs above the first [table]" if self.way and key in self.above else ""

    # -- single values ----------------------------------------------------------------------------------------

    def text(
        self,
        key: str,
        default: str | None,
        pattern: re.Pattern[str] | None = None,
        shape: str = "",
    ) -> str:
        """A text; without a default it must be there."""
        value = self.values.get(key, default)
        if value is None:
            self.tell(key, f"{self.shown(key)!r} is missing")
        elif not isinstance(value, str) or (default is None and not value.strip()):
            self.tell(key, f"{self.shown(key)!r} must be a text")
        elif value != default and pattern and not pattern.fullmatch(value):
            self.tell(key, f"{self.shown(key)} = {value!r} must be {shape}")
        else:
            return value
        return default or ""

    def one_of(self, key: str, default: str, known: Sequence[str]) -> str:
        """One of the words that are known."""
        value = self.values.get(key, default)
        if not isinstance(value, str) or value not in known:
            near = did_you_mean(value, known) if isinstance(value, str) else f" (known: {', '.join(known)})"
            self.tell(key, f"{self.shown(key)} = {value!r} is not known{near}")
            return default
        return value

    def flag(self, key: str, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.tell(key, f"{self.shown(key)} = {value!r} must be true or false")
            return default
        return value

    def number(self, key: str, *, smallest: int, largest: int) -> int | None:
        """A whole number, or ``None`` when it is not there."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
            self.tell(
                key, f"{self.shown(key)} = {value!r} must be a whole number from {smallest} to {largest}"
            )
            return None
        return value

    def zone(self, key: str, default: str) -> str:
        """The name of a time zone."""
        value = self.text(key, default)
        if value:
            try:
                ZoneInfo(value)
            except (OSError, ValueError, KeyError):  # an unknown zone is a KeyError, a path a ValueError
                self.tell(key, f"{self.shown(key)} = {value!r} is no IANA zone, as 'America/Chicago'")
                return default
        return value

    def texts(
        self, key: str, pattern: re.Pattern[str], sentence: str, *, empty: bool = False
    ) -> tuple[str, ...]:
        """A list of texts, each once; ``sentence`` says what it must list."""
        value = self.values.get(key, ())
        if (key in self.values and not isinstance(value, list)) or not all(
            isinstance(each, str) and pattern.fullmatch(each) for each in value
        ):
            self.tell(key, f"{self.shown(key)!r} must list {sentence}")
            return ()
        if not value and not empty:
            self.tell(key, f"{self.shown(key)!r} must list {sentence}")
        for each in sorted({each for each in value if value.count(each) > 1}):
            self.tell(key, f"{self.shown(key)!r} lists {each!r} twice")
        return tuple(dict.fromkeys(value))

    # -- tables in it -----------------------------------------------------------------------------------------

    def table(self, key: str) -> "Table | None":
        """The table of this name in this one; ``None`` when it is not there, or no table."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.tell(key, f"{self.shown(key)!r} must be a table, [{self.shown(key)}]")
            return None
        return Table(self.file, self._problems, (*self.way, key), self.above)

    def tables(self, key: str, example: str) -> Iterator[tuple[str, "Table"]]:
        """The tables in the table of this name; ``example`` shows one to who wrote something else."""
        outer = self.table(key)
        for name, value in outer.values.items() if outer else ():
            if isinstance(value, dict):
                yield name, Table(self.file, self._problems, (*self.way, key, name), self.above)
            else:
                self._problems.append(
                    f"{self.file.at(*self.way, key, name)}: {self.shown(key)!r} must hold tables such as {example}"
                )

    def rows(self, key: str) -> Iterator["Table"]:
        """The rows ``[[key]]``."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.tell(key, f"{self.shown(key)!r} must be rows, each under [[{self.shown(key)}]]")
            return
        for index in range(len(value)):
            yield _Row(self.file, self._problems, (*self.way, key), index)


class _Row(Table):
    """One row of ``[[key]]``."""

    def __init__(self, file: TomlFile, problems: list[str], way: Way, index: int) -> None:
        super().__init__(file, problems, way)
        self.way = (*way, index)
        self.values = self.values[index]  # type: ignore[index]


def exact(value: object) -> Decimal | None:
    """A number as it was written, in a text or without quotes; ``None`` when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
