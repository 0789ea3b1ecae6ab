"""The checks of one document against others. Each finding is about the later document: the one that does not fit.

A finding's ``parts`` and its exception say the same thing again when the same documents are looked at again, so that
looking twice finds nothing new. What a partner's tolerance allows is no finding.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from canonical.events import ExceptionEvent, Money, Quantity, Ref, Variance, reference_key
from canonical.events import Line as LineWords
from crossdock.matching.dossier import Dossier, Paper
from crossdock.matching.lines import Line, Unlike, in_unit, items, match, total
from crossdock.partners import Tolerance, Tolerances

Findings = Iterator["Finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that does not fit. ``paper`` is the document that it is about, ``name`` the check, ``evidence`` what
    the finding rests on: the same evidence is the same finding."""

    paper: Paper
    name: str
    evidence: str
    exception: ExceptionEvent


def check(dossier: Dossier) -> Findings:
    """Everything that does not fit in these papers."""
    for one in _CHECKS:
        yield from one(dossier)


NOTHING_AGREED: Final = Tolerances()


# -- repeats ----------------------------------------------------------------------------------------------------

_NEW: Final = frozenset({"", "00"})
"""BEG01, BSN01 [353]: an original. 06, 07, 15 and 18 announce themselves as copies."""

_REPEATS: Final = {
    ("ordered", "x12_850"): ("ORD.DUPLICATE", "orders {number} again: it was ordered before"),
    ("invoiced", "x12_810"): ("BIL.DUPLICATE", "bills {number} again: it was billed before"),
    ("invoiced", "x12_210"): ("BIL.DUPLICATE", "bills {number} again: it was billed before"),
    ("shipped", "x12_856"): ("SHP.ASN_DUPLICATE", "announces {number} again: it was announced before"),
}


def _repeats(dossier: Dossier) -> Findings:
    first: dict[tuple[str, str, str], Paper] = {}
    for (kind, mapping), (code, words) in _REPEATS.items():
        for paper in dossier.current(kind, mapping):
            if paper.purpose not in _NEW:
                continue
            name = kind, mapping, paper.key
            if mapping == "x12_856":  # one ship notice may be about several orders: one paper for each
                name = kind, mapping, "|".join(sorted(paper.words))
            before = first.setdefault(name, paper)
            if before is paper or before.part == paper.part:
                continue
            number = paper.refs[0]["value"]
            yield Finding(
                paper=paper,
                name="repeat",
                evidence=before.id,
                exception=_exception(
                    paper,
                    code,
                    f"{_who(paper)} {words.format(number=number)}",
                    detail=f"first in the message {before.raw_id} of {before.received_at.isoformat()}",
                ),
            )


def but_repeats(papers: Iterable[Paper]) -> list[Paper]:
    """Without those that came before under the same number: what is said twice is not twice as much."""
    first: dict[tuple[str, str, str], tuple[str, ...]] = {}
    return [
        paper
        for paper in papers
        if paper.purpose not in _NEW
        or not paper.is_numbered
        or first.setdefault((paper.mapping, paper.key, paper.with_whom), paper.part) == paper.part
    ]


# -- the order --------------------------------------------------------------------------------------------------


def _order(dossier: Dossier, paper: Paper) -> Paper | None:
    """The order that a paper speaks of, if it is known and was placed with who speaks of it."""
    orders = dossier.beside(paper, "ordered")
    return orders[0] if orders else None


def _changed(dossier: Dossier, order: Paper) -> Mapping[str, list[Line]]:
    """What was asked to change on the lines of an order: both the old word and the new one are right then."""
    asked: dict[str, list[Line]] = {}
    for change in dossier.beside(order, "change_requested"):
        for line in change.lines:
            asked.setdefault(line["line_ref"], []).append(line)
    return asked


_CANCELS: Final = frozenset({"01", "03", "17"})
_DELETES: Final = frozenset({"DI"})
"""670: the line is taken off the order."""


def _right(dossier: Dossier, order: Paper, paper: Paper) -> Mapping[str, list[Line]]:
    """The lines of an order that a change speaks of, as a shipment may follow them: as they were ordered and as they
    shall be, until the seller says yes to the change; from then on as they shall be alone."""
    found: dict[str, list[Line]] = {}
    ordered = {line["line_ref"]: line for line in order.lines}
    for change in dossier.beside(order, "change_requested"):
        off = change.purpose in _CANCELS
        agreed = _is_agreed(dossier, change, paper)
        if off and not agreed:
            continue
        for line in order.lines if off else change.lines:
            name = line["line_ref"]
            if off or set(_codes(change)) == _DELETES:
                line = _none_of(ordered.get(name, line))
            if agreed and line.get("ordered"):
                found[name] = [line]
            else:
                found.setdefault(name, [ordered[name]] if name in ordered else []).append(line)
    return found


def _is_agreed(dossier: Dossier, change: Paper, paper: Paper) -> bool:
    """Whether the other side had said yes to a change, and to all of it, when a paper came."""
    number = change.attributes.get("change_sequence", "")
    answers = [
        one.attributes.get("answer")
        for one in dossier.beside(change, "change_answered")
        if one.direction != change.direction
        and change.received_at <= one.received_at <= paper.received_at
        and one.attributes.get("change_sequence", number) == number
    ]
    return bool(answers) and answers[-1] == "accepted"


def _codes(change: Paper) -> list[str]:
    """What a change says of its lines [670], each code once."""
    told = change.document["data"].get("source_codes", ())
    return [one["code"] for one in told if one["scheme"] == "x12-670"]


def _none_of(line: Line) -> Line:
    """A line of which nothing is wanted any more."""
    return {**line, "ordered": {**line["ordered"], "value": "0"}} if line.get("ordered") else line


def _acknowledged(dossier: Dossier) -> Findings:
    """855 against 850: price, quantity and item of what is acknowledged are those that were ordered."""
    for paper in dossier.current("acknowledged"):
        order = _order(dossier, paper)
        if order is None or not paper.lines:
            continue
        asked = _changed(dossier, order)
        for matched in match(paper.lines_of(order), order.lines):
            if matched.of is None:
                yield _line_finding(
                    paper,
                    order,
                    matched.line,
                    "unknown_line",
                    "ORD.VALIDATION",
                    "acknowledges a line that was not ordered",
                )
                continue
            yield from _price(paper, order, matched.line, matched.of, asked, "PRC.MISMATCH")
            yield from _ordered_quantity(paper, order, matched.line, matched.of, asked)


def _ordered_quantity(
    paper: Paper, order: Paper, line: Line, of: Line, asked: Mapping[str, list[Line]]
) -> Findings:
    said, ordered = line.get("ordered"), of.get("ordered")
    if said is None or ordered is None:
        return
    try:
        value = in_unit(said, ordered["uom"], of, paper.partner)
        right = [Decimal(ordered["value"])]
        right += [
            in_unit(one["ordered"], ordered["uom"], of, paper.partner)
            for one in asked.get(of["line_ref"], ())
            if one.get("ordered")
        ]
    except Unlike as error:
        yield _unlike(paper, order, line, error)
        return
    if not any(_allows(paper, "quantity", one, value) for one in right):
        yield _line_finding(
            paper,
            order,
            {**line, "ordered": ordered},  # what was ordered, and not what the answer takes for it
            "quantity",
            "ORD.QTY_CHANGED",
            f"answers {_text(value)} where {_text(right[0])} were ordered, and does not say why",
            variance=_quantities(right[0], value, ordered["uom"]),
        )


def _price(
    paper: Paper, order: Paper, line: Line, of: Line, asked: Mapping[str, list[Line]], code: str
) -> Findings:
    said, ordered = line.get("unit_price"), of.get("unit_price")
    if said is None or ordered is None or _basis(line) != _basis(of):
        return
    if said["currency"] != ordered["currency"]:
        yield _line_finding(
            paper,
            order,
            line,
            "currency",
            code,
            f"prices in {said['currency']}, and {ordered['currency']} was ordered",
        )
        return
    try:
        value = _per_unit(line, of, paper)
        right = [Decimal(ordered["amount"])]
        right += [_per_unit(one, of, paper) for one in asked.get(of["line_ref"], ()) if one.get("unit_price")]
    except Unlike:
        return  # that the units differ is told of the quantities
    if not any(_allows(paper, "price", one, value) for one in right):
        yield _line_finding(
            paper,
            order,
            line,
            "price",
            code,
            f"has the price {_text(value)}, and {_text(right[0])} was ordered",
            variance={
                "attribute": "unit_price",
                "expected": dict(ordered),
                "actual": dict(said),
                "delta": {"amount": _text(value - right[0]), "currency": ordered["currency"]},
            },
        )


def _per_unit(line: Line, of: Line, paper: Paper) -> Decimal:
    """The price of a line for one unit of its counterpart: a price per case is that of all the pieces in it. Raises
    ``Unlike`` when nothing says how many these are."""
    price = Decimal(line["unit_price"]["amount"])
    unit, other = (_counted_in(one) for one in (line, of))
    if not unit or not other or unit == other or _basis(line):
        return price
    return price * in_unit({"value": "1", "uom": other}, unit, of, paper.partner)


def _counted_in(line: Line) -> str:
    """The unit that a line is counted in, which its price is for one of."""
    quantity = line.get("ordered") or line.get("affected")
    return str(quantity["uom"]) if quantity else ""


_PER_ONE: Final = frozenset({"PE", "UM", "QE", "CT", "CA", "EA", "TE", "WE"})
"""639: bases of a unit price that are one unit, as no word at all is. Per hundred and per thousand are others."""


def _basis(line: Line) -> str:
    """Per how many the price of a line is meant; empty: of one."""
    basis = line.get("_basis") or ""
    return "" if basis in _PER_ONE else str(basis)


_OF_AN_ORDER: Final = (
    ("acknowledged", "ORD.NO_ORDER", "acknowledges"),
    ("change_answered", "ORD.NO_ORDER", "answers a change of"),
    ("shipped", "SHP.ASN_NO_ORDER", "ships"),
    ("invoiced", "BIL.NO_ORDER", "bills"),
)
"""What only the seller says of an order, and what it is when somebody else does."""


def _strangers(dossier: Dossier) -> Findings:
    """855, 865, 856, 810 against whom the order was placed with: the number is ours, and its answer not anybody's."""
    for kind, code, verb in _OF_AN_ORDER:
        for paper in dossier.current(kind):
            for number in sorted(paper.of_kind("supplier_po")) if paper.direction == "in" else ():
                orders = [one for one in dossier.about([number], "ordered") if one.direction == "out"]
                if orders and all(one.is_strange_to(paper) for one in orders):
                    yield _stranger(paper, orders, code, verb, "ordered from")


def _stranger(paper: Paper, deals: Sequence[Paper], code: str, verb: str, words: str) -> Finding:
    """A paper about a deal that was made with others alone."""
    titles = sorted({one.partner.title for one in deals if one.partner is not None})
    shared = next(ref for ref in paper.refs if ref in deals[0].refs)
    return Finding(
        paper=paper,
        name="stranger",
        evidence="|".join(sorted({f"{one.key}:{one.with_whom}" for one in deals})),
        exception=_exception(
            paper,
            code,
            f"{_who(paper)} {verb} {_about(paper, deals[0])}, which was {words} {', '.join(titles)}",
            first=shared,
        ),
    )


# -- shipments --------------------------------------------------------------------------------------------------


_GOODS_LEFT: Final = ("x12_856", "x12_945")
"""What says that goods left for whom they were ordered by. A 943 and an 867 move stock, too."""


def _shipped(dossier: Dossier) -> Findings:
    """856 against 850: what is shipped was ordered, and not more of it in all."""
    for order in dossier.current("ordered"):
        notices = [
            paper
            for paper in dossier.beside(order, "shipped", "x12_856")
            if paper.direction != order.direction
        ]
        sums: dict[str, Decimal] = {}
        for paper in but_repeats(notices):
            right = _right(dossier, order, paper)
            for matched in match(paper.lines_of(order), order.lines):
                line, of = matched.line, matched.of
                if of is None:
                    yield _line_finding(
                        paper,
                        order,
                        line,
                        "unknown_line",
                        "SHP.ASN_MISMATCH",
                        "ships a line that was not ordered",
                    )
                    continue
                yield from _over_shipped(paper, order, line, of, right.get(of["line_ref"], (of,)), sums)
        yield from _late(dossier, notices)


def _over_shipped(
    paper: Paper, order: Paper, line: Line, of: Line, right: Sequence[Line], sums: dict[str, Decimal]
) -> Findings:
    if line.get("affected") is None or of.get("ordered") is None:
        return
    unit = of["ordered"]["uom"]
    try:
        shipped = in_unit(line["affected"], unit, of, paper.partner)
        asked = [in_unit(one["ordered"], unit, of, paper.partner) for one in right if one.get("ordered")]
    except Unlike as error:
        yield _unlike(paper, order, line, error)
        return
    sums[of["line_ref"]] = so_far = sums.get(of["line_ref"], Decimal(0)) + shipped
    most = max(asked, default=Decimal(of["ordered"]["value"]))
    if so_far > most and not _allows(paper, "quantity", most, so_far):
        yield _line_finding(
            paper,
            order,
            line,
            "over",
            "FUL.OVER_SHIP",
            f"ships {_text(so_far)} in all, and {_text(most)} were ordered",
            variance=_quantities(most, so_far, unit),
            first=order.refs[0],
        )


def _late(dossier: Dossier, notices: Iterable[Paper]) -> Findings:
    """A ship notice that comes after the goods is of no use to who receives them."""
    for paper in notices:
        before = [one for one in dossier.beside(paper, "received") if one.received_at < paper.received_at]
        if before:
            yield Finding(
                paper=paper,
                name="late_notice",
                evidence=paper.id,
                exception=_exception(
                    paper,
                    "SHP.ASN_LATE",
                    f"{_who(paper)} announces {paper.refs[0]['value']} after it was received",
                    detail=f"received {before[0].received_at.isoformat()}",
                ),
            )


def _routing(dossier: Dossier) -> Findings:
    """856 against 850: the carrier that was asked for carries it."""
    for paper in dossier.current("shipped", "x12_856"):
        order = _order(dossier, paper)
        asked, taken = (one.attributes.get("carrier", "") if one else "" for one in (order, paper))
        if order is None or not asked or not taken or asked == taken:
            continue
        yield Finding(
            paper=paper,
            name="routing",
            evidence=f"{order.key}:{asked}:{taken}",
            exception=_exception(
                paper,
                "CMP.ROUTING_GUIDE",
                f"{_who(paper)} ships {_about(paper, order)} with {taken}, and {asked} was asked for",
                variance={"attribute": "carrier", "expected": asked, "actual": taken},
            ),
        )


def _changes_in_turn(dossier: Dossier) -> Findings:
    """860s of an order are numbered (BCH05): one that is missing may be lost."""
    turns: dict[tuple[str, str], list[tuple[int, Paper]]] = {}
    for paper in dossier.current("change_requested", "x12_860"):
        text = paper.attributes.get("change_sequence", "")
        if text.isascii() and text.isdigit() and len(text) < 9:
            turns.setdefault((paper.key, paper.direction), []).append((int(text), paper))
    for numbered in turns.values():
        there = {number for number, _ in numbered}
        for number, paper in numbered:
            if number > min(there) and number - 1 not in there:
                missing = next(one for one in range(number - 1, 0, -1) if one - 1 in there or one == 1)
                named = str(missing) if missing == number - 1 else f"{missing} to {number - 1}"
                yield Finding(
                    paper=paper,
                    name="changes",
                    evidence=f"{paper.key}:{named}",
                    exception=_exception(
                        paper,
                        "EDI.SEQUENCE_GAP",
                        f"Change {number} of {_about(paper, paper)} came, and change {named} did not",
                    ),
                )


def _change_late(dossier: Dossier) -> Findings:
    """860 after the goods left: there is nothing to change any more."""
    for paper in dossier.current("change_requested"):
        gone = [
            one
            for one in dossier.beside(paper, "shipped", *_GOODS_LEFT)
            if one.received_at < paper.received_at
        ]
        if gone:
            yield Finding(
                paper=paper,
                name="late_change",
                evidence=paper.id,
                exception=_exception(
                    paper,
                    "ORD.CHANGE_LATE",
                    f"{_who(paper)} changes {paper.refs[0]['value']} after it was shipped",
                    detail=f"shipped by {gone[0].document['subject']}",
                ),
            )


# -- receipts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """A line of a receipt beside what was announced of it, with what came of it before. ``later``: another receipt
    of the line came after this one; ``error``: the two cannot be compared."""

    line: Line
    notice: Paper
    unit: str = ""
    sent: Decimal = Decimal(0)
    here: Decimal = Decimal(0)
    later: bool = False
    error: Unlike | None = None


def _received(dossier: Dossier) -> Findings:
    """861 against 856, 944 against 943: what was received is what was shipped, in one receipt or in several."""
    for paper in dossier.current("received"):
        for count in _counts(dossier, paper):
            if count.error is not None:
                yield _unlike(paper, count.notice, count.line, count.error)
                continue
            sent, here = count.sent, count.here
            if _allows(paper, "quantity", sent, here) or (here < sent and count.later):
                continue  # a later receipt of the line says what is still missing
            code, word = ("RCV.SHORT", "only ") if here < sent else ("RCV.OVER", "")
            yield _line_finding(
                paper,
                count.notice,
                # with what was ordered, so that a part more does not end it
                {**count.line, "ordered": {"value": _text(sent), "uom": count.unit}},
                "receipt",
                code,
                f"received {word}{_text(here)} of {_text(sent)} that were announced",
                variance=_quantities(sent, here, count.unit),
            )


def _counts(dossier: Dossier, paper: Paper) -> Iterator[_Count]:
    """Each line of a receipt that was announced, in one notice or in several."""
    words = _announced(paper)
    notices = but_repeats(
        one for one in dossier.of_it(paper, words, "shipped") if one.direction != paper.direction
    )
    receipts = _receipts(dossier, paper)
    if not notices or paper not in receipts:
        return
    place = receipts.index(paper)
    before = [line for one in receipts[:place] for line in one.lines]
    later = [line for one in receipts[place + 1 :] for line in one.lines]
    announced: dict[str, list[Line]] = {}
    for line in paper.lines:
        order = _order_of(paper, line)
        if order not in announced:
            mine = [one for one in notices if order in one.orders] or notices
            announced[order] = _sums(line for notice in mine for line in notice.lines)
        of = next((one.of for one in match([line], announced[order])), None)
        if of is None or line.get("affected") is None:
            continue
        unit = of["affected"]["uom"]
        try:
            here = total([*_lines_of(of, before), line], "affected", unit, paper.partner)
            sent = total(of["parts"], "affected", unit, paper.partner)
        except Unlike as error:
            yield _Count(line=line, notice=notices[0], error=error)
            continue
        there = any(_lines_of(of, later))
        yield _Count(line=line, notice=notices[0], unit=unit, sent=sent, here=here, later=there)


def _receipts(dossier: Dossier, paper: Paper) -> list[Paper]:
    """The receipts of the same goods, in the order in which they came, this one among them."""
    about = dossier.of_it(paper, _announced(paper), "received") or [paper]
    return but_repeats(one for one in about if _same_goods(one, paper))


_PIECES: Final = "C62"
"""The unit [Recommendation 20] of a number of things that nobody names otherwise."""

UNEXPLAINED: Final = "totals_unexplained"
"""The attribute of a receipt whose totals say that more or less came than was shipped, and no line of it says where:
by how many, less than nothing where some are missing."""


def speaks_alone(paper: Paper) -> bool:
    """Whether something is to be said of a paper even where no other is known that it could be held against."""
    return UNEXPLAINED in paper.attributes


def _totals(dossier: Dossier) -> Findings:
    """A 944 against itself: its totals, where its lines beside what was announced do not explain them."""
    for paper in dossier.current("received", "x12_944"):
        difference, shipped = paper.amount(UNEXPLAINED), paper.amount("units_shipped")
        receipts = _receipts(dossier, paper)
        if difference is None or shipped is None or paper not in receipts:
            continue
        place = receipts.index(paper)
        if difference < 0:
            so_far = sum((one.amount("units_declared") or Decimal(0) for one in receipts[:place]), difference)
            if so_far >= 0 or receipts[place + 1 :]:
                continue  # the other receipts hold the rest, or say how much is still missing
            difference = so_far
        received = shipped + difference
        if _explained(paper, list(_counts(dossier, paper)), difference):
            continue
        if _allows(paper, "quantity", shipped, received):
            continue
        code, verb = ("RCV.SHORT", "missed") if difference < 0 else ("RCV.OVER", "received too much:")
        number = abs(difference)
        about = f"{paper.refs[0]['kind'].replace('_', ' ')} {paper.refs[0]['value']}"
        yield Finding(
            paper=paper,
            name="totals",
            evidence=f"{shipped}:{received}",
            exception=_exception(
                paper,
                code,
                f"{_who(paper)} {verb} {_text(number)} {'unit' if number == 1 else 'units'} of {about}",
                detail=f"the totals say: {_text(received)} received, {_text(shipped)} shipped; no line says where",
                variance=_quantities(shipped, received, _unit_of(paper.lines) or _PIECES),
            ),
        )


def _explained(paper: Paper, counts: Sequence[_Count], difference: Decimal) -> bool:
    """Whether what the lines differ by, the same way as the totals, is all that the totals say. Where the totals may
    count in other units than the lines, every such line explains them."""
    differ = [
        abs(one.here - one.sent)
        for one in counts
        if one.error is None and one.here != one.sent and (one.here < one.sent) == (difference < 0)
    ]
    counted = sum(
        (Decimal(line["affected"]["value"]) for line in paper.lines if line.get("affected")), Decimal(0)
    )
    alike = _unit_of(
        [*paper.lines, *({"affected": {"uom": one.unit}} for one in counts if not one.error)]
    ) and (counted == paper.amount("units_declared") or paper.attributes.get("silence") == "complete")
    return bool(differ) and (not alike or sum(differ) >= abs(difference))


def _unit_of(lines: Iterable[Line]) -> str:
    """The one unit in which lines count; empty where there are several, or none."""
    units = {line["affected"]["uom"] for line in lines if line.get("affected")}
    return units.pop() if len(units) == 1 else ""


def _announced(paper: Paper) -> list[str]:
    """The numbers under which what was received was announced."""
    kinds = ("warehouse_receipt",) if paper.mapping == "x12_944" else ("asn", "bol", "shipment")
    return [word for kind in kinds for word in paper.of_kind(kind)]


def _same_goods(one: Paper, other: Paper) -> bool:
    """Whether two receipts under the same numbers are of the same order, counted by the same side."""
    same = (one.mapping, one.direction) == (other.mapping, other.direction)
    return same and (not one.orders or not other.orders or not one.orders.isdisjoint(other.orders))


def _lines_of(of: Line, lines: Iterable[Line]) -> Iterator[Line]:
    """Those of the lines that are this line of a shipment."""
    return (matched.line for matched in match(list(lines), [of]) if matched.of is not None)


def _order_of(paper: Paper, line: Line) -> str:
    """The number of the order that a line is of; empty where the paper does not say it."""
    number = line.get("_order")
    return str(number) if number else next(iter(paper.orders)) if len(paper.orders) == 1 else ""


def _sums(lines: Iterable[Line]) -> list[Line]:
    """Lines of several papers, those of the same number and items under one: each with its ``parts``."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, Any]] = {}
    for line in lines:
        if line.get("affected") is None:
            continue
        one = found.setdefault((line["line_ref"], tuple(items(line))), {**line, "parts": []})
        one["parts"].append(line)
    return list(found.values())


# -- invoices and payments --------------------------------------------------------------------------------------


def _invoiced(dossier: Dossier) -> Findings:
    """810 against the order and what was received, or where no receipts are told, what was shipped: three ways."""
    for order in dossier.current("ordered"):
        invoices = [
            one for one in dossier.beside(order, "invoiced", "x12_810") if one.direction != order.direction
        ]
        if not invoices:
            continue
        asked = _changed(dossier, order)
        arrived = but_repeats(dossier.beside(order, "received"))
        arrived = arrived or but_repeats(dossier.beside(order, "shipped", *_GOODS_LEFT))
        proof = "received" if arrived and arrived[0].kind == "received" else "shipped"
        goods: dict[str, list[Line]] = {}
        for one in arrived:
            for matched in match(one.lines_of(order), order.lines):
                if matched.of is not None:
                    goods.setdefault(matched.of["line_ref"], []).append(matched.line)
        billed: dict[str, _Billed] = {}
        for paper in but_repeats(invoices):
            asks = paper.attributes.get("type") != "CR"  # a credit memo asks for nothing
            for matched in match(paper.lines_of(order), order.lines):
                line, of = matched.line, matched.of
                if of is not None and arrived:
                    so_far = billed.setdefault(of["line_ref"], _Billed())
                    yield from _bill(paper, order, line, of, goods.get(of["line_ref"], ()), proof, so_far)
                if not asks:
                    continue
                if of is None:
                    yield _line_finding(
                        paper,
                        order,
                        line,
                        "unknown_line",
                        "BIL.INVOICE_MISMATCH",
                        "bills a line that was not ordered",
                    )
                    continue
                yield from _price(paper, order, line, of, asked, "BIL.PRICE")
        for so_far in billed.values():
            yield from so_far.too_much


@dataclass(slots=True)
class _Billed:
    """What was billed of a line of an order so far, and the invoices that billed too much of it."""

    quantity: Decimal = Decimal(0)
    too_much: list[Finding] = field(default_factory=list)

    def give_back(self, credited: Decimal, there: Decimal) -> None:
        """A credit memo of so many, where so many are there. It mends what was billed too much; what it gives back
        beyond that, for goods that were returned, leaves no room for another invoice."""
        excess = max(self.quantity - there, Decimal(0))
        self.quantity -= min(excess, credited)
        if credited >= excess:
            self.too_much.clear()


def _bill(
    paper: Paper,
    order: Paper,
    line: Line,
    of: Line,
    goods: Sequence[Line],
    proof: str,
    so_far: _Billed,
) -> Findings:
    """Count a line of an invoice, or take it off again where it is one of a credit memo for whole pieces; a credit of
    a part of the price is for none."""
    if line.get("affected") is None:
        return
    unit = (of.get("ordered") or line["affected"])["uom"]
    try:
        billed = in_unit(line["affected"], unit, of, paper.partner)
        there = sum(
            (in_unit(one["affected"], unit, of, paper.partner) for one in goods if one.get("affected")),
            Decimal(0),
        )
    except Unlike as error:
        yield _unlike(paper, order, line, error)
        return
    if paper.attributes.get("type") == "CR":
        if not any(_price(paper, order, line, of, {}, "BIL.PRICE")):
            so_far.give_back(abs(billed), there)
        return
    so_far.quantity += billed
    if so_far.quantity > there and not _allows(paper, "quantity", there, so_far.quantity):
        so_far.too_much.append(
            _line_finding(
                paper,
                order,
                line,
                "billed",
                "BIL.QTY",
                f"bills {_text(so_far.quantity)} in all, and {_text(there)} were {proof}",
                variance=_quantities(there, so_far.quantity, unit),
            )
        )


def _freight(dossier: Dossier) -> Findings:
    """210 against 204: the carrier bills what was tendered."""
    for paper in dossier.current("invoiced", "x12_210"):
        every = dossier.about(paper.of_kind("shipment"), "tendered")
        tenders = [
            one
            for one in every
            if not (one.with_whom and paper.with_whom) or one.with_whom == paper.with_whom
        ]
        if every and not tenders:
            yield _stranger(paper, every, "BIL.NO_ORDER", "bills", "tendered to")
        if not tenders:
            continue
        rate, billed = tenders[-1].amount("total"), paper.amount("total")
        if rate is not None and billed is not None and (other := _other_currency(paper, tenders[-1])):
            shared = next(ref for ref in paper.refs if ref["kind"] == "shipment")
            yield _in_another_currency(paper, "BIL.FREIGHT_VARIANCE", "bills", other, "tendered", shared)
            continue
        if rate is None or billed is None or _allows(paper, "freight", rate, billed):
            continue
        currency = paper.attributes.get("currency", "USD")
        yield Finding(
            paper=paper,
            name="freight",
            evidence=f"{rate}:{billed}",
            exception=_exception(
                paper,
                "BIL.FREIGHT_VARIANCE",
                f"{_who(paper)} bills {_text(billed)} for a shipment that was tendered at {_text(rate)}",
                variance=_amounts(rate, billed, currency),
            ),
        )


def _paid(dossier: Dossier) -> Findings:
    """820 against 810: an item pays what was billed. Too little by its own word is told by its mapping."""
    for paper in dossier.current("paid"):
        number = next((ref for ref in paper.refs if ref["kind"] == "invoice"), None)
        bills = dossier.about(paper.of_kind("invoice"), "invoiced") if number is not None else []
        total = bills[-1].amount("total") if bills else None
        paid, billed = paper.amount("paid"), paper.amount("billed")
        if number is None or total is None or paid is None:
            continue
        if other := _other_currency(paper, bills[-1]):
            words = f"pays invoice {number['value']}"
            yield _in_another_currency(paper, "BIL.INVOICE_MISMATCH", words, other, "billed", number)
            continue
        payments = _payments(dossier, number)
        if billed is None and paper is not payments[-1]:
            continue  # a later payment says what is still missing
        paid = sum((one.amount("paid") or Decimal(0) for one in payments), Decimal(0))
        due = total
        for one in payments:
            due += (one.amount("adjustment") or 0) - (one.amount("discount") or 0)
        if billed is not None and not _allows(paper, "amount", total, billed):
            code, words, expected, actual = "BIL.INVOICE_MISMATCH", "pays invoice {} as one of", total, billed
        elif billed is None and paid < due and not _allows(paper, "amount", due, paid):
            code, words, expected, actual = "BIL.SHORT_PAY", "paid of invoice {} only", due, paid
        else:
            continue
        yield _about_amounts(paper, "paid", code, words.format(number["value"]), expected, actual, number)


def _payments(dossier: Dossier, number: Mapping[str, str]) -> list[Paper]:
    """The payments of one invoice, in the order in which they came; a remittance that comes twice pays once."""
    word = reference_key(number)  # type: ignore[arg-type]
    return [
        one
        for one in but_repeats(dossier.about([word], "paid"))
        if next((ref for ref in one.refs if ref["kind"] == "invoice"), None) == number
    ]


def _other_currency(paper: Paper, against: Paper) -> str:
    """The currency of the earlier paper where the two are of one partner and not in the same one; else empty. What a
    bank does not say is of its own profile, and tells nothing of the invoice."""
    mine, theirs = (one.attributes.get("currency", "") for one in (paper, against))
    return theirs if mine and theirs and mine != theirs and paper.with_whom == against.with_whom else ""


def _in_another_currency(
    paper: Paper, code: str, words: str, other: str, verb: str, number: Mapping[str, str]
) -> Finding:
    """An amount that cannot be held against another."""
    mine = paper.attributes["currency"]
    return Finding(
        paper=paper,
        name="currency",
        evidence=f"{number['value']}:{other}:{mine}",
        exception=_exception(
            paper,
            code,
            f"{_who(paper)} {words} in {mine}, and {other} was {verb}",
            variance={"attribute": "code", "expected": other, "actual": mine},
            first=number,
        ),
    )


def _adjusted(dossier: Dossier) -> Findings:
    """812 against 810: nobody takes back more than was billed."""
    for paper in dossier.current("adjusted", "x12_812"):
        number = next((ref for ref in paper.refs if ref["kind"] == "invoice"), None)
        bills = dossier.of_it(paper, paper.of_kind("invoice"), "invoiced") if number is not None else []
        total, claimed = (bills[-1].amount("total") if bills else None), paper.amount("total")
        if number is None or total is None or claimed is None:
            continue
        if other := _other_currency(paper, bills[-1]):
            words = f"adjusts invoice {number['value']}"
            yield _in_another_currency(paper, "BIL.INVOICE_MISMATCH", words, other, "billed", number)
            continue
        if abs(claimed) <= abs(total):
            continue
        if not _allows(paper, "amount", total, abs(claimed)):
            words = f"adjusts invoice {number['value']} by"
            yield _about_amounts(
                paper, "adjusted", "BIL.INVOICE_MISMATCH", words, total, abs(claimed), number
            )


def _about_amounts(
    paper: Paper,
    name: str,
    code: str,
    words: str,
    expected: Decimal,
    actual: Decimal,
    number: Mapping[str, str],
) -> Finding:
    """A finding about one invoice, which is what its case is about."""
    currency = paper.attributes.get("currency", "USD")
    return Finding(
        paper=paper,
        name=name,
        evidence=f"{number['value']}:{expected}:{actual}",
        exception=_exception(
            paper,
            code,
            f"{_who(paper)} {words} {_text(actual)}, and {_text(expected)} were billed",
            variance=_amounts(expected, actual, currency),
            first=number,
        ),
    )


_CHECKS: Final[Sequence[Callable[[Dossier], Findings]]] = (
    _repeats,
    _strangers,
    _acknowledged,
    _shipped,
    _routing,
    _changes_in_turn,
    _change_late,
    _received,
    _totals,
    _invoiced,
    _paid,
    _adjusted,
    _freight,
)

KINDS: Final = frozenset(
    {
        "ordered",
        "acknowledged",
        "change_requested",
        "change_answered",
        "shipped",
        "received",
        "invoiced",
        "tendered",
        "paid",
        "adjusted",
    }
)
"""The kinds of facts that some check looks at."""

CODES: Final = frozenset(
    {
        "ORD.DUPLICATE",
        "BIL.DUPLICATE",
        "SHP.ASN_DUPLICATE",
        "ORD.NO_ORDER",
        "SHP.ASN_NO_ORDER",
        "BIL.NO_ORDER",
        "ORD.VALIDATION",
        "ORD.QTY_CHANGED",
        "PRC.MISMATCH",
        "SHP.ASN_MISMATCH",
        "FUL.OVER_SHIP",
        "SHP.ASN_LATE",
        "CMP.ROUTING_GUIDE",
        "EDI.SEQUENCE_GAP",
        "ORD.CHANGE_LATE",
        "RCV.SHORT",
        "RCV.OVER",
        "BIL.INVOICE_MISMATCH",
        "BIL.PRICE",
        "BIL.QTY",
        "BIL.FREIGHT_VARIANCE",
        "BIL.SHORT_PAY",
        "MDM.UOM_INCONSISTENT",
    }
)
"""What a check can find."""


# -- how a finding is said --------------------------------------------------------------------------------------


def _line_finding(
    paper: Paper,
    against: Paper,
    line: Line,
    name: str,
    code: str,
    words: str,
    *,
    variance: Variance | None = None,
    first: Mapping[str, str] | None = None,
) -> Finding:
    """A finding about one line. Its evidence is what was compared: other numbers are another finding."""
    compared = f"{variance['expected']}:{variance['actual']}" if variance else ""
    return Finding(
        paper=paper,
        name=name,
        evidence=f"{against.key}:{line['line_ref']}:{compared}",
        exception=_exception(
            paper,
            code,
            f"{_who(paper)} {words} ({_about(paper, against)}, line {line['line_ref']})",
            line=line,
            variance=variance,
            first=first,
        ),
    )


def _unlike(paper: Paper, against: Paper, line: Line, error: Unlike) -> Finding:
    return Finding(
        paper=paper,
        name="unit",
        evidence=f"{against.key}:{line['line_ref']}:{error}",
        exception=_exception(
            paper,
            "MDM.UOM_INCONSISTENT",
            f"Line {line['line_ref']} of {_about(paper, against)} cannot be compared: its units differ",
            detail=str(error),
            line=line,
        ),
    )


def _exception(
    paper: Paper,
    code: str,
    title: str,
    *,
    detail: str | None = None,
    line: Line | None = None,
    variance: Variance | None = None,
    first: Mapping[str, str] | None = None,
) -> ExceptionEvent:
    """``first``: the reference that its case is about, where that is not the paper's own number."""
    data = paper.document["data"]
    refs: Sequence[Ref] = sorted(data["refs"], key=lambda ref: ref != first)
    words: dict[str, Any] = {name: line[name] for name in line if name in _LINE} if line else {}
    return ExceptionEvent(
        code=code,
        title=title,
        detail=detail,
        refs=refs,
        place=data["provenance"]["place"],
        occurred_at=data.get("occurred_at"),
        parties=data.get("parties", ()),
        lines=[words] if words else [],  # type: ignore[list-item]
        variances=[variance] if variance else [],
        method="rule",
        ext={"fact": paper.id, **({"partner": paper.partner.name} if paper.partner is not None else {})},
    )


_LINE: Final = frozenset(LineWords.__annotations__)


def _who(paper: Paper) -> str:
    if paper.direction == "out":
        return "We"
    return paper.partner.title if paper.partner is not None else "The partner"


def _about(paper: Paper, against: Paper) -> str:
    shared = [ref for ref in paper.refs if any(ref == other for other in against.refs)]
    ref = shared[0] if shared else paper.refs[0]
    noun = "PO" if ref["kind"] in ("supplier_po", "customer_po") else ref["kind"].replace("_", " ")
    return f"{noun} {ref['value']}"


def _allows(paper: Paper, name: str, expected: Decimal, actual: Decimal) -> bool:
    """Whether a difference is within what was agreed with the partner. Without an agreement nothing may differ."""
    if abs(expected - actual) <= _HAIR:
        return True
    tolerance: Tolerance = getattr((paper.partner.tolerances if paper.partner else NOTHING_AGREED), name)
    return tolerance.allows(expected, actual)


def _quantities(expected: Decimal, actual: Decimal, unit: str) -> Variance:
    def quantity(value: Decimal) -> Quantity:
        return {"value": _text(value), "uom": unit}

    return {
        "attribute": "quantity",
        "expected": quantity(expected),
        "actual": quantity(actual),
        "delta": quantity(actual - expected),
    }


def _amounts(expected: Decimal, actual: Decimal, currency: str) -> Variance:
    def money(value: Decimal) -> Money:
        return {"amount": _text(value), "currency": currency}

    return {
        "attribute": "amount",
        "expected": money(expected),
        "actual": money(actual),
        "delta": money(actual - expected),
    }


_HAIR: Final = Decimal("0.000001")
"""So much is lost where pieces are said in cases: three times four of twelve are one case."""

_FINEST: Final = Decimal("1E-9")
"""So many digits our schemas keep behind the point."""


def _text(number: Decimal) -> str:
    rounded = number.quantize(_FINEST) if Decimal(number.as_tuple().exponent) < -9 else number
    return format(rounded.normalize(), "f") if rounded else "0"
