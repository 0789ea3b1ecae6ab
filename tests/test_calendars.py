"""Business calendars: limits that pass while somebody works, over weekends, holidays and changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.calendars import ALWAYS, Calendar, Calendars, Duration, NotADuration
from crossdock.errors import Misconfigured

US = Calendars.load().named("us_business")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def over(start: str, limit: str, calendar: Calendar = US) -> str:
    """When the limit is over, as the clock on the wall of that calendar says it."""
    zone = ZoneInfo(calendar.timezone)
    end = calendar.add(at(start, zone), Duration.parse(limit))
    assert end.tzinfo is UTC
    return f"{end.astimezone(zone):%Y-%m-%d %H:%M}"


# ── lengths of time ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("24h", "24 hours"),
        ("1 h", "1 hour"),
        ("30 min", "30 minutes"),
        ("1 minute", "1 minute"),
        ("2 days", "2 days"),
        ("3d", "3 days"),
        ("2 weeks", "2 weeks"),
        ("1 business day", "1 business day"),
        ("8  business hours", "8 business hours"),
        ("90 business minutes", "90 business minutes"),
        ("0 days", "0 days"),
    ],
)
def test_a_length_of_time_is_read_as_people_write_it_and_reads_again(text: str, said: str) -> None:
    duration = Duration.parse(text)
    assert str(duration) == said
    assert Duration.parse(said) == duration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "h",
        "-1 day",
        "1.5 hours",
        "one day",
        "1 busy day",
        "1 business week",
        "9999 days",
        "1 month",
    ],
)
def test_what_is_no_length_of_time_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(NotADuration, match=r"business day|ten years"):
        Duration.parse(text)


def test_business_time_has_no_length_without_a_calendar() -> None:
    assert Duration.parse("2 weeks").flat == timedelta(days=14)
    with pytest.raises(ValueError, match="1 business day depends on a calendar"):
        _ = Duration.parse("1 business day").flat


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        ("2026-11-17 10:30", "1 business day", "2026-11-18 10:30"),
        ("2026-11-20 10:30", "1 business day", "2026-11-23 10:30"),  # Friday to Monday
        (
            "2026-11-20 18:00",
            "1 business day",
            "2026-11-24 08:00",
        ),  # on Friday night the clock begins on Monday
        ("2026-11-21 12:00", "1 business day", "2026-11-24 08:00"),  # and so it does on Saturday
        ("2026-11-18 05:00", "1 business day", "2026-11-19 08:00"),  # before opening
        ("2026-11-18 17:00", "1 business day", "2026-11-19 17:00"),  # at closing the day is not over
        (
            "2026-11-25 16:00",
            "1 business day",
            "2026-11-30 16:00",
        ),  # Thanksgiving, the day after, the weekend
        ("2026-11-26 09:00", "1 business day", "2026-12-01 08:00"),  # a holiday begins nothing
        (
            "2026-07-02 09:00",
            "1 business day",
            "2026-07-06 09:00",
        ),  # 4 July 2026 is a Saturday: Friday is off
        ("2027-07-02 09:00", "1 business day", "2027-07-06 09:00"),  # 4 July 2027 is a Sunday: Monday is off
        (
            "2027-12-30 09:00",
            "1 business day",
            "2028-01-03 09:00",
        ),  # 1 January 2028 is observed on 31 December
        ("2026-11-17 16:00", "2 business hours", "2026-11-18 09:00"),
        ("2026-11-17 16:00", "1 business hour", "2026-11-17 17:00"),
        ("2026-11-17 17:00", "30 business minutes", "2026-11-18 08:30"),
        ("2026-11-20 16:59", "18 business hours", "2026-11-24 16:59"),
        ("2026-11-21 12:00", "0 business hours", "2026-11-23 08:00"),
        ("2026-11-20 18:00", "24h", "2026-11-21 18:00"),
        ("2026-11-20 18:00", "2 days", "2026-11-22 18:00"),
        ("2026-11-20 18:00", "1 week", "2026-11-27 18:00"),
    ],
)
def test_a_limit_of_an_american_office(start: str, limit: str, end: str) -> None:
    assert over(start, limit) == end


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        # on 8 March 2026 there is no 02:30 in New York, on 1 November 01:30 comes twice
        ("2026-03-06 10:00", "1 business day", "2026-03-09 10:00"),
        ("2026-03-06 16:00", "4 business hours", "2026-03-09 11:00"),
        ("2026-03-07 10:00", "24h", "2026-03-08 11:00"),
        ("2026-03-07 10:00", "1 day", "2026-03-08 10:00"),
        ("2026-03-07 02:30", "1 day", "2026-03-08 03:30"),
        ("2026-10-31 10:00", "24h", "2026-11-01 09:00"),
        ("2026-10-31 10:00", "1 day", "2026-11-01 10:00"),
        ("2026-10-30 16:00", "4 business hours", "2026-11-02 11:00"),
    ],
)
def test_a_limit_over_a_change_of_the_clock(start: str, limit: str, end: str) -> None:
    assert over(start, limit) == end


def test_a_time_that_the_clocks_jump_over_is_not_after_closing() -> None:
    night = Calendar(name="night", title="Night", timezone="America/New_York", closes=timedelta(hours=3))
    assert over("2026-03-07 02:15", "1 business day", night) == "2026-03-08 03:00"


def test_the_night_of_the_change_has_as_many_hours_as_it_has() -> None:
    day_and_night = ALWAYS.in_zone("America/New_York")
    assert over("2026-03-08 00:00", "23 business hours", day_and_night) == "2026-03-09 00:00"
    assert over("2026-11-01 00:00", "25 business hours", day_and_night) == "2026-11-02 00:00"
    second = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1)
    assert day_and_night.add(second, Duration.parse("1 business hour")) == second.astimezone(UTC) + timedelta(
        hours=1
    )


def test_a_start_in_another_zone_is_the_same_start() -> None:
    limit = Duration.parse("8 business hours")
    in_tokyo = at("2026-11-17 10:30").astimezone(ZoneInfo("Asia/Tokyo"))
    assert US.add(in_tokyo, limit) == US.add(at("2026-11-17 10:30"), limit)


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        US.add(datetime(2026, 11, 17, 10, 30), Duration.parse("1h"))  # noqa: DTZ001


def test_the_same_calendar_elsewhere_opens_later() -> None:
    pacific = US.in_zone("America/Los_Angeles")
    early = at("2026-11-17 09:00")
    assert US.is_open(early)
    assert not pacific.is_open(early)
    assert f"{pacific.add(early, Duration.parse('1 business hour')).astimezone(NEW_YORK):%H:%M}" == "12:00"


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────

NIGHT = Calendar(
    name="night", title="Until midnight", timezone="America/Chicago", days=frozenset({0, 2, 3, 5, 6}),
    opens=timedelta(hours=6, minutes=30), closes=timedelta(days=1), holidays=US.holidays,
)  # fmt: skip
OFFICES = [
    US,
    NIGHT,
    US.in_zone("Europe/Berlin"),
    US.in_zone("Australia/Lord_Howe"),
    Calendars.load().named("us_banking"),
]

moments = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
offices = st.sampled_from(OFFICES)
business = st.builds(Duration, st.integers(0, 60), st.sampled_from(["minute", "hour", "day"]), st.just(True))
plain = st.builds(Duration, st.integers(0, 60), st.sampled_from(["minute", "hour", "day", "week"]))


@given(offices, moments, business)
@settings(max_examples=300, deadline=None)
def test_business_time_never_ends_outside_of_hours_and_never_before_it_began(
    office: Calendar, start: datetime, limit: Duration
) -> None:
    end = office.add(start, limit)
    assert office.is_open(end)
    assert end >= start


@given(offices, moments, moments, business)
@settings(max_examples=300, deadline=None)
def test_who_begins_later_never_ends_earlier(
    office: Calendar, one: datetime, other: datetime, limit: Duration
) -> None:
    first, second = sorted((one, other))
    assert office.add(first, limit) <= office.add(second, limit)


@given(offices, moments, business)
@settings(max_examples=200, deadline=None)
def test_a_longer_limit_is_over_later(office: Calendar, start: datetime, limit: Duration) -> None:
    longer = Duration(limit.amount + 1, limit.unit, True)
    assert office.add(start, limit) < office.add(start, longer)


@given(offices, moments, business, st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_two_limits_one_after_the_other_are_as_long_as_both(
    office: Calendar, start: datetime, limit: Duration, more: int
) -> None:
    both = Duration(limit.amount + more, limit.unit, True)
    assert office.add(office.add(start, limit), Duration(more, limit.unit, True)) == office.add(start, both)


@given(moments, st.integers(0, 5000))
@settings(max_examples=200, deadline=None)
def test_who_never_closes_keeps_business_time_as_the_clock_does(start: datetime, minutes: int) -> None:
    for zone in ("UTC", "America/New_York", "Australia/Lord_Howe"):
        end = ALWAYS.in_zone(zone).add(start, Duration(minutes, "minute", True))
        assert end == start + timedelta(minutes=minutes)


@given(offices, moments, plain)
@settings(max_examples=200, deadline=None)
def test_time_that_is_no_business_time_knows_no_calendar(
    office: Calendar, start: datetime, limit: Duration
) -> None:
    end = office.add(start, limit)
    if limit.unit in ("minute", "hour"):
        assert end == start + limit.flat
    else:
        assert abs(end - start - limit.flat) <= timedelta(hours=1)


# ── the packaged calendars ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("year", "days"),
    [  # as the Federal Reserve Banks published them
        (2025, "0101 0120 0217 0526 0619 0704 0901 1013 1111 1127 1225"),
        (2026, "0101 0119 0216 0525 0619 0907 1012 1111 1126 1225"),
        (2027, "0101 0118 0215 0531 0705 0906 1011 1111 1125"),
    ],
)
def test_the_banking_holidays_are_those_that_the_federal_reserve_published(year: int, days: str) -> None:
    bank = Calendars.load().named("us_banking")
    on_weekdays = [day for day in bank.days_off(year) if day.weekday() < 5]
    assert " ".join(f"{day:%m%d}" for day in on_weekdays) == days


def test_a_holiday_that_began_in_some_year_was_none_before() -> None:
    bank = Calendars.load().named("us_banking")
    assert date(2022, 6, 20) in bank.days_off(2022)
    assert not any(day.month == 6 for day in bank.days_off(2021))


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = """\
name = "yard"
title = "The yard"
timezone = "Europe/Berlin"
days = ["monday", "saturday"]
hours = ["06:00", "24:00"]

[[holiday]]
name = "Karfreitag"
easter = true
shift = -2

[[holiday]]
name = "Inventur"
on = [2026-12-28, 2027-12-27]

[[holiday]]
name = "Letzter Samstag im Mai"
weekday = "saturday"
nth = -1
month = "may"
"""


def test_a_calendar_in_the_folder_of_the_environment_is_found_beside_the_packaged_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yard.toml").write_text(GOOD, "utf-8")
    monkeypatch.setenv("CROSSDOCK_CALENDARS_DIR", str(tmp_path))
    calendars = Calendars.load()
    assert {"yard", "us_business", "always"} <= set(calendars.all)
    assert list(calendars.named("yard").days_off(2026)) == [
        date(2026, 4, 3),
        date(2026, 5, 30),
        date(2026, 12, 28),
    ]
    with pytest.raises(Misconfigured, match="did you mean 'us_business'"):
        calendars.named("us_busines")


def test_easter_is_where_the_church_finds_it() -> None:
    easters = [date(2000, 4, 23), date(2008, 3, 23), date(2011, 4, 24), date(2024, 3, 31), date(2025, 4, 20),
               date(2026, 4, 5), date(2027, 3, 28), date(2038, 4, 25), date(1818, 3, 22)]  # fmt: skip
    from crossdock.calendars import Holiday

    assert [next(iter(Holiday(name="Easter", easter=True).of(day.year))) for day in easters] == easters


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (('days = ["monday"', 'days = ["mon"'), 4, "'days' must list working days"),
        (('["06:00", "24:00"]', '["18:00", "06:00"]'), 5, "'hours' must be [opening, closing]"),
        (('["06:00", "24:00"]', '["6", "24"]'), 5, "'hours' must be [opening, closing]"),
        (("Europe/Berlin", "Europe/Berlun"), 3, "is no IANA zone"),
        (("title = ", "titel = "), 2, "unknown field 'titel' (did you mean 'title'?)"),
        (("shift = -2", "shift = 200"), 10, "must be a whole number from -30 to 30"),
        (("shift = -2", "shfit = -2"), 10, "did you mean 'shift'?"),
        (("easter = true", 'date = "02-30"'), 9, "is in no year"),
        (("easter = true", 'date = "2-3"'), 9, "must be month and day"),
        (("easter = true\n", ""), 7, "'Karfreitag' has none"),
        (("nth = -1\n", ""), 16, "weekday, month and nth belong together"),
        (("nth = -1", "nth = 5"), 19, "must be a whole number from -4 to 4"),
        (('month = "may"', 'month = "mai"'), 20, "did you mean 'may'?"),
        (("on = [2026-12-28, 2027-12-27]", 'on = "2026-12-28"'), 14, "'on' must list days"),
        (('name = "yard"', 'name = "yart"'), 1, "must stand in yart.toml"),
    ],
)
def test_a_wrong_calendar_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, sentence: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    path = tmp_path / "yard.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(Misconfigured) as refused:
        Calendars.load(tmp_path)
    told = [each for each in str(refused.value).splitlines() if sentence in each]
    assert told, str(refused.value)
    assert told[0].startswith(f"{path}:{line}: ")


def test_every_packaged_holiday_is_a_working_day_less_in_every_year() -> None:
    for calendar in Calendars.load().all.values():
        for year in range(2020, 2041):
            assert len(calendar.days_off(year)) >= len(calendar.holidays) - 2
            assert all(not calendar.works_on(day) for day in calendar.days_off(year))


def test_a_calendar_that_never_opens_again_says_so() -> None:
    from crossdock.calendars import Holiday

    every_day = tuple(date(2026, 1, 1) + timedelta(days=n) for n in range(366 * 12))
    closed = Calendar(name="closed", title="Closed", holidays=(Holiday(name="For good", on=every_day),))
    with pytest.raises(Misconfigured, match="'closed' has no working day"):
        closed.add(datetime(2026, 6, 1, tzinfo=UTC), Duration.parse("1 business day"))
