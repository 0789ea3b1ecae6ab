"""What goes wrong beside business: envelopes that lie, numbers that come again, strangers, and silence."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.day import papers
from deploy.sandbox.day.envelopes import Item, Paper, Parcel, Wrong
from deploy.sandbox.day.script import Kept, Story, about, acknowledging, happens
from deploy.sandbox.day.traders import NOBODY, Trader, stranger


class Envelope(Story):
    """A file of a supplier whose content is of no account: an 864 in words, or stock; what is odd is round it."""

    role = "supplier"

    def letter(self) -> tuple[Paper, str]:
        """A text of which every copy that is read opens a case of its own."""
        number = self.number("txt")
        return papers.words(number, "A word", ["Nothing of importance."]), number

    def read(self, number: str) -> None:
        self.opens("EDI.FREE_TEXT", about("message", number))

    # -- counts -------------------------------------------------------------------------------------------------

    @happens()
    def a_set_counts_wrong(self) -> None:
        wrong, _ = self.letter()
        right, number = self.letter()
        self.sends_alone(self.at(0, 10, 1), wrong, right, wrong=Wrong(se01=3), told=["P"])
        self.sets_aside("EDI.TRANSACTION_REJECTED")
        self.read(number)

    @happens()
    def a_group_counts_wrong(self) -> None:
        self.sends_alone(self.at(0, 10, 2), self.letter()[0], wrong=Wrong(ge01=1), told=["R"])
        self.sets_aside("EDI.GROUP_REJECTED")

    @happens()
    def an_interchange_counts_wrong(self) -> None:
        self.sends_alone(self.at(0, 10, 3), self.letter()[0], wrong=Wrong(iea01=1), told=["TA1 R", "R"])
        self.sets_aside("EDI.INTERCHANGE_REJECTED")

    @happens()
    def a_segment_is_missing(self) -> None:
        """A BEG is what an order begins with, a BAK its answer."""
        order = self.order()
        whole = papers.acknowledgment(order, "AT", [], own_number="", on=self.day(0))
        without = Paper(set_id="855", segments=[segment for segment in whole.segments if segment[0] != "BAK"])
        self.sends_alone(self.at(0, 10, 1), without, told=["R"])
        self.sets_aside("EDI.TRANSACTION_REJECTED")

    @happens()
    def a_date_is_none(self) -> None:
        order = self.order()
        whole = papers.acknowledgment(order, "AT", [], own_number="", on=self.day(0))
        segments = [list(segment) for segment in whole.segments]
        segments[0][4] = "20261399"
        self.sends_alone(self.at(0, 10, 2), Paper(set_id="855", segments=segments), told=["R"])
        self.sets_aside("EDI.TRANSACTION_REJECTED")

    # -- the same again -----------------------------------------------------------------------------------------

    @happens()
    def the_same_file_comes_under_another_name(self) -> None:
        paper, number = self.letter()
        first = self.sends_alone(self.at(0, 11, 1), paper)
        self.read(number)
        self.sends_alone(self.at(0, 13, 1), same_as=first, told=[])

    @happens(needs=lambda trader: trader.window("interchange") == "reject")
    def the_same_interchange_comes_in_another_file(self) -> None:
        """A line break more, and it is another file; the interchange is the same."""
        paper, number = self.letter()
        first = self.sends_alone(self.at(0, 11, 1), paper)
        self.read(number)
        self.sends_alone(self.at(0, 13, 1), same_as=first, tail=b"\r\n", told=["TA1 R"])
        self._twice(first)

    @happens(needs=lambda trader: trader.window("interchange") == "reject")
    def an_interchange_number_is_used_twice(self) -> None:
        paper, number = self.letter()
        first = self.sends_alone(self.at(0, 11, 1), paper)
        self.read(number)
        self.sends_alone(
            self.at(0, 13, 1), self.letter()[0], wrong=Wrong(interchange_of=first), told=["TA1 R"]
        )
        self._twice(first)

    def _twice(self, first: Parcel) -> None:
        self.sets_aside("EDI.DUPLICATE_CONTROL")
        self.opens("EDI.DUPLICATE_CONTROL", lambda: about("interchange", f"{first.number:09}"))

    @happens(needs=lambda trader: trader.window("interchange") == "flag")
    def an_interchange_number_is_used_twice_and_taken(self) -> None:
        paper, number = self.letter()
        first = self.sends_alone(self.at(0, 11, 1), paper)
        other, second = self.letter()
        self.sends_alone(self.at(0, 13, 1), other, wrong=Wrong(interchange_of=first))
        self.read(number)
        self.read(second)
        self.opens("EDI.DUPLICATE_CONTROL", lambda: about("interchange", f"{first.number:09}"))

    @happens(needs=lambda trader: trader.window("group") == "flag")
    def a_group_number_is_used_twice(self) -> None:
        first, second, sent = self._group_twice(["A"])
        self.read(first)
        self.read(second)
        self.opens("EDI.DUPLICATE_CONTROL", lambda: about("group", str(sent.items[0].group)))

    @happens(needs=lambda trader: trader.window("group") == "reject")
    def a_group_number_is_used_twice_and_refused(self) -> None:
        first, _, sent = self._group_twice(["R"])
        self.read(first)
        self.sets_aside("EDI.DUPLICATE_CONTROL")
        self.opens("EDI.DUPLICATE_CONTROL", lambda: about("group", str(sent.items[0].group)))

    def _group_twice(self, told: Sequence[str]) -> tuple[str, str, Parcel]:
        paper, number = self.letter()
        other, second = self.letter()
        first = self.sends_alone(self.at(0, 11, 1), paper)
        self.sends_alone(self.at(0, 13, 1), other, wrong=Wrong(group_of=first), told=told)
        return number, second, first

    @happens(needs=lambda trader: trader.sequence == "gaps")
    def a_number_is_missing(self) -> None:
        self.read_after_a_gap(self.at(0, 21, 1))

    def read_after_a_gap(self, at: datetime) -> None:
        paper, number = self.letter()
        sent = self.sends_alone(at, paper, wrong=Wrong(skips=1))
        self.read(number)
        self.opens("EDI.SEQUENCE_GAP", lambda: about("interchange", f"{sent.number:09}"))

    @happens(needs=lambda trader: trader.sequence == "gaps")
    def a_number_is_missing_and_comes_late(self) -> None:
        """One trouble: the number that was missing tells of the same gap."""
        self.read_after_a_gap(self.at(0, 21, 2))
        paper, number = self.letter()
        self.sends_alone(self.at(0, 22, 1), paper, wrong=Wrong(late_number=True))
        self.read(number)

    # -- who and what -------------------------------------------------------------------------------------------

    @happens()
    def somebody_whom_nobody_knows(self) -> None:
        by = stranger(900 + self.script.serial("stranger"))
        self.sends_alone(self.at(0, 12, 1), self.letter()[0], self.letter()[0], by=by, told=[])
        self.sets_aside("EDI.UNKNOWN_PARTNER", 2)

    @happens()
    def a_set_that_nobody_reads(self) -> None:
        schedule = Paper(set_id="830", segments=[["BFR", "00", "", "1", "DL", "A", "20261201", "20261231"]])
        self.sends_alone(self.at(0, 12, 2), schedule, told=["R"])
        self.sets_aside("EDI.UNSUPPORTED_SET")

    @happens()
    def a_set_that_was_never_agreed(self) -> None:
        order = self.order()
        self.sends_alone(self.at(0, 12, 3), papers.purchase_order(order), told=["R"])
        self.sets_aside("EDI.UNSUPPORTED_SET")

    @happens()
    def a_test_in_the_midst_of_things(self) -> None:
        self.sends_alone(self.at(0, 12, 1), self.letter()[0], wrong=Wrong(usage="T"), told=[])
        self.sets_aside("EDI.TEST_IN_PROD")

    @happens()
    def words_that_are_no_interchange(self) -> None:
        text = f"Dear {self.script.serial('dear')}, please find nothing attached.\n".encode("ascii")
        self.sends_alone(self.at(0, 12, 2), bare=text, told=[])
        self.sets_aside("EDI.SYNTAX")

    @happens()
    def a_file_that_ends_too_soon(self) -> None:
        self.sends_alone(self.at(0, 12, 3), self.letter()[0], wrong=Wrong(cut=True), told=["TA1 R", "R"])
        self.sets_aside("EDI.INTERCHANGE_REJECTED")

    @happens(needs=lambda trader: trader.acknowledged_by_us != NOBODY)
    def it_asks_for_a_ta1(self) -> None:
        paper, number = self.letter()
        self.sends_alone(self.at(0, 14, 1), paper, asks_ta1=True)
        self.read(number)


class Silence(Story):
    """What partners say, or do not say, of what we sent: 997, 999 and TA1."""

    role = "supplier"

    @classmethod
    def fits(cls, trader: Trader, happening: str) -> bool:
        return trader.acknowledges != NOBODY and super().fits(trader, happening)

    def remit(self, *, state: str, quarter: int = 1) -> tuple[Item, datetime]:
        """The copy of an 820, which nothing but an acknowledgement answers."""
        at, amount = self.at(0, 8, quarter), Decimal("120.00")
        paid = papers.Paid(invoice=self.number("inv"), paid=amount, billed=amount)
        paper = papers.remittance(self.number("ra"), [paid], on=at.date())
        return self.copy_alone(at, paper, state=state), at

    def says(self, items: Sequence[Item], word: str, *faults: list[str]) -> tuple[str, Callable[[], Paper]]:
        return self.trader.acknowledges, acknowledging(self.trader, items, word, faults=faults)

    @staticmethod
    def group(item: Item) -> Callable[[], str]:
        return lambda: about("group", str(item.group))

    @staticmethod
    def set_of(item: Item) -> Callable[[], str]:
        return lambda: about("transaction_set", item.set_number)

    @happens()
    def acknowledged_just_in_time(self) -> None:
        item, at = self.remit(state="accepted")
        when = self.just_in_time(self.unacknowledged(at))
        self.sends_alone(when, self.says([item], "A"), told=[])

    @happens()
    def acknowledged_late(self) -> None:
        item, at = self.remit(state="accepted")
        due = self.unacknowledged(at)
        self.opens("EDI.ACK_OVERDUE", self.group(item), at=due, cleared=True)
        self.sends_alone(self.late(due), self.says([item], "A"), told=[])

    @happens()
    def never_acknowledged(self) -> None:
        item, at = self.remit(state="overdue")
        self.opens("EDI.ACK_OVERDUE", self.group(item), at=self.unacknowledged(at))

    @happens()
    def accepted_with_errors(self) -> None:
        item, at = self.remit(state="accepted_with_errors", quarter=2)
        self.sends_alone(
            at.replace(hour=9),
            self.says([item], "E", ["3", "RMR", "5", "", "8"], ["4", "4", "782", "6"]),
            told=[],
        )
        self.opens("EDI.ACCEPTED_WITH_ERRORS", self.set_of(item))

    @happens()
    def refused(self) -> None:
        item, at = self.remit(state="rejected", quarter=2)
        self.sends_alone(
            at.replace(hour=9),
            self.says([item], "R", ["3", "RMR", "5", "", "8"], ["4", "4", "782", "6"]),
            told=[],
        )
        self.opens("EDI.TRANSACTION_REJECTED", self.set_of(item))
        self.opens("EDI.GROUP_REJECTED", self.group(item))

    @happens()
    def acknowledged_before_we_know_that_we_sent(self) -> None:
        at, amount = self.at(0, 14, 1), Decimal("60.00")
        paid = papers.Paid(invoice=self.number("inv"), paid=amount, billed=amount)
        paper = papers.remittance(self.number("ra"), [paid], on=at.date())
        item = self.copy_alone(at, paper, state="accepted")
        self.sends_alone(self.at(0, 13, 2), self.says([item], "A"), told=[])
        self.opens("EDI.ACK_UNMATCHED", self.group(item), cleared=True)

    @happens()
    def acknowledged_twice(self) -> None:
        item, at = self.remit(state="accepted", quarter=3)
        for hour in (9, 11):
            self.sends_alone(at.replace(hour=hour), self.says([item], "A"), told=[])
        self.opens("EDI.ACK_UNMATCHED", self.group(item))

    @happens()
    def acknowledges_what_nobody_sent(self) -> None:
        group = 990_000 + self.trader.index
        never = Item(set_id="850", content=Paper(set_id="850", segments=[]), group=group, set_number="0001")
        self.sends_alone(self.at(0, 9, 1), self.says([never], "A"), told=[])
        self.opens("EDI.ACK_UNMATCHED", about("group", str(group)))

    @happens()
    def our_interchange_is_refused(self) -> None:
        item, at = self.remit(state="rejected")
        when = at.replace(hour=10)
        self.sends_alone(
            when,
            ta1=lambda: papers.interchange_acknowledgement(item.interchange, at, "R", "021"),
            told=[],
        )
        self.opens("EDI.INTERCHANGE_REJECTED", lambda: about("interchange", f"{item.interchange:09}"))

    @happens()
    def our_interchange_and_then_our_set_are_taken(self) -> None:
        item, at = self.remit(state="accepted")
        self.sends_alone(
            at.replace(hour=9),
            ta1=lambda: papers.interchange_acknowledgement(item.interchange, at, "A", "000"),
            told=[],
        )
        self.sends_alone(at.replace(hour=10), self.says([item], "A"), told=[])

    @happens()
    def a_part_of_our_group_is_refused(self) -> None:
        """Two sets in one group of ours; the second is refused."""
        at = self.at(0, 8, 3)
        items = []
        for state in ("accepted", "rejected"):
            amount = Decimal("75.00")
            paid = papers.Paid(invoice=self.number("inv"), paid=amount, billed=amount)
            paper = papers.remittance(self.number("ra"), [paid], on=at.date())
            items.append((Item(set_id="820", content=paper), state))
        self._together(at, items)
        first, second = (item for item, _ in items)

        def partly() -> Paper:
            sets = [(one.set_id, one.set_number, word) for one, word in ((first, "A"), (second, "R"))]
            verdict = papers.Verdict(
                function=first.function, group=first.group, sets=sets, release=self.trader.release
            )
            if self.trader.acknowledges == "999":
                return papers.implementation_acknowledgement(verdict)
            return papers.functional_acknowledgement(verdict)

        self.sends_alone(self.at(0, 10), (self.trader.acknowledges, partly), told=[])
        self.opens("EDI.TRANSACTION_REJECTED", self.set_of(second))

    def _together(self, at: datetime, items: Sequence[tuple[Item, str]]) -> None:
        parcel = Parcel(
            at=at, trader=self.trader, story=self.name, ours=True, items=[item for item, _ in items]
        )
        self.script.alone(parcel)
        for item, state in items:
            self.script.kept.append(Kept(item=item, trader=self.trader, state=state, story=self.name))
