"""What a command says: data on standard output, talk on standard error, JSON when it was asked for.

Texts of partners may hold anything. What is shown to a person has its control characters made visible, so that
a file cannot drive the terminal; JSON is pure ASCII; only ``--raw`` gives bytes as they came.
"""

import json
import os
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

_STYLES = {"bold": "1", "dim": "2", "red": "31", "yellow": "33"}


def visible(text: object) -> str:
    """The text with every control and direction character shown as an escape. Line ends and tabs stay."""
    return _UNSEEN.sub(
        lambda found: f"\\u{ord(found[0]):04x}" if ord(found[0]) > 255 else f"\\x{ord(found[0]):02x}",
        str(text),
    )


def one_line(text: object) -> str:
    """The text on one line, for a cell of a table."""
    if text is None:
        return "-"
    if isinstance(text, bool):
        return "yes" if text else "no"
    if isinstance(text, Mapping):
        return " ".join(f"{name}={one_line(value)}" for name, value in text.items()) or "-"
    if isinstance(text, list | tuple):
        return ", ".join(one_line(item) for item in text) or "-"
    return visible(" ".join(str(text).split())) or "-"


def short_id(identity: object) -> str:
    """The first eight digits: enough to name a thing on the command line, nearly always."""
    return "-" if identity is None else str(identity)[:8]


def short_time(moment: object) -> str:
    """A time for a person: to the second, in UTC, with a Z."""
    if moment is None:
        return "-"
    text = str(moment)
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%SZ")
    except ValueError:
        return visible(text)


class Talk:
    """How this run of the command line speaks. ``as_json`` and ``debug`` are what the person asked for."""

    def __init__(
        self, *, as_json: bool, debug: bool, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.as_json = as_json
        self.debug = debug
        self._out = out if out is not None else sys.stdout
        self._err = err if err is not None else sys.stderr
        self._answered = False

    @property
    def on_terminal(self) -> bool:
        """Whether a person reads the data as it comes."""
        return self._out.isatty()

    @property
    def _in_colour(self) -> bool:
        return self.on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, document: Any) -> bool:
        """Write the one JSON document of this command and say True; or say False when people are to read.

        Called once in each command; what follows a False is text for people.
        """
        if not self.as_json:
            return False
        if self._answered:
            raise RuntimeError("a command answers with one JSON document")
        self._answered = True
        self._out.write(
            json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False, default=_plain) + "\n"
        )
        return True

    def line(self, text: str = "") -> None:
        """One line of data for people."""
        self._out.write(visible(text) + "\n")

    def heading(self, text: str) -> None:
        """The beginning of a section."""
        shown = visible(text)
        self._out.write(f"\n\x1b[1m{shown}\x1b[0m\n" if self._in_colour else f"\n{shown}\n")

    def styled(self, *parts: tuple[str, str]) -> None:
        """One line of data for people, in parts with their styles: ``bold``, ``dim``, ``red``, ``yellow``, or none.
        In a pipe they are plain."""
        for text, style in parts:
            shown = visible(text)
            code = _STYLES.get(style) if self._in_colour else None
            self._out.write(f"\x1b[{code}m{shown}\x1b[0m" if code and shown else shown)
        self._out.write("\n")

    def fields(self, pairs: Mapping[str, object], *, indent: int = 2) -> None:
        """Names and values below one another; what is unknown is left out."""
        known = {name: value for name, value in pairs.items() if value not in (None, "", [], {}, ())}
        width = max((len(name) for name in known), default=0)
        for name, value in known.items():
            room = max(40, self.width - indent - width - 2) if self.on_terminal else 10_000
            lines = textwrap.wrap(one_line(value), room, break_long_words=False, break_on_hyphens=False) or [
                "-"
            ]
            self._out.write(f"{' ' * indent}{name:<{width}}  {lines[0]}\n")
            for more in lines[1:]:
                self._out.write(f"{' ' * (indent + width + 2)}{more}\n")

    def block(self, text: str, *, indent: int = 2) -> None:
        """A longer text as it is, moved in."""
        for line in text.splitlines():
            self._out.write(f"{' ' * indent}{visible(line)}\n")

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        indent: int = 0,
        optional: Sequence[str] = (),
    ) -> None:
        """A table: drawn on a terminal, plain columns in a pipe. Nothing is cut off in a pipe.

        ``optional`` names the columns that a narrow terminal does without, in the order in which they go.
        """
        cells = [[one_line(value) for value in row] for row in rows]
        if self.on_terminal:
            self._drawn(heads, cells, indent=indent, optional=optional)
            return
        widths = [max(len(row[at]) for row in [list(heads), *cells]) for at in range(len(heads))]
        for row in [[head.upper() for head in heads], *cells]:
            padded = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self._out.write(" " * indent + padded.rstrip() + "\n")

    def _drawn(
        self, heads: Sequence[str], cells: Sequence[Sequence[str]], *, indent: int, optional: Sequence[str]
    ) -> None:
        from rich.console import Console
        from rich.padding import Padding

        from crossdock.cli.drawn import drawn

        console = Console(file=self._out, no_color=not self._in_colour, highlight=False)
        table, left_out = drawn(
            heads, cells, width=console.width - indent, optional=optional, in_colour=self._in_colour
        )
        console.print(Padding(table, (0, 0, 0, indent), expand=False))
        if left_out:
            self.say(f"no room here for: {', '.join(left_out)} (a wider terminal or a pipe shows them)")

    def bytes(self, body: bytes) -> None:
        """Exactly these bytes."""
        self._out.flush()
        self._out.buffer.write(body)
        self._out.buffer.flush()
        self._answered = True

    # ── talk ─────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, sentence: str) -> None:
        """A sentence beside the data."""
        self._out.flush()
        self._err.write(visible(sentence) + "\n")
        self._err.flush()

    def flush(self) -> None:
        """Show what was said until now: what follows takes long."""
        self._out.flush()
        self._err.flush()

    def next_step(self, command: str, why: str = "") -> None:
        """What a person may do now."""
        if not self.as_json:
            self.say(f"next: {command}" + (f"   ({why})" if why else ""))

    def error(
        self, sentence: str, *, error_class: str, exit_code: int, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Why the command did not do what it should: a sentence on standard error, and the same as JSON."""
        if self.as_json and not self._answered:
            self.answer(
                {
                    "error": {
                        "class": error_class,
                        "sentence": sentence,
                        "exit_code": exit_code,
                        **(detail or {}),
                    }
                }
            )
        self.say(f"crossdock: {sentence}")

    @property
    def width(self) -> int:
        """How many columns the terminal has; 100 where there is none."""
        try:
            return os.get_terminal_size(self._out.fileno()).columns
        except (OSError, ValueError):
            return 100


def _plain(value: Any) -> Any:
    """Values of ours that JSON does not know."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("bytes are no JSON: say how they are shown")
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
