import html.parser
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from crossdock.store import tables

PAGES = ("/", "/cases", "/write-backs", "/dead-letters", "/runs")


def every_page(seeded: dict[str, Any]) -> list[str]:
    return [
        *PAGES,
        f"/cases/{seeded['case']}",
        f"/write-backs/{seeded['write_back']}",
        f"/dead-letters/{seeded['letter']}",
        "/dead-letters?state=all",
        "/runs?failed=yes",
    ]


class Tags(html.parser.HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []
        self.images: list[str | None] = []
        self.styles = 0
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script":
            self.scripts.append(found.get("src"))
        if tag == "img":
            self.images.append(found.get("src"))
        self.styles += tag == "style" or "style" in found
        self.handlers += [name for name in found if name.startswith("on")]
        for name in ("src", "href", "action"):
            value = found.get(name) or ""
            if value.startswith(("http:", "https:", "//", "javascript:", "data:")):
                self.outside.append(value)


def test_an_empty_hub_says_what_to_do_on_every_page(console: TestClient) -> None:
    for page in PAGES:
        answer = console.get(page)
        assert answer.status_code == 200, answer.text
        assert 'class="empty"' in answer.text
    assert "Nothing has come in yet." in console.get("/").text
    assert "crossdock receive" in console.get("/").text


def test_hostile_words_in_every_field_are_shown_and_never_run(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    for page in every_page(seeded):
        answer = console.get(page)
        assert answer.status_code == 200, (page, answer.text[:500])
        tags = Tags()
        tags.feed(answer.text)
        assert tags.scripts == ["/static/console.js"], page
        assert tags.images == ["/static/crossdock.svg"], page
        assert (tags.handlers, tags.styles) == ([], 0), page
        assert all(link.startswith("http://airflow.example/dags/") for link in tags.outside), page
        assert "&lt;script&gt;alert(" in answer.text, page


def test_every_answer_forbids_everything_that_is_not_ours(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    for page in (*every_page(seeded), "/api/overview", "/nowhere", f"/dead-letters/{seeded['letter']}/bytes"):
        headers = console.get(page).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_the_original_bytes_come_as_a_download_that_no_browser_interprets(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    answer = console.get(f"/dead-letters/{seeded['letter']}/bytes")
    assert answer.content.startswith(b"ISA*00*<script>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_nobody_sees_anything_without_a_pass(console: TestClient, seeded: dict[str, Any]) -> None:
    paths = [
        *every_page(seeded),
        *(f"/api{page}" for page in every_page(seeded) if page != "/"),
        "/api/overview",
        "/api/openapi.json",
        f"/dead-letters/{seeded['letter']}/bytes",
    ]
    for path in paths:
        stranger = console.get(path, headers={"x-pass": "wrong"})
        assert stranger.status_code == 403, path
        assert "supplier_edi" not in stranger.text
        del console.headers["x-pass"]
        try:
            assert console.get(path).status_code == 401, path
        finally:
            console.headers["x-pass"] = "good"


def test_every_route_but_webhooks_the_feed_and_the_stylesheet_asks_for_the_pass(console: TestClient) -> None:
    routes = console.get("/api/openapi.json").json()["paths"]
    assert "/api/cases" in routes and "/webhooks/{connector}" in routes
    for path, methods in routes.items():
        if path.startswith("/webhooks/"):
            assert list(methods) == ["post"]
            continue
        if path.startswith("/api/feed"):  # opened by the token of a consumer, and by no pass
            assert console.get(path.replace("{identity}", "00")).status_code == 401
            continue
        assert set(methods) <= {"get", "post"}, path
        for method in methods:
            answer = console.request(method, path.replace("{identity}", "00"), headers={"x-pass": "wrong"})
            assert answer.status_code == 403, path


def test_reading_every_page_changes_nothing(console: TestClient, seeded: dict[str, Any], store: Any) -> None:
    def everything() -> dict[str, Any]:
        with store.transaction("main") as connection:
            return {
                table.name: connection.execute(table.select().order_by(*table.primary_key.columns)).all()
                for table in tables.metadata.sorted_tables
            }

    before = everything()
    for page in every_page(seeded):
        console.get(page)
    assert everything() == before


def test_the_page_and_its_json_say_the_same(console: TestClient, seeded: dict[str, Any]) -> None:
    overview = console.get("/api/overview").json()
    assert overview["level"] == "broken"
    assert overview["balance"] == 0
    assert [row["source"] for row in overview["ledger"]] == ["supplier_edi"]
    first = console.get("/").text
    assert "balance 0" in first
    assert overview["headline"] in first
    assert console.get("/api/cases").json()["items"][0]["id"] == str(seeded["case"])
    assert console.get(f"/api/cases/{seeded['case']}").json()["decisions"][0]["rule"].startswith("<script>")


def test_every_page_names_its_twin_on_the_command_line(console: TestClient, seeded: dict[str, Any]) -> None:
    for page, command in (
        ("/", "crossdock ledger"),
        ("/cases?state=open", "crossdock cases list --state open"),
        ("/runs?step=receive&failed=yes", "crossdock runs list --step receive --failed"),
        (f"/dead-letters/{seeded['letter']}", f"crossdock dead-letters show {str(seeded['letter'])[:8]}"),
        ("/cases?queue=a'b", "crossdock cases list --queue &#39;a&#39;\\&#39;&#39;b&#39;"),
    ):
        shown = re.search(r"On the command line: <code>(.*?)</code>", console.get(page).text)
        assert shown is not None and shown.group(1) == command


def test_a_run_links_to_its_airflow_run(console: TestClient, seeded: dict[str, Any]) -> None:
    link = re.search(r'href="(http://airflow\.example/[^"]*)"', console.get("/runs").text)
    assert link is not None
    assert link.group(1).startswith(
        "http://airflow.example/dags/receive__supplier_edi/runs/manual__%3Cscript%3E"
    )
    assert link.group(1).endswith("/tasks/receive")


def test_a_filter_is_kept_in_the_address_and_narrows_the_list(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    assert console.get("/api/cases?state=resolved").json()["items"] == []
    assert "No case fits." in console.get("/cases?state=resolved").text
    assert len(console.get("/api/dead-letters?code=EDI").json()["items"]) == 1


@pytest.mark.parametrize(
    "page",
    ["approvals", "sagas", "dead-letters", "dead-letter-groups", "redrives", "cases", "write-backs", "runs"],
)
def test_no_two_filters_of_a_page_have_one_name(console: TestClient, page: str) -> None:
    (shown,) = re.findall(r'<nav class="filters".*?</nav>', console.get(f"/{page}").text, re.DOTALL)
    names = re.findall(r"<a [^>]*>([^<]*)</a>", shown)
    assert sorted(set(names)) == sorted(names)
    assert names.count("all") == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/cases/ffff", 404),
        ("/cases/<script>", 404),
        ("/cases/%00", 404),
        ("/cases?after=%00garbage", 400),
        ("/api/cases?after=garbage", 400),
        ("/nowhere", 404),
        ("/api/nowhere", 404),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(console: TestClient, path: str, status: int) -> None:
    answer = console.get(path)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text and "<script>" not in answer.text.replace('<script src="', "")
    if path.startswith("/api/"):
        assert answer.json()["error"]


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "\\", "a" * 5000, "\u202e", "x\x00y"])
@pytest.mark.parametrize(
    "where",
    ["cases?state", "cases?subject", "cases?code", "write-backs?target", "runs?step", "dead-letters?code"],
)
def test_no_filter_value_breaks_a_list_or_shows_more(
    console: TestClient, seeded: dict[str, Any], where: str, value: str
) -> None:
    page, name = where.split("?")
    answer = console.get(f"/api/{page}", params={name: value})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200 and value != "%":
        assert answer.json()["items"] == []


def test_a_store_that_is_away_is_said_so_and_comes_back(registry: Any, clock: Any, store: Any) -> None:
    from crossdock.console.app import create_app
    from crossdock.errors import Misconfigured

    away = [True]

    def open_store() -> Any:
        if away[0]:
            raise Misconfigured("the database cannot be reached; start it")
        return store

    app = create_app(
        open_store=open_store, registry=registry, authorize=lambda: None, clock=clock, tenant="main"
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/")
        assert answer.status_code == 503
        assert "the database cannot be reached; start it" in answer.text
        away[0] = False
        assert client.get("/").status_code == 200


def test_the_list_of_dead_letters_gives_the_file_and_the_id_for_the_command_line(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    text = console.get("/dead-letters").text
    assert f'<td class="mono">{str(seeded["letter"])[:8]}</td>' in text
    assert "<td>&lt;script&gt;" in text, "the name of the file, which is no link"


def test_the_document_of_an_event_is_closed_until_somebody_opens_it(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    text = console.get(f"/cases/{seeded['case']}").text
    assert "<details>" in text
    assert "<details open" not in text


def test_a_run_that_is_at_work_is_not_said_to_have_nothing_to_do(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    with store.transaction("main") as connection:
        connection.execute(tables.runs.update().values(finished_at=None, counts={}, error=None))
    for page in ("/", "/runs"):
        assert "at work" in console.get(page).text
        assert "nothing to do" not in console.get(page).text
    with store.transaction("main") as connection:
        connection.execute(tables.runs.update().values(finished_at=tables.runs.c.started_at))
    assert "nothing to do" in console.get("/runs").text
