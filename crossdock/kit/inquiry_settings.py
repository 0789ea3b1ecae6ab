"""What may be set for a source that asks about open numbers."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InquirySettings:
    """``[source.settings]`` of a source that inquires.

    ``path``: of the call. ``carriers``: SCACs. ``form``: a regular expression for the carrier's numbers.
    ``check_number``: a number of the carrier's own for tests, for ``connector check``.
    ``days``: what was shipped longer ago is given up. ``round_s``: a number is asked at most so often.
    ``numbers_per_call`` and ``numbers_per_run``: how many are asked at once, and before the next run goes on.
    """

    path: str
    carriers: tuple[str, ...]
    form: str
    check_number: str
    days: int = 45
    round_s: int = 3600
    numbers_per_call: int = 1
    numbers_per_run: int = 300
    deadline_s: float = 30.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        try:
            re.compile(self.form)
        except re.error as error:
            raise ValueError(f"form {self.form!r} is no regular expression: {error}") from error
        if not re.fullmatch(self.form, self.check_number):
            raise ValueError(f"check_number {self.check_number!r} has not the form {self.form!r}")
        for name in ("days", "round_s", "numbers_per_call", "numbers_per_run"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be above 0")
