"""What people decide about delivery, from the pages: two people, one decision, and hostile words in every field."""

import hashlib
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from crossdock import approvals as policy
from crossdock.store import tables
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock

from .conftest import HOSTILE, TENANT, insert


@pytest.fixture
def unknown(store: Store, seeded: dict[str, uuid.UUID]) -> uuid.UUID:
    """The seeded write-back, when it left and was never answered."""
    with store.transaction(TENANT) as connection:
        for state in ("sending", "unsure"):
            connection.execute(sa.update(tables.write_backs).values(state=state, next_attempt_at=None))
    return seeded["write_back"]


def token(console: TestClient, page: str, **headers: str) -> str:
    found = re.search(r'name="page_token" value="([0-9a-f]{64})"', console.get(page, headers=headers).text)
    assert found is not None, f"{page} has no form"
    return found.group(1)


def act(console: TestClient, page: str, what: str, name: str = "anna", **fields: str) -> Any:
    """Press a button of a page, as this person."""
    return console.post(
        f"{page}/{what}",
        data={**fields, "page_token": token(console, page, **{"x-name": name})},
        headers={"origin": "http://testserver", "x-name": name},
    )


def test_an_unknown_outcome_is_shown_with_all_that_is_known_of_it(
    console: TestClient, unknown: uuid.UUID
) -> None:
    listed = console.get("/unknown").text
    assert f"/unknown/{unknown}" in listed
    page = console.get(f"/unknown/{unknown}").text
    assert "can be asked" in page
    assert "It did not: send again" in page
    assert HOSTILE not in listed + page
    given = console.get(f"/api/unknown/{unknown}").json()
    assert (given["unknown"], given["target_can_be_asked"], given["body"]) == (True, True, HOSTILE)
    assert console.get("/api/unknown").json()["items"][0]["id"] == str(unknown)
    assert "to erp left and no usable answer came" in console.get("/").text.replace("\n", " ")


def test_one_person_says_that_it_happened(console: TestClient, unknown: uuid.UUID, store: Store) -> None:
    page = act(console, f"/unknown/{unknown}", "happened", reference="N-17", reason=HOSTILE)
    assert page.status_code == 200
    assert "It is delivered, as you saw it." in page.text
    assert HOSTILE not in page.text
    with store.transaction(TENANT) as connection:
        row = connection.execute(sa.select(tables.write_backs)).one()
    assert (row.state, row.receipt["reference"], row.receipt["said_by"]) == ("delivered", "N-17", "anna")


def test_that_it_did_not_takes_two_people(console: TestClient, unknown: uuid.UUID, store: Store) -> None:
    asked = act(console, f"/unknown/{unknown}", "did-not-happen", reason="the order shows nothing")
    assert "another person must agree" in asked.text
    (request,) = console.get("/api/approvals").json()["items"]
    page = f"/approvals/{request['id']}"
    waiting = console.get(f"/unknown/{unknown}").text
    assert f'says that it did not happen: <a href="{page}">another person agrees or declines</a>' in waiting
    assert "1 awaiting approval" in console.get("/targets").text
    own = console.get(page, headers={"x-name": "Anna@corp.example"}).text
    assert "You asked, so somebody else must agree." in own
    assert "Agree: it leaves" not in own
    refused = act(console, page, "agree", name="ANNA", reason="I am somebody else")
    assert refused.status_code == 409
    assert "is the same person" in refused.text
    agreed = act(console, page, "agree", name="ben", reason="I looked too")
    assert "You agreed: it leaves at the next run" in agreed.text
    with store.transaction(TENANT) as connection:
        row = connection.execute(sa.select(tables.write_backs)).one()
    assert row.state == "ready"
    assert console.get("/api/approvals").json()["items"] == []
    (ended,) = console.get("/api/approvals?state=all").json()["items"]
    assert (ended["state"], ended["decided_by"], ended["words"]) == ("agreed", "ben", "I looked too")


def test_the_twins_answer_programs(console: TestClient, unknown: uuid.UUID) -> None:
    headers = {"x-crossdock-token": token(console, f"/unknown/{unknown}")}
    address = f"/api/unknown/{unknown}"
    refused = console.post(f"{address}/did-not-happen", json={"reason": ""}, headers=headers)
    assert refused.status_code == 409
    asked = console.post(f"{address}/did-not-happen", json={"reason": "not there"}, headers=headers).json()
    assert asked["state"] == "asked"
    ben = {
        "x-name": "ben",
        "x-crossdock-token": token(console, f"/approvals/{asked['approval']}", **{"x-name": "ben"}),
    }
    declined = console.post(
        f"/api/approvals/{asked['approval']}/decline", json={"reason": "I see it"}, headers=ben
    ).json()
    assert (declined["state"], declined["write_back"]) == ("declined", str(unknown))
    assert console.get(address).json()["state"] == "unsure"
    nobody = console.post(f"/api/approvals/{uuid.uuid4()}/agree", json={"reason": "x"}, headers=ben)
    assert nobody.status_code == 404


def test_nothing_is_decided_from_a_page_elsewhere_or_by_one_who_only_looks(
    console: TestClient, unknown: uuid.UUID
) -> None:
    page = f"/unknown/{unknown}"
    mine = token(console, page)
    fields = {"reference": "N-1", "reason": "x", "page_token": mine}
    elsewhere = console.post(f"{page}/happened", data=fields, headers={"origin": "http://evil.example"})
    assert elsewhere.status_code == 403
    looks = console.get(page, headers={"x-may": "look"}).text
    assert "<form" not in looks
    assert console.post(f"{page}/happened", data=fields, headers={"x-may": "look"}).status_code == 403
    assert console.get(f"/api/unknown/{unknown}").json()["state"] == "unsure"


def test_a_request_that_expired_is_asked_anew_from_its_page(
    console: TestClient, seeded: dict[str, uuid.UUID], store: Store, clock: MovableClock
) -> None:
    body = HOSTILE.encode()
    gated = uuid.uuid4()
    insert(
        store, tables.write_backs, id=gated, case_id=seeded["case"], target="erp", operation="hold",
        idempotency_key=str(gated), subject="supplier_po/1", body=body, body_sha256=hashlib.sha256(body).hexdigest(),
        media_type="text/plain", headers={}, state="awaiting_approval", created_at=clock.now(),
        updated_at=clock.now(),
    )  # fmt: skip
    with store.transaction(TENANT) as connection:
        policy.ask_for_new(connection, TENANT, {gated: ("rule main/dear", HOSTILE)}, clock.now())
    (request,) = console.get("/api/approvals").json()["items"]
    assert HOSTILE not in console.get(f"/approvals/{request['id']}").text
    assert HOSTILE not in console.get(f"/cases/{seeded['case']}").text
    clock.advance(timedelta(days=2))
    late = act(console, f"/approvals/{request['id']}", "agree", reason="yes")
    assert late.status_code == 409
    assert "silence is no approval" in late.text
    again = console.post(
        f"/write-backs/{gated}/ask",
        data={"reason": "still wanted", "page_token": token(console, f"/approvals/{request['id']}")},
        headers={"origin": "http://testserver"},
    )
    assert "You asked: another person must agree" in again.text


def test_a_partial_saga_is_shown_and_settled(
    console: TestClient, seeded: dict[str, uuid.UUID], store: Store, clock: MovableClock
) -> None:
    saga = uuid.uuid4()
    now = clock.now()
    insert(
        store, tables.sagas, id=saga, case_id=seeded["case"], decision_id=seeded["decision"], rule=HOSTILE,
        state="running", opened_at=now, updated_at=now,
    )  # fmt: skip
    insert(
        store, tables.saga_steps, saga_id=saga, ordinal=0, write_back_id=seeded["write_back"], undo="person"
    )
    with store.transaction(TENANT) as connection:
        for state in ("undoing", "partial"):
            connection.execute(sa.update(tables.sagas).values(state=state, reason=HOSTILE))
    pages = [console.get(path).text for path in ("/sagas", f"/sagas/{saga}", f"/cases/{seeded['case']}", "/")]
    assert all(str(saga) in page for page in pages[:3])
    assert not any(HOSTILE in page for page in pages)
    assert "something is left" in pages[3]
    settled = act(console, f"/sagas/{saga}", "settle", reason="called them")
    assert "The saga is undone, as you said." in settled.text
    assert console.get("/api/sagas").json()["items"] == []
    assert console.get("/api/sagas?state=undone").json()["items"][0]["reason"] == "anna: called them"
