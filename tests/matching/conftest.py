"""Papers made by hand: facts as the mappings state them, sealed, with a partner."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.events import Fact, Origin, seal
from crossdock.matching import Paper
from crossdock.messages import NAMESPACE, derived_id
from crossdock.normalize.part import rfc3339
from crossdock.partners import Item, Items, Partner, Tolerance, Tolerances

START = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)

PARTNER = Partner(
    name="acme_supply",
    title="Acme Supply Co.",
    ids=(("ZZ", "ACMESUPPLY"),),
    ours=("ZZ", "CROSSDOCK"),
    role="supplier",
    tolerances=Tolerances(
        price=Tolerance(percent=Decimal("1")),
        amount=Tolerance(absolute=Decimal("1.00")),
        freight=Tolerance(percent=Decimal("2")),
    ),
    items=Items(
        by_number={
            ("vendor-item", "V-1"): Item(scheme="vendor-item", theirs="V-1", packs={"XCS": Decimal(12)})
        }
    ),
    sets=("855", "856", "810", "870"),
    sends=("850", "860", "869"),
)


@pytest.fixture
def partner() -> Partner:
    return PARTNER


@pytest.fixture
def fact() -> Callable[..., Mapping[str, Any]]:
    """``fact("ordered", "supplier_po:1")``: a sealed fact; each comes a minute after the last."""
    numbers = itertools.count(1)

    def make(
        kind: str,
        *refs: str,
        lines: Sequence[Mapping[str, Any]] = (),
        mapping: str = "x12_850",
        minute: int | None = None,
        **attributes: str,
    ) -> Mapping[str, Any]:
        number = next(numbers)
        at = START + timedelta(minutes=number if minute is None else minute)
        origin = Origin(
            tenant="main",
            source="supplier_edi",
            connector_version="1",
            mapping=mapping,
            mapping_version="1",
            raw_id=str(derived_id("raw", str(number))),
            raw_sha256="0" * 64,
            received_at=rfc3339(at),
            recorded_at=rfc3339(at),
        )
        statement = Fact(
            kind=kind,
            refs=[_ref(one) for one in refs],
            place={"x12": {"st01": mapping.removeprefix("x12_")[:3]}},
            lines=list(lines),  # type: ignore[arg-type]
            attributes=attributes,
        )
        return seal(statement, origin, namespace=NAMESPACE, part="0", index=0)

    return make


def _ref(text: str) -> Any:
    kind, _, value = text.partition(":")
    value, _, issuer = value.partition("@")
    return {"kind": kind, "value": value, **({"issuer": issuer} if issuer else {})}


@pytest.fixture
def paper(fact: Callable[..., Mapping[str, Any]]) -> Callable[..., Paper]:
    """The same as a paper of the partner."""
    return lambda *args, **more: Paper(fact(*args, **more), PARTNER)


@pytest.fixture
def line() -> Callable[..., Mapping[str, Any]]:
    """``line("1", ordered=10, affected=4, price="2.50", item="vendor-item:V-1")``."""

    def make(
        ref: str,
        *,
        ordered: object = None,
        affected: object = None,
        price: str | None = None,
        item: str | None = None,
        uom: str = "EA",
    ) -> Mapping[str, Any]:
        words: dict[str, Any] = {"line_ref": ref}
        if item is not None:
            scheme, _, value = item.partition(":")
            words["item_ids"] = [{"kind": "item", "value": value, "scheme": scheme}]
        if ordered is not None:
            words["ordered"] = {"value": str(ordered), "uom": uom}
        if affected is not None:
            words["affected"] = {"value": str(affected), "uom": uom}
        if price is not None:
            words["unit_price"] = {"amount": price, "currency": "USD"}
        return words

    return make
