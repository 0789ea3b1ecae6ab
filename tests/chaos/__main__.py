"""``python -m tests.chaos``: the kill sweep. Exit code 0: every promise held; 1: one did not; 2: usage."""

import argparse
import os
import sys

from crossdock.faultpoints import KINDS, POINTS
from tests.chaos.sweep import NOT_IN_THE_DAY, Result, every_case, never_met, table
from tests.chaos.sweep import sweep as swept


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--only", action="append", default=[], metavar="POINT", help="points that begin so")
    options.add_argument("--kind", action="append", default=[], choices=KINDS, help="these kinds only")
    options.add_argument("--nth", action="append", default=[], type=int, help="these times only (1 and 2)")
    options.add_argument("--json", action="store_true", help="a line of JSON for each case")
    options.add_argument("--seed", type=int, default=1, help="which lies the ERP tells")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at once")
    options.add_argument("--list", action="store_true", help="say what would be tried")
    asked = options.parse_args(arguments)
    if unknown := [one for one in asked.only if not any(point.startswith(one) for point in POINTS)]:
        options.error(f"no fault point begins with {', '.join(unknown)}")
    if asked.jobs < 1:
        options.error("--jobs is at least 1")
    cases = every_case(asked.only, asked.kind or KINDS, asked.nth or (1, 2))
    if asked.list:
        print("\n".join(map(str, cases)))
        for point, test in NOT_IN_THE_DAY.items():
            print(f"{point}: not in the day; {test}")
        return 0

    def seen(result: Result) -> None:
        if asked.json:
            print(result.as_json(), flush=True)
            return
        place = len(results) + 1
        word = "held" if result.held else "BROKEN"
        met = "" if result.reached else " (not met)"
        print(
            f"[{place}/{len(cases)}] {result.case}: {word}{met}, {result.restarts} restarts, {result.seconds} s",
            flush=True,
        )
        for violation in result.violations:
            print(f"    {violation}", flush=True)

    results: list[Result] = []

    def ended(result: Result) -> None:
        seen(result)
        results.append(result)

    swept(cases, seed=asked.seed, jobs=asked.jobs, seen=ended)
    results.sort(key=lambda one: cases.index(one.case))
    broken = [result for result in results if not result.held]
    unmet = never_met(results)
    if not asked.json:
        print()
        print(table(results))
        print(
            f"\n{len(results)} cases, {sum(one.reached for one in results)} met their point, {len(broken)} broken"
        )
        for point in unmet:
            print(f"{point} was met by no case: its promises were not tried")
    return 1 if broken or unmet else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
