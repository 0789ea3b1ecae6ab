"""The page for a partner, in Markdown: who we are, what we expect, how we acknowledge, how to test.

Everything on it is read from the profile and the guides, so that it says what the hub does.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from crossdock import clocks
from crossdock.calendars import DAYS, Calendar
from crossdock.formats.x12 import guides
from crossdock.formats.x12.describe import ElementUse, LoopUse, SegmentUse
from crossdock.partners.agreed import differences, guide_of, missing_guides
from crossdock.partners.example import example
from crossdock.partners.partner import ACKNOWLEDGEMENTS, Partner
from crossdock.partners.qualifiers import QUALIFIERS
from crossdock.partners.terms import Window

_USES: Final = {"M": "must", "O": "may", "X": "see the relations", "-": "not used"}

_TA1: Final = {
    "requested": "when ISA14 asks for it, and whenever an interchange itself is wrong",
    "always": "for every interchange",
    "errors": "only when an interchange itself is wrong",
    "never": "never",
}

_THEN: Final = {
    "reject": "is refused, and you are told so",
    "flag": "is taken, and a person looks at it",
    "ignore": "is taken",
}


_NOUNS: Final = {
    "customer_po": "purchase order",
    "supplier_po": "purchase order",
    "warehouse_receipt": "transfer",
}


def guide_page(partner: Partner) -> str:
    """The page. Raises ``Misconfigured`` where an overlay does not fit the guide of the release that is agreed."""
    parts = [
        _head(partner),
        _identities(partner),
        _envelope(partner),
        _acknowledgements(partner),
        _limits(partner),
        *(_received(partner, set_id) for set_id in partner.sets if set_id not in ACKNOWLEDGEMENTS),
        _sent(partner),
        _codes(partner),
        _testing(partner),
        _people(partner),
    ]
    return "\n".join("\n".join(part) + "\n" for part in parts if part)


def _head(partner: Partner) -> list[str]:
    sends = ", ".join(one for one in partner.sets if one not in ACKNOWLEDGEMENTS) or "nothing"
    return [
        f"# X12 between {_plain(partner.title)} and us",
        "",
        f"This page is for {_plain(partner.title)}: what we take, what we send, how everything is "
        "acknowledged, and how to try it out.",
        f"You send us {sends}; we send you {', '.join(partner.sends) or 'acknowledgements only'}.",
    ]


def _identities(partner: Partner) -> list[str]:
    rows = [
        ("you", _id(qualifier, identity), ", ".join(partner.group_ids) or identity)
        for qualifier, identity in partner.ids
    ]
    rows.append(("we", _id(*partner.ours), partner.group_id_of_ours))
    return [
        "## Who is who",
        "",
        *_table(("", "ISA id", "GS id"), rows),
        "",
        "What comes under another id, or is addressed to another one, is set aside until we have talked.",
        f"Times without a zone are read as those of {partner.timezone}, amounts without a currency as "
        f"{partner.currency}.",
    ]


def _id(qualifier: str, identity: str) -> str:
    return f"{qualifier}/{identity}: {QUALIFIERS[qualifier]}"


def _envelope(partner: Partner) -> list[str]:
    repetition = "none" if partner.repetition == "U" else f"`{partner.repetition}`"
    other = {
        set_id: partner.release_for(set_id)
        for set_id in (*partner.sends, *ACKNOWLEDGEMENTS)
        if partner.may_receive(set_id) and partner.release_for(set_id) != partner.release
    }
    others = "".join(f"; {set_id} in {release}" for set_id, release in other.items())
    unwritable = (
        "is never sent: we ask a person first"
        if partner.unwritable == "refuse"
        else f"has `{partner.unwritable}` in its place"
    )
    windows = (
        ("ISA13", partner.duplicates.interchange),
        ("GS06", partner.duplicates.group),
        ("ST02", partner.duplicates.set),
    )
    gaps = (
        "We tell you when interchange numbers have gaps or come out of order."
        if partner.sequence == "gaps"
        else "Interchange numbers may have gaps and may come out of order."
    )
    return [
        "## Envelopes",
        "",
        "Yours: we read the delimiters from each ISA, so you may use what you like.",
        "",
        *_table(
            ("a number that comes again", "within", "what becomes of it"),
            [(name, _days(window), _THEN[window.then]) for name, window in windows],
        ),
        "",
        gaps,
        "",
        f"Ours: release {partner.release}{others}; elements end with {_mark(partner.element)}, components with "
        f"{_mark(partner.component)}, segments with {_mark(partner.segment)}; repetition separator: {repetition}. "
        f"{_other_release(partner)}"
        f"Data with one of these in it {unwritable}.",
    ]


def _other_release(partner: Partner) -> str:
    """That we send a release of which we have no guide, if so."""
    said = ", ".join(f"{what} by that of {used}" for what, used in missing_guides(partner, partner.sends))
    return f"We have no guide of that release: we check {said}. " if said else ""


def _mark(character: str) -> str:
    return f"`{character}`" if character.isprintable() else f"the character {ord(character):02x} (hex)"


def _days(window: Window) -> str:
    if window.then == "ignore":
        return "any time"
    days, rest = divmod(window.within, timedelta(days=1))
    return f"{days} day{'s' if days != 1 else ''}" if days and not rest else str(window.within)


def _acknowledgements(partner: Partner) -> list[str]:
    rows = []
    for set_id in partner.sets:
        if set_id in ACKNOWLEDGEMENTS:
            continue
        kind = partner.acknowledgement_of(set_id)
        accepted = "yes" if partner.lists_accepted(set_id) else "no, only what is wrong"
        rows.append(
            (set_id, "not acknowledged" if kind == "none" else kind, "" if kind == "none" else accepted)
        )
    lines = ["## Acknowledgements", ""]
    if rows:
        lines += [*_table(("you send", "we answer", "accepted sets are listed"), rows), ""]
    lines += [f"A TA1 goes to you: {_TA1[partner.ta1]}. We never acknowledge an acknowledgement.", ""]
    expected = [(set_id, found) for set_id in partner.sends if (found := partner.expected_for(set_id))]
    if expected:
        lines += [
            *_table(
                ("we send", "you answer", "within"),
                [(set_id, found.kind, str(found.within)) for set_id, found in expected],
            ),
            "",
            "When it has not come by then, a person of ours calls. What you reject comes back to us with your "
            "reasons: name the segment and element that is wrong.",
        ]
    else:
        lines.append("We wait for no acknowledgement from you.")
    return lines


def _limits(partner: Partner) -> list[str]:
    rows = []
    for pair in clocks.pairs().values():
        limit = partner.clocks.limit(pair.name, pair.within)
        if limit is None or pair.answer is None:
            continue
        if pair.sent is not None and not partner.may_receive(pair.sent):
            continue
        about = _NOUNS.get(kind := min(pair.match), kind.replace("_", " "))
        for side, agreed in (("you", partner.may_send), ("we", partner.may_receive)):
            if agreed(pair.answer):
                who = partner.title if side == "you" else "We"
                late = pair.title.format(who=who, subject=f"the {about}", limit=str(limit)).replace(
                    "We has", "We have"
                )
                rows.append((side, pair.answer, str(limit), late))
    return [
        "## What is due when",
        "",
        *(
            _table(("who owes", "set", "within", "after that it is said"), rows)
            if rows
            else ["No document is due within a limit."]
        ),
        "",
        f"Business time is that of: {_calendar(partner.clocks.calendar)}",
    ]


def _calendar(calendar: Calendar) -> str:
    days = [day.capitalize() for number, day in enumerate(DAYS) if number in calendar.days]
    off = ", ".join(dict.fromkeys(holiday.name for holiday in calendar.holidays))
    hours = f"{_clock(calendar.opens)} to {_clock(calendar.closes)} {calendar.timezone}"
    return f"{calendar.title}, {hours}, {', '.join(days)}" + (f"; not on: {off}." if off else ".")


def _clock(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


# -- sets -----------------------------------------------------------------------------------------------------


def _received(partner: Partner, set_id: str) -> list[str]:
    guide = guide_of(partner, set_id, partner.release)
    if guide is None:
        return [
            f"## {set_id}: you send it",
            "",
            "We have no guide for this set; talk to us before you send it.",
        ]
    listing = guide.describe()
    known = ", ".join(guides.releases(set_id))
    lines = [
        f"## {set_id} {_plain(listing.name)}: you send it",
        "",
        f"GS01 `{listing.functional_group}`; we have a guide for {known}. This is {listing.release}.",
    ]
    lines += _asked(partner, set_id)
    lines += [
        "",
        *_table(
            ("segment", "name", "use", "at most"),
            [_row(depth, item) for depth, item in listing.walk()],
        ),
    ]
    elements = [
        (item.path, place, element)
        for _, item in listing.walk()
        if isinstance(item, SegmentUse)
        for place, element in _elements(item)
    ]
    if elements:
        lines += [
            "",
            "The elements that must be there, and those of which we ask something:",
            "",
            *_table(
                ("element", "name", "use", "what stands there"),
                [(place, _plain(one.name), _USES[one.use], _content(one)) for _, place, one in elements],
            ),
        ]
    return lines


def _asked(partner: Partner, set_id: str) -> list[str]:
    asked = differences(partner, set_id, partner.release)
    if not asked:
        return ["We ask for nothing beyond the standard."]
    return ["", "Between us, beside the standard:", "", *(f"* {_plain(sentence)}" for sentence in asked)]


def _row(depth: int, item: SegmentUse | LoopUse) -> tuple[str, str, str, str]:
    indent = "· " * depth
    most = "no limit" if item.most is None else str(item.most)
    if isinstance(item, LoopUse):
        return f"{indent}loop {item.name}", "", _USES[item.use], most
    return f"{indent}{item.id}", _plain(item.name), _USES[item.use], most


def _elements(item: SegmentUse) -> Iterator[tuple[str, ElementUse]]:
    """The elements of a segment that a partner must know of."""
    for one in item.elements:
        if one.partner or one.own or (one.use == "M" and item.use == "M"):
            yield f"{item.path}{one.place:02}", one
        for inner in one.components:
            if inner.partner or inner.own:
                yield f"{item.path}{one.place:02}-{inner.place}", inner


def _content(one: ElementUse) -> str:
    if one.components:
        return f"{len(one.components)} components"
    longest = "" if one.longest is None else str(one.longest)
    said = f"[{one.reference}] {one.type} {one.shortest}/{longest}"
    if one.codes:
        said += ": " + ", ".join(one.codes)
    if one.own:
        said += "; yours: " + ", ".join(f"{code} ({_plain(text)})" for code, text in one.own)
    return said


def _sent(partner: Partner) -> list[str]:
    rows = []
    for set_id in partner.sends:
        guide = guide_of(partner, set_id, partner.release_for(set_id))
        name, group = ("", "") if guide is None else (_plain(guide.name), guide.functional_group)
        rows.append((set_id, name, group, partner.release_for(set_id)))
    if not rows:
        return []
    lines = ["## What we send you", "", *_table(("set", "name", "GS01", "release"), rows)]
    for set_id in partner.sends:
        if asked := differences(partner, set_id, partner.release_for(set_id)):
            lines += ["", f"Our {set_id}, beside the standard:", "", *(f"* {_plain(one)}" for one in asked)]
    return lines


def _codes(partner: Partner) -> list[str]:
    if not partner.codes:
        return (
            []
            if not partner.lenient
            else ["## Codes", "", "A code that we do not know is kept as you wrote it."]
        )
    rows = [
        (element.removeprefix("x12-"), f"`{code}`", _plain(row.text))
        for (element, code), row in partner.codes.items()
    ]
    unknown = (
        "Any other code that we do not know is kept as you wrote it."
        if partner.lenient
        else "A document with any other code that we do not know is set aside until we have asked you."
    )
    return ["## Your codes", "", *_table(("element", "code", "how we read it"), rows), "", unknown]


# -- testing --------------------------------------------------------------------------------------------------


def _testing(partner: Partner) -> list[str]:
    lines = [
        "## How to test",
        "",
        (
            "Production has ISA15 `P`. A file with `T` there is set aside as a test: nothing becomes real and "
            "nothing is acknowledged; we look at it and tell you what we saw."
            if partner.usage == "P"
            else "We are testing with each other: for now a file with ISA15 `T` is read and acknowledged, and one "
            "with `P` is set aside. Tell us when you want to begin production, which has `P`."
        ),
        "Each file below is in your ids, passes our check and has ISA15 `T`. Send one like it, then one of your own.",
    ]
    for set_id in partner.sets:
        if set_id in ACKNOWLEDGEMENTS or not guides.releases(set_id):
            continue
        found = example(partner, set_id, partner.release)
        if found is None:
            lines += [
                "",
                f"{set_id}: there is no example that obeys everything that is asked of it; ask us for one.",
            ]
            continue
        what = (
            "the least that the guide asks for, with values that mean nothing" if found.made else "an example"
        )
        text = found.body.decode("utf-8")
        lines += ["", f"{set_id} of {found.release}, {what}:", "", "```edi", text.rstrip("\n"), "```"]
    return lines


def _people(partner: Partner) -> list[str]:
    contact = partner.contact
    known = [one for one in (contact.name, contact.email, contact.phone) if one]
    if not known:
        return [
            "## People",
            "",
            "We know nobody at your side yet: tell us a name, an address and a telephone number.",
        ]
    return [
        "## People",
        "",
        f"At your side we write to: {_plain(', '.join(known))}. Tell us when that changes.",
    ]


# -- Markdown -------------------------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        _line(heads),
        "|" + "---|" * len(heads),
        *(_line(row) for row in rows),
    ]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """A text of somebody as it is, on one line and without markup."""
    return "".join("\\" + one if one in "\\`*_[]<>#" else one for one in " ".join(text.split()))
