"""The exception codes: what each means, who looks at it, what may be done about it, and what ends it.

The words are data, one TOML file per family in ``canonical/taxonomy/``; ``reserved.toml`` keeps the names that are
taken and not yet described. A code says what happened; why it happened is the event's ``cause``.
Adding a code is a minor change; renaming or removing one is a major change.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final, Literal

ACTIONS: Final = frozenset(
    {
        "note",
        "hold",
        "release",
        "change_date",
        "notify",
        "split",
        "substitute",
        "cancel_line",
        "resend",
        "acknowledge",
        "answer_change",
        "report_status",
        "advise",
        "change_order",
        "answer_tender",
        "none",
    }
)
"""What a decision may want done about an exception. ``none``: nothing, and on purpose.

Some are documents to the partner: ``acknowledge`` an order (X12 855), ``answer_change`` of one (865),
``report_status`` of one (870), ``advise`` that a document was refused or accepted (824), ``change_order`` at a
supplier (860), ``answer_tender`` of a load (990); ``resend``: what we sent, once more."""

AUTONOMY: Final = ("observe", "recommend", "approve", "auto")
"""From least to most: only watch; propose; do it after a person's yes; do it."""

SEVERITIES: Final = ("S1", "S2", "S3", "S4")
"""How bad a thing of this kind is, S1 the worst. What comes next is priority, another question."""

KINDS: Final = ("fact", "absence", "risk", "composite")
"""A fact was said; an absence is a clock that ran out; a risk is foreseen; a composite is made of other events."""

FACT_KINDS: Final = (
    "ordered",
    "change_requested",
    "change_answered",
    "acknowledged",
    "shipped",
    "delivered",
    "received",
    "invoiced",
    "tendered",
    "tender_answered",
    "instructed",
    "inquired",
    "released",
    "status",
    "inventory",
    "adjusted",
    "paid",
    "returned",
    "application_advice",
    "acknowledgement",
)
"""What a Fact can state; ``canonical.events.Fact`` says of each what it means and which documents state it."""

CANCELLATION: Final = "01"
"""``purpose`` (X12 element 353) of a fact that takes back what an earlier one stated."""

REF_KINDS: Final = (
    "customer_po",
    "sales_order",
    "supplier_po",
    "order_line",
    "release",
    "hold",
    "shipment",
    "delivery",
    "asn",
    "bol",
    "pro",
    "tracking",
    "sscc",
    "container",
    "invoice",
    "credit_memo",
    "remittance",
    "rma",
    "receipt",
    "warehouse_order",
    "warehouse_receipt",
    "contract",
    "appointment",
    "load",
    "item",
    "lot",
    "serial",
    "case",
    "interchange",
    "group",
    "transaction_set",
    "ack",
    "message",
    "file",
    "feed",
)
"""What a business number can be the number of. ``feed``: what a partner sends on a calendar (``x12/846``), its own
number being none."""

FOLD_PLACES: Final = ("code", "ref0", "line", "source0")
"""What a fold template may name. ``ref0``: the first reference, ``kind:value`` and ``@issuer`` when it has one;
``line``: ``line:N`` of the first line, or nothing; ``source0``:
``scheme:code`` of the first source code, or nothing."""

PERSON: Final = "person"

_FOLDER: Final = files("canonical") / "taxonomy"
_FIELDS: Final = (
    "meaning",
    "kind",
    "severity",
    "queue",
    "clears_when",
    "fold",
    "actions",
    "autonomy",
    "runbook",
)


class UnknownCode(KeyError):
    """A code that the taxonomy does not describe was used. Describe it in canonical/taxonomy/, or use another."""

    def __str__(self) -> str:
        return (
            f"{self.args[0]!r} is not described in canonical/taxonomy: add an entry to its family's file, "
            "or use a described code"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedBy:
    """A fact of this kind ends the trouble, when it shares with the event a reference of each kind in ``match`` and
    has these attributes (``having``: an ``application_advice`` ends a refusal only if its ``answer`` is
    ``accepted``)."""

    fact: str
    match: tuple[str, ...]
    having: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One described exception code. ``queue`` names the desk that sees it first; ``autonomy`` is the most that may
    ever be done without asking; ``runbook`` is where a person reads on."""

    code: str
    family: str
    meaning: str
    kind: str
    severity: str
    queue: str
    clears_when: tuple[ClearedBy | Literal["person"], ...]
    fold: str
    actions: tuple[str, ...]
    autonomy: str
    runbook: str


class _Codes(dict[str, Code]):
    def __missing__(self, code: str) -> Code:
        raise UnknownCode(code)


@cache
def codes() -> Mapping[str, Code]:
    """Every described code, by its name. A missing one raises ``UnknownCode``. Read once per process."""
    found = _Codes()
    for family, name, entry in _entries(_FOLDER):
        code = f"{family}.{name}"
        found[code] = Code(
            code=code,
            family=family,
            clears_when=tuple(
                PERSON
                if clears == PERSON
                else ClearedBy(
                    fact=clears["fact"],
                    match=tuple(clears["match"]),
                    having=tuple(clears.get("having", {}).items()),
                )
                for clears in entry["clears_when"]
            ),
            actions=tuple(entry["actions"]),
            **{
                field: entry[field]
                for field in ("meaning", "kind", "severity", "queue", "fold", "autonomy", "runbook")
            },
        )
    return found


@cache
def families() -> Mapping[str, str]:
    """The families with their names, by prefix: ``INV`` is "Inventory and supply"."""
    return MappingProxyType({table["family"]: table["name"] for table in _tables(_FOLDER)})


@cache
def reserved() -> frozenset[str]:
    """Names that are taken and not yet described: valid in a document, refused when we detect."""
    return frozenset(tomllib.loads((_FOLDER / "reserved.toml").read_text("utf-8"))["reserved"])


def runbook_anchor(code: str) -> str:
    """Where the runbook speaks of this code: ``INV.BACKORDER`` is ``docs/runbook.md#inv-backorder``."""
    return "docs/runbook.md#" + code.lower().replace(".", "-").replace("_", "-")


def clears(code: Code, event: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    """Whether this fact ends the trouble of this event (both are the ``data`` of sealed statements).

    One shared reference of each kind in ``match`` is needed. Issuers must agree where both name one, because order
    numbers are unique only per issuer. A line counts as ``order_line``, so a fact about line 3 ends line 3 alone.
    Where the event knows how much was ordered, a part is not enough: the fact's line must name at least that
    quantity (its ``affected``) in the same unit, or say ``complete = "true"`` in its attributes.
    A fact that cancels (``purpose`` 01) takes a statement back: it ends only what asks for a cancellation.
    """
    for clearance in code.clears_when:
        if (
            isinstance(clearance, ClearedBy)
            and clearance.fact == fact["kind"]
            and _has(clearance.having, fact.get("attributes", {}))
            and all(_share(kind, event, fact) for kind in clearance.match)
            and ("order_line" not in clearance.match or _whole(event, fact))
        ):
            return True
    return False


def _has(wanted: tuple[tuple[str, str], ...], attributes: Mapping[str, str]) -> bool:
    """Whether a fact has these attributes, and cancels nothing unless that is what is asked for."""
    if attributes.get("purpose") == CANCELLATION and ("purpose", CANCELLATION) not in wanted:
        return False
    return all(attributes.get(name) == value for name, value in wanted)


def _whole(event: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    """Whether the fact covers all that was ordered on the event's lines."""
    if fact.get("attributes", {}).get("complete") == "true":
        return True
    done = {line["line_ref"]: line.get("affected") for line in fact.get("lines", ())}
    for line in event.get("lines", ()):
        ordered, moved = line.get("ordered"), done.get(line["line_ref"])
        if ordered is None:
            continue
        if moved is None or moved["uom"] != ordered["uom"]:
            return False
        if Decimal(moved["value"]) < Decimal(ordered["value"]):
            return False
    return True


def _share(kind: str, event: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    """Whether both name the same thing of this kind. A carrier's number may hold several shipments: where both name
    a shipment, that one tells."""
    if kind == "pro" and _numbers("shipment", event) and _numbers("shipment", fact):
        return _share("shipment", event, fact)
    theirs = _numbers(kind, fact)
    return any(
        value == other and (issuer is None or other_issuer is None or issuer == other_issuer)
        for value, issuer in _numbers(kind, event)
        for other, other_issuer in theirs
    )


def _numbers(kind: str, data: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = [
        (ref["value"], ref.get("issuer")) for ref in data.get("refs", ()) if ref["kind"] == kind
    ]
    if kind == "order_line":
        found += [(line["line_ref"], None) for line in data.get("lines", ())]
    elif kind == "item":
        found += [
            (item["value"], item.get("issuer"))
            for line in data.get("lines", ())
            for item in line.get("item_ids", ())
        ]
    return found


def lint(folder: Traversable = _FOLDER) -> list[str]:
    """What is wrong with the taxonomy's files, one sentence per fault; nothing when all is well."""
    faults: list[str] = []
    described: set[str] = set()
    for family, name, entry in _entries(folder):
        code = f"{family}.{name}"
        described.add(code)
        faults += [f"{code}: {field} is missing" for field in _FIELDS if not entry.get(field)]
        faults += [f"{code}: {field} is not a field of a code" for field in entry if field not in _FIELDS]
        faults += _faults(code, entry)
    try:
        taken = tomllib.loads((folder / "reserved.toml").read_text("utf-8"))["reserved"]
    except FileNotFoundError:
        taken = []
    faults += [
        f"{code}: is reserved and described; take it off reserved.toml" for code in taken if code in described
    ]
    faults += [f"{code}: is reserved twice" for code in sorted({c for c in taken if taken.count(c) > 1})]
    return faults


def _faults(code: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Fields that are there and wrong."""
    closed = {"kind": KINDS, "severity": SEVERITIES, "autonomy": AUTONOMY}
    for field, allowed in closed.items():
        if field in entry and entry[field] not in allowed:
            yield f"{code}: {field} is {entry[field]!r}; it must be one of {', '.join(allowed)}"
    for action in entry.get("actions", ()):
        if action not in ACTIONS:
            yield f"{code}: action {action!r} is not in the closed list"
    for clearance in entry.get("clears_when", ()):
        if clearance == PERSON:
            continue
        if (
            not isinstance(clearance, dict)
            or set(clearance) - {"having"} != {"fact", "match"}
            or not clearance["match"]
        ):
            yield f'{code}: clears_when wants {{ fact = "...", match = ["..."] }} or "person", not {clearance!r}'
            continue
        having = clearance.get("having", {})
        if not isinstance(having, dict) or not all(isinstance(value, str) for value in having.values()):
            yield f'{code}: having wants attributes of the fact as texts ({{ answer = "accepted" }}), not {having!r}'
        if clearance["fact"] not in FACT_KINDS:
            yield f"{code}: clears_when names the fact {clearance['fact']!r}, which no document states"
        for kind in clearance["match"]:
            if kind not in REF_KINDS:
                yield f"{code}: clears_when matches {kind!r}, which is no kind of reference"
    if entry.get("fold"):
        try:
            entry["fold"].format(**dict.fromkeys(FOLD_PLACES, ""))
        except (KeyError, IndexError, ValueError) as wrong:
            yield f"{code}: fold template {entry['fold']!r} names what it may not ({wrong})"
        if "{code}" not in entry["fold"] or "{ref0}" not in entry["fold"]:
            yield f"{code}: fold template must name {{code}} and {{ref0}}, else strangers fold together"
    if entry.get("runbook") and entry["runbook"] != runbook_anchor(code):
        yield f"{code}: runbook is {entry['runbook']!r}; it must be {runbook_anchor(code)!r}"


def _tables(folder: Traversable) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml") and file.name != "reserved.toml":
            yield tomllib.loads(file.read_text("utf-8"))


def _entries(folder: Traversable) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for table in _tables(folder):
        for name, entry in table.items():
            if isinstance(entry, dict):
                yield table["family"], name, entry
