import base64
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from crossdock.console.serve import guard
from crossdock.errors import Misconfigured

TOKEN = "a-token-that-is-long-enough"


def visitor(host: str, token: str, *, asks_for: str = "http://localhost") -> TestClient:
    app = FastAPI(dependencies=[Depends(guard(host, token))])

    @app.get("/")
    def page() -> str:
        return "seen"

    return TestClient(app, base_url=asks_for)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "hub.example.com"])
def test_the_console_is_not_served_to_the_world_without_a_token(host: str) -> None:
    with pytest.raises(Misconfigured, match="CROSSDOCK_CONSOLE_TOKEN"):
        guard(host, "")


def test_a_token_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(Misconfigured, match="shorter than 16"):
        guard("127.0.0.1", "secret")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_on_a_loopback_address_no_token_is_needed(host: str) -> None:
    assert visitor(host, "").get("/").status_code == 200


def test_a_page_elsewhere_cannot_be_pointed_at_a_console_without_a_token() -> None:
    assert visitor("127.0.0.1", "", asks_for="http://rebound.attacker.example").get("/").status_code == 403


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", basic(TOKEN)])
def test_the_token_opens_as_a_bearer_and_as_a_password(shown: str) -> None:
    answer: Any = visitor("0.0.0.0", TOKEN).get("/", headers={"Authorization": shown})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", basic("wrong"), "Basic !!!", "Basic /w==", TOKEN],
)
def test_without_the_token_a_browser_is_asked_for_it(shown: str) -> None:
    answer: Any = visitor("127.0.0.1", TOKEN).get("/", headers={"Authorization": shown})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
