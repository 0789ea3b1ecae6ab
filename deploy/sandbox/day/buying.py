"""We buy: the steps of an order of ours, from its 850 to its 820; and an order with which nothing is wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.envelopes import Paper
from deploy.sandbox.day.papers import Answered, Billed, Line, Order, Received, Shipment, Shipped
from deploy.sandbox.day.script import Story, happens


class Buying(Story):
    """An order of ours with a supplier. Where nothing is said the supplier does what it should."""

    role = "supplier"

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


class Purchase(Buying):
    """An order of ours, and all is well."""

    @happens()
    def all_is_well(self) -> None:
        order, at = self.order_one(lines=3)
        self.accepts(order, at)
        self.goes_on(order)
