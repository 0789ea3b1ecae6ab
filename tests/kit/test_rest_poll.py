"""A system that is polled by declaration alone: each kind of paging brings each record once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crossdock.errors import Misconfigured, Refused
from crossdock.ports import Checkable, Login, Secret, Source
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock

TOP = """\
title = "Supplier"
owner = "integration"
wire = "rest"
connection = "supplier"
connection_type = "crossdock_rest"
version = "1"

[source]
document = "erp_order_hold"
media_type = "application/json"
every_s = 30
batch = 100

"""
CURSOR = """
[source.cursor]
field = "changed.at"
key = "id"
overlap_s = 60
written = "epoch_ms"
"""
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)

KINDS = {
    "page": '{ since = "{since}", page = "{page}", size = "{size}" }',
    "offset": '{ since = "{since}", offset = "{offset}", limit = "{size}" }',
    "cursor": '{ since = "{since}", after = "{token}", limit = "{size}" }',
    "link": '{ since = "{since}", limit = "{size}" }',
    "next_link": '{ "$filter" = "changed ge {since}", "$top" = "{size}" }',
    "keyset": '{ since = "{since}", after_id = "{after_key}", limit = "{size}" }',
}


def declared(kind: str, query: str, *, cursor: str = CURSOR, **paging: Any) -> str:
    more = "".join(f"{key} = {json.dumps(value)}\n" for key, value in paging.items())
    request = f'[source.request]\npath = "/v1/orders"\nquery = {query}\nrecords = "data.orders"\n'
    return f'{TOP}{request}\n[source.paging]\nkind = "{kind}"\nsize = 2\n{more}{cursor}'


def order(number: int, minutes: int = 0) -> dict[str, Any]:
    moment = int((AT - timedelta(hours=1) + timedelta(minutes=minutes)).timestamp() * 1000)
    return {"id": f"O-{number}", "changed": {"at": moment}}


class Supplier:
    """Orders in pages of two, by any kind of paging."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.asked: list[dict[str, str]] = []
        self.newest_first = self.by_id = False

    def __call__(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(query)
        since = int((query.get("since") or query.get("$filter", "0")).rpartition(" ")[2])
        held = sorted(self.orders, key=lambda one: (one["changed"]["at"], one["id"]))
        held = [one for one in held if (one["changed"]["at"], one["id"]) > (since, query.get("after_id", ""))]
        held = held[::-1] if self.newest_first else held
        held = sorted(held, key=lambda one: str(one["id"])) if self.by_id else held
        begin = int(query.get("offset") or query.get("after") or query.get("skip") or 0)
        begin = 2 * (int(query["page"]) - 1) if "page" in query else begin
        page, rest = held[begin : begin + 2], held[begin + 2 :]
        link = f"/v1/orders?since={since}&skip={begin + 2}"
        body = {
            "data": {"orders": page},
            "after": str(begin + 2) if rest else "",
            "@odata.nextLink": link if rest else None,
        }
        headers = {"Link": f'<{link}>; rel="next"'} if rest else {}
        return 200, headers, json.dumps(body).encode()


@pytest.fixture
def supplier():
    return Supplier()


@pytest.fixture
def source_of(supplier, tmp_path):
    opened: list[Source] = []
    with lie.LyingServer(lie.reply(supplier)) as server:

        def open_it(text: str) -> Source:
            folder = tmp_path / "supplier"
            folder.mkdir(exist_ok=True)
            (folder / "connector.toml").write_text(text)
            registry = Registry(tmp_path)
            login = Login(
                connection_id="supplier",
                scheme="http",
                host="127.0.0.1",
                port=server.port,
                password=Secret("t"),
            )
            source = registry.source(registry.manifest("supplier"), login, MovableClock(AT))
            opened.append(source)
            return source

        yield open_it
        for source in opened:
            source.close()


def names(source: Source, after: str | None = None) -> list[str]:
    return [message.name for message in source.read(after)]


def next_of(kind: str) -> dict[str, str]:
    return {"cursor": {"next": "after"}, "next_link": {"next": '"@odata.nextLink"'}}.get(kind, {})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
def test_each_kind_of_paging_brings_each_record_once(supplier, source_of, kind, count) -> None:
    supplier.orders = [order(number, minutes=number // 2) for number in range(count)]
    source = source_of(declared(kind, KINDS[kind], **next_of(kind)))
    assert names(source) == [f"O-{number}" for number in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_begins_in_the_window_and_brings_what_came_late(supplier, source_of, kind) -> None:
    supplier.orders = [order(1), order(2, minutes=10)]
    source = source_of(declared(kind, KINDS[kind], **next_of(kind)))
    position = list(source.read(None))[-1].position
    supplier.orders += [order(3, minutes=10), order(4, minutes=11)]
    assert names(source, position) == ["O-3", "O-4"]


@pytest.mark.parametrize("kind", ["page", "offset", "keyset"])
@pytest.mark.parametrize("happens", ["changed", "deleted"])
def test_a_record_that_leaves_its_page_hides_no_other(supplier, source_of, kind, happens) -> None:
    """What was on the first page is changed, or taken away, before the second one is asked for: all behind it moves
    up by one."""
    supplier.orders = [order(number, minutes=5 * number) for number in range(8)]
    found = []
    for message in source_of(declared(kind, KINDS[kind], cursor=f"{CURSOR}ordered = true\n")).read(None):
        found.append(message.name)
        if len(found) == 1:
            del supplier.orders[0]
            supplier.orders += [order(0, minutes=59)] if happens == "changed" else []
    again = ["O-0"] if happens == "changed" else []
    assert found == [*(f"O-{number}" for number in range(8)), *again]


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_system_that_orders_otherwise_is_read_page_by_page(supplier, source_of, kind) -> None:
    supplier.orders = [order(number, minutes=5 * number) for number in range(7)]
    supplier.newest_first = True
    found = names(source_of(declared(kind, KINDS[kind])))
    assert found == [f"O-{number}" for number in range(6, -1, -1)]


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_page_that_is_in_order_by_chance_hides_nothing_behind_it(supplier, source_of, kind) -> None:
    """The system orders by number; what has the higher ones changed before."""
    supplier.by_id = True
    supplier.orders = [order(number, minutes=30 + number if number < 4 else number) for number in range(9)]
    assert names(source_of(declared(kind, KINDS[kind]))) == [f"O-{number}" for number in range(9)]


def test_more_pages_than_a_run_reads_are_told_where_no_cursor_says_how_far_it_came(
    supplier, source_of
) -> None:
    supplier.orders = [order(number) for number in range(9)]
    source = source_of(declared("offset", '{ offset = "{offset}" }', cursor="", most_pages=3))
    with pytest.raises(Refused, match="3 pages were read and there are more, which are never read"):
        names(source)


def test_a_parameter_that_comes_out_empty_is_left_out(supplier, source_of) -> None:
    supplier.orders = [order(number) for number in range(3)]
    names(source_of(declared("cursor", KINDS["cursor"], next="after")))
    assert "after" not in supplier.asked[0]
    assert supplier.asked[1]["after"] == "2"


def test_a_page_that_leads_to_itself_is_left(supplier, source_of) -> None:
    supplier.orders = [order(number) for number in range(3)]
    source = source_of(declared("cursor", '{ since = "{since}", token = "{token}" }', next="after"))
    with pytest.raises(Refused, match="circle"):
        names(source)  # it answers the first page to every token, for it looks at "after"


def test_a_system_without_a_cursor_is_read_whole_each_time_under_the_same_keys(supplier, source_of) -> None:
    supplier.orders = [order(number) for number in range(3)]
    source = source_of(declared("offset", '{ offset = "{offset}" }', cursor=""))
    first, second = list(source.read(None)), list(source.read(None))
    assert [one.key for one in first] == [one.key for one in second]
    assert len({one.key for one in first}) == 3
    assert all(one.position is None for one in first)


def test_the_check_reads_a_sample(supplier, source_of) -> None:
    supplier.orders = [order(1)]
    source = source_of(declared("link", KINDS["link"]))
    assert isinstance(source, Checkable)
    *_, last = source.check()
    assert last.ok and "1 record(s)" in last.sentence


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_the_check_finds_a_system_that_gives_less_a_page_than_it_is_asked_for(
    supplier, source_of, kind
) -> None:
    """Else its first two records would be read for ever, and never those behind them."""
    source = source_of(declared(kind, KINDS[kind]).replace("size = 2", "size = 50"))
    supplier.orders = [order(number, number) for number in range(2)]
    *_, last = source.check()
    assert last.ok, "a short page with nothing behind it is the last"
    supplier.orders = [order(number, number) for number in range(3)]
    *_, last = source.check()
    assert not last.ok and "holds 2 record(s) and the one behind it holds more" in last.sentence
    assert last.remedy.startswith("Set size = 2 in [source.paging]")
    *_, last = source_of(declared(kind, KINDS[kind])).check()
    assert last.ok


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (declared("page", '{ size = "{size}" }'), "paging by page needs {page}"),
        (declared("cursor", KINDS["cursor"]), "needs 'next'"),
        (declared("delta_link", "{}", cursor="", next="next"), "needs 'delta'"),
        (declared("delta_link", "{}", next="next", delta="delta"), "remove [source.cursor]"),
        (declared("link", '{ since = "{sinse}" }'), "unknown {sinse} in 'since' (did you mean 'since'?)"),
        (declared("link", '{ since = "{" }'), "is no template"),
        (declared("link", KINDS["link"], cursor=""), "there is no [source.cursor]"),
        (declared("keyset", '{ page = "{page}" }'), "paging by keyset needs {since}"),
        (declared("hop", KINDS["link"]), "'kind' must be one of none, page, offset"),
        (
            declared("link", KINDS["link"]).replace('"rest"', '"soap"'),
            "is about REST, and the wire is 'soap'",
        ),
        (
            declared("link", KINDS["link"], cursor=CURSOR + 'begin_at = "2026-01-01"\n'),
            "'begin_at' must be a moment with its zone",
        ),
        (declared("link", KINDS["link"], cursor=CURSOR.replace("60", "-1")), "'overlap_s' must be seconds"),
        (declared("link", KINDS["link"]).replace('path = "/v1/orders"', 'path = "v1"'), "starts with /"),
        (
            declared("link", KINDS["link"]).replace("[source.request]\n", "[source.requests]\n"),
            "did you mean 'request'",
        ),
    ],
)
def test_a_wrong_declaration_is_told_with_its_line(source_of, text, words) -> None:
    with pytest.raises(Misconfigured) as caught:
        source_of(text)
    assert words in str(caught.value)
    assert "connector.toml:" in str(caught.value)
