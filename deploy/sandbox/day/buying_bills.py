"""What suppliers bill: 810s against orders, shipments and receipts."""

from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.buying import Buying
from deploy.sandbox.day.papers import Billed, Shipment
from deploy.sandbox.day.script import about, happens


class Bill(Buying):
    """The 810 of an order of ours."""

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
