"""Swagger 2 in the shape of OpenAPI 3, so that only one shape is read on."""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.testing.openapi.schemas import Json, refs

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_OF_A_PARAMETER: Final = ("name", "in", "required", "description", "schema", "style", "explode", "$ref")
_STYLES: Final = {
    "csv": {"style": "form", "explode": False},
    "multi": {"style": "form", "explode": True},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
}
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def lifted(document: Mapping[str, Json]) -> dict[str, Json]:
    """The description with its paths, servers and security as OpenAPI 3 has them; ``definitions`` stay in place."""
    paths = {}
    for template, item in document["paths"].items():
        common = item.get("parameters", ())
        paths[template] = {
            method: _operation(document, item[method], common) for method in METHODS if method in item
        }
    schemes = {name: _scheme(held) for name, held in document.get("securityDefinitions", {}).items()}
    base = document.get("basePath") or "/"
    return {
        **{key: value for key, value in document.items() if key not in ("paths", "securityDefinitions")},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"securitySchemes": schemes},
    }


def _operation(document: Mapping[str, Json], said: Mapping[str, Json], common: Any) -> dict[str, Json]:
    consumes = said.get("consumes") or document.get("consumes") or ["application/json"]
    produces = said.get("produces") or document.get("produces") or ["application/json"]
    own = [refs(document, held) for held in said.get("parameters", ())]
    named = {(held["name"], held["in"]) for held in own}
    every = [
        *own,
        *(
            held
            for held in (refs(document, one) for one in common)
            if (held["name"], held["in"]) not in named
        ),
    ]
    made = {key: value for key, value in said.items() if key not in ("parameters", "responses")}
    made["parameters"] = [_parameter(held) for held in every if held["in"] not in ("body", "formData")]
    for held in every:
        if held["in"] == "body":
            content = {kind: {"schema": held.get("schema", {})} for kind in consumes}
            made["requestBody"] = {"required": held.get("required", False), "content": content}
    fields = [held for held in every if held["in"] == "formData"]
    if fields:
        schema = {
            "type": "object",
            "properties": {held["name"]: _bare(held) for held in fields},
            "required": [held["name"] for held in fields if held.get("required")],
        }
        kinds = [kind for kind in consumes if kind in _FORMS] or [_FORMS[0]]
        made["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
    made["responses"] = {
        status: _response(refs(document, held), produces)
        for status, held in said.get("responses", {}).items()
    }
    return made


def _parameter(held: Mapping[str, Json]) -> dict[str, Json]:
    made = {key: value for key, value in held.items() if key in _OF_A_PARAMETER}
    made["schema"] = _bare(held)
    if held.get("type") == "array":
        made.update(_STYLES.get(held.get("collectionFormat", "csv"), _STYLES["csv"]))
    return made


def _bare(held: Mapping[str, Json]) -> dict[str, Json]:
    left = (*_OF_A_PARAMETER, "collectionFormat", "allowEmptyValue")
    return {key: value for key, value in held.items() if key not in left and value != "file"}


def _response(held: Mapping[str, Json], produces: Any) -> dict[str, Json]:
    examples = held.get("examples", {})
    content: dict[str, Json] = {}
    if "schema" in held or examples:
        for kind in produces:
            content[kind] = {"schema": held.get("schema", {})}
            if kind in examples:
                content[kind]["example"] = examples[kind]
    return {"description": held.get("description", ""), "headers": {}, "content": content}


def _scheme(held: Mapping[str, Json]) -> Json:
    match held:
        case {"type": "basic"}:
            return {"type": "http", "scheme": "basic"}
        case {"type": "oauth2", "tokenUrl": token_url}:
            return {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}}
    return dict(held)
