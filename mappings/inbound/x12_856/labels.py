"""The labels of cartons and pallets in a 856: whether each has an SSCC, a right one, and one of its own.

Source: GS1 General Specifications (SSCC: 18 digits, the last a check digit; application identifier 00). X12 004010
segment MAN: MAN01 [88] ``GM`` is an SSCC with its application identifier, ``AA`` one without it; MAN02 and MAN03 are
the first and last of a range. REF*LS is the bar-coded serial number that some trades label with instead.
"""

from typing import Final

SSCC_MARKS: Final = frozenset({"GM", "AA"})
PACKS: Final = frozenset({"P", "T"})
"""HL03 [735] of what bears a label: packs and tares (pallets)."""

_LENGTH: Final = 18


def right(bare: str) -> bool:
    """Whether this is an SSCC without its application identifier: 18 digits, the last of which checks the others."""
    if len(bare) != _LENGTH or not (bare.isascii() and bare.isdigit()):
        return False
    # from the right the digits before the check digit weigh 3, 1, 3, 1, ...
    weighed = sum(map(int, bare[16::-2])) * 3 + sum(map(int, bare[15::-2]))
    return (10 - weighed % 10) % 10 == int(bare[17])


class Labels:
    """The SSCCs of one ship notice, and what is wrong with them."""

    __slots__ = ("_seen", "count", "missing", "twice", "wrong")

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self.count = 0
        self.missing: list[tuple[int, str]] = []
        """(position of the HL, its number)."""
        self.wrong: list[tuple[int, str]] = []
        """(position of the HL, the SSCC)."""
        self.twice: list[tuple[int, str]] = []

    def take(self, position: int, number: str, pack: bool, values: list[str], labelled: bool) -> None:
        """One level with its SSCCs, bare. ``labelled``: it bears a label of another kind."""
        if pack and not values and not labelled:
            self.missing.append((position, number))
        for value in dict.fromkeys(values):
            self.count += 1
            if not right(value):
                self.wrong.append((position, value))
            elif value in self._seen:
                self.twice.append((position, value))
            else:
                self._seen[value] = position
