"""The golden samples of our own mappings: all of them, and how they are made anew.

``python -m mappings.golden --update`` writes the expected results again; a person then reads the difference before
it is committed. What a sample says is computed by ``crossdock.kit.golden``, as for anybody's mapping.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from crossdock.fields import load
from crossdock.kit import golden
from crossdock.kit.golden import RECEIVED_AT, TENANT, as_dict, documents, expected_path
from crossdock.mapping import FIELDS_NAME, InboundMapping
from crossdock.partners import Partners

__all__ = ["RECEIVED_AT", "TENANT", "as_dict", "documents", "expected_path", "mappings", "run", "samples"]

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
    return golden.samples(Path(str(mapping.__file__)).parent)


def run(mapping: ModuleType, sample: Path, partners: Partners) -> list[dict[str, Any]]:
    """What the mapping says of a sample, as JSON values."""
    loaded = InboundMapping(
        name=mapping.__name__,
        document=mapping.DOCUMENT,
        version=mapping.VERSION,
        map=mapping.map,
        layout=getattr(mapping, "LAYOUT", None),
    )
    return golden.run(loaded, sample, partners)


def main(arguments: list[str]) -> int:
    """Compare every sample with its expected result, or write the results anew. 0: all agree."""
    parser = argparse.ArgumentParser(prog="python -m mappings.golden", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the expected results anew")
    update = parser.parse_args(arguments).update
    partners = Partners.load()
    differ = 0
    for mapping in mappings():
        for sample in samples(mapping):
            said = golden.written(run(mapping, sample, partners))
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
