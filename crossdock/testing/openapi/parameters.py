"""Parameters of a request: found by their style, and read into the types that the contract declares."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from crossdock.testing.openapi.schemas import Json, parts

_BETWEEN: Final = {"spaceDelimited": " ", "pipeDelimited": "|"}


def query(text: str) -> dict[str, list[str]]:
    """Every value of every name, as they were sent."""
    read: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        read.setdefault(name, []).append(value)
    return read


def schema_of(parameter: Mapping[str, Json]) -> Json:
    """The schema of a parameter; one that is described by ``content`` has it in there."""
    if "schema" in parameter:
        return parameter["schema"]
    for media in (parameter.get("content") or {}).values():
        return media.get("schema", {})
    return {}


def names(document: Mapping[str, Json], parameter: Mapping[str, Json]) -> Iterator[str]:
    """The names under which a query parameter may be sent: an exploded object goes under those of its properties."""
    yield parameter["name"]
    yield f"{parameter['name']}[]"
    for part in parts(document, schema_of(parameter)):
        for name in part.get("properties") or {}:
            yield f"{parameter['name']}[{name}]" if parameter.get("style") == "deepObject" else name


def is_open(document: Mapping[str, Json], parameter: Mapping[str, Json]) -> bool:
    """Whether a query parameter stands for any names at all: an exploded object that declares none of its own."""
    every = list(parts(document, schema_of(parameter)))
    return any(part.get("type") == "object" for part in every) and not any(
        part.get("properties") for part in every
    )


def picked(parameter: Mapping[str, Json], given: Mapping[str, Any]) -> str | list[str] | None:
    """What was sent for a parameter: the texts of the query, or the one text of a header or a path."""
    name = parameter["name"]
    if parameter["in"] == "query":
        found = given.get(name) or given.get(f"{name}[]")
        return found or None
    value = given.get(name.lower() if parameter["in"] == "header" else name)
    return value if isinstance(value, str) else None


def typed(
    document: Mapping[str, Json], parameter: Mapping[str, Json], schema: Json, raw: str | list[str]
) -> Json:
    """The value in the type that the schema wants, or the text as it was sent, which the schema then refuses."""
    kinds = _kinds(document, schema)
    if "array" not in kinds:
        return _scalar(kinds, raw if isinstance(raw, str) else raw[-1])
    texts = [raw] if isinstance(raw, str) else raw
    if not parameter.get("explode", parameter["in"] == "query"):
        between = _BETWEEN.get(parameter.get("style", "form"), ",")
        texts = [piece for text in texts for piece in text.split(between)]
    items: Json = next((part["items"] for part in parts(document, schema) if "items" in part), {})
    return [_scalar(_kinds(document, items), text.strip()) for text in texts]


def form(document: Mapping[str, Json], schema: Json, text: str) -> dict[str, Json]:
    """The fields of a form in the types that the schema wants."""
    properties: dict[str, Json] = {}
    for part in parts(document, schema):
        properties.update(part.get("properties") or {})
    return {
        name: _scalar(_kinds(document, properties.get(name, {})), values[-1])
        for name, values in query(text).items()
    }


def _kinds(document: Mapping[str, Json], schema: Json) -> frozenset[str]:
    kinds: set[str] = set()
    for part in parts(document, schema):
        said = part.get("type")
        kinds.update(said if isinstance(said, list) else [said] if isinstance(said, str) else [])
    return frozenset(kinds)


def _scalar(kinds: frozenset[str], text: str) -> Json:
    """A number or a truth where the schema wants one and no text; else the text."""
    if "string" in kinds:
        return text
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    if "integer" in kinds or "number" in kinds:
        try:
            return int(text)
        except ValueError:
            if "number" in kinds:
                try:
                    return float(text)
                except ValueError:
                    return text
    return text
