"""Goods on the way and in other houses: 204, 990, 214, 210 of carriers, 943, 944, 947, 846 of warehouses."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.envelopes import Paper, Segment
from deploy.sandbox.day.papers import Counted, Line
from deploy.sandbox.day.script import LOOK, Story, about, happens
from deploy.sandbox.day.traders import Trader


class Load(Story):
    """A load that we offer to a carrier, until it bills it."""

    role = "carrier"

    @property
    def scac(self) -> str:
        return self.trader.id

    def tell(self) -> None:
        """The story; and where it is agreed that the carrier talks about its loads, its silence."""
        self._taken: list[tuple[str, datetime]] = []
        self._told: list[tuple[str, datetime]] = []
        super().tell()
        for number, taken in self._taken:
            due = self.due("load_reports", taken)
            if due is None:
                continue
            told = min((at for one, at in self._told if one == number), default=None)
            if told is None or told + LOOK > due:
                self.opens("SHP.NO_STATUS", about("shipment", number), at=due, cleared=told is not None)

    def offer(self) -> tuple[str, datetime, Decimal]:
        """The copy of our 204."""
        number, at = self.number("ld"), self.at(0, 6 + 2 * self.dice.randrange(4))
        rate = Decimal(self.dice.randrange(40_000, 90_000)) / 100
        self.copy(at, self.tender(number, rate, at))
        return number, at, rate

    def tender(self, number: str, rate: Decimal, at: datetime, *, purpose: str = "00") -> Paper:
        return papers.tender(number, self.scac, rate, picks=self.at(3, 12), purpose=purpose)

    def answers(self, number: str, at: datetime, word: str = "A") -> None:
        self.sends(at, papers.tender_answer(number, self.scac, word, on=at.date()))
        if word != "D":
            self._taken.append((number, at))

    def drives(
        self, number: str, at: datetime, *statuses: tuple[str, str], lading: Segment | None = None
    ) -> None:
        pro = f"77{self.trader.index:02}{self.script.serial('pro'):04}"
        said = [(status, reason, at) for status, reason in statuses]
        self._told.append((number, at))
        self.sends(at, papers.load_status(number, pro, self.scac, said, lading=lading))

    def bills(
        self, number: str, amount: Decimal, *, at: datetime | None = None, stated: Decimal | None = None
    ) -> str:
        invoice, when = self.number("fb"), at or self.at(5, 16)
        self.sends(
            when, papers.freight_invoice(invoice, number, self.scac, amount, on=when.date(), stated=stated)
        )
        return invoice

    def arrives(self, number: str) -> None:
        self.drives(number, self.at(3, 14), ("AF", "NS"))
        self.drives(number, self.at(5, 10), ("D1", "NS"))

    def soon(self, moment: datetime) -> datetime:
        return moment.replace(hour=moment.hour + 2)

    @happens()
    def all_is_well(self) -> None:
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.arrives(number)
        self.bills(number, rate)

    @happens()
    def answered_just_in_time(self) -> None:
        number, at, _ = self.offer()
        self.answers(number, self.just_in_time(self.overdue("tender_answered", at)))

    @happens()
    def answered_late(self) -> None:
        number, at, rate = self.offer()
        due = self.overdue("tender_answered", at)
        self.opens("SHP.TENDER_NO_RESPONSE", about("shipment", number), at=due, cleared=True)
        self.answers(number, self.late(due))
        self.arrives(number)
        self.bills(number, rate)

    @happens()
    def never_answered(self) -> None:
        number, at, _ = self.offer()
        due = self.overdue("tender_answered", at)
        self.opens("SHP.TENDER_NO_RESPONSE", about("shipment", number), at=due)

    @happens()
    def taken_back_before_it_answers(self) -> None:
        number, at, rate = self.offer()
        when = at.replace(hour=at.hour + 1)
        self.copy(when, self.tender(number, rate, when, purpose="01"))

    @happens()
    def declined(self) -> None:
        number, at, _ = self.offer()
        self.answers(number, self.soon(at), "D")
        self.opens("SHP.TENDER_DECLINED", about("shipment", number))

    @happens()
    def declined_and_then_accepted(self) -> None:
        number, at, _ = self.offer()
        self.answers(number, at.replace(hour=at.hour + 1), "D")
        self.answers(number, at.replace(hour=at.hour + 3), "A")
        self.opens("SHP.TENDER_DECLINED", about("shipment", number), cleared=True)

    @happens()
    def countered(self) -> None:
        number, at, _ = self.offer()
        self.answers(number, self.soon(at), "C")
        self.opens("SHP.TENDER_COUNTER", about("shipment", number))

    @happens()
    def answered_before_we_see_the_offer(self) -> None:
        number, at = self.number("ld"), self.at(0, 9)
        self.answers(number, at)
        when = self.at(0, 10)
        self.copy(when, self.tender(number, Decimal("500.00"), when))

    @happens()
    def delayed_and_delivered(self) -> None:
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.drives(number, self.at(3, 14), ("SD", "AO"))
        self.opens("SHP.DELAY", about("shipment", number), cleared=True)
        self.drives(number, self.at(5, 10), ("D1", "NS"))
        self.bills(number, rate)

    @happens()
    def delayed_for_no_reason(self) -> None:
        """A normal status is no exception, even beside a delay."""
        number, at, _ = self.offer()
        self.answers(number, self.soon(at))
        self.drives(number, self.at(3, 14), ("SD", "NS"))

    @happens()
    def leaves_on_the_same_day(self) -> None:
        """That it left is a word about it, too."""
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.drives(number, self.at(0, 22), ("AF", "NS"))
        self.drives(number, self.at(5, 10), ("D1", "NS"))
        self.bills(number, rate)

    @happens()
    def refused_at_the_door(self) -> None:
        number, at, _ = self.offer()
        self.answers(number, self.soon(at))
        self.drives(number, self.at(5, 10), ("A7", "BS"))
        self.opens("SHP.REFUSED", about("shipment", number))

    @happens()
    def delivered_damaged(self) -> None:
        number, at, _ = self.offer()
        self.answers(number, self.soon(at))
        self.drives(number, self.at(5, 10), ("D1", "NS"), lading=["D", "CTN", "4"])
        self.opens("SHP.DAMAGED", about("shipment", number, 1))

    @happens()
    def billed_more_than_offered(self) -> None:
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.arrives(number)
        invoice = self.bills(number, rate + Decimal("75.00"))
        self.opens("BIL.FREIGHT_VARIANCE", about("invoice", invoice))

    @happens(needs=lambda trader: trader.freight_tolerance > 0)
    def billed_a_little_more(self) -> None:
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.arrives(number)
        self.bills(number, rate + Decimal("1.00"))

    @happens()
    def billed_with_a_wrong_total(self) -> None:
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.arrives(number)
        invoice = self.bills(number, rate, stated=rate + Decimal("60.00"))
        self.opens("BIL.TOTAL", about("invoice", invoice))
        self.opens("BIL.FREIGHT_VARIANCE", about("invoice", invoice))

    @happens()
    def billed_twice(self) -> None:
        number, at, rate = self.offer()
        self.answers(number, self.soon(at))
        self.arrives(number)
        invoice, again = self.bills(number, rate), self.at(5, 20)
        self.sends(again, papers.freight_invoice(invoice, number, self.scac, rate, on=self.day(5)))
        self.opens("BIL.DUPLICATE", about("invoice", invoice))


class Transfer(Story):
    """Stock that we send to a warehouse: the copy of our 943, and its 944."""

    role = "warehouse"

    def goods(self) -> list[Line]:
        return list(self.order().lines)

    def lacking_five(self, lines: Sequence[Line]) -> list[Counted]:
        """What is counted where five pieces of the second line are not there."""
        first, line = lines
        return [
            Counted(line=first, quantity=first.quantity),
            Counted(line=line, quantity=line.quantity - 5),
        ]

    def leave(self, lines: Sequence[Line], *, at: datetime | None = None) -> tuple[str, str]:
        """The copy of our 943: it leaves on the first day and arrives three days later."""
        number, shipment = self.number("tr"), self.number("shp")
        self.copy(
            at or self._left,
            papers.transfer_notice(number, shipment, lines, leaves=self.day(0), arrives=self.day(3)),
        )
        return number, shipment

    @property
    def _left(self) -> datetime:
        return self.at(0, 10)

    def receives(
        self,
        number: str,
        shipment: str,
        lines: Sequence[Line],
        counted: Sequence[Counted] | None = None,
        *,
        at: datetime,
        says_it: bool = True,
    ) -> None:
        """The 944 of all of it, or of what was ``counted``. ``says_it``: it also says how much was announced."""
        whole = [Counted(line=line, quantity=line.quantity) for line in lines]
        self.sends(
            at,
            papers.transfer_receipt(
                number,
                self.number("wr"),
                shipment,
                whole if counted is None else counted,
                on=at.date(),
                announced=sum(line.quantity for line in lines) if says_it else None,
            ),
        )

    def due_back(self) -> datetime:
        return self.overdue("transfer_received", self._left, behind=self.day(3))

    @happens()
    def all_is_well(self) -> None:
        lines = self.goods()
        self.receives(*self.leave(lines), lines, at=self.at(3, 15))

    @happens()
    def received_just_in_time(self) -> None:
        lines = self.goods()
        self.receives(*self.leave(lines), lines, at=self.just_in_time(self.due_back()))

    @happens()
    def received_late(self) -> None:
        lines, due = self.goods(), self.due_back()
        number, shipment = self.leave(lines)
        self.opens("RCV.NOT_CONFIRMED", about("warehouse_receipt", number), at=due, cleared=True)
        self.receives(number, shipment, lines, at=self.late(due))

    @happens()
    def never_received(self) -> None:
        number, _ = self.leave(self.goods())
        self.opens("RCV.NOT_CONFIRMED", about("warehouse_receipt", number), at=self.due_back())

    @happens()
    def received_too_little(self) -> None:
        lines = self.goods()
        number, shipment = self.leave(lines)
        self.receives(number, shipment, lines, self.lacking_five(lines), at=self.at(3, 15), says_it=False)
        self.opens("RCV.SHORT", about("warehouse_receipt", number, 2))

    @happens()
    def received_too_little_as_it_says(self) -> None:
        lines = self.goods()
        number, shipment = self.leave(lines)
        first, line = lines
        counted = [
            Counted(line=first, quantity=first.quantity),
            Counted(line=line, quantity=line.quantity - 5, bad=5, condition="02"),
        ]
        self.receives(number, shipment, lines, counted, at=self.at(3, 15))
        self.opens("RCV.SHORT", about("warehouse_receipt", number, 2))

    @happens()
    def received_too_little_as_its_totals_say(self) -> None:
        """One trouble: the line that lacks five pieces, which the totals lack, too."""
        lines = self.goods()
        number, shipment = self.leave(lines)
        self.receives(number, shipment, lines, self.lacking_five(lines), at=self.at(3, 15))
        self.opens("RCV.SHORT", about("warehouse_receipt", number, 2))

    @happens()
    def received_damaged(self) -> None:
        lines = self.goods()
        number, shipment = self.leave(lines)
        first, line = lines
        counted = [
            Counted(line=first, quantity=first.quantity, bad=3, condition="01", damage="WC"),
            Counted(line=line, quantity=line.quantity),
        ]
        self.receives(number, shipment, lines, counted, at=self.at(3, 15))
        self.opens("RCV.DAMAGED", about("warehouse_receipt", number, 1))

    @happens()
    def received_before_we_see_it_leave(self) -> None:
        lines = self.goods()
        number, shipment = self.number("tr"), self.number("shp")
        self.receives(number, shipment, lines, at=self.at(0, 9))
        self.copy(
            self.at(0, 11),
            papers.transfer_notice(number, shipment, lines, leaves=self.day(0), arrives=self.day(0)),
        )


class Stock(Story):
    """What a warehouse says of our stock: 947 and 846."""

    role = "warehouse"

    def item(self) -> str:
        return f"ITEM-{self.trader.index:02}{self.script.serial('item'):03}"

    def adjusts(self, reason: str, quantity: int, item: str, lot: str = "", *, hour: int = 12) -> None:
        at = self.at(0, hour)
        changes = [(reason, quantity, item, lot)]
        self.sends(at, papers.stock_adjustment(self.number("adj"), changes, on=at.date()))

    @happens()
    def a_count_differs(self) -> None:
        item = self.item()
        self.adjusts("AA", -4, item)
        self.opens("INV.ADJUSTMENT", about("item", item, item))

    @happens()
    def held_and_released(self) -> None:
        item = self.item()
        lot = f"L{item[5:]}"
        self.adjusts("05", 40, item, lot)
        self.opens("INV.HOLD", about("item", item, item), cleared=True)
        self.adjusts("55", 40, item, lot, hour=18)

    @happens()
    def recalled(self) -> None:
        item = self.item()
        self.adjusts("AW", 12, item)
        self.opens("INV.RECALL", about("item", item, item))

    @happens()
    def past_its_shelf_life(self) -> None:
        item = self.item()
        self.adjusts("AX", 3, item)
        self.opens("INV.SHELF_LIFE", about("item", item, item))

    @happens()
    def a_report_without_troubles(self) -> None:
        at = self.at(0, 6)
        items = [(self.item(), {"33": 120, "17": 130})]
        self.sends(at, papers.stock_report(self.number("stk"), items, on=at.date()))

    @happens()
    def reports_on_several_days(self) -> None:
        for days in (0, 3, 4):
            at = self.at(days, 11)
            self.sends(at, papers.stock_report(self.number("stk"), [(self.item(), {"33": 50})], on=at.date()))

    @happens()
    def a_report_with_backorders_and_damage(self) -> None:
        at, short, bad = self.at(0, 6), self.item(), self.item()
        items = [(short, {"33": 0, "BQ": 15}), (bad, {"33": 8, "74": 3})]
        self.sends(at, papers.stock_report(self.number("stk"), items, on=at.date()))
        self.opens("INV.SHORTAGE", about("item", short, short))
        self.opens("INV.HOLD", about("item", bad, bad))


class Bank(Story):
    """The bank that collects for us: its 820 says what customers paid."""

    role = "bank"
    also = ("customer",)

    @property
    def customer(self) -> Trader:
        return self.others[0]

    def billed(self) -> tuple[str, Decimal]:
        """An order of the customer that was accepted, shipped and billed."""
        order, at = self.order(prefix="B"), self.at(0, 8)
        order = papers.Order(
            number=order.number,
            on=order.on,
            ships=order.ships,
            lines=[
                Line(number=place, good=good, quantity=24)
                for place, good in enumerate(self.customer.goods[:2], 1)
            ],
        )
        self.sends(at, papers.purchase_order(order), by=self.customer)
        answers = [
            papers.Answered(line=line, acks=[papers.accepted(line, order.ships)]) for line in order.lines
        ]
        when = self.at(0, 11)
        self.copy(
            when,
            papers.acknowledgment(order, "AD", answers, own_number=self.number("so"), on=when.date()),
            to=self.customer,
        )
        leaves = self.at(3, 16)
        shipment = papers.Shipment(
            number=self.number("asn"),
            bol=self.number("bol"),
            leaves=order.ships,
            goods=[papers.Shipped(line=line, quantity=line.quantity) for line in order.lines],
        )
        labels = [papers.sscc(self.script.serial("sscc"))]
        self.copy(leaves, papers.ship_notice(order, shipment, at=leaves, labels=labels), to=self.customer)
        number, bill = self.number("inv"), self.at(4, 15)
        lines = [papers.Billed(line=line, quantity=line.quantity) for line in order.lines]
        self.copy(bill, papers.invoice(order, number, lines, on=bill.date()), to=self.customer)
        return number, papers.total(lines)

    @happens()
    def all_is_paid(self) -> None:
        number, amount = self.billed()
        at = self.at(6, 12)
        paid = papers.Paid(invoice=number, paid=amount, billed=amount)
        self.sends(at, papers.remittance(self.number("ra"), [paid], on=at.date()))

    @happens()
    def too_little_is_paid(self) -> None:
        number, amount = self.billed()
        at = self.at(6, 12)
        paid = papers.Paid(invoice=number, paid=amount - Decimal("18.00"), billed=amount)
        self.sends(at, papers.remittance(self.number("ra"), [paid], on=at.date()))
        self.opens("BIL.SHORT_PAY", about("invoice", number))
