"""Routing: CPU time of ours for one event over a table of 50 rows, everything from event to Decision.

``python tests/benchmarks/routing.py [--quick]`` prints the figure beside its limit; exit code 1 when it is over.
Medians of five, in batches of 100, 250 and 500; the events differ from each other and most match a late row.
"""

import argparse
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from canonical import taxonomy
from crossdock.decide.router import Router

ROWS = 50
LIMIT_US = 25.0
BATCHES = (100, 250, 500)


CODES = sorted(code.code for code in taxonomy.codes().values() if "note" in code.actions)


def table_of(rows: int) -> str:
    """A table such as people write: codes, partners, amounts and shares mixed; the last row takes the rest."""
    text = []
    for number in range(rows - 1):
        code, other = CODES[number % len(CODES)], CODES[(number + 3) % len(CODES)]
        when = [
            f'code = "{code}", partner = "partner_{number % 7}"',
            f'code = "{code}", value_at_risk = ">= {1000 + number}"',
            f'code = ["{code}", "{other}"], affected_share = "> 0.{number % 9 + 1}"',
            f'code = "{code}", severity = ["S1", "S2"], customer_tier = "A"',
        ][number % 4]
        text.append(
            f'[[rule]]\nid = "row-{number}"\nwhen = {{ {when} }}\nqueue = "triage"\n'
            f'owner = "team-{number % 5}"\npriority = {number % 99 + 1}\nactions = ["erp:note"]\n'
            'because = "{partner}: {code} of {affected} on {subject}"\n'
        )
    text.append(
        '[[rule]]\nid = "default"\nqueue = "triage"\nowner = "integration"\npriority = 60\n'
        'because = "nobody has a row for {code}"\n'
    )
    return "\n".join(text)


def event(number: int) -> dict[str, Any]:
    """A sealed event of the size and shape of a backorder; each differs in code, partner, amount and tier."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        "data": {
            "code": CODES[(number * 7) % len(CODES)],
            "kind": "fact",
            "severity": f"S{number % 4 + 1}",
            "title": f"a trouble of PO {number}",
            "classification": {"method": "code-map"},
            "refs": [{"kind": "supplier_po", "value": f"45{number:08}", "issuer": "main"}],
            "lines": [
                {
                    "line_ref": "2",
                    "ordered": {"value": "100", "uom": "EA"},
                    "affected": {"value": str(number % 101), "uom": "EA"},
                }
            ],
            "value_at_risk": {"amount": f"{number * 13 % 5000}.25", "currency": "USD"},
            "ext": {"partner": f"partner_{number % 11}", "customer_tier": "AB"[number % 2]},
            "provenance": {"connector": "supplier_edi", "mapping": "x12_855"},
        },
    }


def measure(quick: bool) -> dict[int, float]:
    """CPU microseconds for one event, by batch size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.toml").write_text(table_of(ROWS), encoding="utf-8")
        (folder / "queues.toml").write_text('[queues]\ntriage = "the rest"\n', encoding="utf-8")
        router = Router.load(folder, targets={"erp": ("note",)})
    assert len(router.table.rules) == ROWS
    figures: dict[int, float] = {}
    for size in BATCHES:
        events = [event(number) for number in range(size)]
        decided = router.decide(events)  # warms the engine
        assert all(decision.error is None for decision in decided)
        rounds = max(1, (500 if quick else 5000) // size)
        runs = []
        for _ in range(5):
            begun = time.process_time()
            for _ in range(rounds):
                router.decide(events)
            runs.append((time.process_time() - begun) / rounds / size * 1e6)
        figures[size] = statistics.median(runs)
    return figures


def main(argv: list[str]) -> int:
    """Print name, figure, limit and verdict for each batch size. 0: all are within the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    figures = measure(parser.parse_args(argv).quick)
    for size, figure in figures.items():
        verdict = "pass" if figure <= LIMIT_US else "FAIL"
        print(
            f"routing, {ROWS} rows, batches of {size}: {figure:.1f} us/event CPU (limit {LIMIT_US:.0f}) {verdict}"
        )
    return 0 if all(figure <= LIMIT_US for figure in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
