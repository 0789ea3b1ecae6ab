"""A vendor's server on loopback, made from the vendor's OpenAPI description.

It holds every request against the contract: path, method, query, headers, credentials, media type, body. What breaks
it is answered with 400 (401, 404, 405, 415) and kept in ``breaches``. What keeps it is answered by the test's own
trade, or with an example that the contract gives or that is made for its schema::

    contract = Contract.load(corpus / "ups_rest_tracking" / "Tracking.yaml")
    desk = ContractDesk(contract)
    desk.on("GET /track/v1/details/{inquiryNumber}", lambda asked: Answer(200, sample(asked.path["inquiryNumber"])))
    with LyingServer(honest=desk) as server:
        ...                                    # server.then(reset_after_commit()) lies as ever
        assert not desk.breaches and not desk.slips

A request may choose its answer: ``Prefer: code=503``. Answers of the test are held against the contract as well; what
is wrong with one is in ``slips``, because a test that answers what the vendor never would proves nothing.

Where the contract has OAuth2 with client credentials, its token address is served too, and only a token that was
issued here and not revoked opens anything.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from crossdock.testing.lying_http import Request, Said
from crossdock.testing.openapi.contract import Breach, Contract, Met, Operation, response_of
from crossdock.testing.openapi.examples import NoExample, example
from crossdock.testing.openapi.parameters import query
from crossdock.testing.openapi.schemas import Json, refs

_PREFERRED: Final = re.compile(r"\bcode=([1-5][0-9]{2})\b")
_STATUS_OF: Final = {"path": 404, "method": 405, "security": 401, "media": 415}
"""The status for what is broken; the first in this order wins, and everything else is a 400."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the test's trade says. ``body``: a JSON value, or bytes as they are; ``None``: none.

    ``effect``: the business key of what it did, as in ``Said``. ``unchecked``: it is meant to leave the contract,
    as a hostile answer does.
    """

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: str | None = None
    media_type: str = "application/json"
    unchecked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that keeps the contract, read: path, query, headers and body in the declared types."""

    request: Request
    operation: Operation
    path: Mapping[str, Json]
    query: Mapping[str, Json]
    headers: Mapping[str, Json]
    body: Json


Trade = Callable[[Asked], Answer]


class ContractDesk:
    """Answers by a contract: an ``Honest`` for ``LyingServer``."""

    def __init__(self, contract: Contract, *, token_paths: tuple[str, ...] = ()) -> None:
        """``token_paths``: where tokens are asked for, for a contract that does not say so itself."""
        self.contract = contract
        self.asked: list[Asked] = []
        self.breaches: list[Breach] = []
        self.slips: list[Breach] = []
        self.tokens = TokenDesk((*token_paths, *_token_paths(contract)))
        self._trades: dict[str, Trade] = {}

    def on(self, operation: str, trade: Trade) -> None:
        """This trade answers this operation: ``GET /orders/{id}`` or its ``operationId``. Raises ``LookupError``."""
        self._trades[self.contract.operation(operation).name] = trade

    def __call__(self, request: Request) -> Said:
        if self.tokens.serves(request):
            return self.tokens(request)
        met = self.contract.met(
            method=request.method, target=request.path, headers=request.headers, body=request.body
        )
        if met.operation is None or met.breaches:
            self.breaches += met.breaches
            return _refused(met.breaches)
        if self.tokens.opens_nothing(request):
            stale = Breach(kind="security", where=met.operation.name, sentence="the token is not one of ours")
            return _refused((stale,))
        asked = _asked(request, met, met.operation)
        self.asked.append(asked)
        return self._said(asked)

    def _said(self, asked: Asked) -> Said:
        preferred = _PREFERRED.search(asked.request.headers.get("prefer", ""))
        trade = self._trades.get(asked.operation.name)
        if preferred is not None or trade is None:
            return _spoken(self.made(asked.operation, int(preferred[1]) if preferred else None))
        answer = trade(asked)
        said = _spoken(answer)
        if not answer.unchecked:
            headers = {"content-type": said.media_type, **said.headers}
            self.slips += self.contract.answered(asked.operation, said.status, headers, said.body)
        return said

    def made(self, operation: Operation, status: int | None = None) -> Answer:
        """An answer that the contract gives: its example, or one made for its schema.

        Without a status, the first good one that is declared. Raises ``NoExample``.
        """
        responses = operation.said.get("responses") or {}
        if status is None:
            good = sorted(int(key) for key in map(str, responses) if key.isdigit() and key < "300")
            if not good and response_of(responses, 200) is None:
                raise NoExample(f"{operation.name} declares no good answer")
            status = good[0] if good else 200
        held = refs(self.contract.document, response_of(responses, status) or {})
        content = held.get("content") or {}
        kind = next((key for key in content if "json" in key), next(iter(content), ""))
        if not kind:
            return Answer(status)
        return Answer(status, self._example(refs(self.contract.document, content[kind])), media_type=kind)

    def _example(self, media: Mapping[str, Json]) -> Json:
        schema = media.get("schema", {})
        given = [media["example"]] if "example" in media else []
        for held in (media.get("examples") or {}).values():
            named = refs(self.contract.document, held)
            if isinstance(named, dict) and "value" in named:
                given.append(named["value"])
        for value in given:
            if not self.contract.wrong(schema, value):
                return value
        return example(self.contract, schema)


class TokenDesk:
    """Issues tokens for client credentials, and knows which of them are good."""

    def __init__(self, paths: tuple[str, ...] = (), *, lives_s: int = 3600) -> None:
        self._paths = frozenset(paths)
        self.lives_s = lives_s
        self.issued: list[str] = []
        self.refusals: list[str] = []
        self.clients: list[str] = []
        self._good: set[str] = set()

    def serves(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path in self._paths

    def opens_nothing(self, request: Request) -> bool:
        """Whether a request comes with a bearer token that is not good. Where no tokens are issued, all are."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return bool(self._paths) and kind.lower() == "bearer" and token not in self._good

    def revoke(self) -> None:
        """No token that was issued up to now opens anything."""
        self._good.clear()

    def __call__(self, request: Request) -> Said:
        fields = query(request.body.decode("utf-8", "replace"))
        client = _client(request, fields)
        wrong = []
        if fields.get("grant_type") != ["client_credentials"]:
            wrong.append("grant_type is not client_credentials")
        if not client:
            wrong.append("no client id and secret, neither as Basic nor in the form")
        if wrong:
            self.refusals += wrong
            body = json.dumps({"error": "invalid_request", "error_description": "; ".join(wrong)})
            return Said(status=400, body=body.encode())
        token = f"token-{len(self.issued) + 1}"
        self.issued.append(token)
        self.clients.append(client)
        self._good.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": str(self.lives_s)}
        return Said(status=200, body=json.dumps(answer).encode())


def _client(request: Request, fields: Mapping[str, list[str]]) -> str:
    kind, _, held = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, secret = base64.b64decode(held, validate=True).decode().partition(":")
        except ValueError:
            return ""
        return user if secret else ""
    user, secret = (fields.get(name, [""])[0] for name in ("client_id", "client_secret"))
    return user if secret else ""


def _token_paths(contract: Contract) -> tuple[str, ...]:
    schemes = (contract.document.get("components") or {}).get("securitySchemes") or {}
    urls = [
        flow.get("tokenUrl", "")
        for scheme in schemes.values()
        for name, flow in (scheme.get("flows") or {}).items()
        if name == "clientCredentials"
    ]
    return tuple(path for path in (urlsplit(url.strip()).path for url in urls) if path)


def _asked(request: Request, met: Met, operation: Operation) -> Asked:
    return Asked(
        request=request,
        operation=operation,
        path=met.path,
        query=met.query,
        headers=met.headers,
        body=met.body,
    )


def _refused(breaches: tuple[Breach, ...]) -> Said:
    kinds = {breach.kind for breach in breaches}
    status = next((status for kind, status in _STATUS_OF.items() if kind in kinds), 400)
    problem: dict[str, Any] = {
        "title": "the contract is broken",
        "errors": [str(breach) for breach in breaches],
    }
    return Said(status=status, body=json.dumps(problem).encode(), media_type="application/problem+json")


def _spoken(answer: Answer) -> Said:
    body = b"" if answer.body is None else answer.body
    return Said(
        status=answer.status,
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        media_type=answer.media_type,
        headers=answer.headers,
        effect=answer.effect,
    )


__all__ = ["Answer", "Asked", "ContractDesk", "NoExample", "TokenDesk", "Trade"]
