"""The desk in the browser: causes, redrives, edits. Each form has its JSON twin."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from markupsafe import escape
from starlette.testclient import TestClient

from crossdock import deadletters
from crossdock.messages import Problem, Stage, WriteBack
from crossdock.store import desk, tables
from tests.console.test_pages import Tags

BEARER = {"authorization": "Bearer of-its-own"}


def do(console: TestClient, path: str, **fields: Any) -> Any:
    return console.post(f"/api{path}", json=fields, headers=BEARER)


def state_of(store: Any, table: sa.Table, identity: Any) -> str:
    with store.transaction("main") as connection:
        return str(connection.execute(sa.select(table.c.state).where(table.c.id == identity)).scalar_one())


def desk_pages(seeded: dict[str, Any]) -> list[str]:
    return [
        "/dead-letter-groups",
        f"/dead-letter-groups/{seeded['group']}",
        "/redrives",
        "/dead-letter-groups?state=all",
    ]


def test_hostile_words_are_shown_and_never_run_on_the_pages_of_the_desk(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    started = do(console, "/redrives", group=str(seeded["group"]), reason="<script>alert(1)</script>").json()
    for page in (*desk_pages(seeded), f"/redrives/{started['id']}"):
        answer = console.get(page)
        assert answer.status_code == 200, (page, answer.text[:500])
        tags = Tags()
        tags.feed(answer.text)
        assert tags.scripts == ["/static/console.js"], page
        assert (tags.handlers, tags.styles, tags.outside) == ([], 0, []), page
        assert "&lt;script&gt;alert(" in answer.text, page


def test_an_empty_desk_says_so(console: TestClient) -> None:
    for page in ("/dead-letter-groups", "/redrives"):
        assert 'class="empty"' in console.get(page).text


def test_a_cause_is_acknowledged_resolved_and_ignored_with_who_and_why(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    path = f"/dead-letter-groups/{seeded['group']}/state"
    assert do(console, path, state="acknowledged").status_code == 200
    assert do(console, path, state="ignored", reason="r").status_code == 400
    assert do(console, path, **{"state": "ignored", "for": "7d", "reason": "next week"}).status_code == 200
    assert do(console, path, state="resolved").status_code == 409
    assert do(console, path, state="resolved", reason="mended").json()["state"] == "resolved"
    assert do(console, path, state="acknowledged").status_code == 409
    shown = console.get(f"/dead-letter-groups/{seeded['group']}").text
    assert "by anna: mended" in shown
    assert state_of(store, tables.dead_letter_groups, seeded["group"]) == "resolved"
    assert do(console, "/dead-letter-groups/ffff/state", state="open").status_code == 404


def test_a_cause_is_headed_by_what_its_newest_letter_says(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    said = "target 'erp': order 4711 of <b> is closed since 2026-11-20"
    problem = Problem(
        stage=Stage.DELIVER, code="INT.DELIVERY_FAILED", error_class="Refused", sentence=said, remedy="look"
    )
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with store.transaction("main") as connection:
        of = connection.execute(sa.select(tables.write_backs).limit(1)).one()
        write_back = WriteBack(
            id=of.id, tenant="main", target="erp", operation="hold", idempotency_key="k", body=b"{}",
            media_type="application/json", subject="sales_order/4711", attempt=7,
        )  # fmt: skip
        desk.add_dead_letters(connection, [deadletters.write_back_row(write_back, problem, now=now)])
        letters = tables.dead_letters
        group = connection.scalar(sa.select(letters.c.group_id).where(letters.c.sentence == said))
    assert f"<h1>{escape(said)}</h1>" in console.get(f"/dead-letter-groups/{group}").text


def test_a_redrive_is_previewed_begun_paused_and_cancelled_from_its_cause(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    page = console.get(f"/dead-letter-groups/{seeded['group']}").text
    assert "1 will be processed again" in page and "Put 1 back" in page
    token = re.search(r'name="page_token" value="([0-9a-f]{64})"', page)
    assert token is not None
    assert do(console, "/redrives/preview", group=str(seeded["group"])).json()["put_back"] == 1
    sent = console.post(
        "/redrives",
        data={"group": str(seeded["group"]), "rate": "5", "page_token": token.group(1)},
        headers={"origin": "http://testserver"},
    )
    assert sent.status_code == 200 and "The redrive is begun." in sent.text and "0 of 1 letters" in sent.text
    [run] = console.get("/api/redrives").json()["items"]
    assert (run["state"], run["per_second"], run["created_by"]) == ("running", 5.0, "anna")
    again = do(console, "/redrives", group=str(seeded["group"])).json()
    assert (again["id"], again["already"]) == (run["id"], True)
    for word, status in (("pause", 200), ("pause", 409), ("resume", 200), ("cancel", 200), ("resume", 409)):
        assert do(console, f"/redrives/{run['id']}/{word}").status_code == status, word
    assert console.get(f"/api/redrives/{run['id']}").json()["progress"] == {"left": 1}
    assert state_of(store, tables.dead_letters, seeded["letter"]) == "open"


@pytest.mark.parametrize(
    "fields", [{}, {"rate": "fast", "source": "x"}, {"rate": "0", "source": "x"}, {"ids": ["zz"]}]
)
def test_a_redrive_that_says_nothing_is_refused(console: TestClient, fields: dict[str, Any]) -> None:
    assert do(console, "/redrives", **fields).status_code in (400, 404)


def test_a_payload_is_edited_in_the_browser_and_the_original_is_still_there(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    page = f"/dead-letters/{seeded['letter']}"
    assert "<textarea" not in console.get(page).text, "an ISA is shown with dots, and dots are not what it is"
    original = console.get(f"{page}/bytes").content
    assert do(console, f"{page}/edit", body="ISA*00*mended~").status_code == 409, "without a reason"
    assert do(console, f"{page}/edit", reason="r").status_code == 400
    assert do(console, f"{page}/edit", reason="r", body_base64="!").status_code == 400
    answer = do(console, f"{page}/edit", body="ISA*00*mended~", reason="said so").json()
    assert (answer["number"], answer["next_step"]) == (2, "process") and "+ISA*00*" in answer["diff"]
    shown = console.get(page).text
    assert "Version 2" in shown and "said so" in shown and "<textarea" not in shown
    assert console.get(f"{page}/bytes").content == original


def test_what_is_shown_as_it_is_can_be_edited_in_the_browser(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    with store.transaction("main") as connection:
        connection.execute(
            tables.dead_letters.insert().values(
                tenant="main", id=seeded["event"], source="erp", stage="deliver", code="INT.DELIVERY_FAILED",
                error_class="Refused", sentence="422", remedy="", place={}, label="note", attempts=1, versions={},
                write_back_id=seeded["write_back"], state="open", created_at=datetime(2026, 11, 20, 14, tzinfo=UTC),
                group_id=seeded["group"],
            )
        )  # fmt: skip
    page = console.get(f"/dead-letters/{seeded['event']}").text
    assert "<textarea" in page and "&lt;script&gt;" in page.partition("<textarea")[2]


def test_a_letter_is_parked_and_let_out(console: TestClient, seeded: dict[str, Any], store: Any) -> None:
    page = f"/dead-letters/{seeded['letter']}"
    assert do(console, f"{page}/park", reason="ask first").status_code == 200
    assert "Let it out" in console.get(page).text
    assert do(console, f"{page}/replay").status_code == 409
    assert do(console, f"{page}/unpark").status_code == 409
    assert do(console, f"{page}/unpark", reason="asked").status_code == 200
    assert state_of(store, tables.dead_letters, seeded["letter"]) == "open"


def test_a_cause_that_is_ignored_is_quiet_on_the_first_page(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    assert "1 dead letter is open" in console.get("/").text
    with store.transaction("main") as connection:
        connection.execute(
            tables.dead_letter_groups.update().values(
                state="ignored", ignored_until=sa.func.now() + sa.text("interval '1 day'")
            )
        )
    assert "dead letter is open" not in console.get("/").text


def test_a_stopped_source_is_the_first_thing_that_is_told_and_is_resumed(
    console: TestClient, seeded: dict[str, Any], store: Any
) -> None:
    with store.transaction("main") as connection:
        connection.execute(
            tables.sources.update().values(
                stopped_at=tables.sources.c.read_at, stopped_why="51 of 60 parts failed"
            )
        )
    assert "supplier_edi is stopped: 51 of 60 parts failed" in console.get("/").text
    assert do(console, "/connectors/supplier_edi/resume").status_code == 409
    assert do(console, "/connectors/supplier_edi/resume", reason="mended").status_code == 200
    assert "is stopped" not in console.get("/").text


def test_who_may_only_look_does_nothing_at_the_desk(console: TestClient, seeded: dict[str, Any]) -> None:
    for path in (
        "/redrives",
        f"/dead-letter-groups/{seeded['group']}/state",
        f"/dead-letters/{seeded['letter']}/edit",
    ):
        answer = console.post(f"/api{path}", json={}, headers={**BEARER, "x-may": "look"})
        assert answer.status_code == 403
    assert (
        "<form" not in console.get(f"/dead-letter-groups/{seeded['group']}", headers={"x-may": "look"}).text
    )
