"""How much faster an event is judged than by jsonschema alone.

The peer is what one would write with jsonschema: the validator built once, formats asserted. Both judge our 2 KB
example, interleaved, in CPU time of this process; the figure is the median of the rounds' ratios.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from time import process_time

from jsonschema import Draft202012Validator, FormatChecker

from canonical import schemas
from canonical.validate import Validator

LIMIT = 100.0
EXAMPLE = Path(schemas.__file__).parent / "schemas/exception-event/1.0/examples/valid/855-backorder.json"


def ratio(rounds: int, calls: int) -> float:
    """How many times the CPU time of ours is in that of cached jsonschema; the median of the rounds."""
    document = json.loads(EXAMPLE.read_text("utf-8"))
    peer = Draft202012Validator(schemas.load("exception-event", "1.0"), format_checker=FormatChecker())
    ours = Validator("exception-event", "1.0")
    assert peer.is_valid(document) and ours.is_valid(document)
    found = []
    for _ in range(rounds):
        began = process_time()
        for _ in range(calls):
            peer.is_valid(document)
        between = process_time()
        for _ in range(calls * 50):
            ours.is_valid(document)
        found.append((between - began) * 50 / (process_time() - between))
    return statistics.median(found)


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a fifth of the calls; the same rounds")
    chosen = options.parse_args(argv)
    figure = ratio(rounds=5, calls=20 if chosen.quick else 100)
    passed = figure >= LIMIT
    verdict = "pass" if passed else "FAIL"
    print(f"canonical validation, x cached jsonschema: {figure:.0f} (at least {LIMIT:.0f}) {verdict}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
