"""Values that a schema takes: what a server without a trade of its own answers with.

The same schema gives the same value always. A vendor's own example is taken when it keeps the vendor's own schema,
which many do not.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from crossdock.testing.openapi.contract import Contract
from crossdock.testing.openapi.patterns import text_like
from crossdock.testing.openapi.schemas import Json, refs

DEEPEST: Final = 4
"""How deep optional properties are filled. Below, only what is required: a schema may speak of itself."""

_BY_FORMAT: Final = {
    "date-time": "2026-03-02T09:30:00Z",
    "date": "2026-03-02",
    "time": "09:30:00",
    "uuid": "7d9f3f6e-5a0c-4a6e-9d53-0f5d6f1f0b11",
    "email": "someone@example.com",
    "uri": "https://example.com/thing",
    "byte": "c29tZXRoaW5n",
}


class NoExample(Exception):
    """No value was found that this schema takes. The test has to give the answer itself."""


def example(contract: Contract, schema: Json) -> Json:
    """A value that the schema takes: with every property that it names, else with the required ones alone.

    Raises ``NoExample``.
    """
    held = refs(contract.document, schema)
    for made in _given(held):
        if not contract.wrong(schema, made):
            return made
    wrong = []
    for deepest in (DEEPEST, 0):
        try:
            value = _Maker(contract, deepest).value(schema, 0)
        except (NoExample, RecursionError) as error:
            wrong = [str(error)]
            continue
        wrong = contract.wrong(schema, value)
        if not wrong:
            return value
    raise NoExample(f"no example keeps its schema: {'; '.join(wrong)}")


def _given(schema: Json) -> Iterator[Json]:
    """What the schema itself offers, best first."""
    if isinstance(schema, dict):
        for key in ("const", "example", "default"):
            if key in schema:
                yield schema[key]
        examples = schema.get("examples")
        if isinstance(examples, list):
            yield from examples
        if isinstance(schema.get("enum"), list):
            yield from schema["enum"]


class _Maker:
    def __init__(self, contract: Contract, deepest: int) -> None:
        self._contract = contract
        self._deepest = deepest

    def value(self, schema: Json, depth: int) -> Json:
        if depth > self._deepest + DEEPEST:
            raise NoExample("the schema needs itself, without end")
        held = refs(self._contract.document, schema)
        if not isinstance(held, dict):
            return "something"
        whole = self._joined(held)
        for made in (*_given(held), *_given(whole)):
            if not self._contract.wrong(schema, made):
                return made
        for choice in ("oneOf", "anyOf"):
            if held.get(choice):
                return self._chosen(held, held[choice], depth)
        return self._of_kind(whole, depth)

    def _joined(self, schema: Mapping[str, Json]) -> dict[str, Json]:
        """The schema with what its ``allOf`` say beside it."""
        whole: dict[str, Json] = {key: value for key, value in schema.items() if key != "allOf"}
        for each in schema.get("allOf") or ():
            held = refs(self._contract.document, each)
            if isinstance(held, dict):
                more = self._joined(held)
                whole = {
                    **more,
                    **whole,
                    "properties": {**(more.get("properties") or {}), **(whole.get("properties") or {})},
                    "required": [*(more.get("required") or ()), *(whole.get("required") or ())],
                }
        return whole

    def _chosen(self, schema: Mapping[str, Json], choices: list[Json], depth: int) -> Json:
        rest = {key: value for key, value in schema.items() if key not in ("oneOf", "anyOf")}
        why = "no branch of it can be made"
        for choice in choices:
            try:
                made = self.value({"allOf": [choice, rest]} if rest else choice, depth + 1)
            except NoExample as error:
                why = str(error)
                continue
            if not self._contract.wrong(schema, made):
                return made
        raise NoExample(why)

    def _of_kind(self, schema: Mapping[str, Json], depth: int) -> Json:
        match self._kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer" | "number" as kind:
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        return self._text(schema)

    def _kind(self, schema: Mapping[str, Json]) -> str:
        said = schema.get("type")
        if isinstance(said, list):
            return next((kind for kind in said if kind != "null"), "null")
        if isinstance(said, str):
            return said
        if schema.get("properties") or schema.get("additionalProperties"):
            return "object"
        return "array" if "items" in schema else "string"

    def _object(self, schema: Mapping[str, Json], depth: int) -> dict[str, Json]:
        properties = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        made: dict[str, Json] = {}
        for name in dict.fromkeys([*properties, *sorted(required)]):
            if name not in required and depth >= self._deepest:
                continue
            try:
                made[name] = self.value(properties.get(name, {}), depth + 1)
            except NoExample:
                if name in required:
                    raise
        return made

    def _array(self, schema: Mapping[str, Json], depth: int) -> list[Json]:
        least = schema.get("minItems", 0)
        wanted = max(least, 1) if depth < self._deepest else least
        try:
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(wanted)]
        except NoExample:
            if least:
                raise
            return []

    def _text(self, schema: Mapping[str, Json]) -> str:
        for made in self._texts(schema):
            if not self._contract.wrong({**schema, "type": "string"}, made):
                return made
        raise NoExample(f"no text for {sorted(schema)}")

    def _texts(self, schema: Mapping[str, Json]) -> Iterator[str]:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 40)
        if schema.get("format") in _BY_FORMAT:
            yield _BY_FORMAT[schema["format"]]
        if "pattern" in schema:
            try:
                yield text_like(schema["pattern"])
            except (re.error, ValueError):
                pass
        yield from ("something"[:most].ljust(least, "g"), "1" * max(least, 1), "A" * max(least, 1))


def _number(schema: Mapping[str, Json], *, whole: bool) -> Any:
    """The smallest number that fits, from one upwards where the bounds let it."""
    step = schema.get("multipleOf") or (1 if whole else None)
    apart = step or 0.5
    least = schema.get("minimum")
    if "exclusiveMinimum" in schema:
        least = schema["exclusiveMinimum"] + apart
    most = schema.get("maximum")
    if "exclusiveMaximum" in schema:
        most = schema["exclusiveMaximum"] - apart
    made = 1 if least is None or least <= 1 else least
    if most is not None and made > most:
        made = most
    if step and made % step:
        made += step - made % step
    return int(made) if whole else made
