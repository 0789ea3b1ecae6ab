"""Runs a mapping over its own samples: what the golden files hold.

Each ``samples/NAME.edi`` (or ``.json``, ``.xml``, ``.csv``, ``.xlsx``) has a ``NAME.expected.json`` beside it: the
list of what the mapping says of it, or of why it sets it aside.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from canonical.events import Fact
from crossdock.errors import Unreadable
from crossdock.formats import tabular
from crossdock.mapping import InboundMapping
from crossdock.partners import MappingContext, Partner, Partners
from crossdock.partners.lists import USUAL

RECEIVED_AT: Final = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
TENANT: Final = "main"


def samples(mapping: Path) -> list[Path]:
    """The samples of the mapping in this folder, without their expected results."""
    folder = mapping / "samples"
    return sorted(path for path in folder.iterdir() if not path.name.endswith(".expected.json"))


def expected_path(sample: Path) -> Path:
    """Where the expected result of a sample lies."""
    return sample.with_name(f"{sample.name}.expected.json")


def run(mapping: InboundMapping, sample: Path, partners: Partners) -> list[dict[str, Any]]:
    """What the mapping says of a sample, as JSON values."""
    said: list[dict[str, Any]] = []
    for document, partner in documents(mapping.document, sample, partners, mapping.layout):
        if isinstance(document, tabular.BadRow):
            said.append(_bad_row(document))
            continue
        context = MappingContext(partner=partner, received_at=RECEIVED_AT, tenant=TENANT)
        try:
            statements = [as_dict(statement) for statement in mapping.map(document, context)]
        except Unreadable as error:
            statements = [
                {
                    "set_aside": str(error),
                    "code": error.code,
                    "remedy": error.remedy,
                    "place": dict(error.place.as_dict()),
                }
            ]
        said += statements
    return said


def as_dict(statement: Any) -> dict[str, Any]:
    """A statement as JSON values: its kind, then every field that says something."""
    fields = {
        field.name: value
        for field in dataclasses.fields(statement)
        if (value := getattr(statement, field.name)) not in (None, (), [], {})
    }
    return {"statement": "Fact" if isinstance(statement, Fact) else "ExceptionEvent", **fields}


def _bad_row(row: tabular.BadRow) -> dict[str, Any]:
    """What a row of a list that never reaches the mapping is set aside with."""
    troubles = [
        {"set_aside": one.sentence, "code": one.code, "remedy": one.remedy, "column": one.field}
        for one in row.troubles
    ]
    return {"row": row.number, "troubles": troubles}


def written(said: Sequence[Mapping[str, Any]]) -> str:
    """What a sample says, as its golden file holds it."""
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def documents(
    document: str, sample: Path, partners: Partners, layout: tabular.Layout | None = None
) -> Iterator[tuple[Any, Partner | None]]:
    """The documents of a sample as a mapping gets them, each with the partner that sent it. With a ``layout`` the
    sample is a list as lists usually are, of the first supplier: what one agreed on is another matter."""
    body = sample.read_bytes()
    if layout is not None:
        sender = next((one for one in partners if one.role == "supplier"), None)
        for row in tabular.read(body, layout.called(USUAL.columns, USUAL.key), USUAL.dialect).rows:
            yield row, sender
    elif document.startswith("x12/"):
        from crossdock.formats.x12 import Acknowledgement, TransactionSet, read

        for item in read(body):
            if not isinstance(item, TransactionSet | Acknowledgement):
                continue
            if document == f"x12/{item.set_id if isinstance(item, TransactionSet) else 'TA1'}":
                yield item, partners.find(item.interchange.sender_qualifier, item.interchange.sender)
    elif sample.suffix == ".json":
        from crossdock.formats import json_strict

        yield json_strict.loads(body), None
    else:
        from crossdock.formats import safe_xml

        yield safe_xml.parse(body), None
