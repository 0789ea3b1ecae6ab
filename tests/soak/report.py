"""The report of a soak, for people: what was done to the hub, and what came of it."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crossdock.testing.total_queue import Account
from tests.soak.measures import RULES, Line, Process


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """A soak that is over."""

    began_at: datetime
    minutes: float
    rate: float
    seed: int
    account: Account
    doubled: Mapping[str, int]
    balances: Sequence[Mapping[str, Any]]
    states: Mapping[str, int]
    letters: Mapping[str, int]
    calls: tuple[int, int]
    refused: int
    kills: Mapping[str, int]
    rested_s: float | None
    watched: Sequence[Process]
    p99: Line
    p99_flat: bool

    @property
    def balance(self) -> int:
        return sum(abs(row["balance"]) + row["missing_parts"] + row["unexplained"] for row in self.balances)

    @property
    def is_good(self) -> bool:
        flat = all(one.memory_is_flat and one.descriptors_are_flat for one in self.watched)
        return (
            self.account.is_clean
            and not self.doubled
            and not self.balance
            and self.rested_s is not None
            and flat
            and self.p99_flat
        )


def written(soak: Soak) -> str:
    """The report, as markdown."""
    account = soak.account
    rest = "never" if soak.rested_s is None else f"{soak.rested_s:.0f} s after the last message was sent"
    lines = [
        "# Soak",
        "",
        f"`make soak MINUTES={soak.minutes:g}`, begun {soak.began_at:%Y-%m-%d %H:%M} UTC, seed {soak.seed}, on "
        f"{os.cpu_count()} cores ({platform.system()} {platform.machine()}, Python {platform.python_version()}). "
        "Everything on one machine: the sender, the receiver (`crossdock serve`), two workers, PostgreSQL, the ERP.",
        "",
        f"A sender pushes {soak.rate:g} order holds a second as signed webhooks, each again until it is "
        "acknowledged. The hub writes a note for each to an ERP that lies to one call in twenty (effect and reset, "
        "effect and silence, effect and 500, 200 with HTML, 503). PostgreSQL is killed with `kill -9` every 5 to "
        "40 s and is gone for up to 2 s; one of the two workers is killed with `kill -9` every 10 to 60 s.",
        "",
        "| | |",
        "|---|---|",
        f"| attempted | {account.attempted} |",
        f"| acknowledged | {account.acknowledged} |",
        f"| seen in the ERP's own books | {account.seen} |",
        f"| **lost** | **{len(account.lost)}** |",
        f"| **duplicate effects** | **{len(account.duplicated) + len(soak.doubled)}** |",
        f"| **unexpected** | **{len(account.unexpected)}** |",
        f"| recovered | {len(account.recovered)} |",
        f"| **balance of the ledger** | **{soak.balance}** |",
        f"| at rest | {rest} |",
        f"| database killed | {soak.kills.get('database', 0)} times |",
        f"| worker killed | {soak.kills.get('worker', 0)} times |",
        f"| pushes answered with 503 or not at all, and sent again | {soak.refused} |",
        f"| write-backs, attempts | {soak.calls[0]}, {soak.calls[1]} |",
        f"| states of the write-backs | {', '.join(f'{k} {v}' for k, v in sorted(soak.states.items()))} |",
        f"| open dead letters | {sum(soak.letters.values())} |",
        "",
        *(f"* {count} × {sentence}" for sentence, count in sorted(soak.letters.items())),
        "",
        "## Over time",
        "",
        "| | first third | last third | flat |",
        "|---|---|---|---|",
    ]
    for process in soak.watched:
        lines.append(
            _row(f"memory of the {process.name} (MB, median)", process.rss_mb, process.memory_is_flat, ".0f")
        )
        lines.append(
            _row(
                f"descriptors of the {process.name} (median)",
                process.descriptors,
                process.descriptors_are_flat,
                ".0f",
            )
        )
    lines.append(
        _row("p99 of an acknowledgement (s, median over half minutes)", soak.p99, soak.p99_flat, ".3f")
    )
    lines += ["", "Flat means:", ""]
    lines += [f"* {name}: {rule}" for name, rule in RULES.items()]
    lines += ["", f"**{'Held.' if soak.is_good else 'NOT held.'}**", ""]
    return "\n".join(lines)


def _row(name: str, line: Line, flat: bool, form: str) -> str:
    if not line.values:
        return f"| {name} | | | no |"
    first, last = statistics.median(line.third(0)), statistics.median(line.third(2))
    return f"| {name} | {first:{form}} | {last:{form}} | {'yes' if flat else 'NO'} |"
