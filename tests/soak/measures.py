"""What a soak measures of processes, and the rules by which a line counts as flat."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

RSS_GROWTH: Final = 1.15
RSS_SLACK_MB: Final = 8.0
FD_SLACK: Final = 8
P99_GROWTH: Final = 1.5
P99_SLACK_S: Final = 0.25

RULES: Final = {
    "memory": f"the median of the last third is at most {RSS_GROWTH:.2f} times that of the second sixth, "
    f"and {RSS_SLACK_MB:.0f} MB",
    "descriptors": f"the most in the last third is at most the most in the first third, and {FD_SLACK}",
    "p99": f"the median p99 of the last third is at most {P99_GROWTH:.1f} times that of the first, and "
    f"{P99_SLACK_S:.2f} s",
}
"""What flat means. The first sixth of a memory line is the program coming up, and is left out."""


@dataclass(slots=True)
class Line:
    """One thing over time."""

    values: list[float] = field(default_factory=list)

    def third(self, place: int) -> Sequence[float]:
        size = max(1, len(self.values) // 3)
        return self.values[:size] if place == 0 else self.values[-size:]


@dataclass(slots=True)
class Process:
    """A process that lives through the whole soak."""

    name: str
    pid: int
    rss_mb: Line = field(default_factory=Line)
    descriptors: Line = field(default_factory=Line)

    def look(self) -> None:
        folder = Path(f"/proc/{self.pid}")
        pages = int((folder / "statm").read_text().split()[1])
        self.rss_mb.values.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        self.descriptors.values.append(float(len(list((folder / "fd").iterdir()))))

    @property
    def memory_is_flat(self) -> bool:
        values = self.rss_mb.values
        early = values[len(values) // 6 : max(len(values) // 3, len(values) // 6 + 1)]
        late = self.rss_mb.third(2)
        if not early or not late:
            return False
        return statistics.median(late) <= RSS_GROWTH * statistics.median(early) + RSS_SLACK_MB

    @property
    def descriptors_are_flat(self) -> bool:
        line = self.descriptors
        return bool(line.values) and max(line.third(2)) <= max(line.third(0)) + FD_SLACK


def p99_by_minute(answered: Sequence[tuple[float, float]], *, every_s: float = 30.0) -> Line:
    """The 99th percentile of each half minute, of what was answered the first time it was sent."""
    if not answered:
        return Line()
    began = min(at for at, _ in answered)
    by_slot: dict[int, list[float]] = {}
    for at, took in answered:
        by_slot.setdefault(int((at - began) / every_s), []).append(took)
    return Line(
        values=[
            sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]
            for _, times in sorted(by_slot.items())
            if len(times) >= 20
        ]
    )


def p99_is_flat(line: Line) -> bool:
    if not line.values:
        return False
    return statistics.median(line.third(2)) <= P99_GROWTH * statistics.median(line.third(0)) + P99_SLACK_S
