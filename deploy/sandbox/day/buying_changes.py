"""Our changes of orders and our questions about them: 860 and 865, 869 and 870."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.buying import Buying
from deploy.sandbox.day.envelopes import Paper, Segment
from deploy.sandbox.day.papers import Billed, Order, Shipped, day
from deploy.sandbox.day.script import about, happens


class Change(Buying):
    """An 860 or 869 of ours, and its answer."""

    def change_one(self) -> tuple[Order, datetime, list[papers.Change]]:
        """An order that was accepted, and the copy of our change of it."""
        order, at = self.order_one()
        self.accepts(order, at)
        line, when = order.line(1), at.replace(hour=at.hour + 5)
        changes = [papers.Change(line=line, code="QI", quantity=line.quantity + 12)]
        self.copy(when, papers.order_change(order, changes, on=when.date()))
        return order, when, changes

    def confirm(self, order: Order, changes: Sequence[papers.Change], at: datetime) -> Paper:
        return papers.change_answer(order, "AT", changes, own_number=self.number("so"), on=at.date())

    @happens()
    def our_change_is_accepted(self) -> None:
        order, at, changes = self.change_one()
        self.sends(self._soon(at), self.confirm(order, changes, at))
        first, second = order.lines
        more = changes[0].quantity
        self.over(
            order,
            [Shipped(line=first, quantity=more), Shipped(line=second, quantity=second.quantity)],
        )

    @happens()
    def our_change_is_answered_late(self) -> None:
        order, at, changes = self.change_one()
        due = self.overdue("change_answered", at)
        self.opens("ORD.CHANGE_OVERDUE", about("supplier_po", order.number), at=due, cleared=True)
        self.sends(self.late(due), self.confirm(order, changes, due))
        self.over(order)

    @happens()
    def our_change_is_never_answered(self) -> None:
        order, at, _ = self.change_one()
        due = self.overdue("change_answered", at)
        self.opens("ORD.CHANGE_OVERDUE", about("supplier_po", order.number), at=due)
        self.over(order)

    @happens()
    def our_change_is_rejected(self) -> None:
        order, at, _ = self.change_one()
        when = self._soon(at)
        self.sends(when, papers.change_answer(order, "RJ", [], own_number=self.number("so"), on=when.date()))
        self.opens("ORD.CHANGE_REJECTED", about("supplier_po", order.number))
        self.over(order)

    @happens()
    def our_change_of_the_price_is_billed(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        first, second = order.lines
        new, when = (first.price * Decimal("0.90")).quantize(papers.CENT), at.replace(hour=at.hour + 5)
        changes = [papers.Change(line=first, code="PC", quantity=first.quantity, price=new)]
        self.copy(when, papers.order_change(order, changes, on=when.date()))
        answer = self._soon(when)
        self.sends(answer, self.confirm(order, changes, answer))
        self.ships(order)
        self.bills(
            order,
            [
                Billed(line=first, quantity=first.quantity, price=new),
                Billed(line=second, quantity=second.quantity),
            ],
        )

    @happens()
    def our_order_is_cancelled(self) -> None:
        """A cancellation, and nothing is waited for but its answer."""
        order, at = self.order_one()
        when = at.replace(hour=at.hour + 1)
        self.copy(when, papers.order_change(order, self._nothing_left(order), purpose="01", on=when.date()))
        answer = self._soon(when)
        self.sends(
            answer, papers.change_answer(order, "AT", [], own_number=self.number("so"), on=answer.date())
        )

    @staticmethod
    def _nothing_left(order: Order) -> list[papers.Change]:
        return [papers.Change(line=line, code="DI", quantity=0) for line in order.lines]

    def inquire(self) -> tuple[Order, datetime, str]:
        """An order that was accepted, and the copy of our question how it stands."""
        order, at = self.order_one()
        self.accepts(order, at)
        when, number = at.replace(hour=at.hour + 6), self.number("inq")
        self.copy(when, papers.inquiry(order, number, on=when.date()))
        return order, when, number

    @happens()
    def our_inquiry_is_answered(self) -> None:
        order, at, number = self.inquire()
        when = self._soon(at)
        statuses: list[tuple[int, Segment]] = [(1, ["AP"]), (2, ["AP"])]
        self.sends(when, papers.order_status(order, self.number("rpt"), number, statuses, on=when.date()))
        self.over(order)

    @happens(needs=lambda trader: "inquiry_answered" not in trader.off)
    def our_inquiry_is_answered_late(self) -> None:
        order, at, number = self.inquire()
        due = self.overdue("inquiry_answered", at)
        self.opens("ORD.INQUIRY_OVERDUE", about("supplier_po", order.number), at=due, cleared=True)
        statuses: list[tuple[int, Segment]] = [(1, ["AP"])]
        self.sends(
            self.late(due), papers.order_status(order, self.number("rpt"), number, statuses, on=due.date())
        )
        self.over(order)

    @happens(needs=lambda trader: "inquiry_answered" in trader.off)
    def our_inquiry_is_not_waited_for(self) -> None:
        order, _, _ = self.inquire()
        self.over(order)

    @happens()
    def the_answer_tells_of_a_backorder(self) -> None:
        order, at, number = self.inquire()
        first = order.line(1)
        when = self._soon(at)
        statuses: list[tuple[int, Segment]] = [(1, ["AP"]), (2, ["BO", day(self.day(40)), "W08"])]
        self.sends(when, papers.order_status(order, self.number("rpt"), number, statuses, on=when.date()))
        self.opens("INV.BACKORDER", about("supplier_po", order.number, 2))
        self.over(order, [Shipped(line=first, quantity=first.quantity)])

    @happens()
    def the_answer_tells_of_a_credit_hold(self) -> None:
        order, at, number = self.inquire()
        when = self._soon(at)
        self.sends(
            when,
            papers.order_status(
                order, self.number("rpt"), number, [], on=when.date(), head=["HQ", "", "C02"]
            ),
        )
        self.opens("CRD.HOLD", about("supplier_po", order.number), cleared=True)
        self.over(order)
