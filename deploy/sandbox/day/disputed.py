"""Stories that the hub and the oracle tell differently: what a person of the trade lists, and why the hub does not.

They are no part of a day. A test plays each by itself and fails when both agree: then it belongs among the others.
"""

from deploy.sandbox.day.moving import Transfer
from deploy.sandbox.day.papers import Counted
from deploy.sandbox.day.script import about, happens


class DisputedTransfer(Transfer):
    """Receipts whose totals say what their lines leave unsaid."""

    @happens()
    def received_too_little_as_its_totals_say(self) -> None:
        """One trouble: the line that lacks five pieces."""
        lines = self.goods()
        number, shipment = self.leave(lines)
        first, line = lines
        counted = [
            Counted(line=first, quantity=first.quantity),
            Counted(line=line, quantity=line.quantity - 5),
        ]
        self.receives(number, shipment, lines, counted, at=self.at(3, 15))
        self.opens("RCV.SHORT", about("warehouse_receipt", number, 2))
