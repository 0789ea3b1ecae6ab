"""Run a mapping over its own samples: what the golden files hold, and how they are made anew.

Each ``samples/NAME.edi`` (or ``.json``, ``.xml``) has a ``NAME.expected.json`` beside it: the list of what the
mapping says of it, or of why it sets it aside. ``python -m mappings.golden --update`` writes them again; a person
then reads the difference before it is committed.
"""

import argparse
import dataclasses
import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from canonical.events import Fact
from crossdock.errors import Unreadable
from crossdock.fields import load
from crossdock.partners import MappingContext, Partner, Partners
from crossdock.registry import FIELDS_NAME

RECEIVED_AT: Final = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
TENANT: Final = "main"

_FOLDER: Final = Path(__file__).parent / "inbound"


def mappings() -> Iterator[ModuleType]:
    """Every inbound mapping of this package."""
    for folder in sorted(_FOLDER.iterdir()):
        name = f"mappings.inbound.{folder.name}"
        if (folder / "__init__.py").is_file():
            yield importlib.import_module(name)
        elif (folder / FIELDS_NAME).is_file():
            yield load(folder).as_module(name)


def samples(mapping: ModuleType) -> list[Path]:
    """The samples of a mapping, without their expected results."""
    folder = Path(str(mapping.__file__)).parent / "samples"
    return sorted(path for path in folder.iterdir() if not path.name.endswith(".expected.json"))


def expected_path(sample: Path) -> Path:
    """Where the expected result of a sample lies."""
    return sample.with_name(f"{sample.name}.expected.json")


def run(mapping: ModuleType, sample: Path, partners: Partners) -> list[dict[str, Any]]:
    """What the mapping says of a sample, as JSON values."""
    said: list[dict[str, Any]] = []
    for document, partner in _documents(mapping.DOCUMENT, sample, partners):
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


def _documents(document: str, sample: Path, partners: Partners) -> Iterator[tuple[Any, Partner | None]]:
    body = sample.read_bytes()
    if document.startswith("x12/"):
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


def main(arguments: list[str]) -> int:
    """Compare every sample with its expected result, or write the results anew. 0: all agree."""
    parser = argparse.ArgumentParser(prog="python -m mappings.golden", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the expected results anew")
    update = parser.parse_args(arguments).update
    partners = Partners.load()
    differ = 0
    for mapping in mappings():
        for sample in samples(mapping):
            said = json.dumps(run(mapping, sample, partners), indent=1, ensure_ascii=False) + "\n"
            path = expected_path(sample)
            if path.is_file() and path.read_text(encoding="utf-8") == said:
                continue
            differ += 1
            sys.stdout.write(f"{'written' if update else 'differs'}: {path}\n")
            if update:
                path.write_text(said, encoding="utf-8")
    return 0 if update or not differ else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
