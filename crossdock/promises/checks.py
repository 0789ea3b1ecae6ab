"""The checkers of the promises: the questions of the store's rows, and those that need more than rows."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from crossdock.audit.keys import keyring
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.limits import limit
from crossdock.messages import derived_id
from crossdock.process import POISON_CLAIMS
from crossdock.promises import secrets
from crossdock.store import evidence, queries, tables
from crossdock.store.evidence import Question, Terms
from crossdock.store.evidence_again import AGAIN
from crossdock.store.evidence_agreed import AGREED
from crossdock.store.evidence_delivered import DELIVERED
from crossdock.store.evidence_guards import fallen_guards, open_doors
from crossdock.store.evidence_received import RECEIVED

if TYPE_CHECKING:
    from crossdock.decide import Router
    from crossdock.registry import Registry
    from crossdock.store.engine import Store

MOST_LINE: Final = 64 * 1024


@dataclass(slots=True, kw_only=True)
class Look:
    """Where is looked, and what is known beside the store: what clients hold for acknowledged (one line of JSON for
    each: ``source`` and ``key``, or ``sha256``), secrets that may stand nowhere, and the rules that are installed."""

    store: "Store"
    tenant: str
    registry: "Registry"
    lease: timedelta
    acknowledged: Path | None = None
    canaries: tuple[str, ...] = ()
    router: "Router | None" = None
    _terms: Terms | None = field(default=None, init=False)

    def terms(self) -> Terms:
        if self._terms is None:
            sinks = {
                name: manifest.sink for name, manifest in self.registry.manifests().items() if manifest.sink
            }
            self._terms = Terms(
                now=self.store.now(),
                lease=self.lease,
                poison_claims=POISON_CLAIMS,
                most_bytes=_most_bytes(self.registry),
                most_parts=limit("x12_segments"),
                most_attempts={name: len(sink.schedule_s) + 1 for name, sink in sinks.items()},
                retry_shares={name: sink.retry_share for name, sink in sinks.items()},
                not_repeatable=tuple(
                    sorted(name for name, sink in sinks.items() if sink.idempotency == "none")
                ),
            )
        return self._terms


def _most_bytes(registry: "Registry") -> int:
    """The longest message that any connector lets in."""
    sources = [manifest.source for manifest in registry.manifests().values() if manifest.source]
    files = [int(source.settings.get("max_file_mib", 0)) * 1024 * 1024 for source in sources]
    bodies = [int(source.settings.get("max_body_kib", 0)) * 1024 for source in sources]
    return max(limit("x12_bytes"), limit("json_bytes"), limit("xml_bytes"), *files, *bodies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a checker came to. ``sentence`` ``""``: the promise is kept as far as it looked."""

    looked: int = 0
    sentence: str = ""
    remedy: str = ""
    rows: Mapping[str, object] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


Checker = Callable[[Look], Found]


def of(number: str) -> list[tuple[str, Checker]]:
    """What is asked about a promise, each by its name."""
    asked: list[tuple[str, Checker]] = [
        (question.name, partial(_ask, question))
        for question in (*RECEIVED, *DELIVERED, *AGREED, *AGAIN)
        if question.promise == number
    ]
    return [*asked, *_OTHERS.get(number, ())]


def _ask(question: Question, look: Look) -> Found:
    answer = evidence.ask(look.store, look.tenant, question, look.terms())
    if answer.row is None:
        return Found(looked=answer.looked)
    return Found(
        looked=answer.looked,
        sentence=question.sentence.format(**answer.row),
        remedy=question.remedy,
        rows=answer.row,
    )


# ── P1, P2, P4, P5: what came in ─────────────────────────────────────────────────────────────────────────────


def acknowledged(look: Look) -> Found:
    """Everything that clients hold for acknowledged is stored."""
    if look.acknowledged is None:
        return Found(unseen=("what clients were told; give their own record of it with --acknowledged FILE",))
    looked = 0
    for lines in _pieces(_lines(look.acknowledged), 500):
        looked += len(lines)
        ids = {_acknowledged_id(look.tenant, line): line for line in lines if "key" in line}
        hashes = {str(line["sha256"]): line for line in lines if "key" not in line}
        missing = evidence.not_stored(look.store, look.tenant, list(ids), list(hashes))
        for one in missing:
            line = ids[one] if isinstance(one, UUID) else hashes[one]
            return Found(
                looked=looked,
                sentence=f"a client holds {json.dumps(line)} for acknowledged, and it is not stored",
                remedy="ask the client for it again, and find out which answer it was given",
                rows=line,
            )
    return Found(looked=looked)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(MOST_LINE), b""), start=1):
                if not raw.strip():
                    continue
                try:
                    line = json.loads(raw)
                    if not isinstance(line, dict) or not ({"source", "key"} <= set(line) or "sha256" in line):
                        raise ValueError(line)
                except ValueError as error:
                    raise Misconfigured(
                        f"{path}, line {number}: write source and key, or sha256, as one JSON object"
                    ) from error
                yield line
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error


def _acknowledged_id(tenant: str, line: Mapping[str, Any]) -> UUID:
    return derived_id("raw", tenant, str(line["source"]), str(line["key"]))


def _pieces(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    piece: list[Any] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


def taken_back_once(look: Look) -> Found:
    """What takes a step of a saga back has a key that follows from the step, so there is one of it, for ever."""
    steps, looked = tables.saga_steps, 0
    columns = (steps.c.write_back_id, steps.c.undo_write_back_id)
    for rows in evidence.rows(look.store, look.tenant, steps.c.write_back_id, *columns):
        looked += len(rows)
        for row in rows:
            undo = row["undo_write_back_id"]
            if undo is not None and undo != derived_id("undo", look.tenant, str(row["write_back_id"])):
                return Found(
                    looked=looked,
                    sentence=f"write-back {undo} takes back {row['write_back_id']} under a key that is not made of "
                    "it: it can be taken back once more",
                    remedy="look at the target whether it was taken back twice: `crossdock sagas list`",
                    rows={"write_back_id": str(row["write_back_id"]), "undo": str(undo)},
                )
    return Found(looked=looked)


def ledger_balance(look: Look) -> Found:
    """received = processed + duplicate + rejected + dead-lettered + discarded + in flight, for each source."""
    with look.store.reading(look.tenant) as connection:
        books = queries.ledger(connection, look.tenant)
    for row in books:
        if not row["sound"]:
            return Found(
                looked=len(books),
                sentence=f"the ledger of {row['source']} does not balance: balance {row['balance']}, missing parts "
                f"{row['missing_parts']}, set aside without an open dead letter {row['unexplained']}",
                remedy="stop the DAGs, and look which messages came and which parts there are: `crossdock ledger`",
                rows=row,
            )
    return Found(looked=len(books))


def ids_are_derived(look: Look) -> Found:
    """The id of a message is made of its tenant, source and key, so the same thing has one row, for ever."""
    raw, looked = tables.raw_messages, 0
    for rows in evidence.rows(
        look.store, look.tenant, raw.c.id, raw.c.id, raw.c.source, raw.c.key, bite=5_000
    ):
        looked += len(rows)
        for row in rows:
            if derived_id("raw", look.tenant, row["source"], row["key"]) != row["id"]:
                return Found(
                    looked=looked,
                    sentence=f"message {row['id']} of {row['source']} has an id that is not made of its key: the "
                    "same thing would be taken as new",
                    remedy="find out who wrote this row: no code of ours does",
                    rows={"id": str(row["id"]), "source": row["source"]},
                )
    return Found(looked=looked)


def positions_count_what_is_there(look: Look) -> Found:
    """A position moves in the transaction that writes the rows and counts them, so they never part."""
    counted = evidence.receipts(look.store, look.tenant)
    for row in counted:
        if row["received_total"] > row["there"]:
            return Found(
                looked=len(counted),
                sentence=f"source {row['source']} stands at {row['position']!r} and counts {row['received_total']} "
                f"receipts, of which {row['there']} are there: its position passed what is not committed",
                remedy="set the position back to what is there, or ask the sender for what is missing",
                rows=row,
            )
    return Found(looked=len(counted))


# ── P18, P19, P25: what was made of it ───────────────────────────────────────────────────────────────────────


def events_are_valid(look: Look) -> Found:
    """Each event is valid against the schema of the version that it names."""
    from canonical import upcast, validate

    return _events(look, lambda document: _violations(validate, *upcast.schema_of(document), document))


def events_are_read_by_newer_readers(look: Look) -> Found:
    """Each event, brought to the newest version of its schema, is valid there."""
    from canonical import schemas, upcast, validate

    newest = {name: versions[-1] for name, versions in schemas.names().items()}

    def violations(document: Mapping[str, Any]) -> str:
        name, _ = upcast.schema_of(document)
        brought = upcast.upcast(document, newest[name])
        return _violations(validate, *upcast.schema_of(brought), brought)

    return _events(look, violations)


def _violations(validate: Any, name: str, version: str, document: Mapping[str, Any]) -> str:
    found = validate.validator(name, version).violations(document)
    return f"{found[0].pointer or 'it'}: {found[0].sentence}" if found else ""


def _events(look: Look, violations: Callable[[Mapping[str, Any]], str]) -> Found:
    events, looked = tables.events, 0
    for rows in evidence.rows(look.store, look.tenant, events.c.id, events.c.id, events.c.document):
        looked += len(rows)
        for row in rows:
            try:
                wrong = violations(row["document"])
            except (ValueError, KeyError, LookupError) as error:
                wrong = str(error)
            if wrong:
                return Found(
                    looked=looked,
                    sentence=f"event {row['id']} is not what its schema says: {wrong}",
                    remedy="consumers will refuse it: mend the mapping, and run its message again",
                    rows={"id": str(row["id"])},
                )
    return Found(looked=looked)


def decided_the_same(look: Look) -> Found:
    """What the installed rules decided is what they decide now."""
    if look.router is None:
        return Found(unseen=("the rules that are installed: they could not be loaded",))
    looked = others = 0
    for rows in evidence.decided(look.store, look.tenant):
        mine = [row for row in rows if row["version"] == look.router.version and row["document"] is not None]
        others += len(rows) - len(mine)
        looked += len(mine)
        for row, now in zip(mine, look.router.decide([row["document"] for row in mine]), strict=True):
            actions = [one.as_stored() for one in now.actions]
            today = {
                "rule": now.rule, "queue": now.queue, "owner": now.owner, "priority": now.priority,
                "actions": json.loads(json.dumps(actions, default=str)),
            }  # fmt: skip
            if other := [name for name, value in today.items() if value != row[name]]:
                differs = " and ".join(
                    "other actions"
                    if name == "actions"
                    else f"{name} {today[name]!r} instead of {row[name]!r}"
                    for name in other
                )
                return Found(
                    looked=looked,
                    sentence=f"event {row['event_id']} was decided by rule {row['rule']!r}, and the same rules now "
                    f"say {differs}",
                    remedy="compare the event with what the decision saw (`crossdock events show`), and report this",
                    rows={
                        "event_id": str(row["event_id"]),
                        "was": {name: row[name] for name in other},
                        "now": {name: today[name] for name in other},
                    },
                )
    unseen = (
        (f"{others} decisions of other versions of the rules, which are not installed",) if others else ()
    )
    return Found(looked=looked, unseen=unseen)


# ── P21 to P24: the store itself ─────────────────────────────────────────────────────────────────────────────


def audit_is_whole(look: Look) -> Found:
    """The chain of the audit, row by row and against its anchors."""
    from crossdock.audit.verify import verify

    report = verify(look.store, look.tenant, keyring())
    if report.broken is None:
        return Found(looked=report.rows, unseen=report.unseen)
    return Found(
        looked=report.rows,
        sentence=f"audit row {report.broken.seq} ({report.broken.kind}): {report.broken.sentence}",
        remedy="keep the database as it is, and compare it with a backup: docs/audit.md",
        rows={"seq": report.broken.seq},
        unseen=report.unseen,
    )


def no_secret_in_a_row(look: Look) -> Found:
    """No secret of a connection, in no form in which it travels, stands in a row."""
    known, missing = secrets.of_connections(look.registry, look.canaries)
    unseen = [f"the secrets of connection {one}, which is not defined here" for one in missing]
    forms = secrets.forms(known)
    if not forms:
        return Found(unseen=(*unseen, "no secret is known here: nothing was searched for"))
    looked = 0
    for table in tables.metadata.sorted_tables:
        for rows in evidence.texts(look.store, look.tenant, table):
            looked += len(rows)
            for row in rows:
                if whose := forms.found_in(row):
                    return Found(
                        looked=looked,
                        sentence=f"a secret of connection {whose} stands in a row of table {table.name}",
                        remedy="replace that secret now; then find out how it came there, and take the row out",
                        rows={"table": table.name, "key": str(row[evidence.key_of(table).name])},
                        unseen=tuple(unseen),
                    )
    return Found(looked=looked, unseen=tuple(unseen))


def every_table_is_behind_its_policy(look: Look) -> Found:
    """Row-level security is on and forced for each table, its policy is ours, and the role cannot pass it by."""
    wrong = open_doors(look.store, look.tenant)
    if wrong is None:
        return Found(looked=len(tables.metadata.tables))
    return Found(
        looked=len(tables.metadata.tables),
        sentence=wrong,
        remedy="stop everything that serves people, and run: crossdock db upgrade (it lays the guards anew when they "
        "are of another version; else an administrator restores them)",
    )


def every_guard_stands(look: Look) -> Found:
    """The version of the schema is this program's, and each trigger that it laid is there and switched on."""
    wrong = fallen_guards(look.store, look.tenant)
    if wrong is None:
        return Found(looked=len(tables.metadata.tables))
    return Found(
        looked=len(tables.metadata.tables),
        sentence=wrong,
        remedy="find out who lifted it and what was written meanwhile: run `crossdock verify` once it stands again",
    )


_OTHERS: Final[Mapping[str, tuple[tuple[str, Checker], ...]]] = {
    "P1": (("acknowledged", acknowledged),),
    "P2": (("ledger_balance", ledger_balance),),
    "P4": (("ids_are_derived", ids_are_derived),),
    "P5": (("positions_count_what_is_there", positions_count_what_is_there),),
    "P6": (("taken_back_once", taken_back_once),),
    "P18": (("events_are_valid", events_are_valid),),
    "P19": (("events_are_read_by_newer_readers", events_are_read_by_newer_readers),),
    "P21": (("audit_is_whole", audit_is_whole),),
    "P22": (("no_secret_in_a_row", no_secret_in_a_row),),
    "P23": (("every_table_is_behind_its_policy", every_table_is_behind_its_policy),),
    "P24": (("every_guard_stands", every_guard_stands),),
    "P25": (("decided_the_same", decided_the_same),),
}


def look_at(store: "Store", *, acknowledged: Path | None = None, canaries: tuple[str, ...] = ()) -> Look:
    """A look at this store with what is installed and configured here."""
    from crossdock.decide import Router
    from crossdock.hub import configured_lease, current_tenant
    from crossdock.registry import Registry

    try:
        router: Router | None = Router.load()
    except CrossdockError:
        router = None
    return Look(
        store=store,
        tenant=current_tenant(),
        registry=Registry(),
        lease=configured_lease(),
        acknowledged=acknowledged,
        canaries=canaries,
        router=router,
    )
