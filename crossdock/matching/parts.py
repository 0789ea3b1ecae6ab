"""What several papers say together: goods that come in parts are whole when the last part is there."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from crossdock.matching.checks import but_repeats
from crossdock.matching.dossier import Dossier, Paper

Document = Mapping[str, Any]


def together(newest: Document, others: Iterable[Document]) -> Document:
    """A fact as if it said all that the papers of its kind and mapping said up to it about the same order: the
    quantities of each line summed, in each unit by itself. Replaced, cancelled and repeated papers count nothing."""
    mine = Paper(newest, None)
    every = {document["id"]: document for document in (*others, newest)}
    papers = [Paper(document, None) for document in every.values()]
    orders = mine.of_kind("supplier_po") | mine.of_kind("customer_po")
    sums: dict[tuple[str, str], Decimal] = {}
    for paper in but_repeats(Dossier(papers).about(orders, mine.kind, mine.mapping)):
        for line in paper.lines:
            if (quantity := line.get("affected")) is not None:
                key = line["line_ref"], quantity["uom"]
                sums[key] = sums.get(key, Decimal(0)) + Decimal(quantity["value"])
    lines = [
        {"line_ref": ref, "affected": {"value": format(total, "f"), "uom": unit}}
        for (ref, unit), total in sums.items()
    ]
    return {**newest, "data": {**newest["data"], "lines": lines}}
