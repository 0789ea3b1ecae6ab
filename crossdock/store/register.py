"""The register of exchanges: every set that came and every one that we sent, by its control numbers.

What came is looked up by its numbers before it is mapped; what we sent waits here for its acknowledgement. Group
numbers are kept as one counts them, without the zeros before them.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import derived_id
from crossdock.normalize.values import Arrived, Earlier, Exchanged, RowBefore, Seen, SetNumbers
from crossdock.partners import Partner
from crossdock.store import listed
from crossdock.store.bulk import Row, insert_rows
from crossdock.store.tables import exchanges, parts


def row(
    *,
    tenant: str,
    direction: str,
    partner: str,
    interchange_number: str,
    interchange_sha256: str,
    numbers: SetNumbers,
    identity: str = "",
    at: datetime,
    state: str,
    raw_id: uuid.UUID | None = None,
    write_back_id: uuid.UUID | None = None,
    answer_due_at: datetime | None = None,
    answer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One set as the register keeps it. Its id follows from where it lies, so that it is registered once.
    ``identity`` is the partner's id in what others wrote; what we write ourselves is counted per partner."""
    return {
        "tenant": tenant,
        "id": id_of(raw_id or write_back_id, numbers.part),
        "direction": direction,
        "partner": partner,
        "identity": identity,
        "interchange_number": interchange_number,
        "application": numbers.application,
        "functional_id": numbers.functional_id,
        "group_number": numbers.group_number,
        "set_id": numbers.set_id,
        "set_number": numbers.set_number,
        "release": numbers.release,
        "interchange_sha256": interchange_sha256,
        "raw_id": raw_id,
        "write_back_id": write_back_id,
        "part": numbers.part,
        "at": at,
        "state": state,
        "answer_due_at": answer_due_at,
        "answer": answer,
    }


def id_of(message: uuid.UUID | None, part: int) -> uuid.UUID:
    """The id of a set in the register, by the message or write-back that holds it and its ordinal there."""
    return derived_id("exchange", str(message), str(part))


def add(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Register sets. One that is there already stays as it is."""
    insert_rows(connection, exchanges, rows, or_ignore=True)


RUN_AT: Final = "run_at"
"""In the answer to a set that we refused: when it was run after all."""


def note_run(connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID], now: datetime) -> None:
    """Of these sets those that we refused and that were run again and taken now: their numbers are used from now on,
    and what we told the partner stays what we told."""
    if not ids:
        return
    taken = sa.exists().where(
        parts.c.tenant == tenant,
        parts.c.raw_id == exchanges.c.raw_id,
        parts.c.ordinal == exchanges.c.part,
        parts.c.state.in_(["processed", "dead_lettered"]),
    )
    connection.execute(
        sa.update(exchanges)
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.id == sa.any_(sa.bindparam("ids", list(ids), pg.ARRAY(sa.Uuid))),
            exchanges.c.answer["told"].astext == "R",
            sa.not_(exchanges.c.answer.has_key(RUN_AT)),
            taken,
        )
        .values(
            answer=exchanges.c.answer.concat(
                sa.cast(sa.bindparam("run", {RUN_AT: now.isoformat()}, pg.JSONB), pg.JSONB)
            )
        )
    )


# -- what came before ---------------------------------------------------------------------------------------------


class Lookup:
    """The register as a batch is normalized: what it holds, and what earlier messages of the batch brought.

    One for each batch, on a transaction that only reads. ``failed``: the store could not be asked.
    """

    def __init__(self, connection: sa.Connection, tenant: str, partners: Iterable[Partner]) -> None:
        self.failed = False
        self._connection = connection
        self._tenant = tenant
        self._partners = {partner.name: partner for partner in partners}
        self._interchanges: dict[tuple[str, str], Earlier] = {}
        self._groups: dict[tuple[str, ...], Earlier] = {}
        self._sets: dict[tuple[str, ...], Earlier] = {}

    def seen(self, arrived: Arrived) -> Seen:
        """What came before under these numbers, in other messages. What we refused then did not come."""
        try:
            found = stored(self._connection, self._tenant, self._partners[arrived.partner], arrived)
        except Exception:
            self.failed = True
            raise
        return Seen(
            interchange=found.interchange
            or self._other(self._interchanges.get((arrived.identity, arrived.number)), arrived),
            groups=dict(found.groups) | self._others(self._groups, arrived),
            sets=dict(found.sets) | self._others(self._sets, arrived),
            stored=found.stored,
        )

    def took(self, arrived: Arrived, exchanged: Exchanged) -> None:
        """Remember an interchange of this batch, which is not written yet."""
        if exchanged.is_refused:
            return
        earlier = Earlier(
            raw_id=arrived.raw_id,
            at=arrived.received_at,
            interchange_number=arrived.number,
            interchange_sha256=arrived.sha256,
        )
        self._interchanges.setdefault((arrived.identity, arrived.number), earlier)
        for one in exchanged.sets:
            if one.functional_id and one.told != "R":
                group, set = _keys(arrived.identity, one)
                self._groups.setdefault(group, earlier)
                self._sets.setdefault(set, earlier)

    def rows_before(
        self, document: str, partner: str, keys: Sequence[str], *, raw_id: str
    ) -> Mapping[str, RowBefore]:
        """What was said last under these keys, in other lists of this kind and sender."""
        try:
            return listed.said_last(
                self._connection, self._tenant, document, partner, keys, but=uuid.UUID(raw_id)
            )
        except Exception:
            self.failed = True
            raise

    def _others(self, known: Mapping[Any, Earlier], arrived: Arrived) -> dict[Any, Earlier]:
        if not known:
            return {}
        keys = {key[1:]: key for one in arrived.sets for key in _keys(arrived.identity, one)}
        found = {short: self._other(known.get(key), arrived) for short, key in keys.items()}
        return {short: earlier for short, earlier in found.items() if earlier is not None}

    @staticmethod
    def _other(earlier: Earlier | None, arrived: Arrived) -> Earlier | None:
        """Normalizing a message again does not meet itself."""
        return None if earlier is None or earlier.raw_id == arrived.raw_id else earlier


def _keys(identity: str, one: SetNumbers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The numbers of its group and its own, beneath the id of the sender; an id is of one partner only."""
    group = (identity, one.application, one.functional_id, one.group_number)
    return group, (*group, one.set_id, one.set_number)


def stored(connection: sa.Connection, tenant: str, partner: Partner, arrived: Arrived) -> Seen:
    """What the register has under the numbers of an interchange, as far back as the partner's profile looks."""
    windows = partner.duplicates
    looks = [one for one in (windows.interchange, windows.group, windows.set) if one.then != "ignore"]
    since = arrived.received_at - max((one.within for one in looks), default=timedelta())
    asks_sets = windows.set.then != "ignore" and windows.group.then == "ignore"
    return seen(connection, tenant, arrived, since=since, sets=asks_sets)


def seen(
    connection: sa.Connection, tenant: str, arrived: Arrived, *, since: datetime, sets: bool = True
) -> Seen:
    """What the register has under the numbers of an interchange since a time, its own message excepted; the latest of
    each. ``sets``: whether sets are looked for too, in groups of the same number."""
    groups = list({_keys("", one)[0][1:] for one in arrived.sets if one.functional_id})
    values = {
        "tenant": tenant,
        "partner": arrived.partner,
        "identity": arrived.identity,
        "raw_id": uuid.UUID(arrived.raw_id),
        "since": since,
        "number": arrived.number,
        "applications": [application for application, _, _ in groups],
        "functional_ids": [functional_id for _, functional_id, _ in groups],
        "group_numbers": [number for _, _, number in groups],
    }
    interchange: Earlier | None = None
    found_groups: dict[tuple[str, str, str], Earlier] = {}
    found_sets: dict[tuple[str, str, str, str, str], Earlier] = {}
    for each in connection.execute(_seen_statement(), values):
        if each.level == "interchange":
            interchange = _earlier(each)
        else:
            found_groups[each.application, each.functional_id, each.group_number] = _earlier(each)
    if sets and found_groups:
        values["set_numbers"] = [one.set_number for one in arrived.sets]
        for each in connection.execute(_seen_sets_statement(), values):
            key = (each.application, each.functional_id, each.group_number, each.set_id, each.set_number)
            found_sets[key] = _earlier(each)
    named = [interchange] if interchange is not None else []
    named += [*found_groups.values(), *found_sets.values()]
    return Seen(
        interchange=interchange,
        groups=found_groups,
        sets=found_sets,
        stored=frozenset(one.raw_id for one in named),
    )


def any_before(connection: sa.Connection, tenant: str, arrived: Sequence[Arrived]) -> set[int]:
    """Which of these interchanges, by their places, have a number under which another message is registered, whenever
    that was and whatever came of it: hardly any, and the others need not be asked about one by one."""
    found: set[int] = set()
    for level, values in _numbers_given(arrived):
        if values["places"]:
            statement = _any_before_statement(level)
            found.update(connection.execute(statement, {"tenant": tenant, **values}).scalars())
    return found


def _numbers_given(arrived: Sequence[Arrived]) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    interchanges: dict[str, list[Any]] = {"places": [], "partners": [], "raw_ids": [], "numbers": []}
    groups: dict[str, list[Any]] = {**{name: [] for name in interchanges}, "functional_ids": []}
    for place, one in enumerate(arrived):
        for numbers, keys in (
            (interchanges, [("", one.number)]),
            (groups, {(each.functional_id, each.group_number) for each in one.sets if each.functional_id}),
        ):
            for functional_id, number in keys:
                numbers["places"].append(place)
                numbers["partners"].append(one.partner)
                numbers["raw_ids"].append(uuid.UUID(one.raw_id))
                numbers["numbers"].append(number)
                if numbers is groups:
                    numbers["functional_ids"].append(functional_id)
    yield "interchange", interchanges
    yield "group", groups


@cache
def _any_before_statement(level: str) -> Any:
    types: dict[str, Any] = {"place": sa.Integer, "partner": sa.Text, "raw_id": sa.Uuid, "number": sa.Text}
    if level == "group":
        types["functional_id"] = sa.Text
    given = (
        sa.func.unnest(*(sa.bindparam(f"{name}s", type_=pg.ARRAY(kind)) for name, kind in types.items()))
        .table_valued(*(sa.column(name, kind) for name, kind in types.items()))
        .render_derived(name="given")
    )
    same = [
        exchanges.c.tenant == sa.bindparam("tenant", type_=sa.Text),
        exchanges.c.partner == given.c.partner,
        exchanges.c.direction == "in",
        exchanges.c.raw_id != given.c.raw_id,
    ]
    if level == "group":
        same += [
            exchanges.c.functional_id == given.c.functional_id,
            exchanges.c.group_number == given.c.number,
        ]
    else:
        same.append(exchanges.c.interchange_number == given.c.number)
    return sa.select(given.c.place).where(sa.exists().where(*same))


_SEEN: Final = tuple(
    exchanges.c[name]
    for name in (
        "raw_id", "at", "interchange_number", "interchange_sha256", "functional_id", "group_number", "set_id",
        "set_number",
    )
)  # fmt: skip


def _before() -> list[Any]:
    """What a partner sent since a time under this id, in other messages. Of what was registered before ids were kept
    (0004) nobody knows the id."""
    return [
        exchanges.c.tenant == sa.bindparam("tenant", type_=sa.Text),
        exchanges.c.partner == sa.bindparam("partner", type_=sa.Text),
        exchanges.c.direction == "in",
        exchanges.c.identity.in_([sa.bindparam("identity", type_=sa.Text), ""]),
        exchanges.c.raw_id != sa.bindparam("raw_id", type_=sa.Uuid),
        exchanges.c.at >= sa.bindparam("since", type_=sa.DateTime(timezone=True)),
    ]


def _given(*names: str) -> Any:
    """Arrays that are given, as a table: their first elements are its first row."""
    columns = [sa.column(name, sa.Text) for name in names]
    arrays = [sa.bindparam(f"{name}s", type_=pg.ARRAY(sa.Text)) for name in names]
    return sa.func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


@cache
def _seen_statement() -> Any:
    """The latest under the interchange's number, and under each group's; made once, for it is asked all the time."""
    interchange = (
        sa.select(
            sa.literal("interchange", sa.Text).label("level"),
            sa.literal("", sa.Text).label("application"),
            *_SEEN,
        )
        .where(
            *_before(),
            exchanges.c.interchange_number == sa.bindparam("number", type_=sa.Text),
            not_refused("interchange"),
            not_refused("told"),
        )
        .order_by(exchanges.c.at.desc())
        .limit(1)
        .subquery()
    )
    given = _given("application", "functional_id", "group_number")
    group = (
        sa.select(sa.literal("group", sa.Text).label("level"), given.c.application, *_SEEN)
        .where(
            *_before(),
            exchanges.c.application.in_([given.c.application, ""]),
            exchanges.c.functional_id == given.c.functional_id,
            exchanges.c.group_number == given.c.group_number,
            not_refused("told"),
        )
        .order_by(exchanges.c.at.desc())
        .limit(1)
        .lateral("before")
    )
    return sa.union_all(sa.select(interchange), sa.select(group).select_from(given.join(group, sa.true())))


@cache
def _seen_sets_statement() -> Any:
    """The latest of each set under the numbers of these groups and sets."""
    given = _given("application", "functional_id", "group_number")
    key = (given.c.application, *_SEEN[4:])
    return (
        sa.select(given.c.application, *_SEEN)
        .select_from(exchanges)
        .join(
            given,
            sa.and_(
                exchanges.c.application.in_([given.c.application, ""]),
                exchanges.c.functional_id == given.c.functional_id,
                exchanges.c.group_number == given.c.group_number,
            ),
        )
        .where(
            *_before(),
            exchanges.c.set_number == sa.any_(sa.bindparam("set_numbers", type_=pg.ARRAY(sa.Text))),
            not_refused("told"),
        )
        .ext(pg.distinct_on(*key))
        .order_by(*key, exchanges.c.at.desc())
    )


def not_refused(level: str) -> Any:
    """We took it, at once or later: what we refused may come again under its number, until it was run after all."""
    answer = exchanges.c.answer
    return sa.or_(
        sa.func.coalesce(answer[level].astext, "") != "R",
        sa.func.coalesce(answer.has_key(RUN_AT), sa.false()),
    )


def _earlier(found: Any) -> Earlier:
    return Earlier(
        raw_id=str(found.raw_id),
        at=found.at,
        interchange_number=found.interchange_number,
        interchange_sha256=found.interchange_sha256,
    )


# -- in which order it comes ----------------------------------------------------------------------------------------

_SEQUENCE_LOCK: Final = 0x45_58_43
"""The first key of our advisory locks on a partner's numbers."""


def hold_sequence(connection: sa.Connection, tenant: str, partners: Collection[str]) -> None:
    """Hold the numbers of these partners, theirs and ours, to the end of the transaction: who comes second sees what
    the first wrote. Taken in order, and before anything else that two workers may both want."""
    keys = sorted({_signed(crc32(f"{tenant}:{name}".encode())) for name in partners})
    if not keys:
        return
    each = sa.func.unnest(sa.bindparam("held", keys, pg.ARRAY(sa.Integer))).column_valued("held")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SEQUENCE_LOCK, each)))


def _signed(number: int) -> int:
    """32 bits as PostgreSQL counts them."""
    return number - 2**32 if number >= 2**31 else number


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """An interchange that came: its number (ISA13), and when it was received."""

    number: int
    at: datetime


def registered_in(
    connection: sa.Connection, tenant: str, raw_ids: Collection[uuid.UUID]
) -> set[tuple[uuid.UUID, str]]:
    """Which interchanges of these messages (message, ISA13) are registered already."""
    if not raw_ids:
        return set()
    statement = (
        sa.select(exchanges.c.raw_id, exchanges.c.interchange_number)
        .where(exchanges.c.tenant == tenant, exchanges.c.raw_id.in_(list(raw_ids)))
        .distinct()
    )
    return {(each.raw_id, each.interchange_number) for each in connection.execute(statement)}


def highest(
    connection: sa.Connection, tenant: str, partner: str, identity: str, *, but: Collection[uuid.UUID] = ()
) -> Numbered | None:
    """The highest of a partner's interchange numbers under one of its ids. Only numbers of nine digits are in a
    sequence; rows of the messages ``but`` are not looked at."""
    statement = (
        sa.select(_number, exchanges.c.at)
        .where(*_in_sequence(tenant, partner, identity, but))
        .order_by(_number.desc(), exchanges.c.at.desc())
        .limit(1)
    )
    found = connection.execute(statement).first()
    return Numbered(number=int(found.interchange_number), at=found.at) if found else None


def sequence(
    connection: sa.Connection, tenant: str, partner: str, identity: str, *, but: Collection[uuid.UUID] = ()
) -> list[Numbered]:
    """A partner's last interchanges under one of its ids in the order in which they came, as far back as counting
    needs them. ``but`` as for ``highest``."""
    last = (
        sa.select(_number, exchanges.c.at, exchanges.c.raw_id)
        .where(*_in_sequence(tenant, partner, identity, but))
        .distinct()
        .order_by(exchanges.c.at.desc(), _number.desc())
        .limit(_MOST_REMEMBERED)
    )
    found = connection.execute(last).all()
    return [Numbered(number=int(each.interchange_number), at=each.at) for each in reversed(found)]


_number = exchanges.c.interchange_number

_MOST_REMEMBERED: Final = 5_000
"""So many interchanges of a partner are counted again to see what is missing."""


def _in_sequence(tenant: str, partner: str, identity: str, but: Collection[uuid.UUID]) -> list[Any]:
    return [
        exchanges.c.tenant == tenant,
        exchanges.c.partner == partner,
        exchanges.c.direction == "in",
        exchanges.c.identity.in_([identity, ""]),
        _number.regexp_match("^[0-9]{9}$"),
        exchanges.c.raw_id.not_in(list(but)),
    ]
