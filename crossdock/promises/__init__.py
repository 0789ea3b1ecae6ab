"""The promises P1 to P25: what is promised, how a live store is asked whether it is kept, and what it cannot show.

``docs/promises.md`` says the same in plain words, and a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """``unseen``: what the store alone does not show, as a sentence; ``""``: it shows all of it."""

    number: str
    title: str
    unseen: str = ""


PROMISES: Final[Mapping[str, Promise]] = {
    promise.number: promise
    for promise in (
        Promise(number="P1", title="acknowledged means durable"),
        Promise(number="P2", title="nothing is lost: the ledger balances"),
        Promise(number="P3", title="what was said is kept byte for byte, and everything points back to it"),
        Promise(number="P4", title="the same thing said twice is one thing"),
        Promise(
            number="P5",
            title="a position never passes what is not committed",
            unseen="what the other system still holds behind its position",
        ),
        Promise(
            number="P6",
            title="at most one effect for each intent",
            unseen="what the target did: only the target knows its own effects",
        ),
        Promise(number="P7", title="the same intent has the same key and the same body"),
        Promise(
            number="P8",
            title="trying is bounded and visible",
            unseen="the share of repeats in the traffic of a target before the last hour",
        ),
        Promise(
            number="P9",
            title="one bad message stops no other",
            unseen="how long others waited while it was worked on",
        ),
        Promise(number="P10", title="nothing goes backwards"),
        Promise(number="P11", title="every failure explains itself"),
        Promise(
            number="P12",
            title="a replay is safe",
            unseen="that a replay which is still to come has no second effect",
        ),
        Promise(number="P13", title="after a crash the work goes on"),
        Promise(
            number="P14",
            title="who lost a lease cannot commit",
            unseen="commits that were refused: they leave nothing",
        ),
        Promise(
            number="P15",
            title="wrong clocks do no harm",
            unseen="the clocks of the other machines as they are now",
        ),
        Promise(
            number="P16",
            title="a full or absent store is said, and never an acknowledgement",
            unseen="what senders were answered while the store was away: they hold that",
        ),
        Promise(
            number="P17",
            title="what comes in is bounded",
            unseen="what was refused at the door before it was stored",
        ),
        Promise(
            number="P18",
            title="every event is emitted, with a stable id",
            unseen="what consumers did with it",
        ),
        Promise(
            number="P19",
            title="a reader of an older schema reads every newer one",
            unseen="what consumers read by schemas of their own",
        ),
        Promise(number="P20", title="what needs approval leaves only approved"),
        Promise(number="P21", title="who changes the audit is found"),
        Promise(
            number="P22",
            title="no secret leaves",
            unseen="logs, traces, XCom and error pages, which are not in the store",
        ),
        Promise(number="P23", title="no tenant sees another's rows"),
        Promise(number="P24", title="an upgrade keeps the promises, and the guards stand"),
        Promise(number="P25", title="the same input and rules give the same route"),
    )
}
