"""What suppliers ship of our orders and what we receive: 856s and 861s."""

from deploy.sandbox.day import papers
from deploy.sandbox.day.buying import Buying
from deploy.sandbox.day.papers import Billed, Order, Received, Shipment, Shipped
from deploy.sandbox.day.script import about, happens


class Goods(Buying):
    """The 856 of an order of ours, and our 861."""

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
    def received_in_two_parts(self) -> None:
        """Half of a line on one day is too little; with the other half on the next it is not any more."""
        order, at = self.order_one()
        self.accepts(order, at)
        shipment = self.ships(order)
        first, second = order.lines
        half = second.quantity // 2
        parts = (
            (
                self.at(5, 13),
                [Received(line=first, quantity=first.quantity), Received(line=second, quantity=half)],
            ),
            (self.at(6, 13), [Received(line=second, quantity=second.quantity - half)]),
        )
        for when, lines in parts:
            number = self.number("rcv")
            self.copy(when, papers.receiving_advice(order, shipment, number, lines, on=when.date()))
        self.opens("RCV.SHORT", about("supplier_po", order.number, 2), cleared=True)
        self.bills(order, at=self.at(7, 15))

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
