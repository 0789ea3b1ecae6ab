"""Numbers that a person names, in the place of those that the store says are open: to try a source that inquires."""

from collections.abc import Sequence

from crossdock.ports import OpenNumber, Question


class GivenNumbers:
    """Inquiries about these numbers, in this order; none of them was answered before."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self._numbers = numbers

    def open(self, question: Question, *, after: str, most: int) -> Sequence[OpenNumber]:
        """See ``ports.Inquiries``. What a person names is asked about, whatever its form."""
        begin = int(after or "0")
        places = range(begin, min(begin + most, len(self._numbers)))
        return [OpenNumber(number=self._numbers[at], place=str(at + 1)) for at in places]

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        """See ``ports.Inquiries``."""
        return frozenset()
