"""Stories that the hub and the oracle tell differently: what a person of the trade lists, and why the hub does not.

They are no part of a day. A test plays each by itself and fails when both agree: then it belongs among the others.
"""

from deploy.sandbox.day import papers
from deploy.sandbox.day.buying import Buying
from deploy.sandbox.day.moving import Transfer
from deploy.sandbox.day.papers import Answered, Counted, Shipment, Shipped, day
from deploy.sandbox.day.script import about, happens


class DisputedOrder(Buying):
    """Orders that are shipped and received in parts."""

    @happens()
    def backordered_and_shipped_in_two_parts(self) -> None:
        """Half of a line now, half later: the backorder is over once the other half ships."""
        order, at = self.order_one()
        first, second = order.lines
        now = second.quantity // 2
        answer = Answered(
            line=second,
            acks=[
                papers.accepted(second, order.ships, quantity=now),
                ["IB", str(second.quantity - now), "EA", "068", day(self.day(6))],
            ],
        )
        when = at.replace(hour=at.hour + 3)
        self.sends(when, self.acknowledges(order, when, word="AC", answers={2: answer}))
        self.opens("INV.BACKORDER", about("supplier_po", order.number, 2), cleared=True)
        self.ships(order, [Shipped(line=first, quantity=first.quantity), Shipped(line=second, quantity=now)])
        later = self.at(6, 15)
        shipment = Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=later.date(),
            goods=[Shipped(line=second, quantity=second.quantity - now)],
        )
        self.sends(later, self.notice(order, shipment, later))
        self.bills(order, at=self.at(7, 15))


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
