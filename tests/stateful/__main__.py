"""``python -m tests.stateful --examples 2000``: many lives of a hub. Exit code 0: all promises held; 1: not so."""

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

from tests.stateful.lives import live

SHARE: Final = 200
"""Lives of one seed, on one database: the seed and its place among the shares give the same lives again."""


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.stateful", description=__doc__)
    options.add_argument("--examples", type=int, default=2000)
    options.add_argument("--steps", type=int, default=20, help="at most so many in one life")
    options.add_argument("--seed", type=int, default=None, help="the same lives again")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many processes at once")
    asked = options.parse_args(arguments)
    if asked.jobs < 1 or asked.examples < 1:
        options.error("--jobs and --examples are at least 1")
    chosen = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"{asked.examples} lives of at most {asked.steps} steps, seed {chosen}", flush=True)
    began = time.monotonic()
    shares = [min(SHARE, asked.examples - first) for first in range(0, asked.examples, SHARE)]
    did: Counter[str] = Counter()
    lived, broken = 0, 0
    with ProcessPoolExecutor(min(asked.jobs, len(shares)), multiprocessing.get_context("spawn")) as pool:
        running = {
            pool.submit(live, share, asked.steps, chosen + place): share for place, share in enumerate(shares)
        }
        for one in as_completed(running):
            found, done = one.result()
            did += done
            broken += bool(found)
            lived += running[one]
            print(found or f"[{lived}/{asked.examples}] held", flush=True)
    for what, count in did.most_common():
        print(f"{what}: {count} times")
    if broken:
        return 1
    print(f"every promise held after every step, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
