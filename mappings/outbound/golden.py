"""Run the mappings that write documents over their own samples: what goes in, and the interchange that comes out.

Each ``samples/NAME.json`` of a mapping holds an event, the arguments of the action, and what is known: facts and
other exceptions. ``NAME.json.expected.edi`` beside it is the interchange, a segment a line; or why none is written.
``python -m mappings.outbound.golden --update`` writes them again; a person then reads the difference.
"""

import argparse
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from crossdock.edi import outgoing
from crossdock.errors import CrossdockError
from crossdock.mapping import Draft, Known, OutboundMapping, Told
from crossdock.messages import Decision
from crossdock.partners import Partner, Partners
from crossdock.registry import Registry

WRITTEN_AT: Final = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
NUMBERS: Final = outgoing.Numbers(interchange=101, group=55, set=7)
TENANT: Final = "main"

_FOLDER: Final = Path(__file__).parent


def mappings(registry: Registry) -> list[OutboundMapping]:
    """Every mapping of this package that writes a document."""
    return [one for _, one in sorted(registry.outbound_mappings().items()) if one.document]


def samples(mapping: OutboundMapping) -> list[Path]:
    """The samples of a mapping, without their expected results."""
    return sorted((_FOLDER / mapping.name / "samples").glob("*.json"))


def expected_path(sample: Path) -> Path:
    """Where the expected result of a sample lies."""
    return sample.with_name(f"{sample.name}.expected.edi")


def partner_of(said: Mapping[str, Any], partners: Partners) -> Partner:
    """The partner of a sample: a packaged profile, with what the sample changes in it."""
    changed = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in said.get("profile", {}).items()
    }
    return replace(partners.named(said["partner"]), **changed)


def known_of(said: Mapping[str, Any], partner: Partner) -> Known:
    """What is known in a sample. The event itself is told by its own arguments."""
    told = [
        Told(event=one["event"], arguments=one.get("arguments"), now=one.get("now", False))
        for one in said.get("told", ())
    ]
    told.append(Told(event=said["event"], arguments=said.get("arguments", {}), now=True))
    return Known(partner=partner, tenant=TENANT, facts=said.get("facts", ()), told=told)


def draft_of(mapping: OutboundMapping, said: Mapping[str, Any], partner: Partner) -> Draft:
    """What the mapping says of a sample. Raises what it raises."""
    event = said["event"]
    decision = Decision(
        event_id=uuid.UUID(event["id"]),
        table="main",
        rule="sample",
        version="0",
        queue="orders",
        owner="customer-service",
        priority=30,
        actions=(),
        because="a sample",
        saw={},
    )
    draft: Draft = mapping.write(
        event,
        decision,
        said.get("arguments", {}),
        exception_id="case-1",
        decision_id="decision-1",
        known=known_of(said, partner),
    )
    return draft


def run(mapping: OutboundMapping, sample: Path, partners: Partners) -> str:
    """What comes of a sample: the interchange, a segment a line, or why there is none."""
    said = json.loads(sample.read_text(encoding="utf-8"))
    partner = partner_of(said, partners)
    try:
        written = outgoing.write(draft_of(mapping, said, partner), partner, NUMBERS, WRITTEN_AT)
    except CrossdockError as error:
        return f"not written: {error}\n"
    end = partner.segment
    return written.body.body.decode().replace(end, f"{end}\n")


def _differing(registry: Registry) -> Iterator[tuple[Path, str]]:
    partners = Partners.load()
    for mapping in mappings(registry):
        for sample in samples(mapping):
            said = run(mapping, sample, partners)
            path = expected_path(sample)
            if not path.is_file() or path.read_text(encoding="utf-8") != said:
                yield path, said


def main(arguments: list[str]) -> int:
    """Compare every sample with its expected result, or write the results anew. 0: all agree."""
    parser = argparse.ArgumentParser(prog="python -m mappings.outbound.golden", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the expected results anew")
    update = parser.parse_args(arguments).update
    differ = 0
    for path, said in _differing(Registry()):
        differ += 1
        sys.stdout.write(f"{'written' if update else 'differs'}: {path}\n")
        if update:
            path.write_text(said, encoding="utf-8")
    return 0 if update or not differ else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
