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
