"""Lists as people see them: brought by hand, and row by row with what became of each.

An upload is received like anything else, byte for byte; who brought it, what it is and whose it is stand in its
headers, for its bytes do not say it. What the page shows is what the sender's report says, as it stands now.
"""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from crossdock import deadletters, receive
from crossdock.deadletters import NotPossible
from crossdock.errors import Misconfigured
from crossdock.formats.tabular import write_csv
from crossdock.formats.tabular.workbook import MEDIA_TYPE as WORKBOOK
from crossdock.formats.tabular.workbook import is_workbook
from crossdock.limits import limit
from crossdock.messages import DOCUMENT, PARTNER, SENT_BY, RawMessage, Verdict
from crossdock.normalize.values import RowVerdict
from crossdock.ports import Clock
from crossdock.registry import Registry
from crossdock.reports import COLUMNS, STATES, Line
from crossdock.store import corrections, desk, inbox, listed
from crossdock.toml_lines import did_you_mean

if TYPE_CHECKING:
    from crossdock.partners import Partners
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

SOURCE: Final = "upload"
"""The connector that uploads belong to."""

CORRECTED: Final = "corrected"
DISCARDED: Final = "discarded"
"""What became of a row that was rejected: a later list has it right, or a person ended it."""

ROWS_OF_A_PAGE: Final = 200
_ROWS_AT_ONCE: Final = 5_000
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """What became of an upload: the message, and whether these very bytes were brought before."""

    raw_id: uuid.UUID
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What became of a list that was taken again as another partner's. ``ended``: so many dead letters of the first
    reading; ``stays``: so many of its rows were taken as the wrong one's, and what they said stays said."""

    raw_id: uuid.UUID
    verdict: Verdict
    ended: int
    stays: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a list; ``next`` is what to ask for to see those behind them, empty at the end."""

    rows: list[dict[str, Any]]
    next: str


class Uploads:
    """What people do with lists."""

    def __init__(
        self,
        *,
        store: "Store",
        registry: Registry,
        partners: "Callable[[], Partners]",
        tenant: str,
        clock: Clock,
        changing: "Callable[[], AbstractContextManager[Transaction]]",
    ) -> None:
        self._store = store
        self._registry = registry
        self._partners = partners
        self._tenant = tenant
        self._clock = clock
        self._changing = changing

    def documents(self) -> Mapping[str, str]:
        """What may be uploaded: the title of each kind of list, by its document."""
        mappings = self._registry.inbound_mappings()
        return {name: one.layout.title for name, one in sorted(mappings.items()) if one.layout is not None}

    def take(self, body: bytes, *, name: str, document: str, partner: str, actor: str) -> Uploaded:
        """Store what a person brought. ``partner`` may be empty: a list of nobody's.

        Raises ``Misconfigured`` for a kind or a partner that nobody knows, and for an empty or too long file. The
        same bytes as the same document of the same partner are a duplicate.
        """
        known = self.documents()
        if document not in known:
            raise Misconfigured(f"no list is called {document!r}{did_you_mean(document, list(known))}")
        if partner:
            self._partners().named(partner)
        if not actor:
            raise Misconfigured("an upload is somebody's: say who you are")
        most = limit("upload_bytes")
        if not body or len(body) > most:
            raise Misconfigured(f"the file has {len(body)} bytes; an upload has 1 to {most}")
        digest = sha256(body).hexdigest()
        message = RawMessage(
            tenant=self._tenant,
            source=SOURCE,
            key=f"{digest}:{document}:{partner}",
            body=body,
            media_type=WORKBOOK if is_workbook(body) else "text/csv",
            received_at=self._clock.now(),
            name=_named(name),
            headers={DOCUMENT: document, SENT_BY: actor, **({PARTNER: partner} if partner else {})},
        )
        verdict = receive.accept(self._store, message, clock=self._clock)
        with self._changing() as connection:
            self._audit(
                connection,
                "upload",
                message.id,
                actor=actor,
                reason=None,
                detail={
                    "name": message.name,
                    "document": document,
                    "partner": partner,
                    "sha256": digest,
                    "verdict": verdict,
                },
            )
        return Uploaded(raw_id=message.id, verdict=verdict)

    def again(self, raw_id: uuid.UUID, *, partner: str, actor: str, reason: str) -> Again:
        """Take a list that came under the wrong partner as this one's: the same bytes, of the same source and time,
        as a message of its own. The first stays as it was; what lies set aside of it ends. Done twice it is a
        duplicate, so who dies between the two does it again.

        Raises ``Misconfigured`` for a message that is no list and a partner whom nobody knows, and ``NotPossible``
        where nothing would differ.
        """
        self._partners().named(partner)
        if not reason.strip():
            raise NotPossible("a list is taken as another partner's with a reason")
        with self._store.reading(self._tenant) as connection:
            first = inbox.read_message(connection, self._tenant, raw_id)
            found = listed.lists(connection, self._tenant, limit=1, raw_id=raw_id)
            waits = listed.waits(connection, self._tenant, raw_id)
        document = self._kind(first) if first is not None else ""
        if first is None or not document:
            raise Misconfigured(f"raw message {raw_id} is no list")
        if first.headers.get(PARTNER, "") == partner:
            raise NotPossible(f"'{first.name}' came as a list of {partner!r}; replay what is set aside of it")
        if waits:
            raise NotPossible(f"'{first.name}' waits to be read; once it was: crossdock process --once")
        message = replace(
            first,
            key=f"{first.sha256}:{document}:{partner}",
            position=None,
            headers={**first.headers, PARTNER: partner, SENT_BY: actor},
        )
        verdict = receive.accept(self._store, message, clock=self._clock)
        because = f"taken again as a list of {partner}, {str(message.id)[:8]}: {reason}"
        with self._changing() as connection:
            ended = self._end(connection, raw_id, actor=actor, reason=because)
            self._audit(
                connection,
                "list.again",
                raw_id,
                actor=actor,
                reason=reason,
                detail={"partner": partner, "again": str(message.id), "verdict": verdict, "ended": ended},
            )
        counts: Mapping[str, int] = (found[0]["verdicts"] or {}) if found else {}
        stays = counts.get(RowVerdict.TAKEN, 0)
        return Again(raw_id=message.id, verdict=verdict, ended=ended, stays=stays)

    def discard(self, raw_id: uuid.UUID, *, actor: str, reason: str) -> int:
        """End every dead letter that is open of this list's rows. How many. Raises ``Misconfigured`` for a message
        that is no list: its letters are looked at one by one."""
        with self._store.reading(self._tenant) as connection:
            message = inbox.read_message(connection, self._tenant, raw_id)
        if message is None or not self._kind(message):
            raise Misconfigured(f"raw message {raw_id} is no list")
        with self._changing() as connection:
            return self._end(connection, raw_id, actor=actor, reason=reason)

    def _end(self, connection: "Transaction", raw_id: uuid.UUID, *, actor: str, reason: str) -> int:
        letters = corrections.letters_of(connection, self._tenant, raw_id)
        for letter_id in letters:
            deadletters.discard(
                connection,
                tenant=self._tenant,
                letter_id=letter_id,
                actor=actor,
                reason=reason,
                now=self._clock.now(),
            )
        return len(letters)

    def _kind(self, message: RawMessage) -> str:
        """What a list is; empty for what is none."""
        from crossdock.normalize import Normalizer

        reader = Normalizer(registry=self._registry, partners=self._partners(), clock=self._clock)
        return reader.kind_of_list(message)

    def _audit(
        self,
        connection: "Transaction",
        action: str,
        raw_id: uuid.UUID,
        *,
        actor: str,
        reason: str | None,
        detail: Mapping[str, Any],
    ) -> None:
        desk.add_audit(
            connection,
            tenant=self._tenant,
            now=self._clock.now(),
            actor=actor,
            action=action,
            object_kind="raw message",
            object_id=str(raw_id),
            reason=reason,
            detail=detail,
        )


def recent(connection: "Transaction", tenant: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """The lists that came last, the newest first, however they came."""
    return _with_words(connection, tenant, listed.lists(connection, tenant, limit=limit))


def of(connection: "Transaction", tenant: str, raw_id: uuid.UUID) -> dict[str, Any]:
    """One list, without its rows. Raises ``Misconfigured`` for a message that is none."""
    found = listed.lists(connection, tenant, limit=1, raw_id=raw_id)
    if not found:
        raise Misconfigured(f"raw message {raw_id} is no list")
    return _with_words(connection, tenant, found)[0]


def rows(
    connection: "Transaction", tenant: str, raw_id: uuid.UUID, *, after: int = -1, most: int = ROWS_OF_A_PAGE
) -> Page:
    """Rows of a list, each with its state as the sender reads it and everything that is wrong in it."""
    found = listed.of_list(connection, tenant, raw_id, most=most + 1, after=after)
    corrected = corrections.corrected_rows(connection, tenant, raw_id)
    shown = [_row(one, corrected.get(one["part"], "")) for one in found[:most]]
    return Page(rows=shown, next=str(shown[-1]["part"]) if len(found) > most else "")


def report(connection: "Transaction", tenant: str, raw_id: uuid.UUID) -> bytes:
    """The report about a list as it stands now, as a CSV file."""
    return write_csv([COLUMNS, *_lines(connection, tenant, raw_id)])


def _lines(connection: "Transaction", tenant: str, raw_id: uuid.UUID) -> Iterator[Line]:
    after: int | None = -1
    while after is not None:
        page = rows(connection, tenant, raw_id, after=after, most=_ROWS_AT_ONCE)
        for one in page.rows:
            for trouble in one["troubles"]:
                yield (
                    one["number"] or "", one["state"], trouble["code"], trouble["field"], trouble["sentence"],
                    trouble["remedy"],
                )  # fmt: skip
            if not one["troubles"]:
                yield (one["number"], one["state"], "", "", one["because"], "")
        after = int(page.next) if page.next else None


def _row(found: Mapping[str, Any], corrected: str) -> dict[str, Any]:
    """A row as it stands now: what a person did to its part since then counts too, and ``corrected``: what a later
    list said of it."""
    verdict = RowVerdict(found["verdict"])
    state = STATES[verdict]
    if found["state"] == "discarded":
        state = CORRECTED if corrected else DISCARDED
    elif found["state"] == "in_flight":
        state = "runs again"
    because = corrected
    if found["before_raw_id"] is not None:
        because = f"row {found['before_number']} of {found['before_name']} "
        because += "says the same" if verdict is RowVerdict.REPEATED else "came later and says something else"
    return {
        "part": found["part"],
        "number": found["number"],
        "label": found["label"],
        "state": state,
        "because": because,
        "before": str(found["before_raw_id"]) if found["before_raw_id"] else None,
        "troubles": [] if corrected else found["troubles"],
    }


def _with_words(
    connection: "Transaction", tenant: str, found: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Lists as people see them: what was rejected and has ended since is counted as that."""
    ended = corrections.ended_counts(connection, tenant, [one["id"] for one in found])
    return [_said(one, ended.get(one["id"], ())) for one in found]


def _said(found: Mapping[str, Any], ended: Sequence[tuple[str, bool, int]]) -> dict[str, Any]:
    counts = Counter[str](found["verdicts"] or {})
    after: Counter[str] = Counter()
    for verdict, corrected, number in ended:
        counts[verdict] -= number
        after[CORRECTED if corrected else DISCARDED] += number
    return {
        "id": str(found["id"]),
        "name": found["name"],
        "source": found["source"],
        "document": found["document"] or found["headers"].get(DOCUMENT, ""),
        "partner": found["partner"] or found["headers"].get(PARTNER, ""),
        "sent_by": found["headers"].get(SENT_BY, ""),
        "received_at": found["received_at"].isoformat(),
        "waits": found["part_count"] is None,
        "rows": {**{STATES[one]: counts[one] for one in RowVerdict if counts[one]}, **after},
    }


def _named(name: str) -> str:
    """What a person's machine calls the file, without the folders: data only."""
    last = re.split(r"[/\\]", name)[-1].strip()
    shown = "".join(one if one.isprintable() else "·" for one in last)
    return shown.encode()[:_LONGEST_NAME].decode("utf-8", "ignore") or "upload"
