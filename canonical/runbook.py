"""Writes the runbook from the taxonomy: ``python -m canonical.runbook > docs/runbook.md``."""

import sys
from collections.abc import Iterator
from typing import Final

from canonical.taxonomy import Code, codes, families

_FIRST: Final = {
    "ORD": "Compare the order in the ERP with what the other side answered; call the party named in the case. "
    "A rejected or cancelled line needs another supplier, or a word to the customer, before its need "
    "date.",
    "INV": "Look at what other stock or supply can cover the affected quantity before the promised date; tell "
    "the customer's contact the new date once it is agreed.",
    "PRC": "Compare the price with the contract that was valid on the order date. Accept it or dispute it in "
    "writing; do not let the receipt be invoiced first.",
    "CRD": "Ask the credit desk for a decision; the order stays where it is until they release it in the ERP.",
    "FUL": "Ask the warehouse for the count of the item at that place; decide whether the rest follows or is "
    "cancelled.",
    "SHP": "Ask the carrier with the shipment or PRO number of the case; if the promise to the customer "
    "breaks, say so before they ask.",
    "RCV": "Compare the receipt with the ship notice and the packing list; hold the invoice line until both "
    "agree.",
    "BIL": "Hold the invoice or the payment; compare order, receipt and invoice line by line; answer the other"
    " side with the reason.",
    "RTN": "Compare the return with the sale it refers to and with the agreed terms before anything is "
    "credited.",
    "DOC": "Ask the sender for the document by its number; what depends on it waits.",
    "EDI": "Read the segment that the case or the dead letter names (`crossdock x12 inspect FILE`), find out "
    "which side is wrong, correct it there, and replay or ask for a resend.",
    "MDM": "Correct the master data in the system that owns it, then replay what was set aside.",
    "CMP": "Nothing moves until compliance releases it. Keep the evidence with the case.",
    "INT": "Look at the connector's last run and its error (`crossdock doctor`, then the run in Airflow); what"
    " was not delivered waits with its time, and nothing is sent twice.",
    "RSK": "Look at the events that it is made of; act on the one whose time comes first.",
}


def runbook() -> Iterator[str]:
    """The runbook, line by line, in Markdown."""
    yield "# Runbook"
    yield ""
    yield (
        "One entry for each exception code: what it means, who looks at it, what may be done about it and what ends "
        "it. This page is made from the taxonomy; `python -m canonical.runbook > docs/runbook.md` writes it anew. "
        "The queue is the one into which the routes that ship put it; what is in `purchasing` or `supply` is in "
        "`orders` when it is about a customer's own order. Your own table may say otherwise ([routes.md](routes.md))."
    )
    for family, name in families().items():
        of_family = [code for code in codes().values() if code.family == family]
        if not of_family:
            continue
        yield ""
        yield f"## {name} ({family})"
        yield ""
        yield _FIRST[family]
        for code in of_family:
            yield ""
            yield from _entry(code)


_SET_ASIDE: Final = {
    "EDI.UNKNOWN_PARTNER": "As a dead letter: write a profile with the ids that the letter names (docs/partners.md), "
    "then `crossdock dead-letters replay ID`. The sender gets its 997 then.",
    "EDI.TRANSACTION_REJECTED": "As a dead letter: the sender was told with our 997 and sends a correct set. "
    "Discard the letter when it came; replay it only if the sender was right and our guide or reader was mended.",
    "EDI.GROUP_REJECTED": "As a dead letter: as for EDI.TRANSACTION_REJECTED, for every set of the group.",
    "EDI.INTERCHANGE_REJECTED": "As a dead letter: the file is cut short or its envelope is wrong; the sender was "
    "told and sends it again. Discard the letter when it came.",
    "EDI.SYNTAX": "As a dead letter: what came is not X12, or breaks its envelope. Ask the sender for a correct "
    "file, and discard the letter when it came.",
    "EDI.TRUNCATED": "As a dead letter: the transfer broke off or the sender stopped writing. Ask for the whole "
    "file; discard the letter when it came.",
    "EDI.TEST_IN_PROD": "As a dead letter: ISA15 is T. If the partner is still testing, discard it; if it is "
    "production and only the mark is wrong, tell them, and replay.",
    "EDI.UNSUPPORTED_SET": "As a dead letter: add a mapping for the set, or agree with the partner not to send it; "
    "then replay or discard.",
    "EDI.UNMAPPED_CODE": "As a dead letter: ask the partner what the code means, add it to its profile under "
    "`[codes...]` (docs/partners.md), then replay.",
    "EDI.MAP_FAILURE": "As a dead letter: mend the mapping or what the letter's sentence names, then replay.",
    "INT.OUTCOME_UNKNOWN": "As a dead letter: look at the target whether it happened. If it did, "
    "`crossdock unknown happened ID`; if not, `crossdock unknown did-not-happen ID`, and another person agrees.",
    "INT.AUTH_FAILED": "Mend the connection's login or certificate, then "
    "`crossdock targets resume TARGET --reason ...`; one call tries it by itself now and then, and the case ends "
    "when it is taken. No write-back is lost or spent.",
    "INT.CONFLICT": "As a dead letter: look at the target what changed. If the write-back is still wanted as it is, "
    "`crossdock dead-letters replay ID`; if not, discard it.",
}
"""What to do with a dead letter of this code."""


def _entry(code: Code) -> Iterator[str]:
    yield f'<a id="{code.runbook.partition("#")[2]}"></a>'
    yield ""
    yield f"### {code.code}"
    yield ""
    yield code.meaning
    yield ""
    yield f"- Severity {code.severity}; queue `{code.queue}`; at most: {code.autonomy}."
    yield f"- May be done: {', '.join(f'`{action}`' for action in code.actions)}."
    yield f"- Ends {'; or '.join(_endings(code))}."
    if code.code in _SET_ASIDE:
        yield f"- {_SET_ASIDE[code.code]}"


def _endings(code: Code) -> Iterator[str]:
    for clearance in code.clears_when:
        if isinstance(clearance, str):
            yield "when a person closes the case"
        else:
            shared = " and ".join(f"`{kind}`" for kind in clearance.match)
            having = "".join(f", {name} `{value}`" for name, value in clearance.having)
            yield f"by itself with a fact `{clearance.fact}`{having} about the same {shared}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in runbook())
