"""We sell: 850 in, 855, 940, 945, 856 and 810 out, 861 and 820 in, with changes, deductions and returns."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.envelopes import Item, Paper, Segment
from deploy.sandbox.day.papers import (
    Answered,
    Billed,
    Change,
    Order,
    Paid,
    Picked,
    Received,
    Shipment,
    Shipped,
)
from deploy.sandbox.day.script import Story, about, happens
from deploy.sandbox.day.traders import Trader


class Sale(Story):
    """An order of a customer, from its 850 to its 820. Where nothing is said we do what we should."""

    role = "customer"
    also = ("warehouse",)

    @property
    def warehouse(self) -> Trader:
        return self.others[0]

    # -- the steps ----------------------------------------------------------------------------------------------

    def ordered(self, *, lines: int = 2, **more: object) -> tuple[Order, datetime]:
        """The customer's 850."""
        order, at = self.order(lines=lines, prefix="C"), self.at(0, 6 + 2 * self.dice.randrange(4))
        self.sends(at, papers.purchase_order(order, **more))  # type: ignore[arg-type]
        return order, at

    @staticmethod
    def later(moment: datetime, hours: int) -> datetime:
        return moment.replace(hour=moment.hour + hours)

    def acknowledgment(self, order: Order, at: datetime) -> Paper:
        return papers.acknowledgment(
            order,
            "AD",
            [Answered(line=line, acks=[papers.accepted(line, order.ships)]) for line in order.lines],
            own_number=self.number("so"),
            on=at.date(),
        )

    def accept(self, order: Order, ordered: datetime) -> datetime:
        """The copy of our 855, in time."""
        at = self.later(ordered, 3)
        self.copy(at, self.acknowledgment(order, at))
        return at

    def instruct(self, order: Order, *, carrier: str = "") -> tuple[str, datetime]:
        """The copy of our 940 to the warehouse."""
        number, at = self.number("do"), self.at(0, 16)
        self.copy(
            at,
            papers.warehouse_order(number, order.number, order.lines, ships=order.ships, carrier=carrier),
            to=self.warehouse,
        )
        return number, at

    def picked(
        self, number: str, order: Order, lines: Sequence[Picked] | None = None, **more: object
    ) -> None:
        """The warehouse's 945, on the day of shipping."""
        at = self.at(3, 14)
        whole = [Picked(line=line, quantity=line.quantity) for line in order.lines]
        self.sends(
            at,
            papers.shipping_advice(
                number,
                order.number,
                self.number("shp"),
                whole if lines is None else lines,
                on=at.date(),
                **more,  # type: ignore[arg-type]
            ),
            by=self.warehouse,
        )

    def shipment(self, order: Order) -> Shipment:
        return Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=order.ships,
            goods=[Shipped(line=line, quantity=line.quantity) for line in order.lines],
        )

    def announce(self, order: Order, *, at: datetime | None = None) -> Shipment:
        """The copy of our 856."""
        shipment, when = self.shipment(order), at or self.at(3, 16)
        labels = [papers.sscc(self.script.serial("sscc"))]
        self.copy(when, papers.ship_notice(order, shipment, at=when, labels=labels))
        return shipment

    def bill(self, order: Order, *, at: datetime | None = None) -> tuple[str, Decimal, Item]:
        """The copy of our 810."""
        number, when = self.number("inv"), at or self.at(4, 15)
        billed = [Billed(line=line, quantity=line.quantity) for line in order.lines]
        item = self.copy(when, papers.invoice(order, number, billed, on=when.date()))
        return number, papers.total(billed), item

    def counts(self, order: Order, shipment: Shipment, lines: Sequence[Received] | None = None) -> None:
        """The customer's 861."""
        at = self.at(5, 14)
        whole = [Received(line=line, quantity=line.quantity) for line in order.lines]
        self.sends(
            at,
            papers.receiving_advice(
                order, shipment, self.number("rcv"), whole if lines is None else lines, on=at.date()
            ),
        )

    def pays(self, *items: Paid, at: datetime | None = None) -> None:
        """The customer's 820."""
        when = at or self.at(6, 14)
        self.sends(when, papers.remittance(self.number("ra"), items, on=when.date()))

    def served(self, *, lines: int = 2) -> tuple[Order, Shipment, str, Decimal, Item]:
        """An order that was accepted, shipped and billed as it should be."""
        order, at = self.ordered(lines=lines)
        self.accept(order, at)
        shipment = self.announce(order)
        return order, shipment, *self.bill(order)

    def over(self, order: Order) -> None:
        self.announce(order)
        self.bill(order)

    # -- the order ----------------------------------------------------------------------------------------------

    @happens()
    def all_is_well(self) -> None:
        order, at = self.ordered(lines=3)
        self.accept(order, at)
        number, _ = self.instruct(order)
        self.picked(number, order)
        shipment = self.announce(order)
        invoice, amount, _ = self.bill(order)
        self.counts(order, shipment)
        self.pays(Paid(invoice=invoice, paid=amount, billed=amount))

    @happens()
    def the_order_comes_twice(self) -> None:
        order, at = self.ordered()
        self.sends(self.later(at, 1), papers.purchase_order(order))
        self.opens("ORD.DUPLICATE", about("customer_po", order.number))
        self.accept(order, at)
        self.over(order)

    @happens()
    def the_order_comes_again_as_a_copy(self) -> None:
        order, at = self.ordered()
        self.sends(self.later(at, 1), papers.purchase_order(order, purpose="07"))
        self.accept(order, at)
        self.over(order)

    @happens()
    def the_order_counts_lines_that_it_lacks(self) -> None:
        order, at = self.ordered(lines=2)
        other, when = self.order(prefix="C"), self.at(0, 7)
        self.sends(when, papers.purchase_order(other, lines=5))
        self.opens("ORD.VALIDATION", about("customer_po", other.number))
        for one, came in ((order, at), (other, when)):
            self.accept(one, came)
            self.over(one)

    @happens()
    def the_order_is_to_be_cancelled_before_it_ships(self) -> None:
        order, at = self.ordered(cancel_after=self.day(-2))
        self.opens("ORD.VALIDATION", about("customer_po", order.number))
        self.accept(order, at)
        self.over(order)

    @happens()
    def we_acknowledge_late(self) -> None:
        order, at = self.ordered()
        due = self.overdue("order_acknowledged", at)
        self.opens("ORD.ACK_OVERDUE", about("customer_po", order.number), at=due, cleared=True)
        when = self.late(due)
        self.copy(when, self.acknowledgment(order, when))
        self.announce(order, at=self.late(when))
        self.bill(order, at=self.at(6, 15))

    @happens()
    def we_never_acknowledge(self) -> None:
        order, at = self.ordered()
        due = self.overdue("order_acknowledged", at)
        self.opens("ORD.ACK_OVERDUE", about("customer_po", order.number), at=due)

    @happens()
    def we_ship_late(self) -> None:
        order, at = self.ordered()
        answer = self.accept(order, at)
        due = self.overdue("order_shipped", answer, behind=order.ships)
        self.opens("SHP.ASN_MISSING", about("customer_po", order.number), at=due, cleared=True)
        when = self.late(due)
        late = Order(number=order.number, on=order.on, ships=when.date(), lines=order.lines)
        self.announce(late, at=when)
        self.bill(order, at=self.late(when))

    @happens()
    def we_bill_late(self) -> None:
        order, at = self.ordered()
        self.accept(order, at)
        self.announce(order)
        due = self.overdue("shipment_invoiced", self.at(3, 16), behind=order.ships)
        self.opens("BIL.INVOICE_OVERDUE", about("customer_po", order.number), at=due, cleared=True)
        self.bill(order, at=self.late(due))

    # -- its changes and questions ------------------------------------------------------------------------------

    def changed(self, *, days: int = 0, hours: int = 5) -> tuple[Order, datetime, list[Change]]:
        """An order that was accepted, and the customer's 860."""
        order, at = self.ordered()
        self.accept(order, at)
        line, when = order.line(1), self.at(days, at.hour + hours)
        changes = [Change(line=line, code="QD", quantity=line.quantity - 12)]
        self.sends(when, papers.order_change(order, changes, on=when.date()))
        return order, when, changes

    def answer(self, order: Order, changes: Sequence[Change], at: datetime) -> None:
        self.copy(at, papers.change_answer(order, "AT", changes, own_number=self.number("so"), on=at.date()))

    @staticmethod
    def as_changed(order: Order, changes: Sequence[Change]) -> Order:
        """The order once we said yes: with fewer pieces of a line."""
        fewer = {change.line.number: change.quantity for change in changes}
        lines = [replace(line, quantity=fewer.get(line.number, line.quantity)) for line in order.lines]
        return replace(order, lines=lines)

    @happens()
    def it_changes_the_order(self) -> None:
        order, at, changes = self.changed()
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1), cleared=True)
        self.answer(order, changes, self.later(at, 2))
        self.over(self.as_changed(order, changes))

    @happens()
    def we_ship_as_if_it_had_changed_nothing(self) -> None:
        """We said yes to fewer pieces, and send and bill all of them."""
        order, at, changes = self.changed()
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1), cleared=True)
        self.answer(order, changes, self.later(at, 2))
        self.over(order)
        self.opens("FUL.OVER_SHIP", about("customer_po", order.number, 1))

    @happens()
    def we_answer_its_change_late(self) -> None:
        order, at, changes = self.changed()
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1), cleared=True)
        due = self.overdue("change_answered", at)
        self.opens("ORD.CHANGE_OVERDUE", about("customer_po", order.number), at=due, cleared=True)
        self.answer(order, changes, self.late(due))
        self.over(self.as_changed(order, changes))

    @happens()
    def we_never_answer_its_change(self) -> None:
        order, at, _ = self.changed()
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1))
        due = self.overdue("change_answered", at)
        self.opens("ORD.CHANGE_OVERDUE", about("customer_po", order.number), at=due)
        self.over(order)

    @happens()
    def it_changes_what_left_already(self) -> None:
        order, at = self.ordered()
        self.accept(order, at)
        self.over(order)
        line, when = order.line(1), self.at(3, 18)
        changes = [Change(line=line, code="QD", quantity=line.quantity - 12)]
        self.sends(when, papers.order_change(order, changes, on=when.date()))
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1), cleared=True)
        self.opens("ORD.CHANGE_LATE", about("customer_po", order.number))
        self.answer(order, changes, self.at(3, 20))

    @happens()
    def a_change_is_missing(self) -> None:
        """The first change was answered, the second never came."""
        order, at, changes = self.changed()
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1), cleared=True)
        self.answer(order, changes, self.later(at, 1))
        when = self.later(at, 2)
        self.sends(when, papers.order_change(order, changes, sequence=3, on=when.date()))
        self.opens("ORD.CHANGE_REQUESTED", about("customer_po", order.number, 1), cleared=True)
        self.opens("EDI.SEQUENCE_GAP", about("customer_po", order.number))
        self.copy(
            self.later(at, 3),
            papers.change_answer(
                order, "AT", changes, sequence=3, own_number=self.number("so"), on=when.date()
            ),
        )
        self.over(self.as_changed(order, changes))

    @happens()
    def it_cancels_the_order(self) -> None:
        """Nothing ships any more, and nobody waits for it."""
        order, at = self.ordered()
        self.accept(order, at)
        when = self.later(at, 5)
        changes = [Change(line=line, code="DI", quantity=0) for line in order.lines]
        self.sends(when, papers.order_change(order, changes, purpose="01", on=when.date()))
        self.opens("ORD.CANCEL_REQUESTED", about("customer_po", order.number), cleared=True)
        self.answer(order, changes, self.later(when, 2))

    def asked(self) -> tuple[Order, datetime, str]:
        """An order that was accepted, and the customer's 869."""
        order, at = self.ordered()
        self.accept(order, at)
        when, number = self.later(at, 6), self.number("inq")
        self.sends(when, papers.inquiry(order, number, on=when.date()))
        return order, when, number

    def tell_status(self, order: Order, number: str, at: datetime) -> None:
        statuses: list[tuple[int, Segment]] = [(1, ["AP"]), (2, ["AP"])]
        self.copy(at, papers.order_status(order, self.number("rpt"), number, statuses, on=at.date()))

    @happens()
    def it_asks_and_is_answered(self) -> None:
        order, at, number = self.asked()
        self.tell_status(order, number, self.later(at, 2))
        self.over(order)

    @happens(needs=lambda trader: "inquiry_answered" not in trader.off)
    def it_asks_and_is_answered_late(self) -> None:
        order, at, number = self.asked()
        due = self.overdue("inquiry_answered", at)
        self.opens("ORD.INQUIRY_OVERDUE", about("customer_po", order.number), at=due, cleared=True)
        self.tell_status(order, number, self.late(due))
        self.over(order)

    # -- the warehouse ------------------------------------------------------------------------------------------

    def in_the_warehouse(self) -> tuple[Order, str, datetime]:
        order, at = self.ordered()
        self.accept(order, at)
        number, when = self.instruct(order, carrier="RRFL")
        self.over(order)
        return order, number, when

    @happens()
    def the_warehouse_picks_too_little(self) -> None:
        order, number, _ = self.in_the_warehouse()
        first, line = order.lines
        self.picked(
            number,
            order,
            [
                Picked(line=first, quantity=first.quantity),
                Picked(line=line, quantity=line.quantity - 6, status="CP", reason="01"),
            ],
        )
        self.opens("FUL.SHORT_PICK", about("warehouse_order", number, 2))

    @happens()
    def the_warehouse_reports_exceptions_only(self) -> None:
        order, number, _ = self.in_the_warehouse()
        first, line = order.lines
        self.picked(
            number,
            order,
            [Picked(line=line, quantity=0, status="CP", reason="13")],
            report="X",
            units=first.quantity,
        )
        self.opens("FUL.SHORT_PICK", about("warehouse_order", number, 2))

    @happens()
    def the_warehouse_reports_no_exceptions(self) -> None:
        order, number, _ = self.in_the_warehouse()
        self.picked(number, order, [], report="N", units=sum(line.quantity for line in order.lines))

    @happens()
    def the_warehouse_ships_with_another_carrier_on_another_day(self) -> None:
        order, number, _ = self.in_the_warehouse()
        self.picked(number, order, date_reason="02", carrier="OTHR", carrier_reason="13")
        self.opens("FUL.SHIP_DATE_CHANGED", about("warehouse_order", number))
        self.opens("FUL.CARRIER_CHANGED", about("warehouse_order", number))

    @happens()
    def the_warehouse_confirms_late(self) -> None:
        order, number, at = self.in_the_warehouse()
        due = self.overdue("warehouse_shipped", at, behind=order.ships, trader=self.warehouse)
        self.opens("FUL.NO_SHIP_CONFIRM", about("warehouse_order", number), at=due, cleared=True)
        when = self.late(due)
        whole = [Picked(line=line, quantity=line.quantity) for line in order.lines]
        advice = papers.shipping_advice(number, order.number, self.number("shp"), whole, on=when.date())
        self.sends(when, advice, by=self.warehouse)

    @happens()
    def the_warehouse_never_confirms(self) -> None:
        order, number, at = self.in_the_warehouse()
        due = self.overdue("warehouse_shipped", at, behind=order.ships, trader=self.warehouse)
        self.opens("FUL.NO_SHIP_CONFIRM", about("warehouse_order", number), at=due)

    @happens()
    def the_warehouse_confirms_before_we_see_the_instruction(self) -> None:
        order, at = self.ordered()
        self.accept(order, at)
        number, when = self.number("do"), self.at(0, 15)
        whole = [Picked(line=line, quantity=line.quantity) for line in order.lines]
        advice = papers.shipping_advice(number, order.number, self.number("shp"), whole, on=when.date())
        self.sends(when, advice, by=self.warehouse)
        self.copy(
            self.at(0, 16),
            papers.warehouse_order(number, order.number, order.lines, ships=order.ships),
            to=self.warehouse,
        )
        self.over(order)

    # -- what it received and pays ------------------------------------------------------------------------------

    @happens()
    def it_received_too_little(self) -> None:
        """And we billed more than that."""
        order, shipment, invoice, *_ = self.served()
        first, line = order.lines
        self.counts(
            order,
            shipment,
            [
                Received(line=first, quantity=first.quantity),
                Received(line=line, quantity=line.quantity - 2, condition="02", bad=2),
            ],
        )
        self.opens("RCV.SHORT", about("customer_po", order.number, 2))
        self.opens("BIL.QTY", about("invoice", invoice, 2))

    @happens()
    def it_refused_a_part(self) -> None:
        order, shipment, *_ = self.served()
        first, line = order.lines
        self.counts(
            order,
            shipment,
            [
                Received(line=first, quantity=first.quantity, condition="08", bad=3),
                Received(line=line, quantity=line.quantity),
            ],
        )
        self.opens("RCV.REJECTED", about("customer_po", order.number, 1))

    @happens()
    def it_pays_too_little(self) -> None:
        *_, invoice, amount, _ = self.served()
        self.pays(Paid(invoice=invoice, paid=amount - Decimal("25.00"), billed=amount))
        self.opens("BIL.SHORT_PAY", about("invoice", invoice))

    @happens()
    def it_deducts_for_a_reason(self) -> None:
        *_, invoice, amount, _ = self.served()
        short = Decimal("-40.00")
        self.pays(Paid(invoice=invoice, paid=amount + short, billed=amount, adjusted=short, reason="01"))
        self.opens("BIL.DEDUCTION", about("invoice", invoice))

    @happens()
    def it_pays_for_an_invoice_of_another_amount(self) -> None:
        *_, invoice, amount, _ = self.served()
        other = amount - Decimal("300.00")
        self.pays(Paid(invoice=invoice, paid=other, billed=other))
        self.opens("BIL.INVOICE_MISMATCH", about("invoice", invoice))

    @happens()
    def it_pays_an_invoice_of_nobody(self) -> None:
        at, number = self.at(0, 14), f"INV-X{self.script.serial('stray')}"
        self.pays(Paid(invoice=number, paid=Decimal("500.00"), billed=Decimal("500.00")), at=at)
        self.opens(
            "BIL.INVOICE_UNKNOWN", about("invoice", number), at=self.overdue("payment_has_invoice", at)
        )

    @happens()
    def it_pays_before_we_see_the_invoice(self) -> None:
        """The copy of our invoice is slow."""
        order, at = self.ordered()
        self.accept(order, at)
        self.announce(order, at=self.later(at, 4))
        number, paid = self.number("inv"), self.at(0, 20)
        billed = [Billed(line=line, quantity=line.quantity) for line in order.lines]
        amount = papers.total(billed)
        self.pays(Paid(invoice=number, paid=amount, billed=amount), at=paid)
        due = self.overdue("payment_has_invoice", paid)
        self.opens("BIL.INVOICE_UNKNOWN", about("invoice", number), at=due, cleared=True)
        when = self.late(due)
        self.copy(when, papers.invoice(order, number, billed, on=when.date()))

    @happens()
    def it_charges_back(self) -> None:
        order, _, invoice, *_ = self.served()
        number, at = self.number("cb"), self.at(6, 14)
        reasons = [("01", Decimal("12.50")), ("99", Decimal("30.00"))]
        self.sends(at, papers.adjustment(order, number, invoice, reasons, on=at.date()))
        # both reasons are one case: it is about the memo
        self.opens("BIL.DEDUCTION", about("credit_memo", number, 1))

    @happens()
    def it_charges_back_more_than_we_billed(self) -> None:
        order, _, invoice, amount, _ = self.served()
        number, at = self.number("cb"), self.at(6, 14)
        reasons = [("59", amount + Decimal("100.00"))]
        self.sends(at, papers.adjustment(order, number, invoice, reasons, on=at.date()))
        self.opens("BIL.DEDUCTION", about("credit_memo", number, 1))
        self.opens("BIL.INVOICE_MISMATCH", about("invoice", invoice))

    @happens()
    def its_application_refuses_our_invoice(self) -> None:
        *_, invoice, _, item = self.served()
        number, at = self.number("aa"), self.at(5, 9)

        def advice() -> Paper:
            return papers.application_advice(
                number, "TR", "IV", invoice, self.target(item), on=at.date(), error="DUP"
            )

        self.sends(at, ("824", advice))
        self.opens("EDI.APP_REJECTED", about("invoice", invoice))

    @happens()
    def it_asks_to_return_and_may(self) -> None:
        order, *_ = self.served()
        number, at, line = self.number("rtv"), self.at(6, 12), order.line(1)
        ask: list[Segment] = [["RP", "DT"]]
        self.sends(at, papers.returns(number, [(line, 4, ask[0])], on=at.date(), po=order.number))
        self.opens("RTN.REQUESTED", about("rma", number, 1), cleared=True)
        granted, when = self.number("rma"), self.at(6, 16)
        self.copy(
            when,
            papers.returns(granted, [(line, 4, ["RA"])], on=when.date(), purpose="11", answers=number),
        )

    @happens()
    def it_asks_to_return_and_hears_nothing(self) -> None:
        order, *_ = self.served()
        number, at = self.number("rtv"), self.at(6, 12)
        returned = [(line, 2, ["", "WG"]) for line in order.lines]
        self.sends(at, papers.returns(number, returned, on=at.date(), po=order.number))
        for line in order.lines:
            self.opens("RTN.REQUESTED", about("rma", number, line.number))
