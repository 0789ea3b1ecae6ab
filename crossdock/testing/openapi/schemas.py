"""The schemas of an OpenAPI description as JSON Schema 2020-12, which is what the validator reads.

OpenAPI 3.1 schemas are JSON Schema already. OpenAPI 3.0 and Swagger 2 have a dialect of their own (``nullable``, a
boolean ``exclusiveMinimum``), and what vendors publish has slips in it as well: a pattern that does not compile, a
``required: true`` on a property, a type that does not exist. A slip is left out of what is checked and told as a
*defect*, so that nobody believes it was checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

BASE: Final = "urn:contract"
"""Where the whole description lies in the registry: every local reference is made absolute with it."""

Json = Any
"""A JSON value as Python reads it."""

_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BOUNDS: Final = ("minimum", "maximum", "multipleOf")
_EXCLUSIVE: Final = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_MAPS: Final = ("properties", "patternProperties", "definitions", "$defs")
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLES: Final = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_HOLDERS: Final = ("schemas", "definitions")
"""Where a description keeps its named schemas: ``components/schemas`` and Swagger's ``definitions``."""


def translated(document: Mapping[str, Json]) -> tuple[dict[str, Json], tuple[str, ...]]:
    """The description with every schema in it translated, and its defects as sentences with their place."""
    work = _Translation(document, nullable_word="x-nullable" if "swagger" in document else "nullable")
    return work.anything(document, "#"), tuple(work.defects)


class _Translation:
    """One walk through one description."""

    def __init__(self, document: Mapping[str, Json], *, nullable_word: str) -> None:
        self._document = document
        self._nullable = nullable_word
        self.defects: list[str] = []

    def anything(self, node: Json, place: str) -> Json:
        """Whatever stands outside of the schemas: copied, until a schema begins."""
        match node:
            case {"$ref": str(pointer)}:
                return self._referring(pointer, place)
            case dict():
                return {
                    key: self._under(key, value, f"{place}/{_escaped(key)}") for key, value in node.items()
                }
            case list():
                return [self.anything(item, f"{place}/{index}") for index, item in enumerate(node)]
        return node

    def _under(self, key: str, value: Json, place: str) -> Json:
        if key == "schema" and isinstance(value, dict):
            return self.schema(value, place)
        if key in _HOLDERS and isinstance(value, dict):
            return {name: self.schema(held, f"{place}/{_escaped(name)}") for name, held in value.items()}
        if key in ("example", "examples"):
            return value
        return self.anything(value, place)

    def _referring(self, pointer: str, place: str) -> dict[str, Json]:
        """A reference, made absolute; one that leads nowhere, or out of the file, says nothing."""
        try:
            if not pointer.startswith("#"):
                raise LookupError(pointer)
            at(self._document, pointer)
        except (LookupError, ValueError, TypeError):
            self._defect(place, f"{pointer!r} leads nowhere in this description")
            return {}
        return {"$ref": BASE + pointer}

    def schema(self, node: Json, place: str) -> Json:
        """One schema, and those in it."""
        if not isinstance(node, dict):
            if not isinstance(node, bool):
                self._defect(place, f"a schema is no object but {type(node).__name__}")
                return {}
            return node
        made = {key: self._keyword(key, value, place) for key, value in node.items() if key != "$ref"}
        if isinstance(node.get("$ref"), str):
            made.update(self._referring(node["$ref"], place))
        for key in [key for key, value in made.items() if value is _LEFT_OUT]:
            del made[key]
        for exclusive, bound in _EXCLUSIVE:
            if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
                made[exclusive] = made.pop(bound)
        if node.get(self._nullable) is True:
            return _nullable(made)
        return made

    def _keyword(self, key: str, value: Json, place: str) -> Json:
        here = f"{place}/{key}"
        if key in _MAPS and isinstance(value, dict):
            return {name: self.schema(held, f"{here}/{_escaped(name)}") for name, held in value.items()}
        if key in _LISTS and isinstance(value, list):
            return [self.schema(held, f"{here}/{index}") for index, held in enumerate(value)]
        if key in _SINGLES:
            if key == "items" and isinstance(value, list):
                return self._left_out(here, "a list of schemas is not known to OpenAPI")
            return self.schema(value, here)
        for keys, complaint in _WRONG:
            wrong = complaint(value) if key in keys else None
            if wrong is not None:
                return self._left_out(here, wrong)
        return value

    def _left_out(self, place: str, why: str) -> object:
        self._defect(place, why)
        return _LEFT_OUT

    def _defect(self, place: str, why: str) -> None:
        self.defects.append(f"{place}: {why}; it is not checked")


_LEFT_OUT: Final = object()


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _nullable(made: dict[str, Json]) -> dict[str, Json]:
    if isinstance(made.get("type"), str) and "enum" not in made:
        return {**made, "type": [made["type"], "null"]}
    return {"anyOf": [made, {"type": "null"}]}


def _no_type(value: Json) -> str | None:
    said = value if isinstance(value, list) else [value]
    unknown = [item for item in said if item not in _TYPES]
    return f"there is no type {unknown[0]!r}" if unknown else None


def _no_pattern(value: Json) -> str | None:
    try:
        re.compile(value)
    except (re.error, TypeError) as error:
        return f"the pattern {value!r} does not compile: {error}"
    return None


def _no_count(value: Json) -> str | None:
    return None if type(value) is int and value >= 0 else f"{value!r} is no count"


def _no_bound(value: Json) -> str | None:
    return None if type(value) in (int, float) else f"{value!r} is no number"


def _no_names(value: Json) -> str | None:
    whole = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return None if whole else f"{value!r} is no list of names"


def _no_list(value: Json) -> str | None:
    return None if isinstance(value, list) else f"{value!r} is no list"


_WRONG: Final[tuple[tuple[tuple[str, ...], Callable[[Json], str | None]], ...]] = (
    (("type",), _no_type),
    (("pattern",), _no_pattern),
    (_COUNTS, _no_count),
    (_BOUNDS, _no_bound),
    (("required",), _no_names),
    (("enum", *_LISTS), _no_list),
)
"""What a keyword must hold, so that the validator does not fall over it."""


def refs(document: Mapping[str, Json], node: Json) -> Json:
    """What a node stands for: a local reference is followed, over any number of steps."""
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        pointer = node["$ref"]
        if pointer in seen:
            return {}
        seen.add(pointer)
        node = at(document, pointer.removeprefix(BASE))
    return node


def at(document: Mapping[str, Json], pointer: str) -> Json:
    """What lies at a JSON pointer (``#/components/schemas/Order``). Raises ``LookupError`` when nothing does."""
    node: Json = document
    for step in pointer.removeprefix("#").split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, list) else node[key]
    return node


def parts(document: Mapping[str, Json], schema: Json) -> Iterator[Mapping[str, Json]]:
    """A schema and every schema that speaks about the same value: references, ``allOf``, ``anyOf``, ``oneOf``."""
    seen: set[int] = set()
    waiting = [schema]
    while waiting:
        node = refs(document, waiting.pop())
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        for key in ("allOf", "anyOf", "oneOf"):
            waiting.extend(node.get(key) or ())


def undeclared(document: Mapping[str, Json], schema: Json, value: Json, place: str = "") -> Iterator[str]:
    """The places of properties that no part of the schema declares.

    To JSON Schema an unknown property is welcome; to most vendors it is an error, and in a test of ours it is a
    misspelt name. An object without declared properties, or with ``additionalProperties`` that are not ``false``,
    is open.
    """
    every = list(parts(document, schema))
    if isinstance(value, list):
        items = [part["items"] for part in every if "items" in part]
        for index, item in enumerate(value):
            if items:
                yield from undeclared(document, {"anyOf": items}, item, f"{place}/{index}")
        return
    if not isinstance(value, dict):
        return
    declared: dict[str, list[Json]] = {}
    for part in every:
        for name, held in (part.get("properties") or {}).items():
            declared.setdefault(name, []).append(held)
    open_ = not declared or any(
        part.get("additionalProperties") not in (None, False) or "patternProperties" in part for part in every
    )
    for name, held in value.items():
        here = f"{place}/{_escaped(name)}"
        if name in declared:
            yield from undeclared(document, {"anyOf": declared[name]}, held, here)
        elif not open_:
            yield here
