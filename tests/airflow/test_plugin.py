import json
import sys
from typing import Any

import pytest
from starlette.testclient import TestClient

from crossdock.airflow import plugin


def test_airflow_registers_the_plugin_once_and_without_an_error(fresh: Any) -> None:
    told = json.loads(
        fresh(
            """
import json, sys
from airflow import plugins_manager
plugins_manager.ensure_plugins_loaded()
apps, _ = plugins_manager.get_fastapi_plugins()
views, _ = plugins_manager._get_ui_plugins()
print(json.dumps({
    "errors": plugins_manager.get_import_errors(),
    "apps": [[each["url_prefix"], each["name"]] for each in apps],
    "views": views,
    "heavy": sorted({"crossdock.store", "crossdock.console", "crossdock.hub", "zeep"} & set(sys.modules)),
}))
"""
        ).splitlines()[-1]
    )
    assert told["errors"] == {}
    assert told["apps"] == [["/crossdock", "Crossdock"]]
    (view,) = told["views"]
    assert (view["href"], view["destination"], view["url_route"]) == ("/crossdock/", "nav", "crossdock")
    assert told["heavy"] == [], "every process of Airflow loads plugins; only the API server needs the page"


def test_the_frame_is_found_when_airflow_lives_under_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://ops.example/airflow/")
    (view,) = plugin.CrossdockPlugin().external_views
    assert view["href"] == "/airflow/crossdock/"
    assert view["icon"] == "/airflow/crossdock/static/crossdock.svg"


@pytest.fixture
def page() -> TestClient:
    return TestClient(plugin.inside_airflow(), raise_server_exceptions=False)


@pytest.mark.parametrize(
    "path", ["/", "/cases", "/api/overview", "/api/openapi.json", "/dead-letters/00/bytes"]
)
def test_the_page_asks_airflow_who_is_there(page: TestClient, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 401
    assert "Not authenticated" in answer.text


def test_a_webhook_is_not_asked_for_an_airflow_user(page: TestClient) -> None:
    assert page.post("/webhooks/nobody", content=b"{}").status_code == 404


def test_the_plugin_file_only_hands_the_plugin_on() -> None:
    sys.path.insert(0, str(plugin.__file__).rsplit("/crossdock/", 1)[0] + "/plugins")
    try:
        import crossdock_plugin
    finally:
        sys.path.pop(0)
    assert crossdock_plugin.__all__ == ["CrossdockPlugin"]
    assert crossdock_plugin.CrossdockPlugin is plugin.CrossdockPlugin


def test_acting_asks_airflow_who_is_there(page: TestClient) -> None:
    assert page.post("/api/dead-letters/00/discard", json={"reason": "r"}).status_code == 401
    assert page.post("/dead-letters/00/discard", data={"reason": "r"}).status_code == 401


@pytest.mark.parametrize(
    ("role", "may_act"), [("viewer", False), ("user", True), ("op", True), ("admin", True)]
)
def test_whoever_may_start_runs_of_process_may_act_under_the_name_that_airflow_knows(
    page: TestClient, monkeypatch: pytest.MonkeyPatch, role: str, may_act: bool
) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api import security
    from airflow.models.dag import DagModel

    monkeypatch.setattr(security, "get_auth_manager", SimpleAuthManager)
    monkeypatch.setattr(DagModel, "get_team_name", lambda dag_id: None)
    page.app.dependency_overrides[security.get_user] = lambda: SimpleAuthManagerUser(
        username="anna", role=role
    )  # type: ignore[attr-defined]

    answer = page.post(
        "/dead-letters/00/discard", data={"reason": "r"}, headers={"origin": "http://testserver"}
    )
    assert answer.status_code == 403
    said = "This page is too old" if may_act else "Airflow lets you look and not act"
    assert said in answer.text, "no token of ours came with it, so nobody gets further than this"
    assert "anna" in answer.text
