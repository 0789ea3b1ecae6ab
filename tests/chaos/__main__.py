"""``python -m tests.chaos``: the kill sweep. Exit code 0: every promise held; 1: one did not; 2: usage."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from crossdock.faultpoints import KINDS, POINTS
from tests.chaos.sweep import Result, Sweep, every_case, never_met, own_server, table
from tests.chaos.sweep import sweep as swept


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--only", action="append", default=[], metavar="POINT", help="points that begin so")
    options.add_argument("--kind", action="append", default=[], choices=KINDS, help="these kinds only")
    options.add_argument("--nth", action="append", default=[], type=int, help="these times only (1 and 2)")
    options.add_argument("--json", action="store_true", help="a line of JSON for each case")
    options.add_argument("--seed", type=int, default=1, help="which lies the ERP tells")
    options.add_argument("--list", action="store_true", help="say what would be tried")
    asked = options.parse_args(arguments)
    if unknown := [one for one in asked.only if not any(point.startswith(one) for point in POINTS)]:
        options.error(f"no fault point begins with {', '.join(unknown)}")
    cases = every_case(asked.only, asked.kind or KINDS, asked.nth or (1, 2))
    if asked.list:
        print("\n".join(map(str, cases)))
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
    home = Path(tempfile.mkdtemp(prefix="crossdock-chaos-db-", dir="/tmp"))
    try:
        new, drop, end = own_server(home)
        try:
            with Sweep(new_database=new, drop_database=drop, seed=asked.seed) as runner:
                for result in swept(runner, cases, seen):
                    results.append(result)
        finally:
            end()
    finally:
        shutil.rmtree(home, ignore_errors=True)
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
