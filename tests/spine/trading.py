"""A partner that trades with us, message by message, against the store itself: what the tests of exchanges share."""

import dataclasses
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.edi import exchanges
from crossdock.edi.acknowledgements import write_acknowledgements
from crossdock.messages import PartState, RawMessage
from crossdock.normalize import Normalized, Normalizer
from crossdock.partners import Partner, Partners
from crossdock.reconcile import Said
from crossdock.registry import Registry
from crossdock.store import casebook, inbox, outbox, tables
from crossdock.store.engine import Store
from crossdock.store.register import Lookup
from crossdock.testing.clock import MovableClock

TENANT = "main"


def acme(**changes: Any) -> Partner:
    """The demonstration's supplier, with what a test wants otherwise."""
    return dataclasses.replace(Partners.load().named("acme_supply"), **changes)


def interchange(
    *groups: str,
    number: int = 1,
    sender: str = "ACMESUPPLY",
    receiver: str = "CROSSDOCK",
    release: str = "00401",
    repetition: str = "U",
    ack: int = 0,
    before: Sequence[str] = (),
) -> bytes:
    """An interchange of these groups (see ``group``), with these segments between its ISA and the first of them."""
    isa = (
        f"ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*{receiver:<15}*261120*1402*{repetition}*{release}*"
        f"{number:09}*{ack}*P*>"
    )
    segments = [isa, *before, *groups, f"IEA*{len(groups)}*{number:09}"]
    return ("~\n".join(segments) + "~\n").encode()


def group(
    functional_id: str,
    number: int | str,
    *sets: Sequence[str],
    sender: str = "ACMESUPPLY",
    receiver: str = "CROSSDOCK",
    version: str = "004010",
) -> str:
    """A functional group. Each set is its identifier and control number ("855 0001"), then its segments."""
    segments = [f"GS*{functional_id}*{sender}*{receiver}*20261120*1402*{number}*X*{version}"]
    for head, *body in sets:
        set_id, control = head.split()
        segments += [f"ST*{set_id}*{control}", *body, f"SE*{len(body) + 2}*{control}"]
    segments.append(f"GE*{len(sets)}*{number}")
    return "~\n".join(segments)


def confirmation(number: str = "0001", order: str = "4500123456") -> list[str]:
    """An 855 that takes an order as it is."""
    return [
        f"855 {number}",
        f"BAK*00*AT*{order}*20261119",
        "PO1*1*60*EA*3.75**BP*VALVE-8",
        "ACK*IA*60*EA",
        "CTT*1",
    ]


def order(number: str = "0001", po: str = "4500123456") -> list[str]:
    """An 850 of one line."""
    return [f"850 {number}", f"BEG*00*SA*{po}**20261119", "PO1*1*60*EA*3.75**BP*VALVE-8", "CTT*1"]


def orders(
    *numbers: str, control: int = 101, interchange_number: int = 501, partner: str = "ACMESUPPLY"
) -> bytes:
    """An interchange of ours with these 850s in one group."""
    way = {"sender": "CROSSDOCK", "receiver": partner}
    return interchange(
        group("PO", control, *(order(number) for number in numbers), **way), number=interchange_number, **way
    )


def answer(*body: str, number: int = 901, control: int | None = None) -> bytes:
    """A 997 of the partner, in an interchange of its own."""
    return interchange(group("FA", control or number, ["997 0001", *body]), number=number)


@dataclass
class Trade:
    """A store, a clock, and one partner."""

    store: Store
    clock: MovableClock
    partner: Partner = field(default_factory=acme)
    messages: int = 0

    @property
    def partners(self) -> Partners:
        return Partners((self.partner,), {identity: self.partner for identity in self.partner.ids}, {})

    def take(self, *bodies: bytes, key: str | None = None) -> list[Said]:
        """Receive these files, as one batch; what was odd about them."""
        for body in bodies:
            self.messages += 1
            message = RawMessage(
                tenant=TENANT,
                source="supplier_edi",
                key=key or str(self.messages),
                body=body,
                media_type="application/edi-x12",
                received_at=self.clock.now(),
                name=f"{self.messages}.edi",
            )
            receiving.accept(self.store, message, clock=self.clock)
        return self.process()

    def process(self) -> list[Said]:
        """Normalize what waits and register it."""
        with self.store.transaction(TENANT) as connection:
            claims = inbox.claim_messages(
                connection,
                tenant=TENANT,
                now=self.clock.now(),
                lease=timedelta(minutes=5),
                limit=100,
                max_bytes=10_000_000,
            )
        normalizer = Normalizer(registry=Registry(), partners=self.partners, clock=self.clock)
        with self.store.transaction(TENANT) as connection:
            lookup = Lookup(connection, TENANT, self.partners)
            self.done = [(one, normalizer.normalize(one.message, register=lookup)) for one in claims]
        with self.store.transaction(TENANT) as connection:
            for claim, normalized in self.done:
                self._keep(connection, claim, normalized)
            said = exchanges.note_received(connection, TENANT, self.done, self.partners, self.clock.now())
            numbers = outbox.ControlNumbers(connection, TENANT)
            write_acknowledgements(connection, self.done, numbers, self.clock.now())
            numbers.save()
            counts = {claim.id: len(normalized.parts) for claim, normalized in self.done}
            inbox.finish_messages(connection, TENANT, counts, self.clock.now())
        return said

    def _keep(self, connection: sa.Connection, claim: inbox.Claim, normalized: Normalized) -> None:
        """Parts and facts, as the recorder would write them."""
        if not claim.again:
            casebook.add_parts(
                connection,
                [
                    {
                        "tenant": TENANT,
                        "raw_id": claim.id,
                        "ordinal": part.ordinal,
                        "source": "supplier_edi",
                        "label": part.label,
                        "partner": part.partner,
                        "state": part.state,
                        "byte_offset": part.offset,
                        "byte_length": part.length,
                    }
                    for part in normalized.parts
                ],
            )
        casebook.add_facts(
            connection,
            [
                {
                    "tenant": TENANT,
                    "id": one["id"],
                    "raw_id": claim.id,
                    "part": part.ordinal,
                    "kind": one["data"]["kind"],
                    "subject": one["subject"],
                    "document": one,
                    "recorded_at": one["recordedtime"],
                    "refs": [
                        f"{ref['kind']}:{ref['value']}" + (f"@{ref['issuer']}" if "issuer" in ref else "")
                        for ref in one["data"]["refs"]
                    ],
                }
                for part in normalized.parts
                for one in part.documents
                if "code" not in one["data"]
            ],
        )

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Everything that the last batch said."""
        return [one for _, normalized in self.done for part in normalized.parts for one in part.documents]

    @property
    def parts(self) -> list[tuple[str, PartState, str]]:
        """The parts of the last batch: label, state, and the code of why it was set aside."""
        return [
            (part.label, part.state, part.problem.code if part.problem else "")
            for _, normalized in self.done
            for part in normalized.parts
        ]

    def send(
        self, body: bytes, *, deliver: bool = True, subject: str = "supplier_po/4500123456"
    ) -> uuid.UUID:
        """Write a file to the partner as a write-back, register it, and deliver it."""
        key = uuid.uuid4()
        now = self.clock.now()
        with self.store.transaction(TENANT) as connection:
            outbox.add_write_backs(
                connection,
                [
                    {
                        "tenant": TENANT,
                        "id": key,
                        "target": "supplier_edi",
                        "operation": "order_850",
                        "idempotency_key": str(key),
                        "subject": subject,
                        "body": body,
                        "body_sha256": "0" * 64,
                        "media_type": "application/edi-x12",
                        "headers": {},
                        "state": "ready",
                        "next_attempt_at": now,
                        "created_at": now,
                        "updated_at": now,
                    }
                ],
            )
            exchanges.note_written(connection, TENANT, key, body, self.partner, now)
        if deliver:
            self.deliver(key)
        return key

    def deliver(self, key: uuid.UUID) -> None:
        with self.store.transaction(TENANT) as connection:
            exchanges.note_delivered(connection, TENANT, key, self.partners, self.clock.now())

    def overdue(self, limit: int = 100) -> list[Said]:
        with self.store.transaction(TENANT) as connection:
            return exchanges.overdue(connection, TENANT, self.partners, self.clock.now(), limit)

    def enriched(self) -> list[dict[str, Any]]:
        """What the last batch said, with what it names looked up."""
        with self.store.transaction(TENANT) as connection:
            return [dict(one) for one in exchanges.enrich(connection, TENANT, self.documents)]

    def rows(self, **where: str) -> list[sa.Row[Any]]:
        """The register, in the order in which it was filled."""
        table = tables.exchanges
        wanted = [table.c[name] == value for name, value in where.items()]
        with self.store.transaction(TENANT) as connection:
            return list(
                connection.execute(
                    sa.select(table)
                    .where(*wanted)
                    .order_by(table.c.at, table.c.interchange_number, table.c.part)
                )
            )

    def states(self, **where: str) -> list[tuple[str, str]]:
        """Set number and state of what we sent, without our own acknowledgements."""
        return [
            (row.set_number, row.state)
            for row in self.rows(direction="out", **where)
            if row.functional_id != "FA" and row.set_id != "TA1"
        ]

    def answers(self) -> list[list[list[str]]]:
        """The segments of each acknowledgement that we wrote, in order of their interchange numbers."""
        table = tables.write_backs
        with self.store.transaction(TENANT) as connection:
            bodies = connection.execute(
                sa.select(table.c.body).where(table.c.operation.in_(["997", "999", "TA1"]))
            ).scalars()
            files = [bytes(body).decode() for body in bodies]
        read = [[one.split("*") for one in body.split("~") if one] for body in files]
        return sorted(read, key=lambda segments: segments[0][13])


def codes(said: Sequence[Said]) -> list[str]:
    return [one.document["data"]["code"] for one in said]


def titles(said: Sequence[Said]) -> list[str]:
    return [one.document["data"]["title"] for one in said]


def only(segments: Sequence[Sequence[str]], *names: str) -> list[list[str]]:
    return [list(one) for one in segments if one[0] in names]
