"""A day of a distributor: what the hub opens, clears, sets aside and answers is what the stories say, exactly."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from crossdock.partners import Partners
from crossdock.partners.checking import check
from crossdock.store.engine import Store
from deploy.sandbox.day import cast, judge, moving, stage
from deploy.sandbox.day.envelopes import GROUPS
from deploy.sandbox.day.hours import Limit, office, quarter_from
from deploy.sandbox.day.script import Opened, Script, Story
from deploy.sandbox.day.stage import Played
from deploy.sandbox.day.traders import NOBODY, traders, write_profiles

SEED = 2  # the clocks go forward on the Sunday


@pytest.fixture(scope="module")
def played(module_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Script, Played]]:
    """The day of few partners, in which everything happens once."""
    script = cast.write(SEED, shares=cast.FEW, more=0)
    yield script, stage.play(script, module_store, tmp_path_factory.mktemp("day"))


@pytest.mark.slow
def test_the_hub_finds_what_a_person_of_the_trade_would_and_nothing_else(
    played: tuple[Script, Played], module_store: Store
) -> None:
    script, what = played
    assert judge.differences(script, what, module_store, "main") == []
    assert what.files == len(script.parcels) > 300
    assert len(script.opened) > 150


@pytest.mark.slow
def test_the_judge_tells_every_kind_of_difference_with_its_story(
    played: tuple[Script, Played], module_store: Store
) -> None:
    script, what = played
    overdue = next(one for one in script.opened if one.code == "ORD.ACK_OVERDUE" and one.cleared)
    lasting = next(one for one in script.opened if one.code == "ORD.REJECTED")
    kept = script.kept[0]
    others = [one for one in script.opened if one not in (overdue, lasting)]
    assert overdue.at is not None

    def told(opened: list[Opened], **changes: object) -> list[str]:
        changed = Script(seed=script.seed, base=script.base, traders=script.traders, parcels=script.parcels)
        changed.opened, changed.letters, changed.kept = opened, script.letters, script.kept
        for name, value in changes.items():
            setattr(changed, name, value)
        return judge.differences(changed, what, module_store, "main")

    def like(one: Opened, **changes: object) -> Opened:
        fields = {name: getattr(one, name) for name in ("code", "about", "story", "at", "cleared")}
        return Opened(**{**fields, **changes})

    (sentence,) = told([*others, overdue])
    assert sentence.startswith(f"opened and not expected: ORD.REJECTED {lasting.subject}, at ")
    (sentence,) = told([*others, overdue, lasting, like(lasting, about="supplier_po/1")])
    assert sentence == f"expected and not opened: ORD.REJECTED supplier_po/1 ({lasting.story})"
    (sentence,) = told([*others, lasting, like(overdue, cleared=False)])
    assert sentence.startswith(f"over and should be open: ORD.ACK_OVERDUE {overdue.subject}, ")
    (sentence,) = told([*others, overdue, like(lasting, cleared=True)])
    assert sentence.startswith("still open and should be over: ORD.REJECTED ")
    (sentence,) = told([*others, lasting, like(overdue, at=overdue.at + timedelta(minutes=15))])
    assert sentence.startswith("opened at ")
    sentence, *files = told(script.opened, letters=script.letters[1:])
    assert sentence.startswith(f"set aside as {script.letters[0].code}: ")
    assert files
    missing = [one for one in script.kept if one is not kept]
    (sentence,) = told(script.opened, kept=missing)
    assert sentence.startswith(f"the register has a set {kept.item.set_number} ")


@pytest.mark.parametrize("seed", range(len(cast.DAYS)))
def test_every_partner_of_a_seed_loads_without_a_complaint(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = traders(seed)
    write_profiles(everybody, tmp_path / "partners", tmp_path / "calendars")
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path / "partners"))
    monkeypatch.setenv("CROSSDOCK_CALENDARS_DIR", str(tmp_path / "calendars"))
    names = {partner.name for partner in Partners.load()}
    assert len(everybody) == 40
    assert {trader.name for trader in everybody} <= names
    for trader in everybody:
        assert check(tmp_path / "partners" / f"{trader.name}.toml")[1] == []


def test_every_set_is_in_a_day_and_every_partner_has_a_part() -> None:
    for seed in range(3):
        script = cast.write(seed)
        sets = {item.set_id for parcel in script.parcels for item in parcel.items}
        assert sets == set(GROUPS), "a set is missing, or nobody knows its group"
        assert any(parcel.ta1 is not None for parcel in script.parcels)
        assert {parcel.trader.name for parcel in script.parcels} >= {trader.name for trader in script.traders}


def test_the_same_seed_is_the_same_day_to_the_byte() -> None:
    first, again, other = (cast.write(seed, shares=cast.FEW, more=0) for seed in (2, 2, 3))
    assert [(one.name, one.body()) for one in first.parcels] == [
        (one.name, one.body()) for one in again.parcels
    ]
    assert [one.body() for one in first.parcels] != [one.body() for one in other.parcels]


def test_what_is_expected_can_be_told_apart() -> None:
    """Two stories about the same thing would hide each other's differences."""
    script = cast.write(1)
    lasting = Counter((one.code, one.subject) for one in script.opened if not one.cleared)
    assert [key for key, times in lasting.items() if times > 1] == []
    numbers = Counter(
        (kept.item.group, kept.item.set_number) for kept in script.kept if kept.trader.acknowledges != NOBODY
    )
    assert max(numbers.values()) == 1


# -- stories by themselves --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "happening"),
    [(moving.Transfer, one) for one in moving.Transfer.happenings if one.startswith("received_too_little")],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_a_story_can_be_told_alone(story: type[Story], happening: str, store: Store, tmp_path: Path) -> None:
    script = cast.only(story, happening)
    assert judge.differences(script, stage.play(script, store, tmp_path), store, "main") == []


# -- the oracle's own arithmetic of time ------------------------------------------------------------------------


def chicago(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 on the wall in Chicago, when it is six hours behind."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) + timedelta(hours=6)


@pytest.mark.parametrize(
    ("limit", "start", "due"),
    [
        ("4h", chicago(20, 23), chicago(21, 3)),
        ("1 business day", chicago(18, 10, 30), chicago(19, 10, 30)),
        ("1 business day", chicago(20, 16), chicago(23, 16)),
        ("1 business day", chicago(20, 18), chicago(24, 8)),  # Friday evening: from Monday's opening
        ("1 business day", chicago(25, 9), chicago(30, 9)),  # Thanksgiving and the day after are off
        ("2 business days", chicago(21, 12), chicago(25, 8)),
        ("2 business hours", chicago(20, 16), chicago(23, 9)),
        ("8 business hours", chicago(23, 7), chicago(23, 16)),
        ("1 business hour", chicago(23, 16), chicago(23, 17)),  # the minute of closing is within hours
    ],
)
def test_limits_pass_in_working_time(limit: str, start: datetime, due: datetime) -> None:
    assert Limit.of(limit).after(start, office("us_business", "America/Chicago")) == due
    assert str(Limit.of(limit)) == limit


def test_a_business_day_is_the_same_time_on_the_wall_when_the_clocks_were_changed() -> None:
    yard, banks = office("day_yard", "America/Chicago"), office("us_banking", "America/New_York")
    saturday = datetime(2026, 3, 7, 18, 0, tzinfo=UTC)  # noon
    assert Limit.of("1 business day").after(saturday, yard) == datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
    assert not banks.works_on(date(2026, 6, 19))
    assert office("us_business", "America/New_York").works_on(date(2026, 6, 19))


def test_a_full_quarter_of_an_hour_is_its_own() -> None:
    full = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    assert quarter_from(full) == full
    assert quarter_from(full + timedelta(seconds=1)) == full + timedelta(minutes=15)
