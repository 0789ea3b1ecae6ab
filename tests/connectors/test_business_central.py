"""Sales orders of Business Central: delta links, versions and errors as Microsoft documents them."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from crossdock.errors import Misconfigured, Refused
from crossdock.messages import Conflict, Delivered, Reject, Retry
from crossdock.ports import Login, Secret, Watchful
from crossdock.receive import receive
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from tests.connectors.bc_server import COMPANY, CONTRACT, TOKEN, BusinessCentral

REGISTRY = Registry()


@pytest.fixture
def company():
    company = BusinessCentral()
    company.order("S-ORD101009")
    yield company
    assert company.breaches == [], "a request breaks the published contract"


@pytest.fixture
def server(company):
    with lie.LyingServer(honest=company) as running:
        yield running


@pytest.fixture
def login(server):
    return Login(
        connection_id="crossdock_business_central", scheme="http", host="127.0.0.1", port=server.port,
        password=Secret(TOKEN), extra={"environment": "production", "company": COMPANY},
    )  # fmt: skip


@pytest.fixture
def opened(login, clock):
    """A side of a connector; ``size``: records of a page."""
    every = []

    def open_it(side: str, name: str = "business_central", size: int = 100, login: Login = login):
        manifest = REGISTRY.manifest(name)
        source = replace(manifest.source, paging=replace(manifest.source.paging, size=size))
        make = REGISTRY.source if side == "source" else REGISTRY.sink
        every.append(make(replace(manifest, source=source), login, clock))
        return every[-1]

    yield open_it
    for one in every:
        one.close()


@pytest.fixture
def sink(opened):
    return opened("sink")


@pytest.fixture
def wanted(write_back):
    def make(sink, operation="change_date", subject="sales_order/S-ORD101009", **body):
        made = write_back(operation, json.dumps(body).encode(), subject=subject, target="business_central")
        try:
            return replace(made, version=sink.version(made))
        except Refused:
            return made  # what cannot be read has no version

    return make


def names(messages) -> list[str]:
    return [message.name[-2:] for message in messages]


def changes(company) -> list[str]:
    return [one for one in company.asked if not one.startswith("GET ")]


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_contract_of_the_vendor_is_held(company):
    if company.contract is None:
        pytest.skip(f"the vendor's contract is not at {CONTRACT}: no request was held against it")
    assert company.contract.operations


def test_the_first_run_reads_everything_and_the_next_one_what_changed(company, opened):
    for number in range(4):
        company.order(f"S-ORD10102{number}")
    source = opened("source", size=2)
    assert isinstance(source, Watchful)
    assert names(source.read(None)) == ["00", "01", "02", "03", "04"]
    link = source.position()
    assert link is not None and "$deltatoken=5" in link
    company.touch(next(iter(company.orders)), status="In Review")
    changed = list(source.read(link))
    assert names(changed) == ["00"] and b"In Review" in changed[0].body
    assert source.position() != link
    assert names(source.read(source.position())) == []
    assert all("odata.track-changes" in one and "odata.maxpagesize=2" in one for one in company.prefers)


def test_an_order_that_was_deleted_comes_as_its_id_alone(company, opened):
    source = opened("source")
    list(source.read(None))
    (id_,) = company.orders
    link = source.position()
    company.delete(id_)
    (message,) = source.read(link)
    assert json.loads(message.body)["@odata.context"].endswith("$deletedEntity")
    assert json.loads(message.body)["id"] == id_


def test_a_link_that_was_forgotten_begins_again(company, opened):
    company.order("S-ORD101010")
    source = opened("source")
    list(source.read(None))
    link = source.position()
    company.forgotten = True
    assert names(source.read(link)) == ["00", "01"], "they are known by their content"
    assert "$deltatoken=2" in source.position()


def test_a_run_that_ends_in_a_page_reads_that_page_again(company, opened):
    for number in range(5):
        company.order(f"S-ORD10102{number}")
    source = opened("source", size=2)
    taken = []
    for message in source.read(None):
        taken.append(message)
        if len(taken) == 4:
            break
    assert source.position() is None, "not everything was read"
    assert "$skiptoken=2" in taken[-1].position
    assert names(source.read(taken[-1].position)) == ["02", "03", "04", "05"]


def test_a_run_that_saw_empty_pages_alone_goes_on_behind_them(login, clock):
    """A service may give pages without a record while it looks for what changed (OData 4.0, 11.2.5.7)."""

    def paged(request):
        number = int((parse_qs(urlsplit(request.path).query).get("p") or ["0"])[0])
        body = {"value": [], "@odata.nextLink": f"/v2.0/production/api/v1.0/salesOrders?p={number + 1}"}
        if number == 5:
            body = {"value": [{"id": "late"}], "@odata.deltaLink": "/delta"}
        return 200, {}, json.dumps(body).encode()

    manifest = REGISTRY.manifest("business_central")
    read = replace(manifest.source, paging=replace(manifest.source.paging, most_pages=3))
    position, found = None, []
    with lie.LyingServer(lie.reply(paged)) as server:
        source = REGISTRY.source(replace(manifest, source=read), replace(login, port=server.port), clock)
        for _ in range(2):
            found += [message.name for message in source.read(position)]
            position = source.position() or position
        source.close()
    assert found == ["late"]


def test_what_is_received_is_stored_once_and_the_delta_link_is_kept(company, opened, store, clock):
    company.order("S-ORD101010")
    source = opened("source", size=1)

    def run(limit=100):
        return receive(store, source, tenant="main", name="business_central", clock=clock, limit=limit).counts

    assert run(limit=1)["stored"] == 1
    assert run()["stored"] == 1
    asked = len(company.asked)
    assert run()["received"] == 0
    assert "$deltatoken" in company.asked[asked]
    company.touch(next(iter(company.orders)), status="In Review")
    assert run()["stored"] == 1


def test_late_orders_are_asked_for_by_the_day_that_is_over_everywhere(company, opened, clock):
    company.order("S-LATE", requestedDeliveryDate="2026-11-19")
    source = opened("source", "business_central_late")
    assert names(source.read(None)) == ["01"]
    assert "requestedDeliveryDate lt 2026-11-21" in company.asked[-1]
    assert source.position() is None and "track-changes" not in company.prefers[-1]
    clock.move(-3600)  # 11:00 UTC: the day before is not over in the last zone
    list(source.read(None))
    assert "requestedDeliveryDate lt 2026-11-20" in company.asked[-1]


def test_links_that_leave_the_company_are_refused(company, server, opened):
    said = {"value": [], "@odata.nextLink": "https://elsewhere.example/orders"}
    server.then(lie.answer(200, json.dumps(said).encode(), commit=False))
    with pytest.raises(Refused, match="leaves the system"):
        list(opened("source").read(None))


def test_a_page_that_cannot_be_cut_is_kept_whole(company, server, opened):
    server.then(lie.answer(200, b'{"value": "none"}', commit=False))
    (message,) = opened("source").read(None)
    assert message.body == b'{"value": "none"}' and message.position is None


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"company": COMPANY}, "environment"),
        ({"environment": "production", "company": "CRONUS"}, "company 'cronus'"),
    ],
)
def test_a_connection_that_names_no_company_says_which_field(login, opened, extra, says):
    with pytest.raises(Misconfigured, match=says):
        list(opened("source", login=replace(login, extra=extra)).read(None))


def test_the_source_is_checked_step_by_step_and_says_when_nothing_is_tracked(company, server, opened):
    source = opened("source")
    assert [step.step for step in source.check() if step.ok][-1] == "sample"
    server.then(lie.honestly(), lie.answer(200, b'{"value": []}', commit=False))
    last = list(source.check())[-1]
    assert not last.ok and "no delta link" in last.sentence and "[source.cursor]" in last.remedy


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_dated_on_its_own_version(company, server, sink, wanted):
    (id_,) = company.orders
    outcome = sink.deliver(wanted(sink, line="20000", date="2026-12-18"))
    assert isinstance(outcome, Delivered) and not outcome.duplicate
    assert company.line(id_, 20000)["shipmentDate"] == "2026-12-18"
    assert company.line(id_, 10000)["shipmentDate"] == "2026-12-03"
    assert len(changes(company)) == 1


def test_an_order_is_dated_where_no_line_is_named(company, sink, wanted):
    (id_,) = company.orders
    assert isinstance(sink.deliver(wanted(sink, date="2026-12-18")), Delivered)
    assert company.orders[id_]["requestedDeliveryDate"] == "2026-12-18"
    again = sink.deliver(wanted(sink, date="2026-12-18"))
    assert isinstance(again, Delivered) and again.duplicate
    assert len(changes(company)) == 1


def test_another_version_is_a_conflict_although_it_is_a_409(company, sink, wanted):
    (id_,) = company.orders
    change = wanted(sink, date="2026-12-18")
    company.before_change = lambda: company.touch(id_, externalDocumentNumber="PO-9")
    outcome = sink.deliver(change)
    assert isinstance(outcome, Conflict) and outcome.status == "409"
    assert company.orders[id_]["requestedDeliveryDate"] == "2026-12-04"
    assert isinstance(sink.deliver(change), Conflict), "seen before anything is sent"
    assert len(changes(company)) == 1
    assert sink.version(change) == company.etag(id_)


def test_another_409_is_no_conflict_of_versions(company, sink, wanted):
    change = wanted(sink, date="2026-12-18")
    real, company._change = (
        company._change,
        lambda request, path: company._error(
            409, "Internal_EntityWithSameKeyExists", "The record already exists."
        ),
    )
    outcome = sink.deliver(change)
    assert isinstance(outcome, Reject) and "already exists" in outcome.reason
    company._change = lambda request, path: company._error(409, "Internal_DatabaseDeadlock", "Deadlock.")
    assert isinstance(sink.deliver(change), Retry)
    company._change = real


@pytest.mark.parametrize(
    ("operation", "subject", "body", "says"),
    [
        ("note", "sales_order/S-ORD101009", {"text": "x"}, "has no 'note'"),
        ("change_date", "sales_order/S-ORD9", {"date": "2026-12-18"}, "no sales order S-ORD9 any more"),
        ("change_date", "sales_order/O'Neil' or 'a' eq 'a", {"date": "2026-12-18"}, "no sales order O'Neil"),
        ("change_date", "sales_order/S-ORD101009", {"line": "7", "date": "2026-12-18"}, "has no line 7"),
        ("change_date", "supplier_po/1", {"date": "2026-12-18"}, "is no sales order"),
        ("change_date", "sales_order/S-ORD101009", {"line": "10000"}, "cannot be read: KeyError"),
        ("change_date", "sales_order/S-ORD101009", {"date": "soon"}, "cannot be read: ValueError"),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_is_sent(
    company, sink, wanted, operation, subject, body, says
):
    outcome = sink.deliver(wanted(sink, operation, subject, **body))
    assert isinstance(outcome, Reject) and says in outcome.reason
    assert changes(company) == []


def test_what_it_objects_to_is_said_in_its_own_words(company, sink, wanted):
    outcome = sink.deliver(wanted(sink, line="10000", date="2026-01-02"))
    assert isinstance(outcome, Reject) and outcome.reason.endswith("The date must not be before today.")


def test_an_order_that_says_what_it_cannot_say_stops_nobody_else(company, sink, wanted):
    (id_,) = company.orders
    change = wanted(sink, line="10000", date="2026-12-18")
    company.line(id_, 10000)["shipmentDate"] = "some day"
    for ask in (sink.find, sink.version):
        with pytest.raises(Refused, match="cannot be read"):
            ask(change)
    assert isinstance(sink.deliver(change), Reject)
