"""We buy: 850, 855, 856, 861, 810, 820, with changes, inquiries and what may go wrong between."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.envelopes import Item, Paper, Segment
from deploy.sandbox.day.papers import Answered, Billed, Line, Order, Received, Shipment, Shipped, day
from deploy.sandbox.day.script import Story, about, acknowledging, happens
from deploy.sandbox.day.traders import NOBODY, Good, Trader


def _acknowledges(trader: Trader) -> bool:
    return trader.acknowledges != NOBODY


def _strict(trader: Trader) -> bool:
    return not trader.lenient and not trader.own_code


class Purchase(Story):
    """An order of ours, from the 850 to the 820. Where nothing is said the supplier does what it should."""

    role = "supplier"

    # -- the steps ----------------------------------------------------------------------------------------------

    def order_one(self, *, lines: int = 2) -> tuple[Order, datetime]:
        """The copy of an order that left, and when it came."""
        order, at = self.order(lines=lines), self.at(0, 6 + 2 * self.dice.randrange(4))
        self.copy(at, papers.purchase_order(order))
        return order, at

    def acknowledges(
        self,
        order: Order,
        at: datetime,
        *,
        word: str = "AD",
        answers: Mapping[int, Answered] | None = None,
        reference: bool = True,
    ) -> Paper:
        """An 855 that accepts every line of which nothing else is said."""
        said = answers or {}
        return papers.acknowledgment(
            order,
            word,
            [
                said.get(line.number, Answered(line=line, acks=[papers.accepted(line, order.ships)]))
                for line in order.lines
            ],
            own_number=self.number("so"),
            on=at.date(),
            reference=reference,
        )

    def accepts(self, order: Order, ordered: datetime) -> datetime:
        """The 855 in time."""
        at = self._soon(ordered)
        self.sends(at, self.acknowledges(order, at))
        return at

    def _soon(self, moment: datetime) -> datetime:
        return moment.replace(hour=moment.hour + 3)

    def shipment(self, order: Order, goods: Sequence[Shipped] | None = None) -> Shipment:
        whole = [Shipped(line=line, quantity=line.quantity) for line in order.lines]
        return Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=order.ships,
            goods=whole if goods is None else goods,
        )

    def labels(self) -> list[str]:
        return [papers.sscc(self.script.serial("sscc"))]

    def notice(self, order: Order, shipment: Shipment, at: datetime) -> Paper:
        return papers.ship_notice(order, shipment, at=at, labels=self.labels())

    def ships(self, order: Order, goods: Sequence[Shipped] | None = None) -> Shipment:
        """The 856 on the day of shipping."""
        shipment, at = self.shipment(order, goods), self.at(3, 15)
        self.sends(at, self.notice(order, shipment, at))
        return shipment

    def receive(self, order: Order, shipment: Shipment, lines: Sequence[Received] | None = None) -> None:
        """Our 861 of what came; all of it unless said."""
        at = self.at(5, 13)
        counted = [Received(line=good.line, quantity=good.quantity) for good in shipment.goods]
        number = self.number("rcv")
        self.copy(
            at,
            papers.receiving_advice(
                order, shipment, number, counted if lines is None else lines, on=at.date()
            ),
        )

    def bills(
        self,
        order: Order,
        lines: Sequence[Billed] | None = None,
        *,
        off: Decimal = Decimal(0),
        charge: Decimal = Decimal(0),
        at: datetime | None = None,
    ) -> tuple[str, Decimal]:
        """The 810; of everything at the agreed price unless said."""
        whole = lines if lines is not None else self.everything(order)
        number, when = self.number("inv"), at or self.at(5, 15)
        self.sends(when, papers.invoice(order, number, whole, on=when.date(), off=off, charge=charge))
        return number, papers.total(whole) + off + charge

    @staticmethod
    def everything(order: Order) -> list[Billed]:
        return [Billed(line=line, quantity=line.quantity) for line in order.lines]

    def pay(self, invoice: str, amount: Decimal) -> None:
        """Our 820."""
        at = self.at(6, 15)
        number = self.number("ra")
        paid = papers.Paid(invoice=invoice, paid=amount, billed=amount)
        self.copy(at, papers.remittance(number, [paid], on=at.date()))

    def goes_on(self, order: Order, goods: Sequence[Shipped] | None = None) -> None:
        """From the shipment to the payment, all of it as it should be."""
        shipment = self.ships(order, goods)
        self.receive(order, shipment)
        billed = [Billed(line=good.line, quantity=good.quantity) for good in shipment.goods]
        self.pay(*self.bills(order, billed))

    def over(self, order: Order, goods: Sequence[Shipped] | None = None) -> None:
        """The end of an order whose story is about something before: it ships and is billed, and nobody counts."""
        shipment = self.ships(order, goods)
        self.bills(order, [Billed(line=good.line, quantity=good.quantity) for good in shipment.goods])

    # -- nothing, and the acknowledgment ------------------------------------------------------------------------

    @happens()
    def all_is_well(self) -> None:
        order, at = self.order_one(lines=3)
        self.accepts(order, at)
        self.goes_on(order)

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

    def rest_ships(self, order: Order, lines: Sequence[Line]) -> None:
        """A second shipment, three days after the first, and one invoice for everything."""
        at = self.at(6, 15)
        shipment = Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=at.date(),
            goods=[Shipped(line=line, quantity=line.quantity) for line in lines],
        )
        self.sends(at, self.notice(order, shipment, at))
        self.bills(order, at=self.at(7, 15))

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

    # -- the shipment -------------------------------------------------------------------------------------------

    @happens()
    def shipped_late(self) -> None:
        order, at = self.order_one()
        answer = self.accepts(order, at)
        due = self.overdue("order_shipped", answer, behind=order.ships)
        self.opens("SHP.ASN_MISSING", about("supplier_po", order.number), at=due, cleared=True)
        ships = self.late(due)
        shipment = Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=ships.date(),
            goods=self.shipment(order).goods,
        )
        self.sends(ships, self.notice(order, shipment, ships))
        self.bills(order, at=ships.replace(minute=45))

    @happens()
    def shipped_just_in_time(self) -> None:
        order, at = self.order_one()
        answer = self.accepts(order, at)
        ships = self.just_in_time(self.overdue("order_shipped", answer, behind=order.ships))
        self.sends(ships, self.notice(order, self.shipment(order), ships))
        self.bills(order, at=ships.replace(minute=45))

    @happens()
    def never_shipped(self) -> None:
        order, at = self.order_one()
        answer = self.accepts(order, at)
        due = self.overdue("order_shipped", answer, behind=order.ships)
        self.opens("SHP.ASN_MISSING", about("supplier_po", order.number), at=due)

    @happens()
    def the_notice_comes_before_the_order(self) -> None:
        """The copy of our order is slow: an hour is nothing."""
        order = self.order()
        at = self.at(0, 9)
        self.sends(at, self.notice(order, self.shipment(order), at))
        self.copy(self.at(0, 10), papers.purchase_order(order))
        self.bills(order)

    @happens()
    def the_notice_comes_long_before_the_order(self) -> None:
        order, at = self.order(), self.at(0, 9)
        self.sends(at, self.notice(order, self.shipment(order), at))
        due = self.overdue("ship_notice_has_order", at)
        self.opens("SHP.ASN_NO_ORDER", about("supplier_po", order.number), at=due, cleared=True)
        self.copy(self.late(due), papers.purchase_order(order))
        self.bills(order)

    @happens()
    def ships_an_order_of_nobody(self) -> None:
        """It never bills it either, which is a trouble of its own."""
        order, at = self.order(), self.at(0, 11)
        self.sends(at, self.notice(order, self.shipment(order), at))
        due = self.overdue("ship_notice_has_order", at)
        self.opens("SHP.ASN_NO_ORDER", about("supplier_po", order.number), at=due)
        bill = self.overdue("shipment_invoiced", at, behind=order.ships)
        self.opens("BIL.INVOICE_OVERDUE", about("supplier_po", order.number), at=bill)

    @happens()
    def the_notice_comes_twice(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        again = self.at(3, 17)
        self.sends(again, self.notice(order, shipment, again))
        self.opens("SHP.ASN_DUPLICATE", about("asn", shipment.number))
        self.receive(order, shipment)
        self.bills(order)

    @happens()
    def the_notice_is_replaced(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        again = self.at(3, 17)
        self.sends(again, papers.ship_notice(order, shipment, purpose="05", at=again, labels=self.labels()))
        self.bills(order)

    @happens()
    def the_notice_is_taken_back(self) -> None:
        """And another one ships in its place."""
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        again = self.at(3, 17)
        self.sends(again, papers.ship_notice(order, shipment, purpose="01", at=again, labels=self.labels()))
        second = self.at(3, 19)
        fresh = self.shipment(order)
        self.sends(second, self.notice(order, fresh, second))
        self.bills(order)

    @happens()
    def ships_too_much_and_says_so(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        first, line = order.lines
        self.over(
            order,
            [
                Shipped(line=first, quantity=first.quantity),
                Shipped(line=line, quantity=line.quantity + 5, of=line.quantity),
            ],
        )
        self.opens("FUL.OVER_SHIP", about("supplier_po", order.number, 2))

    @happens()
    def ships_too_much(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        first, line = order.lines
        self.over(
            order,
            [
                Shipped(line=first, quantity=first.quantity),
                Shipped(line=line, quantity=line.quantity + 5),
            ],
        )
        self.opens("FUL.OVER_SHIP", about("supplier_po", order.number, 2))

    @happens()
    def ships_too_little(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        first, line = order.lines
        self.goes_on(
            order,
            [
                Shipped(line=first, quantity=first.quantity),
                Shipped(line=line, quantity=line.quantity - 5, of=line.quantity),
            ],
        )
        self.opens("FUL.SHORT_SHIP", about("supplier_po", order.number, 2))

    @happens()
    def ships_what_nobody_ordered(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.shipment(order)
        strange = Shipped(line=order.line(1), quantity=3, number="9", ids=["VP", "STR-7777"])
        when = self.at(3, 15)
        odd = Shipment(
            number=shipment.number,
            bol=shipment.bol,
            leaves=shipment.leaves,
            goods=[*shipment.goods, strange],
        )
        if self.trader.known_only:
            odd = shipment
        else:
            self.opens("SHP.ASN_MISMATCH", about("asn", shipment.number, 9))
        self.sends(when, self.notice(order, odd, when))
        self.bills(order)

    @happens()
    def cartons_without_labels(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment, when = self.shipment(order), self.at(3, 15)
        self.sends(when, papers.ship_notice(order, shipment, at=when))
        self.opens("FUL.LABEL", about("asn", shipment.number))
        self.bills(order)

    @happens()
    def levels_that_do_not_fit(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment, when = self.shipment(order), self.at(3, 15)
        self.sends(when, papers.ship_notice(order, shipment, at=when, labels=self.labels(), parent="77"))
        self.opens("EDI.SYNTAX", about("asn", shipment.number))
        self.bills(order)

    @happens(needs=lambda trader: not any(good.pack for good in trader.goods))
    def ships_in_cases_of_which_nobody_knows(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        first, line = order.lines
        shipment = self.ships(
            order,
            [
                Shipped(line=first, quantity=first.quantity),
                Shipped(line=line, quantity=line.quantity // 12, unit="CA"),
            ],
        )
        self.opens("MDM.UOM_INCONSISTENT", about("asn", shipment.number, 2))
        number, _ = self.bills(order)
        self.opens("MDM.UOM_INCONSISTENT", about("invoice", number, 2))

    @happens(needs=lambda trader: any(good.pack for good in trader.goods))
    def ships_in_cases_of_twelve(self) -> None:
        packed = next(good for good in self.trader.goods if good.pack)
        order, at = self.order(), self.at(0, 8)
        line = papers.Line(number=1, good=packed, quantity=packed.pack * 10)
        order = Order(number=order.number, on=order.on, ships=order.ships, lines=[line])
        self.copy(at, papers.purchase_order(order))
        self.accepts(order, at)
        self.ships(order, [Shipped(line=line, quantity=10, unit="CA")])
        self.bills(order)

    @happens()
    def another_carrier_than_asked(self) -> None:
        order, at = self.order(), self.at(0, 8)
        self.copy(at, papers.purchase_order(order, carrier="RRFL"))
        self.accepts(order, at)
        shipment, when = self.shipment(order), self.at(3, 15)
        other = Shipment(
            number=shipment.number,
            bol=shipment.bol,
            leaves=shipment.leaves,
            goods=shipment.goods,
            carrier="OTHR",
        )
        self.sends(when, self.notice(order, other, when))
        self.opens("CMP.ROUTING_GUIDE", about("asn", shipment.number))
        self.bills(order)

    # -- the receipt --------------------------------------------------------------------------------------------

    @happens()
    def received_too_little(self) -> None:
        """And it bills what it shipped."""
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        first, line = order.lines
        self.receive(
            order,
            shipment,
            [
                Received(line=first, quantity=first.quantity),
                Received(line=line, quantity=line.quantity - 4),
            ],
        )
        self.opens("RCV.SHORT", about("supplier_po", order.number, 2))
        number, _ = self.bills(order)
        self.opens("BIL.QTY", about("invoice", number, 2))

    @happens()
    def received_too_little_as_the_receipt_says(self) -> None:
        """And it bills what we received."""
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        first, line = order.lines
        here = line.quantity - 4
        self.receive(
            order,
            shipment,
            [
                Received(line=first, quantity=first.quantity),
                Received(line=line, quantity=here, condition="02", bad=4),
            ],
        )
        self.opens("RCV.SHORT", about("supplier_po", order.number, 2))
        self.bills(order, [Billed(line=first, quantity=first.quantity), Billed(line=line, quantity=here)])

    @happens()
    def received_too_much(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        first, line = order.lines
        self.receive(
            order,
            shipment,
            [
                Received(line=first, quantity=first.quantity),
                Received(line=line, quantity=line.quantity + 3),
            ],
        )
        self.opens("RCV.OVER", about("supplier_po", order.number, 2))
        self.bills(order)

    @happens()
    def received_damaged(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        first, line = order.lines
        self.receive(
            order,
            shipment,
            [
                Received(line=first, quantity=first.quantity, condition="01", bad=2),
                Received(line=line, quantity=line.quantity, condition="07", bad=line.quantity),
            ],
        )
        self.opens("RCV.DAMAGED", about("supplier_po", order.number, 1))
        self.bills(order)

    @happens()
    def received_before_the_notice(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment, goods = self.shipment(order), self.at(3, 12)
        counted = [Received(line=line, quantity=line.quantity) for line in order.lines]
        self.copy(
            goods,
            papers.receiving_advice(order, shipment, self.number("rcv"), counted, on=goods.date()),
        )
        notice = self.at(3, 15)
        self.sends(notice, self.notice(order, shipment, notice))
        self.opens("SHP.ASN_LATE", about("asn", shipment.number))
        self.bills(order)

    # -- the invoice --------------------------------------------------------------------------------------------

    @happens()
    def billed_late(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        self.ships(order)
        due = self.overdue("shipment_invoiced", self.at(3, 15), behind=order.ships)
        self.opens("BIL.INVOICE_OVERDUE", about("supplier_po", order.number), at=due, cleared=True)
        self.bills(order, at=self.late(due))

    @happens()
    def never_billed(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        self.ships(order)
        due = self.overdue("shipment_invoiced", self.at(3, 15), behind=order.ships)
        self.opens("BIL.INVOICE_OVERDUE", about("supplier_po", order.number), at=due)

    @happens()
    def billed_at_another_price(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        self.ships(order)
        first, line = order.lines
        price = (line.price * Decimal("1.20")).quantize(papers.CENT)
        number, _ = self.bills(
            order,
            [
                Billed(line=first, quantity=first.quantity),
                Billed(line=line, quantity=line.quantity, price=price),
            ],
        )
        self.opens("BIL.PRICE", about("invoice", number, 2))

    @happens()
    def billed_more_than_came(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        self.receive(order, shipment)
        first, line = order.lines
        number, _ = self.bills(
            order,
            [
                Billed(line=first, quantity=first.quantity + 1),
                Billed(line=line, quantity=line.quantity),
            ],
        )
        self.opens("BIL.QTY", about("invoice", number, 1))

    @happens()
    def billed_with_a_wrong_total(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        self.ships(order)
        number, _ = self.bills(order, off=Decimal("100.00"))
        self.opens("BIL.TOTAL", about("invoice", number))

    @happens()
    def billed_with_a_charge(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        self.ships(order)
        number, _ = self.bills(order, charge=Decimal("45.00"))
        self.opens("BIL.CHARGE", about("invoice", number))

    @happens()
    def billed_twice(self) -> None:
        order, at = self.order_one()
        self.accepts(order, at)
        self.receive(order, self.ships(order))
        number, _ = self.bills(order)
        again = self.at(5, 20)
        self.sends(again, papers.invoice(order, number, self.everything(order), on=self.day(5)))
        self.opens("BIL.DUPLICATE", about("invoice", number))

    @happens()
    def billed_before_it_shipped(self) -> None:
        order, at = self.order_one()
        answer = self.accepts(order, at)
        bill = answer.replace(minute=30)
        due = self.overdue("invoice_has_shipment", bill)
        self.bills(order, at=bill)
        self.opens("BIL.BEFORE_SHIP", about("supplier_po", order.number), at=due, cleared=True)
        ships = self.late(due)
        shipment = Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=ships.date(),
            goods=self.shipment(order).goods,
        )
        self.sends(ships, self.notice(order, shipment, ships))

    @happens()
    def bills_an_order_of_nobody(self) -> None:
        order, at = self.order(), self.at(0, 13)
        self.bills(order, at=at)
        subject = about("supplier_po", order.number)
        self.opens("BIL.NO_ORDER", subject, at=self.overdue("invoice_has_order", at))
        self.opens("BIL.BEFORE_SHIP", subject, at=self.overdue("invoice_has_shipment", at))

    # -- changes and inquiries ----------------------------------------------------------------------------------

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

    # -- what our order came to on the wire ---------------------------------------------------------------------

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
