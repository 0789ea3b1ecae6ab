"""A list drawn for a terminal of so many columns: a word is never broken where another way is left.

Every column but the last stands on one line. The last holds the free text, and folds between words. What does not
fit is made to fit in this order: titles stand in several lines, the columns that may be missing go, one after
another, and at the very end the widest column ends in an ellipsis.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.table import Table

GAP: Final = 2
LAST_AT_LEAST: Final = 24
"""The free text is not pressed into less than this many columns while another column may go."""

LEAST: Final = 4
"""No column is pressed into less."""


def drawn(
    heads: Sequence[str],
    cells: Sequence[Sequence[str]],
    *,
    width: int,
    optional: Sequence[str] = (),
    in_colour: bool = False,
) -> "tuple[Table, list[str]]":
    """The table, and the titles that were left out of it. ``optional`` names titles in the order in which they go."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = list(range(len(heads)))
    left_out: list[str] = []
    for title in optional:
        if _whole(_widths(heads, cells, shown)) <= width:
            break
        if title in heads:
            shown.remove(heads.index(title))
            left_out.append(title)
    table = Table(
        box=box.SIMPLE_HEAD,
        header_style="bold" if in_colour else "",
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
    )
    for at, room in zip(shown, _pressed(_widths(heads, cells, shown), width), strict=True):
        last = at == shown[-1]
        table.add_column(
            Text(heads[at] if last else _title(heads[at], room)),
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
            width=None if last else room,
        )
    for row in cells:
        table.add_row(*(Text(row[at]) for at in shown))
    return table, left_out


def _widths(heads: Sequence[str], cells: Sequence[Sequence[str]], shown: Sequence[int]) -> list[int]:
    """What each of these columns needs: its longest cell, the longest word of its title; less for the last."""
    widths = [_width_of([*heads[at].split(), *(row[at] for row in cells)]) for at in shown]
    return [*widths[:-1], min(widths[-1], LAST_AT_LEAST)]


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _pressed(widths: list[int], width: int) -> list[int]:
    """The widths made to fit by the widest column between the first, which names the thing, and the last."""
    between = range(1, len(widths) - 1)
    while _whole(widths) > width and between:
        widest = max(between, key=lambda at: widths[at])
        if widths[widest] <= LEAST:
            break
        widths[widest] -= 1
    return widths


def _title(head: str, room: int) -> str:
    """The title in lines no wider than its column needs, broken between words alone."""
    lines: list[str] = []
    for word in head.split():
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def _width_of(texts: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, texts), default=0)
