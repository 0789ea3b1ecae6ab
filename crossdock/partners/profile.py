"""The check of one profile: every problem is told, then there is a partner or there is none."""

import re
from collections.abc import Mapping
from typing import Any, Final

from crossdock.calendars import Calendars
from crossdock.expected import read_rows
from crossdock.partners import tables
from crossdock.partners.lists import lists
from crossdock.partners.partner import ROLES, USUALLY_WITHIN, Partner, Receive, Send
from crossdock.partners.qualifiers import QUALIFIERS
from crossdock.partners.terms import THEN
from crossdock.toml_lines import TomlFile
from crossdock.toml_table import Table

KEYS: Final[Mapping[str, str]] = {
    "name": "text", "title": "text", "role": "text", "ids": "list of pairs", "ours": "pair",
    "group_ids": "list of texts", "our_group_id": "text", "timezone": "text", "currency": "text",
    "sets": "list of texts", "receive": "table", "send": "table", "usage": "text", "release": "text",
    "acknowledge": "text", "acknowledge_target": "text", "acknowledge_accepted": "flag", "ta1": "text",
    "expect": "text", "expect_within": "text", "duplicates": "table", "sequence": "text",
    "other_group": "text",
    "lenient": "flag", "codes": "tables", "overlay": "tables", "items": "table", "lists": "tables",
    "clocks": "table", "expected": "rows", "tolerances": "table", "unwritable": "text", "contact": "table",
    "element": "text", "component": "text", "repetition": "text", "segment": "text",
}  # fmt: skip
"""Everything that a profile may say, and how it is written."""

TA1: Final = ("requested", "always", "never", "errors")
ANSWERS: Final = ("997", "999", "none")

LONGEST_ID: Final = 15
"""Characters of ISA06 and ISA08."""

NOBODY: Final = ("", "")
"""Stands in for an id that is wrong, and was told."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SET: Final = re.compile(r"[0-9]{3}")
_RELEASE: Final = re.compile(r"00[2-8][0-9]{3}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_GROUP_ID: Final = re.compile(r"(?=.*\S)[ -~]{1,15}")


def read_profile(file: TomlFile, problems: list[str], calendars: Calendars) -> Partner | None:
    """The partner that a file describes; ``None`` when there is a problem, and then ``problems`` has more lines."""
    told = len(problems)
    partner = _Profile(file, problems, calendars).partner()
    return partner if len(problems) == told else None


class _Profile(Table):
    """The file as a table, with what only a profile has."""

    def __init__(self, file: TomlFile, problems: list[str], calendars: Calendars) -> None:
        super().__init__(
            file,
            problems,
            above=[key for key, kind in KEYS.items() if "table" not in kind and kind != "rows"],
        )
        self._calendars = calendars

    def partner(self) -> Partner:
        """The partner; with a problem some of its values are defaults."""
        self.only(list(KEYS))
        name = self.text("name", None, _NAME, "small letters, digits and _, as 'acme_supply'")
        title = self.text("title", None)
        ids = self._ids()
        ours = self._identity("ours", self.values.get("ours"))
        if ours in ids and ours != NOBODY:
            self.tell("ours", f"'ours' is {'/'.join(ours)}, which is also one of the partner's own ids")
        delimiters = self._delimiters()
        sets, receive = self._receive()
        sends, send = self._send()
        timezone = self.zone("timezone", "UTC")
        codes = tables.codes(self)
        clocks = tables.clocks(self, self._calendars)
        partner = Partner(
            name=name,
            title=title,
            ids=ids,
            ours=ours,
            group_ids=self.texts("group_ids", _GROUP_ID, "its GS ids, as ['ACMEDC7']", empty=True),
            our_group_id=self.text("our_group_id", "", _GROUP_ID, "1 to 15 characters, as 'CROSSDOCKDC'"),
            role=self.one_of("role", "other", ROLES),
            timezone=timezone,
            currency=self.text("currency", "USD", _CURRENCY, "three capital letters of ISO 4217"),
            acknowledge=self.one_of("acknowledge", "997", ANSWERS),
            acknowledge_target=self.text("acknowledge_target", ""),
            acknowledge_accepted=self.flag("acknowledge_accepted", True),
            ta1=self.one_of("ta1", self._usual_ta1(receive), TA1),
            expect=self.one_of("expect", "997", ANSWERS),
            expect_within=tables.duration(self, "expect_within") or USUALLY_WITHIN,
            release=self.text("release", "004010", _RELEASE, "six digits, as '004010'"),
            sets=sets,
            sends=sends,
            receive=receive,
            send=send,
            usage=self.one_of("usage", "P", ("P", "T")),
            lenient=self.flag("lenient", False),
            codes=codes,
            unwritable=self._unwritable(delimiters),
            other_group=self.one_of("other_group", "flag", THEN),
            sequence=self.one_of("sequence", "ignore", ("gaps", "ignore")),
            duplicates=tables.duplicates(self),
            clocks=clocks,
            expected=read_rows(
                self, partner=(name, title, sets), calendars=self._calendars, calendar=clocks.calendar
            ),
            tolerances=tables.tolerances(self),
            items=tables.items(self, codes),
            overlay=tables.overlays(self),
            contact=tables.contact(self),
            lists=lists(self),
            **delimiters,
        )
        self._needs_a_target(partner)
        return partner

    # -- who --------------------------------------------------------------------------------------------------

    def _identity(self, key: str, value: Any) -> tuple[str, str]:
        match value:
            case [str(qualifier), str(id)] if (
                1 <= len(id.strip()) <= LONGEST_ID and 1 <= len(qualifier.strip()) <= 2
            ):
                if qualifier.strip() not in QUALIFIERS:
                    self.tell(
                        key,
                        f"{key!r} has the qualifier {qualifier!r}, which X12 lacks; usual are '01' (D-U-N-S number), "
                        "'02' (SCAC), '08' (GS1), '12' (telephone), '14' (D-U-N-S with suffix) and 'ZZ' (agreed)",
                    )
                return qualifier.strip(), id.strip()
            case [str(), str(id)] if len(id.strip()) > LONGEST_ID:
                self.tell(
                    key,
                    f"{key!r} has the id {id.strip()!r} of {len(id.strip())} characters; ISA06 and ISA08 hold "
                    f"{LONGEST_ID} at most",
                )
                return NOBODY
        self.tell(key, f"{key!r} must be [qualifier, id] as in ISA05/06, for example ['ZZ', 'ACMESUPPLY']")
        return NOBODY

    def _ids(self) -> tuple[tuple[str, str], ...]:
        value = self.values.get("ids")
        if not isinstance(value, list) or not value or not all(isinstance(each, list) for each in value):
            self.tell("ids", "'ids' must list at least one [qualifier, id], as [['ZZ', 'ACMESUPPLY']]")
            return ()
        found = [self._identity("ids", each) for each in value]
        for twice in sorted({each for each in found if found.count(each) > 1 and each != NOBODY}):
            self.tell("ids", f"'ids' lists {'/'.join(twice)} twice")
        return tuple(found)

    # -- what is agreed ---------------------------------------------------------------------------------------

    def _receive(self) -> tuple[tuple[str, ...], Mapping[str, Receive]]:
        example = "the transaction sets that it may send, as ['855', '997']"
        table = self.table("receive")
        inside = table is not None and "sets" in table.values
        if inside and "sets" in self.values:
            self.tell("sets", "'sets' and 'receive.sets' say the same; keep one of them")
        at = table if table is not None and inside else self
        sets = at.texts("sets", _SET, example)
        found: dict[str, Receive] = {}
        for set_id, one in self._single_sets(table, sets, "receive"):
            one.only(("acknowledge", "acknowledge_accepted"))
            found[set_id] = Receive(
                acknowledge=one.one_of("acknowledge", "997", ANSWERS)
                if "acknowledge" in one.values
                else None,
                acknowledge_accepted=(
                    one.flag("acknowledge_accepted", True) if "acknowledge_accepted" in one.values else None
                ),
            )
        return sets, found

    def _send(self) -> tuple[tuple[str, ...], Mapping[str, Send]]:
        table = self.table("send")
        if table is None:
            return (), {}
        sets = table.texts("sets", _SET, "the transaction sets that we may send it, as ['850']", empty=True)
        found: dict[str, Send] = {}
        for set_id, one in self._single_sets(table, (*sets, "997", "999"), "send"):
            one.only(("release", "expect", "expect_within"))
            found[set_id] = Send(
                release=one.text("release", "", _RELEASE, "six digits, as '004010'") or None,
                expect=one.one_of("expect", "997", ANSWERS) if "expect" in one.values else None,
                expect_within=tables.duration(one, "expect_within"),
            )
            if set_id == "999" and (found[set_id].release or "005010") < "005010":
                one.tell("release", "a 999 is of release 005010 or a later one; earlier releases have none")
        return sets, found

    def _single_sets(
        self, table: Table | None, sets: tuple[str, ...], direction: str
    ) -> list[tuple[str, Table]]:
        found: list[tuple[str, Table]] = []
        if table is None:
            return found
        table.only(("sets",), also=_SET)
        for key in table.values:
            if _SET.fullmatch(key) and (one := table.table(key)) is not None:
                if key not in sets:
                    table.tell(key, f"[{direction}.{key}]: {key} is not among the sets of [{direction}]")
                found.append((key, one))
        return found

    # -- how everybody is answered ----------------------------------------------------------------------------

    def _usual_ta1(self, receive: Mapping[str, Receive]) -> str:
        """Who wants no acknowledgement at all gets no TA1 either, unless the profile says otherwise."""
        silent = self.values.get("acknowledge") == "none" and not any(
            one.acknowledge in ("997", "999") for one in receive.values()
        )
        return "never" if silent else "requested"

    def _needs_a_target(self, partner: Partner) -> None:
        if partner.acknowledge_target:
            return
        if self.values.get("acknowledge", "997") in ("997", "999"):
            self.tell(
                "acknowledge",
                f"acknowledge = {partner.acknowledge!r} needs acknowledge_target, the connector that sends it "
                "(or write acknowledge = 'none')",
            )
            return
        for set_id, one in partner.receive.items():
            if one.acknowledge in ("997", "999"):
                self.tell_at(
                    ("receive", set_id, "acknowledge"),
                    f"receive.{set_id}.acknowledge = {one.acknowledge!r} needs acknowledge_target, the "
                    "connector that sends it",
                )
        if self.values.get("ta1", "never") in ("requested", "always", "errors"):
            self.tell("ta1", f"ta1 = {partner.ta1!r} needs acknowledge_target, the connector that sends it")

    # -- what we write ----------------------------------------------------------------------------------------

    def _unwritable(self, delimiters: Mapping[str, str]) -> str:
        value = self.values.get("unwritable", "refuse")
        if value == "refuse":
            return "refuse"
        if not isinstance(value, str) or len(value) != 1 or not " " <= value <= "~":
            self.tell(
                "unwritable", f"unwritable = {value!r} must be 'refuse' or one printable ASCII character"
            )
        elif value in {*delimiters.values()} - {"U"}:
            self.tell("unwritable", f"unwritable = {value!r} is a delimiter itself; take another, as ' '")
        else:
            return value
        return "refuse"

    def _delimiters(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, default in (("element", "*"), ("component", ">"), ("repetition", "U"), ("segment", "~")):
            value = self.values.get(key, default)
            if not isinstance(value, str) or len(value) != 1 or ord(value) > 126:
                self.tell(key, f"{key} = {value!r} must be one ASCII character")
                value = default
            elif (value.isalnum() or value == " ") and not (key == "repetition" and value == "U"):
                self.tell(key, f"{key} = {value!r} would cut data apart; take one such as {default!r}")
            found[key] = value
        if len(set(found.values())) < len(found):
            self.tell("element", "the delimiters must differ from each other")
        return found
