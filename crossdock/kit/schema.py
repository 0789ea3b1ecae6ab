"""Reads a connector.toml against ``connector.schema.json``: what is wrong is one sentence with file, line and remedy.

The schema is the only place that says which keys there are; editors, the docs pages and the conformance kit read the
same file. A property's ``x-wanted`` is how people are told what belongs there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crossdock.errors import Misconfigured
from crossdock.toml_lines import TomlFile, did_you_mean

if TYPE_CHECKING:
    import jsonschema_rs

SCHEMA_FILE: Final = Path(__file__).with_name("connector.schema.json")

_KINDS: Final[Mapping[str, str]] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}

Schema = Mapping[str, Any]
Way = tuple[str, ...]


@cache
def schema() -> Schema:
    """The JSON Schema of a connector.toml."""
    loaded: Schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return loaded


def read(file: TomlFile, values: Mapping[str, Any]) -> dict[str, Any]:
    """These values of this file as plain JSON values, defaults filled in. Raises ``Misconfigured``."""
    plain: dict[str, Any] = _plain(values)
    errors = sorted(_validator().iter_errors(plain), key=_first)
    if errors:
        _refuse(file, errors[0], plain)
    return _with_defaults(plain, schema())


def declared(*way: str) -> Schema:
    """What the schema says about the key at this way, its reference followed. Empty when it says nothing."""
    found: Schema = schema()
    for name in way:
        found = _resolved(found)
        table = found.get("properties", {}).get(name, found.get("additionalProperties"))
        if not isinstance(table, Mapping):
            return {}
        found = table
    return _resolved(found)


def keys(*way: str) -> Iterator[tuple[str, Schema]]:
    """The keys of the table at this way that are no tables themselves, in the order in which they are told."""
    for name in declared(*way).get("properties", {}):
        said = declared(*way, name)
        if "properties" not in said:
            yield name, said


def wanted(said: Schema) -> str:
    """How people are told what belongs under a key."""
    if "x-wanted" in said:
        return str(said["x-wanted"])
    if "enum" in said:
        return f"one of {', '.join(said['enum'])}"
    return _KINDS.get(str(said.get("type", "")), "a value")


@cache
def _validator() -> "jsonschema_rs.Draft202012Validator":
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA_FILE.read_text("utf-8")))


def _first(error: "jsonschema_rs.ValidationError") -> tuple[int, int, list[str]]:
    """A key that is misspelt is unknown and lacking at once: the unknown one is told, and the outermost table."""
    order = {"additionalProperties": 0, "propertyNames": 0, "required": 1}
    return (
        len(error.instance_path),
        order.get(error.kind.name, 2),
        [str(part) for part in error.instance_path],
    )


def _refuse(file: TomlFile, error: "jsonschema_rs.ValidationError", values: Mapping[str, Any]) -> None:
    way = _way(error.instance_path)
    table = f"[{'.'.join(way)}]" if way else "the file"
    details = error.kind.as_dict()
    match error.kind.name:
        case "additionalProperties":
            unknown = next(key for key in _at(values, way) if key in details["unexpected"])
            known = list(declared(*way).get("properties", {}))
            raise Misconfigured(
                f"unknown key {unknown!r} in {table}{did_you_mean(unknown, known)}",
                where=file.at(*way, unknown),
            )
        case "required":
            missing = details["property"]
            raise Misconfigured(f"{table} lacks {missing!r}; add it", where=file.at(*way))
    said = declared(*way)
    raise Misconfigured(f"{way[-1]!r} must be {wanted(said)}, not {_at(values, way)!r}", where=file.at(*way))


def _way(path: Sequence[str | int]) -> Way:
    """The key that an error is about: an element of a list is told with its list."""
    way: list[str] = []
    for part in path:
        if isinstance(part, int):
            break
        way.append(part)
    return tuple(way)


def _at(values: Any, way: Way) -> Any:
    for name in way:
        values = values[name]
    return values


def _resolved(said: Schema) -> Schema:
    """A schema with its reference followed; what stands beside the reference counts more."""
    while "$ref" in said:
        name = str(said["$ref"]).removeprefix("#/$defs/")
        said = {**schema()["$defs"][name], **{key: value for key, value in said.items() if key != "$ref"}}
    return said


def _with_defaults(values: Mapping[str, Any], said: Schema) -> dict[str, Any]:
    said = _resolved(said)
    filled = dict(values)
    every = said.get("additionalProperties")
    if isinstance(every, Mapping):
        filled = {
            name: _with_defaults(value, every) if isinstance(value, Mapping) else value
            for name, value in filled.items()
        }
    for name, part in said.get("properties", {}).items():
        part = _resolved(part)
        if name not in filled and "default" in part:
            filled[name] = json.loads(json.dumps(part["default"]))
        elif isinstance(filled.get(name), Mapping):
            filled[name] = _with_defaults(filled[name], part)
    return filled


def _plain(value: Any) -> Any:
    """TOML values as JSON has them: ordinary floats (a setting is no money), and moments as texts."""
    match value:
        case Decimal():
            return float(value)
        case datetime() | date() | time():
            return value.isoformat().replace("+00:00", "Z")
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value
