"""The judge: what the hub opened, cleared, set aside, registered and answered, against what the stories say.

Every difference is a sentence with the story that it belongs to. No difference is allowed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from crossdock.store import queries
from crossdock.store.engine import Store
from crossdock.store.exchange_queries import list_exchanges
from crossdock.store.pages import Page
from deploy.sandbox.day.hours import quarter_from
from deploy.sandbox.day.script import LOOK, Opened, Script
from deploy.sandbox.day.stage import Played
from deploy.sandbox.day.traders import NOBODY

ALL: Final = 500
OVER: Final = frozenset({"resolved", "cancelled", "expired"})

Row = Mapping[str, Any]


def differences(script: Script, played: Played, store: Store, tenant: str) -> list[str]:
    """Everything that is not as the stories say, one sentence each."""
    with store.transaction(tenant) as connection:
        cases = _all(lambda after: queries.list_cases(connection, tenant, after=after, limit=ALL))
        letters = _all(lambda after: queries.list_dead_letters(connection, tenant, after=after, limit=ALL))
        sent = _all(lambda after: list_exchanges(connection, tenant, direction="out", after=after, limit=ALL))
        balances = queries.ledger(connection, tenant)
    return [
        *(f"a step failed: {error}" for error in played.errors),
        *_cases(script, cases),
        *_letters(script, letters),
        *_exchanges(script, sent),
        *_answers(script, played),
        *_ledger(script, balances),
    ]


def _all(page: Callable[[str | None], Page]) -> list[Row]:
    """Every row of a list."""
    rows: list[Row] = []
    after: str | None = None
    while True:
        found = page(after)
        rows += found.items
        if found.next is None:
            return rows
        after = found.next


# -- exceptions -------------------------------------------------------------------------------------------------


def _cases(script: Script, cases: Sequence[Row]) -> Iterator[str]:
    wanted: dict[tuple[str, str], list[Opened]] = {}
    for opened in script.opened:
        wanted.setdefault((opened.code, opened.subject), []).append(opened)
    found: dict[tuple[str, str], list[Row]] = {}
    for case in sorted(cases, key=lambda case: str(case["opened_at"])):
        found.setdefault((case["code"], case["subject"]), []).append(case)
    stories = _stories(script)
    for key in sorted(wanted.keys() | found.keys()):
        expected, there = wanted.get(key, []), found.get(key, [])
        what = f"{key[0]} {key[1]}"
        for case in there[len(expected) :]:
            about = stories.get(_number(key[1]), "of no story")
            yield f"opened and not expected: {what}, at {case['opened_at']}: {case['title']} ({about})"
        for one in expected[len(there) :]:
            yield f"expected and not opened: {what} ({one.story})"
        yield from _ends(what, expected, there)


def _ends(what: str, expected: Sequence[Opened], there: Sequence[Row]) -> Iterator[str]:
    """Of what was opened as expected: whether it is over, and whether it was opened at the right moment."""
    for one, case in zip(expected, there, strict=False):
        over = case["state"] in OVER
        if one.cleared and not over:
            yield f"still open and should be over: {what} ({one.story})"
        elif over and not one.cleared:
            yield f"over and should be open: {what}, {case['resolution']} ({one.story})"
        if one.at is not None:
            opened = datetime.fromisoformat(case["opened_at"])
            if not one.at <= opened <= quarter_from(one.at) + LOOK:
                yield f"opened at {opened.isoformat()}, and due at {one.at.isoformat()}: {what} ({one.story})"


def _number(subject: str) -> str:
    """The business number in ``supplier_po/4500…/line/2``."""
    return subject.split("/")[1] if "/" in subject else subject


def _stories(script: Script) -> dict[str, str]:
    """Which story a business number belongs to, as far as its expectations tell."""
    return {_number(opened.subject): opened.story for opened in script.opened}


# -- what was set aside -----------------------------------------------------------------------------------------


def _letters(script: Script, letters: Sequence[Row]) -> Iterator[str]:
    wanted = Counter(letter.code for letter in script.letters)
    found = Counter(letter["code"] for letter in letters)
    for code in sorted(wanted.keys() | found.keys()):
        if wanted[code] == found[code]:
            continue
        stories = "; ".join(sorted(letter.story for letter in script.letters if letter.code == code))
        yield f"set aside as {code}: {found[code]}, and expected: {wanted[code]} ({stories or 'in no story'})"
        for letter in letters:
            if letter["code"] == code:
                yield f"    {letter['name']}, {letter['label']}: {letter['sentence']}"


# -- what we sent, and what we answered -------------------------------------------------------------------------


def _exchanges(script: Script, sent: Sequence[Row]) -> Iterator[str]:
    copies = {
        (row["partner"], row["group_number"], row["set_number"]): row["state"]
        for row in sent
        if row["write_back_id"] is None
    }
    for kept in script.kept:
        key = (kept.trader.name, str(kept.item.group), kept.item.set_number)
        what = f"our {kept.item.set_id} {kept.item.set_number} to {kept.trader.name}"
        state = copies.pop(key, None)
        if state is None:
            yield f"{what} is in no register ({kept.story})"
        elif state != kept.state:
            yield f"{what} is {state}, and should be {kept.state} ({kept.story})"
    for (partner, group, number), state in sorted(copies.items()):
        yield f"the register has a set {number} in group {group} to {partner} ({state}) that nobody sent"
    for row in sent:
        if row["write_back_id"] is not None and row["state"] != "sent":
            yield f"our {row['set_id']} {row['set_number']} to {row['partner']} is {row['state']}, and should be sent"


def _answers(script: Script, played: Played) -> Iterator[str]:
    """The 997, 999 and TA1 that partners found in their mail: each that is owed, once, with the right word."""
    wanted: Counter[tuple[str, str, str]] = Counter()
    stories: dict[tuple[str, str, str], str] = {}
    for parcel in script.parcels:
        trader = parcel.trader
        if parcel.ours or trader.acknowledged_by_us == NOBODY or trader not in script.traders:
            continue
        owed = [one for one in parcel.told if one.startswith("TA1")]
        groups = [items for items in parcel.groups if items[0].function != "FA"]
        told = [one for one in parcel.told if not one.startswith("TA1")]
        if groups and parcel.told and not owed and (parcel.asks_ta1 or trader.ta1 == "always"):
            owed.append("TA1 A")
        number = parcel.number if parcel.same_as is None else parcel.same_as.number
        keys = [(trader.id, f"interchange {number:09}", one) for one in owed]
        if told:
            keys += [(trader.id, f"group {items[0].function} {items[0].group}", told[0]) for items in groups]
        for key in keys:
            wanted[key] += 1
            stories[key] = parcel.story
    found = Counter(answer for body in played.sent.values() for answer in _read(body))
    for key in sorted(wanted.keys() | found.keys()):
        if wanted[key] != found[key]:
            to, what, word = key
            yield (
                f"{to} was told {word} for {what} {found[key]} times, and {wanted[key]} were owed "
                f"({stories.get(key, 'in no story')})"
            )


def _read(body: bytes) -> Iterator[tuple[str, str, str]]:
    """What a file of ours answers: to whom, for what, and the word."""
    text = body.decode("ascii")
    element, terminator = text[3], text[105]
    to, about = "", ""
    for segment in text.split(terminator):
        parts = segment.strip("\r\n").split(element)
        match parts[0]:
            case "ISA":
                to = parts[8].strip()
            case "TA1":
                yield to, f"interchange {parts[1]}", f"TA1 {parts[4]}"
            case "AK1":
                about = f"group {parts[1]} {parts[2]}"
            case "AK9":
                yield to, about, parts[1]


# -- conservation -----------------------------------------------------------------------------------------------


def _ledger(script: Script, balances: Sequence[Row]) -> Iterator[str]:
    for row in balances:
        for name in ("balance", "missing_parts", "unexplained", "in_flight"):
            if row[name]:
                yield f"the ledger of {row['source']} has {name} {row[name]}"
    repeated = sum(parcel.same_as is not None and not parcel.tail for parcel in script.parcels)
    duplicates = sum(row["duplicate"] for row in balances)
    if duplicates != repeated:
        yield f"{duplicates} files were taken for copies, and {repeated} were"
