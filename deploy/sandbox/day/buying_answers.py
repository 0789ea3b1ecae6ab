"""What suppliers answer to our orders: 855s, late, missing, or with something to say; and what our 850 came to."""

from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.buying import Buying
from deploy.sandbox.day.envelopes import Item, Paper, Segment
from deploy.sandbox.day.papers import Answered, Billed, Order, Shipment, Shipped, day
from deploy.sandbox.day.script import about, acknowledging, happens
from deploy.sandbox.day.traders import NOBODY, Good, Trader


def _strict(trader: Trader) -> bool:
    return not trader.lenient and not trader.own_code


def _acknowledges(trader: Trader) -> bool:
    return trader.acknowledges != NOBODY


class Answer(Buying):
    """The 855 to an order of ours."""

    @happens()
    def acknowledged_just_in_time(self) -> None:
        order, at = self.order_one()
        answer = self.just_in_time(self.overdue("order_acknowledged", at))
        self.sends(answer, self.acknowledges(order, answer))
        self.over(order)

    @happens()
    def acknowledged_late(self) -> None:
        order, at = self.order_one()
        due = self.overdue("order_acknowledged", at)
        answer = self.late(due)
        self.opens("ORD.ACK_OVERDUE", about("supplier_po", order.number), at=due, cleared=True)
        self.sends(answer, self.acknowledges(order, answer))
        shipment, ships = self.shipment(order), answer.replace(hour=23)
        self.sends(ships, self.notice(order, shipment, ships))
        self.bills(order, at=self.at(6, 15))

    @happens()
    def never_acknowledged(self) -> None:
        order, at = self.order_one()
        due = self.overdue("order_acknowledged", at)
        self.opens("ORD.ACK_OVERDUE", about("supplier_po", order.number), at=due)

    @happens()
    def shipped_without_a_word(self) -> None:
        """A ship notice says that the order was read."""
        order, at = self.order_one()
        shipment, ships = self.shipment(order), self._soon(at)
        self.sends(ships, self.notice(order, shipment, ships))
        self.bills(order)

    @happens()
    def rejected(self) -> None:
        order, at = self.order_one()
        answer = self._soon(at)
        rejected = papers.acknowledgment(order, "RJ", [], own_number="", on=answer.date())
        self.sends(answer, rejected)
        self.opens("ORD.REJECTED", about("supplier_po", order.number))

    def answered(
        self, code: str, answer: Answered, order: Order, at: datetime, *, cleared: bool = False
    ) -> None:
        """An 855 that says something of one line, which opens this."""
        when, number = self._soon(at), answer.line.number
        self.sends(when, self.acknowledges(order, when, word="AC", answers={number: answer}))
        self.opens(code, about("supplier_po", order.number, number), cleared=cleared)

    @happens()
    def backordered_and_shipped_later(self) -> None:
        order, at = self.order_one()
        first, second = order.lines
        late = self.day(6)
        answer = Answered(line=second, acks=[["IB", str(second.quantity), "EA", "068", day(late)]])
        self.answered("INV.BACKORDER", answer, order, at, cleared=True)
        self.ships(order, [Shipped(line=first, quantity=first.quantity)])
        self.rest_ships(order, [second])

    @happens()
    def partly_backordered_and_never_shipped(self) -> None:
        order, at = self.order_one()
        first, second = order.lines
        now = second.quantity // 2
        answer = Answered(
            line=second,
            acks=[
                papers.accepted(second, order.ships, quantity=now),
                ["IB", str(second.quantity - now), "EA", "068", day(self.day(30))],
            ],
        )
        self.answered("INV.BACKORDER", answer, order, at)
        self.over(
            order,
            [Shipped(line=first, quantity=first.quantity), Shipped(line=second, quantity=now)],
        )

    @happens()
    def price_changed(self) -> None:
        """It says a new price, and bills the old one."""
        order, at = self.order_one()
        line = order.line(1)
        answer = Answered(line=line, acks=[["IP", str(line.quantity), "EA"]], new_price=line.price * 2)
        self.answered("PRC.CHANGED", answer, order, at)
        self.over(order)

    @happens()
    def price_changed_and_billed(self) -> None:
        order, at = self.order_one()
        line = order.line(1)
        new = (line.price * Decimal("1.25")).quantize(papers.CENT)
        answer = Answered(line=line, acks=[["IP", str(line.quantity), "EA"]], new_price=new)
        self.answered("PRC.CHANGED", answer, order, at)
        self.ships(order)
        other = order.line(2)
        number, _ = self.bills(
            order,
            [
                Billed(line=line, quantity=line.quantity, price=new),
                Billed(line=other, quantity=other.quantity),
            ],
        )
        self.opens("BIL.PRICE", about("invoice", number, 1))

    @happens()
    def another_price_and_not_a_word(self) -> None:
        order, at = self.order_one()
        line = order.line(2)
        price = (line.price * Decimal("1.10")).quantize(papers.CENT)
        answer = Answered(line=line, acks=[papers.accepted(line, order.ships)], price=price)
        self.answered("PRC.MISMATCH", answer, order, at)
        self.over(order)

    @happens(needs=lambda trader: trader.price_tolerance > 0)
    def another_price_within_what_is_agreed(self) -> None:
        order, at = self.order_one()
        line = order.line(2)
        price = line.price + max(papers.CENT, (line.price * Decimal("0.005")).quantize(papers.CENT))
        when = self._soon(at)
        answer = Answered(line=line, acks=[papers.accepted(line, order.ships)], price=price)
        self.sends(when, self.acknowledges(order, when, answers={2: answer}))
        self.over(order)

    @happens()
    def quantity_changed(self) -> None:
        order, at = self.order_one()
        first, line = order.lines
        less = line.quantity // 3
        answer = Answered(line=line, acks=[["IQ", str(less), "EA"]])
        self.answered("ORD.QTY_CHANGED", answer, order, at)
        self.over(
            order,
            [Shipped(line=first, quantity=first.quantity), Shipped(line=line, quantity=less)],
        )

    @happens()
    def another_quantity_and_not_a_word(self) -> None:
        order, at = self.order_one()
        line = order.line(1)
        more = line.quantity + 12
        answer = Answered(line=line, acks=[papers.accepted(line, order.ships, quantity=more)], quantity=more)
        self.answered("ORD.QTY_CHANGED", answer, order, at, cleared=True)
        self.over(order)

    @happens()
    def quantity_left_open(self) -> None:
        """It answers for a part of a line, and ships the whole."""
        order, at = self.order_one()
        line = order.line(2)
        answer = Answered(line=line, acks=[papers.accepted(line, order.ships, quantity=line.quantity - 7)])
        self.answered("ORD.QTY_UNACCOUNTED", answer, order, at, cleared=True)
        self.over(order)

    @happens()
    def delayed_and_shipped(self) -> None:
        order, at = self.order_one()
        first, line = order.lines
        acks: list[Segment] = [["DR", str(line.quantity), "EA", "068", day(self.day(6))]]
        self.answered("INV.SUPPLIER_DELAY", Answered(line=line, acks=acks), order, at, cleared=True)
        self.ships(order, [Shipped(line=first, quantity=first.quantity)])
        self.rest_ships(order, [line])

    @happens()
    def substituted(self) -> None:
        order, at = self.order_one()
        line = order.line(1)
        acks: list[Segment] = [["IS", str(line.quantity), "EA", "", "", "", "VP", f"{line.good.seller}-B"]]
        self.answered("INV.SUBSTITUTION", Answered(line=line, acks=acks), order, at)
        self.over(order)

    @happens()
    def line_rejected(self) -> None:
        order, at = self.order_one()
        first, line = order.lines
        self.answered(
            "ORD.LINE_REJECTED", Answered(line=line, acks=[["IR", str(line.quantity), "EA"]]), order, at
        )
        self.over(order, [Shipped(line=first, quantity=first.quantity)])

    @happens()
    def line_cancelled(self) -> None:
        order, at = self.order_one()
        first, line = order.lines
        self.answered(
            "ORD.LINE_CANCELLED", Answered(line=line, acks=[["ID", str(line.quantity), "EA"]]), order, at
        )
        self.over(order, [Shipped(line=first, quantity=first.quantity)])

    @happens(needs=_strict)
    def a_code_of_no_list(self) -> None:
        """The 855 waits for what its code means; so the order is not acknowledged, until it ships."""
        order, at = self.order_one()
        due = self.overdue("order_acknowledged", at)
        self._unknown_code(order, at)
        self.sets_aside("EDI.UNMAPPED_CODE")
        self.opens("ORD.ACK_OVERDUE", about("supplier_po", order.number), at=due, cleared=True)
        ships = self.late(due)
        self.sends(ships, self.notice(order, self.shipment(order), ships))
        self.bills(order, at=self.at(7, 15))

    @happens(needs=lambda trader: trader.lenient)
    def a_code_of_no_list_taken_as_a_word(self) -> None:
        order, at = self.order_one()
        self._unknown_code(order, at)
        self.opens("EDI.UNMAPPED_CODE", about("supplier_po", order.number, 1))
        self.over(order)

    @happens(needs=lambda trader: trader.own_code)
    def a_code_of_its_own(self) -> None:
        order, at = self.order_one()
        self._unknown_code(order, at)
        self.opens("ORD.HOLD", about("supplier_po", order.number, 1))
        self.over(order)

    def _unknown_code(self, order: Order, at: datetime) -> None:
        when, line = self._soon(at), order.line(1)
        answer = Answered(line=line, acks=[["QX", str(line.quantity), "EA"]])
        self.sends(when, self.acknowledges(order, when, word="AC", answers={1: answer}))

    @happens(needs=lambda trader: trader.known_only)
    def an_item_that_nobody_listed(self) -> None:
        """The 855 waits for the item; a right one comes in time."""
        order, at = self.order_one()
        when, line = self._soon(at), order.line(1)
        strange = papers.Line(
            number=1,
            good=Good(buyer="STRANGE-1", seller="STR-9999", price=line.price),
            quantity=line.quantity,
        )
        answer = Answered(line=strange, acks=[papers.accepted(strange, order.ships)])
        self.sends_alone(when, self.acknowledges(order, when, answers={1: answer}))
        self.sets_aside("MDM.ITEM_UNKNOWN")
        again = when.replace(minute=30)
        self.sends(again, self.acknowledges(order, again))
        self.over(order)

    @happens(needs=lambda trader: trader.overlay == "855")
    def less_than_its_profile_asks(self) -> None:
        order, at = self.order_one()
        when = self._soon(at)
        self.sends_alone(when, self.acknowledges(order, when, reference=False), told=["R"])
        self.sets_aside("EDI.TRANSACTION_REJECTED")
        again = when.replace(minute=30)
        self.sends(again, self.acknowledges(order, again))
        self.over(order)

    @happens()
    def answers_an_order_of_nobody(self) -> None:
        """No such order was ever given. That nothing ships is a trouble of its own."""
        order, at = self.order(), self.at(0, 7)
        self.sends(at, self.acknowledges(order, at))
        self.opens(
            "ORD.NO_ORDER", about("supplier_po", order.number), at=self.overdue("answer_has_order", at)
        )
        due = self.due("order_shipped", at, behind=order.ships)
        assert due is not None
        self.opens("SHP.ASN_MISSING", about("supplier_po", order.number), at=due)

    @happens()
    def the_order_is_copied_after_its_answer(self) -> None:
        order, at = self.order(), self.at(0, 7)
        self.sends(at, self.acknowledges(order, at))
        self.copy(self.at(0, 8), papers.purchase_order(order))
        self.over(order)

    def sent_alone(self, *, state: str) -> tuple[Order, datetime, Item]:
        """The copy of an order that left in an interchange of its own."""
        order, at = self.order(), self.at(0, 9, 1)
        return order, at, self.copy_alone(at, papers.purchase_order(order), state=state)

    @happens(needs=_acknowledges)
    def our_order_is_refused_and_sent_again(self) -> None:
        order, at, item = self.sent_alone(state="rejected")
        faults: list[Segment] = [["3", "PO1", "5", "", "8"], ["4", "2", "330", "7"]]
        refusal = acknowledging(self.trader, [item], "R", faults=faults)
        self.sends_alone(at.replace(hour=10), (self.trader.acknowledges, refusal), told=[])
        self.opens("EDI.TRANSACTION_REJECTED", lambda: about("transaction_set", item.set_number))
        self.opens("EDI.GROUP_REJECTED", lambda: about("group", str(item.group)))
        again = self.at(0, 12)
        self.copy(again, papers.purchase_order(order, purpose="15"))
        self.accepts(order, again)
        self.over(order)

    @happens()
    def our_order_is_refused_by_its_application(self) -> None:
        """And accepted, once somebody there looked at it."""
        order, at = self.order(), self.at(0, 9)
        item = self.copy(at, papers.purchase_order(order))

        first, second = self.number("aa"), self.number("aa")

        def advice(number: str, word: str, error: str) -> Paper:
            target = self.target(item)
            return papers.application_advice(
                number, word, "PO", order.number, target, on=at.date(), error=error
            )

        self.sends(self.at(0, 12), ("824", lambda: advice(first, "TR", "POI")))
        self.opens("EDI.APP_REJECTED", about("supplier_po", order.number), cleared=True)
        self.sends(self.at(0, 13), ("824", lambda: advice(second, "TA", "")))
        self.sends(self.at(0, 14), self.acknowledges(order, at))
        self.over(order)

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
