"""People work on a case from its page."""

import re
from typing import Any

from starlette.testclient import TestClient


def page_of(console: TestClient, seeded: dict[str, Any]) -> str:
    return console.get(f"/cases/{seeded['case']}").text


def test_a_case_is_resolved_from_its_page_and_the_page_says_so(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    page = page_of(console, seeded)
    found = re.search(r'name="page_token" value="([0-9a-f]{64})"', page)
    assert found is not None
    assert '<option value="resolved">' in page
    sent = console.post(
        f"/cases/{seeded['case']}/move",
        data={"to": "resolved", "reason": "ships <b>on</b> Friday", "page_token": found.group(1)},
        headers={"origin": "http://testserver"},
    )
    assert sent.status_code == 200  # the page that the redirect leads to
    assert "The case is resolved." in sent.text
    assert "ships &lt;b&gt;on&lt;/b&gt; Friday" in sent.text
    assert '<option value="resolved">' not in sent.text
    assert '<option value="open">' in sent.text


def test_the_twin_of_the_page_refuses_with_the_sentence_of_the_command_line(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    found = re.search(r'name="page_token" value="([0-9a-f]{64})"', page_of(console, seeded))
    assert found is not None
    headers = {"x-crossdock-token": found.group(1)}
    address = f"/api/cases/{seeded['case']}"
    refused = console.post(f"{address}/move", json={"to": "resolved"}, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (
        409,
        "a case becomes resolved with a reason: say what was done",
    )
    assert console.post(f"{address}/move", json={"to": "gone"}, headers=headers).status_code == 400
    handed = console.post(f"{address}/assign", json={"to": "transport"}, headers=headers)
    assert handed.json() == {
        "done": "The case belongs to transport.",
        "id": str(seeded["case"]),
        "owner": "transport",
    }
    assert console.get(address).json()["owner"] == "transport"
