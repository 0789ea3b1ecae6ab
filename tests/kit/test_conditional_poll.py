"""A poll that asks whether anything changed: 304 costs nothing, and no record is lost to it."""

import hashlib
from itertools import islice
from typing import Any

import pytest

from crossdock.ports import Login, Source, Watchful
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from tests.kit.test_rest_poll import AT, KINDS, Supplier, declared, order


class Tagging(Supplier):
    """The supplier, with an ETag on each page; it answers 304 to who knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.spared = 0

    def __call__(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = super().__call__(request)
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:12]}"'
        if request.headers.get("if-none-match") == tag:
            self.spared += 1
            return 304, {"ETag": tag}, b""
        return status, {**headers, "ETag": tag}, body


@pytest.fixture
def supplier():
    return Tagging()


@pytest.fixture
def polled(supplier, tmp_path):
    """Polls as the spine does: a position comes with each message, and at the end of a run that was walked out."""
    with lie.LyingServer(lie.reply(supplier)) as server:

        def poll(text: str, after: str | None, most: int = 1000) -> tuple[list[str], str | None]:
            folder = tmp_path / "supplier"
            folder.mkdir(exist_ok=True)
            (folder / "connector.toml").write_text(text)
            registry = Registry(tmp_path)
            login = Login(connection_id="supplier", scheme="http", host="127.0.0.1", port=server.port)
            source: Source = registry.source(registry.manifest("supplier"), login, MovableClock(AT))
            try:
                messages = list(islice(source.read(after), most))
                assert isinstance(source, Watchful)
                told = [one.position for one in messages if one.position is not None]
                return [one.name for one in messages], source.position() or (told[-1] if told else after)
            finally:
                source.close()

        yield poll


def conditional(kind: str = "offset", **options: Any) -> str:
    text = declared(kind, KINDS[kind], **options)
    return text.replace("records = ", "conditional = true\nrecords = ")


def test_what_did_not_change_is_not_sent_again_and_what_did_is(supplier, polled):
    text = conditional().replace("size = 2", "size = 5")
    supplier.orders = [order(1)]
    names, position = polled(text, None)
    assert names == ["O-1"]
    names, position = polled(text, position)  # asks from the new place on, and learns its validator
    assert (names, supplier.spared) == ([], 0)
    for _ in range(3):
        names, position = polled(text, position)
        assert names == []
    assert supplier.spared == 3
    supplier.orders.append(order(2))  # it commits late, at the same moment
    names, position = polled(text, position)
    assert names == ["O-2"]
    for _ in range(3):
        names, position = polled(text, position)
        assert names == []
    assert supplier.spared >= 5


def test_a_run_that_was_cut_short_is_not_taken_for_whole(supplier, polled):
    supplier.orders = [order(1), order(2)]
    text = conditional()
    _names, position = polled(text, None)
    supplier.orders = [order(1), order(2), order(3), order(4)]
    for _ in range(2):
        seen, cut = polled(text, position, most=1)
        assert seen == ["O-3"]
    names, position = polled(text, cut)
    assert names == ["O-4"]


def test_the_first_of_several_pages_says_nothing_about_the_others(supplier, polled):
    supplier.orders = [order(number) for number in range(3)]
    _names, position = polled(conditional(), None)
    for _ in range(3):
        names, position = polled(conditional(), position)
        assert names == []
    assert supplier.spared == 0
    supplier.orders[2] = {**order(2), "note": "changed on the second page"}
    assert polled(conditional(), position)[0] == ["O-2"]


def test_a_list_without_a_cursor_is_read_only_when_it_changed(supplier, polled):
    text = (
        declared("none", "{}", cursor="")
        .replace("records = ", "conditional = true\nrecords = ")
        .replace('\n[source.paging]\nkind = "none"\nsize = 2\n', "")
    )
    supplier.orders = [order(1), order(2)]
    names, position = polled(text, None)
    assert len(names) == 2
    names, position = polled(text, position)
    assert (names, supplier.spared) == ([], 1)
    supplier.orders = [order(1), order(3)]
    assert len(polled(text, position)[0]) == 2, "those that it knows are duplicates to the inbox"


def test_nobody_asks_so_without_the_key(supplier, polled):
    supplier.orders = [order(1)]
    text = declared("offset", KINDS["offset"])
    position = None
    for _ in range(4):
        _names, position = polled(text, position)
    assert supplier.spared == 0


def test_a_kept_validator_that_is_none_is_no_condition(supplier, polled):
    supplier.orders = [order(1)]
    for odd in ("{", "[]", '{"unless": 7}', '{"unless": {"of": 1}}'):
        assert polled(conditional(), odd)[0] == ["O-1"]
