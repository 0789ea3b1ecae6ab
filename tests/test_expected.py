"""When a feed is due: calendars, zones, the days on which clocks are changed, and what a person writes wrongly."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crossdock import toml_lines
from crossdock.calendars import Calendars
from crossdock.errors import Misconfigured
from crossdock.expected import Schedule, quiet_after, read_rows, span
from crossdock.kit.schema import declared, schema
from crossdock.manifests import read_manifest
from crossdock.partners import Partners
from crossdock.toml_table import Table

CHICAGO = ZoneInfo("America/Chicago")


def rows(tmp_path, text, **whose):
    """The feeds that these rows declare, and what is wrong with them."""
    path = tmp_path / "rows.toml"
    path.write_text(text)
    problems: list[str] = []
    whose = whose or {"source": ("stock", "Stock over SFTP", "csv_stock")}
    return read_rows(Table(toml_lines.read(path), problems), **whose), problems


def one(tmp_path, text, **whose):
    (feed,), problems = rows(tmp_path, text, **whose)
    assert problems == []
    return feed


ACME = {"partner": ("acme", "Acme Supply Co.", ("846", "855"))}
DAILY = '[[expected]]\nset = "846"\nby = "06:00"\ntimezone = "America/Chicago"\n'


def dues(schedule: Schedule, start: datetime, many: int) -> list[str]:
    found, at = [], start
    for _ in range(many):
        at = schedule.due_after(at)
        assert schedule.last_due(at) == at
        assert schedule.last_due(at - timedelta(seconds=1)) < at
        found.append(f"{at.astimezone(ZoneInfo(schedule.calendar.timezone)):%a %m-%d %H:%M}")
    return found


def test_a_feed_is_said_as_people_say_it(tmp_path):
    feed = one(tmp_path, DAILY, **ACME)
    assert feed.feed == "acme/846"
    assert str(feed) == (
        "846 from Acme Supply Co. every weekday by 06:00 America/Chicago, days off of us_business excepted"
    )


def test_a_feed_is_due_on_working_days_alone(tmp_path):
    feed = one(tmp_path, DAILY, **ACME)
    thanksgiving = datetime(2026, 11, 24, 18, tzinfo=UTC)
    assert dues(feed.schedule, thanksgiving, 3) == ["Wed 11-25 06:00", "Mon 11-30 06:00", "Tue 12-01 06:00"]


def test_a_feed_is_due_at_the_same_time_on_the_wall_when_the_clocks_are_changed(tmp_path):
    text = DAILY + 'calendar = "always"\n'
    feed = one(tmp_path, text, **ACME)
    spring = feed.schedule.due_after(datetime(2026, 3, 7, 13, tzinfo=UTC))
    assert spring == datetime(2026, 3, 8, 6, tzinfo=CHICAGO)
    assert spring - feed.schedule.last_due(spring - timedelta(seconds=1)) == timedelta(hours=23)
    autumn = feed.schedule.due_after(datetime(2026, 10, 31, 13, tzinfo=UTC))
    assert autumn - feed.schedule.last_due(autumn - timedelta(seconds=1)) == timedelta(hours=25)


@pytest.mark.parametrize(
    ("by", "day", "due"),
    [
        ("02:30", datetime(2026, 3, 8, tzinfo=CHICAGO), datetime(2026, 3, 8, 8, 30, tzinfo=UTC)),
        ("01:30", datetime(2026, 11, 1, tzinfo=CHICAGO), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
    ids=["the hour that is left out", "the hour that comes twice"],
)
def test_an_odd_hour_is_over_when_nobody_doubts_it(tmp_path, by, day, due):
    text = f'[[expected]]\nset = "846"\nby = "{by}"\ntimezone = "America/Chicago"\ncalendar = "always"\n'
    assert one(tmp_path, text, **ACME).schedule.due_after(day) == due


def test_something_each_working_hour_is_due_from_opening_to_closing(tmp_path):
    feed = one(tmp_path, '[[expected]]\nevery = "2h"\n')
    friday = datetime(2026, 11, 20, 0, tzinfo=UTC)
    assert dues(feed.schedule, friday, 6) == [
        *("Fri 11-20 10:00", "Fri 11-20 12:00", "Fri 11-20 14:00", "Fri 11-20 16:00"),
        *("Mon 11-23 10:00", "Mon 11-23 12:00"),
    ]
    first = feed.schedule.due_after(friday)
    assert feed.schedule.opens(first) == first - timedelta(hours=2), "the night before counts for nothing"
    assert str(feed) == (
        "csv_stock from Stock over SFTP every 2 h, every weekday from 08:00 to 17:00 America/New_York, "
        "days off of us_business excepted"
    )


def test_each_hour_of_the_long_day_is_due_once(tmp_path):
    text = '[[expected]]\nevery = "1h"\ncalendar = "always"\ntimezone = "America/Chicago"\n'
    schedule = one(tmp_path, text).schedule
    at, many = datetime(2026, 11, 1, 0, tzinfo=CHICAGO).astimezone(UTC), 0
    while (at := schedule.due_after(at)) <= datetime(2026, 11, 2, 0, tzinfo=CHICAGO):
        many += 1
    assert many == 25


def test_what_comes_counts_for_the_due_time_that_it_is_nearest_to(tmp_path):
    schedule = one(tmp_path, DAILY, **ACME).schedule
    monday = schedule.due_after(datetime(2026, 11, 20, 13, tzinfo=UTC))
    assert schedule.opens(monday) == datetime(2026, 11, 21, 18, tzinfo=CHICAGO)
    narrow = one(tmp_path, DAILY + 'window = "4h"\n', **ACME).schedule
    assert narrow.opens(monday) == datetime(2026, 11, 23, 2, tzinfo=CHICAGO)


def test_several_times_and_days_of_the_week(tmp_path):
    text = '[[expected]]\nby = ["14:00", "06:00"]\ndays = ["thursday", "monday"]\ntimezone = "UTC"\nname = "plan"\n'
    feed = one(tmp_path, text)
    assert feed.feed == "stock/csv_stock/plan"
    assert "every Monday and Thursday by 06:00 and 14:00 UTC" in str(feed)
    assert dues(feed.schedule, datetime(2026, 11, 20, tzinfo=UTC), 3) == [
        "Mon 11-23 06:00", "Mon 11-23 14:00", "Mon 11-30 06:00"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('by = "6:00"', "a time of the day"),
        ("by = []", "a time of the day"),
        ("by = 6", "a time of the day"),
        ('by = "06:00"\nevery = "1h"', "says either by when it is due"),
        ('what = "stock"', "says either by when it is due"),
        ('every = "1 min"', "every must be from 5 min"),
        ('every = "2 days"', "every must be from 5 min"),
        ('every = "1 business day"', "plain time"),
        ('every = "often"', "is no length of time"),
        ('by = "06:00"\nwindow = "0h"', "plain time"),
        ('by = "06:00"\ndays = ["sunday"]', "works on none of these days"),
        ('by = "06:00"\ndays = ["Monday"]', "days of the week"),
        ('by = "06:00"\ncalendar = "us_busines"', "did you mean 'us_business'"),
        ('by = "06:00"\ntimezone = "Chicago"', "is no IANA zone"),
        ('by = "06:00"\nat_least = 0', "a whole number from 1"),
        ('by = "06:00"\nfiles = "in/stock.csv"', "a file name without its folder"),
        ('by = "06:00"\nset = "846"', "unknown field 'set'"),
        ('by = "06:00"\n[[expected]]\nby = "07:00"', "give each a 'name' of its own"),
    ],
)
def test_what_is_written_wrongly_is_told_with_its_line(tmp_path, text, sentence):
    _, problems = rows(tmp_path, f"[[expected]]\n{text}\n")
    assert any(sentence in problem for problem in problems), problems
    assert all("rows.toml:" in problem for problem in problems)


def test_a_set_that_the_partner_may_not_send_is_not_expected(tmp_path):
    _, problems = rows(tmp_path, '[[expected]]\nset = "852"\nby = "06:00"\n', **ACME)
    assert problems == [f"{tmp_path}/rows.toml:2: 852 is not among the sets that acme may send us"]


def test_a_calendar_that_never_works_is_no_endless_search(tmp_path):
    (tmp_path / "shut.toml").write_text(
        'name = "shut"\ntitle = "Shut"\ndays = ["monday"]\nhours = ["08:00", "17:00"]\n'
        '[[holiday]]\nname = "always shut"\non = [' + ", ".join(
            f"{datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week):%Y-%m-%d}" for week in range(120)
        ) + "]\n"
    )  # fmt: skip
    schedule = Schedule(calendar=Calendars.load(tmp_path).named("shut"), by=(timedelta(hours=6),))
    with pytest.raises(Misconfigured, match="has no due time in the 400 days after 2026-11-20"):
        schedule.due_after(datetime(2026, 11, 20, tzinfo=UTC))


def test_a_profile_says_what_its_partner_sends_in_its_own_zone(tmp_path):
    profile = tmp_path / "northvalve.toml"
    profile.write_text(
        'name = "northvalve"\ntitle = "North Valve"\nids = [["ZZ", "NV"]]\nours = ["ZZ", "US"]\n'
        'timezone = "America/Denver"\nsets = ["846"]\nacknowledge = "none"\n'
        '[[expected]]\nset = "846"\nby = "06:00"\n'
    )
    partner = Partners.load(tmp_path).named("northvalve")
    assert str(partner.expected[0]) == (
        "846 from North Valve every weekday by 06:00 America/Denver, days off of us_business excepted"
    )


CONNECTOR = """
title = "Stock over SFTP"
owner = "integration"
wire = "sftp"
connection = "stock"
connection_type = "crossdock_sftp"
version = "1"

[source]
document = "x12"
media_type = "application/edi-x12"
every_s = 60
batch = 10
quiet_after = "{quiet}"

[[expected]]
files = "stock_*.csv"
by = "{by}"
"""


def test_a_connector_says_what_it_brings_and_how_long_it_may_be_silent(tmp_path):
    folder = tmp_path / "stock"
    folder.mkdir()
    (folder / "connector.toml").write_text(CONNECTOR.format(quiet="2 business days", by="06:00"))
    manifest = read_manifest(folder)
    assert manifest.expected[0].feed == "stock/x12"
    assert str(manifest.source.quiet_after) == "2 business days"
    (folder / "connector.toml").write_text(CONNECTOR.format(quiet="never", by="06:00"))
    assert not read_manifest(folder).source.quiet_after
    (folder / "connector.toml").write_text(CONNECTOR.format(quiet="soon", by="06:00"))
    with pytest.raises(
        Misconfigured, match=r"connector\.toml:14: 'quiet_after': 'soon' is no length of time"
    ):
        read_manifest(folder)
    (folder / "connector.toml").write_text(CONNECTOR.format(quiet="never", by="noon"))
    with pytest.raises(Misconfigured, match=r"connector\.toml:18: by must be a time of the day"):
        read_manifest(folder)


def test_a_length_of_time_is_said_in_its_two_largest_units():
    assert span(timedelta(seconds=20)) == "less than a minute"
    assert span(timedelta(minutes=125)) == "2 h 5 min"
    assert span(timedelta(days=3, hours=4, minutes=9)) == "3 days 4 h"
    assert span(timedelta(days=1)) == "1 day"


PAGE = Path(__file__).resolve().parent.parent / "docs" / "expected-feeds.md"


def written_on_the_page(tag):
    (found,) = re.findall(rf"```toml {tag}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return found


def test_the_rows_of_the_page_are_read_as_it_says(tmp_path):
    north = ("northvalve", "North Valve", ("846",))
    chicago = Calendars.load().named("us_business").in_zone("America/Chicago")
    feed = one(tmp_path, written_on_the_page("profile"), partner=north, calendar=chicago)
    assert str(feed).startswith("846 from North Valve every weekday by 06:00 America/Chicago")
    feeds, problems = rows(tmp_path, written_on_the_page("connector"))
    assert problems == []
    assert [feed.feed for feed in feeds] == ["stock/csv_stock", "stock/csv_stock/plan"]
    (limit,) = re.findall(r'^quiet_after = "(.*?)"', written_on_the_page("source"), re.MULTILINE)
    assert str(quiet_after(limit)) == limit


def test_the_keys_of_the_page_are_those_that_are_read(tmp_path):
    said = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    for key in said:
        whose = ACME if key == "set" else {"source": ("stock", "Stock", "csv_stock")}
        _, problems = rows(tmp_path, f"[[expected]]\n{key} = 0\n", **whose)
        assert problems
        assert not any("unknown field" in problem for problem in problems)
    assert set(declared("expected")["items"]) == {"$ref"}
    in_a_connector = schema()["$defs"]["expected"]["properties"]
    assert set(in_a_connector) == set(said) - {"set"}
