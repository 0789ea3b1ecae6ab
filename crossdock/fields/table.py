"""What a fields.toml says, as values: the names of a document's fields, what their words mean, and the statements.

Read and checked by ``reading``; said of a document by ``sayings``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crossdock.formats.json_query import Query

PARTY_ROLES: Final = (
    "buyer", "seller", "ship_to", "ship_from", "bill_to", "carrier", "warehouse", "supplier", "customer", "broker",
    "owner",
)  # fmt: skip
VARIANCES: Final = (
    "quantity", "unit_price", "amount", "date", "item", "uom", "carrier", "party", "code", "text",
)  # fmt: skip
ISSUERS: Final = ("ours", "sender")
"""Who gave a number: we did, or who sends the document."""

HOLE: Final = re.compile(r"\{([^{}]*)\}")

COMPUTED: Final = ("affected", "meaning", "cause", "sender")
"""What a title may name beside the fields: how much is affected, the code's words, its cause, who sends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """Where one value is: a JMESPath, or the same ``value`` in every document. ``form``: how a time is written."""

    name: str
    query: Query | None
    value: str | None = None
    required: bool = False
    form: str = ""
    codes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """What one word of theirs means. A word without an exception says that all is well."""

    exception: str = ""
    fact: str = ""
    cause: str = ""
    text: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefSpec:
    """A business number: of what kind, in which field, and who gave it."""

    kind: str
    of: str
    issuer: str = ""
    role: str = ""
    scheme: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountSpec:
    """A quantity: a field, or how much is missing of it (``less``: what of it is done)."""

    of: str
    less: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneySpec:
    """An amount of money. ``price``: of one unit, for the affected quantity of the line."""

    currency: str
    amount: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpec:
    """A line of a statement, by the names of its fields."""

    ref: str
    items: tuple[RefSpec, ...] = ()
    substitutes: tuple[RefSpec, ...] = ()
    ordered: AmountSpec | None = None
    affected: AmountSpec | None = None
    unit: str = ""
    price: MoneySpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartySpec:
    """A party of a statement."""

    role: str
    id: str
    scheme: str = "internal"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceSpec:
    """What was expected, and what is."""

    attribute: str
    expected: str = ""
    actual: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One statement: a ``[[fact]]`` or an ``[[exception]]``.

    ``says_of``: the field whose word says which kind of fact, or which code; ``says``: what it is where that
    word says none. ``each_line``: one for each line. ``when``: the field that must be true. ``titles``: the first
    whose names are all known is taken. ``beside``: attributes of a fact, or ``ext`` of an exception.
    """

    is_fact: bool
    says: str = ""
    says_of: str = ""
    each_line: bool = False
    when: str = ""
    refs: tuple[RefSpec, ...] = ()
    at: str = ""
    line: LineSpec | None = None
    lines: LineSpec | None = None
    lines_when: str = ""
    parties: tuple[PartySpec, ...] = ()
    source_codes: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    titles: tuple[str, ...] = ()
    detail: str = ""
    cause: str = ""
    severity: str = ""
    variances: tuple[VarianceSpec, ...] = ()
    value_at_risk: MoneySpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends the document: our name for it, as ``{partner}`` in routes and as issuer of its own numbers."""

    role: str = ""
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A fields.toml, read and checked. ``version`` ends in a hash of what it says; ``times`` are the fields that are
    times, which a title says as dates."""

    path: Path
    document: str
    title: str
    version: str
    zone: str | None
    sender: Sender
    fields: Mapping[str, FieldSpec]
    each: Query | None
    line_fields: Mapping[str, FieldSpec]
    codes: Mapping[str, Mapping[str, CodeRow]]
    units: Mapping[str, str]
    rows: tuple[Row, ...]
    times: frozenset[str]
