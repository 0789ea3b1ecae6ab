"""Whether a control number came before, without keeping every one of them."""

from bisect import bisect_right


class ControlNumbers:
    """The control numbers met so far, kept as runs, so that memory stays small where they count upwards.

    ``last`` ends the run met last, of numbers with ``width`` digits. Whoever meets ``last + 1`` below
    ``ceiling``, in that width and for the same owner, may add it by raising ``last``.
    """

    __slots__ = ("_at", "_cap", "_lasts", "_others", "_runs", "_size", "ceiling", "last", "width")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._size = 0
        self._runs: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
        self._others: set[tuple[str, str]] = set()
        self._lasts = [0]
        self._at = self.last = self.width = self.ceiling = 0

    def add(self, number: str, owner: str = "") -> bool | None:
        """True: new. False: met before. ``None``: not known, for there are more runs than the cap."""
        if not number.isdecimal() or len(number) > 18:
            if (owner, number) in self._others:
                return False
            if self._size >= self._cap:
                return None
            self._size += 1
            self._others.add((owner, number))
            return True
        self._lasts[self._at] = self.last
        value, width = int(number), len(number)
        begins, lasts = self._runs.get((owner, width)) or ([], [])
        at = bisect_right(begins, value) - 1
        if at >= 0 and value <= lasts[at]:
            return False
        if at >= 0 and value == lasts[at] + 1:
            lasts[at] = value
        elif self._size >= self._cap:
            return None
        else:
            self._size += 1
            self._runs[owner, width] = begins, lasts
            at += 1
            begins.insert(at, value)
            lasts.insert(at, value)
        self._at, self._lasts, self.last, self.width = at, lasts, value, width
        self.ceiling = begins[at + 1] if at + 1 < len(begins) else 10**18
        return True
