"""How events leave: every duration, limit and broker, from one TOML file, so that a test can shrink them all.

``CROSSDOCK_OUTGOING`` names the file; without it the defaults hold and there is no broker::

    public_url = "https://hub.example.com/crossdock"   # where receivers find what does not fit into a webhook

    [webhooks]
    schedule_s = [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]

    [brokers.lake]
    driver = "kafka"
    connection = "crossdock_lake"
    to = "crossdock.exceptions"
    codes = ["INV", "SHP.DELAY"]
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from crossdock.emit.filters import EVERYTHING, NAMES, Filter
from crossdock.errors import Misconfigured
from crossdock.toml_lines import read
from crossdock.toml_table import Table

OUTGOING: Final = "CROSSDOCK_OUTGOING"

DRIVERS: Final = ("kafka", "amqp")

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TO: Final = re.compile(r"[\w.:/-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """``[feed]``: how long it is kept, how much a page holds, how long a reader may wait."""

    kept: timedelta = timedelta(days=30)
    most: int = 1000
    wait: timedelta = timedelta(seconds=30)
    token_overlap: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """``[webhooks]``: Standard Webhooks' own schedule and limits, and Svix's rule for switching off.

    ``schedule_s``: the wait before attempt 1, 2, ... ``ports``: where a receiver that is not internal may listen.
    A subscription whose every attempt fails for ``disable_after`` is switched off; that clock starts only with
    failures at least ``failures_apart`` from one another, within ``failures_within``.
    """

    schedule_s: tuple[int, ...] = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    jitter_percent: int = 10
    connect: timedelta = timedelta(seconds=5)
    deadline: timedelta = timedelta(seconds=20)
    retry_after_most: timedelta = timedelta(hours=24)
    most_bytes: int = 20_000
    ports: tuple[int, ...] = (443, 8443)
    secret_overlap: timedelta = timedelta(hours=24)
    disable_after: timedelta = timedelta(days=5)
    failures_within: timedelta = timedelta(hours=24)
    failures_apart: timedelta = timedelta(hours=12)
    alerts_percent: tuple[int, ...] = (50, 70, 90, 100)
    batch: int = 100
    at_once: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """``[brokers.<name>]``: where to publish. ``to`` is a topic (kafka) or an exchange (amqp)."""

    name: str
    driver: str
    connection: str
    to: str
    wanted: Filter = EVERYTHING
    batch: int = 500
    deadline: timedelta = timedelta(seconds=60)
    wait_most: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it."""

    public_url: str = ""
    feed: FeedSettings = field(default_factory=FeedSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    brokers: tuple[BrokerSettings, ...] = ()

    def broker(self, name: str) -> BrokerSettings:
        """The broker of this name. Raises ``Misconfigured`` when the file has none."""
        for broker in self.brokers:
            if broker.name == name:
                return broker
        raise Misconfigured(
            f"there is no broker {name!r}; write [brokers.{name}] into the file of {OUTGOING}"
        )


def load(path: Path | None = None) -> Settings:
    """The settings of this file, or of ``CROSSDOCK_OUTGOING``. Raises ``Misconfigured`` with every problem in it."""
    named = path or (Path(os.environ[OUTGOING]) if os.environ.get(OUTGOING) else None)
    if named is None:
        return Settings()
    problems: list[str] = []
    table = Table(read(named), problems)
    table.only(("public_url", "feed", "webhooks", "brokers"))
    public_url = table.text("public_url", "", re.compile(r"https?://[!-~]+"), "an address").rstrip("/")
    settings = Settings(
        public_url=public_url,
        feed=_feed(table),
        webhooks=_webhooks(table),
        brokers=tuple(_broker(name, each) for name, each in table.tables("brokers", "[brokers.lake]")),
    )
    if problems:
        raise Misconfigured("; ".join(problems))
    return settings


def _feed(file: Table) -> FeedSettings:
    usual, table = FeedSettings(), file.table("feed")
    if table is None:
        return usual
    table.only(("kept_days", "most", "wait_s", "token_overlap_h"))
    return FeedSettings(
        kept=_time(table, "kept_days", usual.kept, lambda n: timedelta(days=n), largest=3650),
        most=table.number("most", smallest=1, largest=10_000) or usual.most,
        wait=_time(table, "wait_s", usual.wait, _seconds, largest=300),
        token_overlap=_time(table, "token_overlap_h", usual.token_overlap, _hours, largest=24 * 90),
    )


def _webhooks(file: Table) -> WebhookSettings:
    usual, table = WebhookSettings(), file.table("webhooks")
    if table is None:
        return usual
    table.only(
        (
            *("schedule_s", "jitter_percent", "connect_s", "deadline_s", "retry_after_most_s", "most_bytes"),
            *("ports", "secret_overlap_h", "disable_after_h", "failures_within_h", "failures_apart_h"),
            *("alerts_percent", "batch", "at_once"),
        )
    )
    jitter = table.number("jitter_percent", smallest=0, largest=100)
    return WebhookSettings(
        schedule_s=_numbers(table, "schedule_s", usual.schedule_s, largest=7 * 86400),
        jitter_percent=usual.jitter_percent if jitter is None else jitter,
        connect=_time(table, "connect_s", usual.connect, _seconds, largest=60),
        deadline=_time(table, "deadline_s", usual.deadline, _seconds, largest=60),
        retry_after_most=_time(
            table, "retry_after_most_s", usual.retry_after_most, _seconds, largest=7 * 86400
        ),
        most_bytes=table.number("most_bytes", smallest=512, largest=1_000_000) or usual.most_bytes,
        ports=_numbers(table, "ports", usual.ports, largest=65535),
        secret_overlap=_time(table, "secret_overlap_h", usual.secret_overlap, _hours, largest=24 * 90),
        disable_after=_time(table, "disable_after_h", usual.disable_after, _hours, largest=24 * 90),
        failures_within=_time(table, "failures_within_h", usual.failures_within, _hours, largest=24 * 90),
        failures_apart=_time(table, "failures_apart_h", usual.failures_apart, _hours, largest=24 * 90),
        alerts_percent=_numbers(table, "alerts_percent", usual.alerts_percent, largest=100),
        batch=table.number("batch", smallest=1, largest=1000) or usual.batch,
        at_once=table.number("at_once", smallest=1, largest=8) or usual.at_once,
    )


def _broker(name: str, table: Table) -> BrokerSettings:
    if not _NAME.fullmatch(name):
        table.tell(None, f"the broker's name {name!r} must be small letters, digits and _")
    table.only(("driver", "connection", "to", "batch", "deadline_s", "wait_most_s", *NAMES.values()))
    wanted = EVERYTHING
    try:
        wanted = Filter.from_dict({key: table.values[key] for key in NAMES.values() if key in table.values})
    except (Misconfigured, TypeError) as error:
        table.tell(None, str(error))
    usual = BrokerSettings(name=name, driver="", connection="", to="")
    return BrokerSettings(
        name=name,
        driver=table.one_of("driver", "", DRIVERS),
        connection=table.text("connection", None),
        to=table.text("to", None, _TO, "the name of a topic or an exchange"),
        wanted=wanted,
        batch=table.number("batch", smallest=1, largest=10_000) or usual.batch,
        deadline=_time(table, "deadline_s", usual.deadline, _seconds, largest=240),
        wait_most=_time(table, "wait_most_s", usual.wait_most, _seconds, largest=86400),
    )


def _seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


def _hours(number: int) -> timedelta:
    return timedelta(hours=number)


def _time(
    table: Table, key: str, usual: timedelta, unit: Callable[[int], timedelta], *, largest: int
) -> timedelta:
    number = table.number(key, smallest=1, largest=largest)
    return usual if number is None else unit(number)


def _numbers(table: Table, key: str, usual: tuple[int, ...], *, largest: int) -> tuple[int, ...]:
    value: Any = table.values.get(key)
    if value is None:
        return usual
    if (
        not isinstance(value, list)
        or not value
        or not all(type(n) is int and 0 <= n <= largest for n in value)
    ):
        table.tell(key, f"{table.shown(key)!r} must list whole numbers from 0 to {largest}")
        return usual
    return tuple(value)
