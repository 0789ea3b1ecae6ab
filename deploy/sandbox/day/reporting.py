"""What partners report and write in words: 846, 852, 867, 864, 180 of suppliers, 812 of suppliers."""

from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.papers import Line
from deploy.sandbox.day.script import Story, about, happens
from deploy.sandbox.day.traders import Good, Trader


def _lists_nothing(trader: Trader) -> bool:
    return not trader.known_only


class Report(Story):
    """A customer's sales and stock."""

    role = "customer"

    def line(self) -> Line:
        """A good that nobody else reports."""
        serial = self.script.serial("reported")
        good = Good(
            buyer=f"R-{serial:04}", seller=f"RP-{self.trader.index:02}{serial:04}", price=Decimal("4.00")
        )
        return Line(number=1, good=good, quantity=1)

    @happens(needs=_lists_nothing)
    def sold_as_usual(self) -> None:
        at = self.at(0, 7)
        self.sends(at, papers.product_activity([(self.line(), {"QS": 412, "QA": 96})], on=at.date()))

    @happens(needs=_lists_nothing)
    def out_of_stock(self) -> None:
        at, line = self.at(0, 7), self.line()
        self.sends(at, papers.product_activity([(line, {"QS": 40, "QO": 3})], on=at.date()))
        self.opens("INV.SHORTAGE", about("item", line.good.seller, line.good.seller))

    @happens(needs=_lists_nothing)
    def on_hold_in_the_stores(self) -> None:
        at, line = self.at(0, 7), self.line()
        self.sends(at, papers.product_activity([(line, {"QH": 5})], on=at.date()))
        self.opens("INV.HOLD", about("item", line.good.seller, line.good.seller))

    @happens(needs=_lists_nothing)
    def sold_and_returned(self) -> None:
        at, number, line = self.at(0, 8), self.number("ptr"), self.line()
        transfers = [("SS", line, "32", 15), ("RV", line, "76", 3)]
        self.sends(at, papers.transfer_report(number, transfers, on=at.date()))
        self.opens("RTN.REQUESTED", about("message", number, "2%2F1"))


class Word(Story):
    """What a supplier says beside orders."""

    role = "supplier"

    @happens()
    def a_letter(self) -> None:
        number, at = self.number("txt"), self.at(0, 9)
        self.sends(at, papers.words(number, "Allocation of pumps", ["The plant is closed for two weeks."]))
        self.opens("EDI.FREE_TEXT", about("message", number))

    @happens(needs=_lists_nothing)
    def stock_at_the_maker(self) -> None:
        at = self.at(0, 6)
        item = f"MADE-{self.script.serial('made'):04}"
        self.sends(at, papers.stock_report(self.number("stk"), [(item, {"33": 0, "BQ": 9})], on=at.date()))
        self.opens("INV.SHORTAGE", about("item", item, item))

    @happens()
    def our_return_is_denied(self) -> None:
        number, at = self.number("dm"), self.at(0, 8)
        line = self.order().line(1)
        self.copy(at, papers.returns(number, [(line, 6, ["", "DT"])], on=at.date()))
        denied, when = self.number("rma"), self.at(0, 15)
        self.sends(
            when,
            papers.returns(
                denied, [(line, 6, ["RD", "", "NR"])], on=when.date(), purpose="11", answers=number
            ),
        )
        self.opens("RTN.DENIED", about("rma", denied, 1))

    @happens()
    def it_credits_us(self) -> None:
        """A credit of a supplier is good news."""
        number, at = self.number("cr"), self.at(0, 10)
        order = self.order()
        self.sends(
            at,
            papers.adjustment(
                order, number, self.number("inv"), [("01", Decimal("80.00"))], on=at.date(), takes=False
            ),
        )
