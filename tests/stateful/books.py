"""A target that fails in each way and keeps true books, and a registry in which the hub finds it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from crossdock.errors import Misconfigured, WireDown, WireQuiet
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, WriteBack
from crossdock.ports import Clock, Login, Manifest, Sink
from crossdock.registry import Registry

MOODS: Final = (
    "well",
    "timeout",
    "execute_then_timeout",
    "execute_then_break",
    "unavailable",
    "rate_limited",
    "reject",
    "locked_out",
)
"""How a target takes a call."""

SCHEDULE: Final = (60, 300, 900)


class Books:
    """A target: what it did, under which key, with which body; and how it takes the next calls."""

    def __init__(self, clock: Clock, idempotency: str) -> None:
        self.clock = clock
        self.idempotency = idempotency
        self.mood = "well"
        self.answers_questions = True
        self.effects: Counter[str] = Counter()
        self.bodies: dict[str, set[bytes]] = {}

    def deliver(self, write_back: WriteBack) -> Outcome:
        self.bodies.setdefault(write_back.idempotency_key, set()).add(write_back.body)
        match self.mood:
            case "timeout":
                raise WireQuiet("no answer came")
            case "unavailable":
                raise WireDown("nobody listens")
            case "rate_limited":
                return Retry(reason="too many", not_before=self.clock.now() + timedelta(minutes=2))
            case "reject":
                return Reject(reason="no such order", status="404")
            case "locked_out":
                raise Misconfigured("the password is wrong")
            case "execute_then_timeout":
                self._do(write_back)
                raise WireQuiet("no answer came")
            case "execute_then_break":
                self._do(write_back)
                raise ValueError("a fault of the connector itself")
        self._do(write_back)
        return Delivered(receipt=self._receipt(write_back))

    def find(self, write_back: WriteBack) -> Receipt | None:
        if not self.answers_questions:
            raise WireDown("the books are closed")
        return self._receipt(write_back) if self.effects[write_back.idempotency_key] else None

    def close(self) -> None: ...

    def _do(self, write_back: WriteBack) -> None:
        key = write_back.idempotency_key
        if self.idempotency == "key" and self.effects[key]:
            return  # it knows the key
        self.effects[key] += 1

    def _receipt(self, write_back: WriteBack) -> Receipt:
        return Receipt(
            reference=f"N-{write_back.idempotency_key[:8]}", evidence={"key": write_back.idempotency_key}
        )


class Mute:
    """The same target, for a connector that cannot ask."""

    def __init__(self, books: Books) -> None:
        self.deliver, self.close = books.deliver, books.close


class Bench(Registry):
    """The packaged connectors and mappings of one tenant, with the ERP as a target that we hold in our hands."""

    def __init__(self, tenant: str, books: Books) -> None:
        super().__init__()
        self._tenant, self._books = tenant, books

    def manifests(self) -> Mapping[str, Manifest]:
        erp = super().manifest("erp")
        assert erp.sink is not None
        sink = replace(erp.sink, idempotency=self._books.idempotency, schedule_s=SCHEDULE)
        return {
            "erp": replace(erp, tenant=self._tenant, sink=sink),
            "erp_push": replace(super().manifest("erp_push"), tenant=self._tenant),
        }

    def manifest(self, name: str) -> Manifest:
        return self.manifests()[name]

    def sink(self, manifest: Manifest, login: Login, clock: Clock) -> Sink:
        return Mute(self._books) if self._books.idempotency == "none" else self._books
