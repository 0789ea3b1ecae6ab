"""The schemas of Crossdock, by name and version, as we write (strict) and as others should read (lenient).

A version is a folder: ``canonical/schemas/<name>/<version>/schema.json`` with ``examples/valid`` and
``examples/hostile`` beside it. The lenient schema is not kept: it is made of the strict one, by two rules:
what is closed is opened, and a subschema with ``x-lenient`` is replaced by what stands there, so that a reader of 1.0
accepts the new fields and the new codes of a 1.1.
"""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

FOLDER: Final[Traversable] = files("canonical") / "schemas"

Mode = Literal["strict", "lenient"]


def names(folder: Traversable = FOLDER) -> dict[str, list[str]]:
    """Every schema with its versions, oldest first: ``{"exception-event": ["1.0"], "fact": ["1.0"]}``."""
    return {
        schema.name: sorted(
            (version.name for version in schema.iterdir() if version.is_dir()), key=as_numbers
        )
        for schema in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if schema.is_dir()
    }


def as_numbers(version: str) -> tuple[int, ...]:
    """Versions in their order: 1.10 comes after 1.9."""
    return tuple(int(number) for number in version.split("."))


def load(name: str, version: str, mode: Mode = "strict", *, folder: Traversable = FOLDER) -> dict[str, Any]:
    """One schema as a dictionary that the caller may keep. ``FileNotFoundError`` names what there is."""
    file = folder / name / version / "schema.json"
    if not file.is_file():
        there = ", ".join(f"{known} {v}" for known, versions in names(folder).items() for v in versions)
        raise FileNotFoundError(f"there is no schema {name} {version}; there are: {there}")
    strict: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return strict if mode == "strict" else lenient(strict)


def lenient(strict: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reader uses: unknown fields and new words of open lists pass, wrong values do not."""
    opened: dict[str, Any] = _opened(strict)
    opened["$id"] = f"{strict['$id']}:lenient"
    return opened


def _opened(node: Any) -> Any:
    if isinstance(node, list):
        return [_opened(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "x-lenient" in node:
        return _opened(node["x-lenient"])
    return {
        key: _opened(part)
        for key, part in node.items()
        if not (key in ("additionalProperties", "unevaluatedProperties") and part is False)
    }
