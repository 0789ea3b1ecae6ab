"""A contract: what a vendor's OpenAPI description says about every request and every answer, read so that it can be
asked.

OpenAPI 3.0, 3.1 and Swagger 2, as YAML or JSON::

    contract = Contract.load(Path("Tracking.yaml"))
    met = contract.met(method="GET", target="/api/track/v1/details/1Z9?locale=en_US", headers={...}, body=b"")
    met.operation.name, met.breaches

The vendor's own slips (a pattern that does not compile, a type that does not exist) are ``contract.defects``.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from crossdock.testing.openapi import parameters
from crossdock.testing.openapi.keywords import FORMATS, KEYWORDS
from crossdock.testing.openapi.schemas import BASE, Json, refs, translated, undeclared
from crossdock.testing.openapi.swagger import METHODS, lifted

MOST_SENTENCES: Final = 20
"""How many breaches one body is told of; a body that is wrong from its root is wrong everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Where a request or an answer leaves the contract. ``kind``: path, method, query, header, security, media,
    body, status."""

    kind: str
    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind} {self.where}: {self.sentence}" if self.where else f"{self.kind}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. ``name`` is what a test calls it: ``GET /track/v1/details/{inquiryNumber}``."""

    method: str
    template: str
    said: Mapping[str, Json]
    parameters: tuple[Mapping[str, Json], ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A request beside its contract: the operation (``None``: there is none), its values, its breaches.

    ``path``, ``query`` and ``headers`` hold what the contract declares, in the types that it declares; ``body`` the
    JSON value, or the text of another media type.
    """

    operation: Operation | None
    path: Mapping[str, Json] = field(default_factory=dict)
    query: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None
    breaches: tuple[Breach, ...] = ()


class Contract:
    """One description. Made once and asked often: its validators are kept."""

    def __init__(
        self, document: Mapping[str, Json], *, name: str = "", tolerated: tuple[str, ...] = ()
    ) -> None:
        """``tolerated``: query parameters that the vendor takes with every call without declaring them
        (``sap-client``)."""
        self.name = name
        self._tolerated = frozenset(tolerated)
        said = lifted(document) if "swagger" in document else document
        self.document, self.defects = translated(said)
        resource = DRAFT202012.create_resource(self.document)
        self._registry: Registry[Json] = Registry().with_resource(BASE, resource)

    @classmethod
    def load(cls, path: Path, *, tolerated: tuple[str, ...] = ()) -> Self:
        """The description in a file, JSON or YAML."""
        text = path.read_text("utf-8-sig")
        document = json.loads(text) if path.suffix == ".json" else yaml.load(text, _YAML)
        return cls(document, name=path.name, tolerated=tolerated)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation, as the description has them."""
        return tuple(self._every_operation())

    def _every_operation(self) -> Iterator[Operation]:
        for template, held in self.document["paths"].items():
            item = refs(self.document, held)
            common = item.get("parameters", ())
            for method in METHODS:
                if method in item:
                    own = self._named(item[method].get("parameters", ()))
                    named = {(one["name"], one["in"]) for one in own}
                    more = self._named(common)
                    yield Operation(
                        method=method.upper(),
                        template=template,
                        said=item[method],
                        parameters=(*own, *(one for one in more if (one["name"], one["in"]) not in named)),
                    )

    def _named(self, every: Iterable[Json]) -> list[Mapping[str, Json]]:
        """Parameters, without those whose reference leads nowhere."""
        return [held for held in (refs(self.document, one) for one in every) if "name" in held]

    def operation(self, name: str) -> Operation:
        """The operation of this name (``GET /orders/{id}``) or ``operationId``. Raises ``LookupError``."""
        for operation in self.operations:
            if name in (operation.name, operation.said.get("operationId")):
                return operation
        raise LookupError(f"{self.name} has no operation {name!r}")

    @cached_property
    def _ways(self) -> tuple[tuple[re.Pattern[str], Operation], ...]:
        """Every operation with the pattern of its path, behind the path of any of its servers; the one with the
        fewest parameters first, because ``/orders/search`` is no order."""
        bases = sorted({_base(server) for server in self.document.get("servers") or [{"url": "/"}]})
        before = "|".join(_pattern(base) for base in bases)
        ways = [
            (re.compile(f"(?:{before}){_pattern(operation.template, named=True)}"), operation)
            for operation in self.operations
        ]
        return tuple(sorted(ways, key=lambda way: way[1].template.count("{")))

    def met(self, *, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Met:
        """A request beside its contract. ``target`` is the path with its query; header names are in any case."""
        parts = urlsplit(target)
        found = [(way.fullmatch(parts.path), operation) for way, operation in self._ways]
        there = [(match, operation) for match, operation in found if match is not None]
        if not there:
            sentence = f"{self.name} has no such path"
            return Met(operation=None, breaches=(Breach(kind="path", where=parts.path, sentence=sentence),))
        fitting = [(match, operation) for match, operation in there if operation.method == method.upper()]
        if not fitting:
            known = ", ".join(sorted({operation.method for _match, operation in there}))
            wrong = Breach(kind="method", where=method.upper(), sentence=f"{parts.path} knows {known}")
            return Met(operation=None, breaches=(wrong,))
        match, operation = fitting[0]
        lower = {name.lower(): value for name, value in headers.items()}
        places = [parameter for parameter in operation.parameters if parameter["in"] == "path"]
        given = {
            parameter["name"]: unquote(match[f"p{index}"])
            for index, name in enumerate(_names(operation.template))
            for parameter in places
            if parameter["name"] == name
        }
        breaches: list[Breach] = []
        path = self._read(operation, "path", given, breaches)
        query = self._read(operation, "query", parameters.query(parts.query), breaches)
        read = self._read(operation, "header", lower, breaches)
        breaches += self._security(operation, lower, parts.query)
        value = self._body(operation, lower, body, breaches)
        return Met(
            operation=operation, path=path, query=query, headers=read, body=value, breaches=tuple(breaches)
        )

    def _read(
        self, operation: Operation, place: str, given: Mapping[str, Any], breaches: list[Breach]
    ) -> dict[str, Json]:
        """The parameters of one place in their types, each held against its schema."""
        read: dict[str, Json] = {}
        declared = [parameter for parameter in operation.parameters if parameter["in"] == place]
        for parameter in declared:
            name = parameter["name"]
            where = f"{name} of {operation.name}"
            raw = parameters.picked(parameter, given)
            if raw is None:
                if parameter.get("required"):
                    breaches.append(Breach(kind=place, where=where, sentence="is required and is not sent"))
                continue
            schema = parameters.schema_of(parameter)
            read[name] = value = parameters.typed(self.document, parameter, schema, raw)
            breaches += [
                Breach(kind=place, where=where, sentence=said)
                for said in self.wrong(schema, value, asking=True)
            ]
        if place == "query":
            known = {name for parameter in declared for name in parameters.names(self.document, parameter)}
            if not any(parameters.is_open(self.document, parameter) for parameter in declared):
                for name in sorted(set(given) - known - self._tolerated - self._keys_in_query()):
                    where = f"{name} of {operation.name}"
                    breaches.append(Breach(kind=place, where=where, sentence="is not declared"))
        return read

    def _schemes(self) -> Mapping[str, Json]:
        held: Mapping[str, Json] = (self.document.get("components") or {}).get("securitySchemes") or {}
        return held

    def _keys_in_query(self) -> frozenset[str]:
        every = self._schemes().values()
        return frozenset(held["name"] for held in every if held.get("in") == "query" and "name" in held)

    def _security(self, operation: Operation, headers: Mapping[str, str], query: str) -> list[Breach]:
        """Whether the request carries what one of the declared ways of entering needs. Not whether it is right."""
        ways = operation.said.get("security", self.document.get("security")) or []
        asked = parameters.query(query)
        lacking: list[str] = []
        for way in ways:
            missing = [name for name in way if not self._carries(name, headers, asked)]
            if not missing:
                return []
            lacking.append(" and ".join(missing))
        if not ways:
            return []
        sentence = f"carries no credentials for {' or '.join(sorted(set(lacking)))}"
        return [Breach(kind="security", where=operation.name, sentence=sentence)]

    def _carries(self, name: str, headers: Mapping[str, str], asked: Mapping[str, Any]) -> bool:
        scheme = refs(self.document, self._schemes().get(name, {}))
        said = headers.get("authorization", "").partition(" ")[0].lower()
        match scheme:
            case {"type": "http", "scheme": word}:
                return said == str(word).lower()
            case {"type": "oauth2" | "openIdConnect"}:
                return said == "bearer"
            case {"type": "apiKey", "in": "header", "name": key}:
                return bool(headers.get(str(key).lower()))
            case {"type": "apiKey", "in": "query", "name": key}:
                return bool(asked.get(key))
            case {"type": "apiKey", "in": "cookie", "name": key}:
                return f"{key}=" in headers.get("cookie", "")
        return True  # mutualTLS, or a scheme that the description names and does not have

    def _body(
        self, operation: Operation, headers: Mapping[str, str], body: bytes, breaches: list[Breach]
    ) -> Json:
        held = refs(self.document, operation.said.get("requestBody") or {})
        if not body:
            if held.get("required"):
                breaches.append(
                    Breach(kind="body", where=operation.name, sentence="is required and is not sent")
                )
            return None
        if not held:
            breaches.append(Breach(kind="body", where=operation.name, sentence="is sent where none is taken"))
            return None
        return self._content(held.get("content") or {}, headers, body, operation.name, breaches, asking=True)

    def _content(
        self,
        content: Mapping[str, Json],
        headers: Mapping[str, str],
        body: bytes,
        where: str,
        breaches: list[Breach],
        *,
        asking: bool,
    ) -> Json:
        said = headers.get("content-type", "")
        media = media_of(content, said)
        if media is None:
            known = ", ".join(content) or "none"
            breaches.append(Breach(kind="media", where=where, sentence=f"is {said!r}; known are {known}"))
            return None
        schema = refs(self.document, media).get("schema", {})
        kind = said.partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            value: Json = parameters.form(self.document, schema, body.decode("utf-8", "replace"))
        elif kind.endswith("json"):
            try:
                value = json.loads(body)
            except ValueError as error:
                breaches.append(Breach(kind="body", where=where, sentence=f"is no JSON: {error}"))
                return None
        else:
            return body.decode("utf-8", "replace")
        for sentence in self.wrong(schema, value, asking=asking):
            breaches.append(Breach(kind="body", where=where, sentence=sentence))
        if asking:
            for place in undeclared(self.document, schema, value):
                breaches.append(Breach(kind="body", where=where, sentence=f"{place} is not declared"))
        return value

    def answered(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> tuple[Breach, ...]:
        """Where an answer to this operation leaves the contract: its status, its media type, its body."""
        responses = operation.said.get("responses") or {}
        held = response_of(responses, status)
        where = f"{status} to {operation.name}"
        if held is None:
            known = ", ".join(str(one) for one in responses)
            return (Breach(kind="status", where=where, sentence=f"is not declared; {known} are"),)
        content = refs(self.document, held).get("content") or {}
        breaches: list[Breach] = []
        if content and body:
            lower = {name.lower(): value for name, value in headers.items()}
            self._content(content, lower, body, where, breaches, asking=False)
        return tuple(breaches)

    def wrong(self, schema: Json, value: Json, *, asking: bool = False) -> list[str]:
        """What is wrong with a value, as sentences with places. ``asking``: it is ours, sent to the vendor, so that
        what is ``readOnly`` is not asked of it."""
        said: list[str] = []
        for error in self._validator(schema, asking).iter_errors(value):
            if len(said) == MOST_SENTENCES:
                said.append("and more")
                break
            place = "/".join(str(step) for step in error.absolute_path)
            message = error.message if len(error.message) < 300 else f"{error.message[:300]}…"
            said.append(f"/{place}: {message}" if place else message)
        return said

    def _validator(self, schema: Json, asking: bool) -> Any:
        key = id(schema) if isinstance(schema, dict) else hash(schema)
        if (key, asking) not in self._kept:
            kind = _ASKING if asking else _ANSWERING
            made = kind(schema, registry=self._registry, format_checker=FORMATS)
            self._kept[key, asking] = (schema, made)
        return self._kept[key, asking][1]

    @cached_property
    def _kept(self) -> dict[tuple[int, bool], tuple[Json, Any]]:
        """Validators, each beside its schema: as long as that lives, its identity is nobody else's."""
        return {}


def response_of(responses: Mapping[Any, Json], status: int) -> Json | None:
    """The response that is declared for a status: by itself, by its class (``4XX``), or the default."""
    spelled = {str(key).upper(): held for key, held in responses.items()}
    for key in (str(status), f"{status // 100}XX", "DEFAULT"):
        if key in spelled:
            return spelled[key]
    return None


def media_of(content: Mapping[str, Json], said: str) -> Json | None:
    """What is declared for a Content-Type: exactly, or by a range (``application/*``)."""
    kind = said.partition(";")[0].strip().lower()
    spelled = {key.partition(";")[0].strip().lower(): held for key, held in content.items()}
    for key in (kind, f"{kind.partition('/')[0]}/*", "*/*", "*"):
        if key in spelled:
            return spelled[key]
    return None


def _base(server: Mapping[str, Json]) -> str:
    url = str(server["url"])
    for name, held in (server.get("variables") or {}).items():
        if held.get("default"):
            url = url.replace(f"{{{name}}}", str(held["default"]))
    without_host = re.sub(r"^[a-z]+://[^/]*", "", url)
    return without_host.rstrip("/")


_NAME: Final = re.compile(r"\{([^{}]*)\}")


def _names(template: str) -> list[str]:
    return _NAME.findall(template)


def _pattern(template: str, *, named: bool = False) -> str:
    """A path template as a pattern. Quotes and the like may be sent as they are or percent-encoded."""
    made = []
    for index, piece in enumerate(_NAME.split(template)):
        if index % 2:
            made.append(f"(?P<p{index // 2}>[^/]+?)" if named else "[^/]+?")
        else:
            made.append("".join(_character(character) for character in piece))
    return "".join(made)


def _character(character: str) -> str:
    if character.isalnum() or character == "/":
        return re.escape(character)
    return f"(?:{re.escape(character)}|%{ord(character):02X}|%{ord(character):02x})"


_ASKING: Final = extend(Draft202012Validator, KEYWORDS["asking"])
_ANSWERING: Final = extend(Draft202012Validator, KEYWORDS["answering"])


class _Yaml(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the fast one where it is
    """YAML's plain values as JSON has them: a date stays a text, and only ``true`` and ``false`` are truths, so that
    Norway is ``NO``."""


_TRUTHS: Final = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_Yaml.yaml_implicit_resolvers = {
    first: [
        (tag, _TRUTHS if tag == "tag:yaml.org,2002:bool" else pattern)
        for tag, pattern in held
        if tag != "tag:yaml.org,2002:timestamp"
    ]
    for first, held in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_YAML: Final = _Yaml
