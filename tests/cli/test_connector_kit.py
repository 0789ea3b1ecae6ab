"""Somebody writes a connector: from nothing to what its first record means, by the commands alone."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from crossdock.kit import scaffold
from crossdock.testing import lying_http as lie
from tests.cli.conftest import Run


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(folder))
    return folder


def forget() -> None:
    """What a process that ended would not know any more: the modules of the site as they were."""
    for name in [one for one in sys.modules if one.startswith("crossdock_of_")]:
        del sys.modules[name]


@pytest.mark.parametrize("wire", scaffold.wires())
def test_a_new_connector_is_whole_as_it_is(crossdock: Run, site: Path, wire: str) -> None:
    ran = crossdock("connector", "new", "acme_orders", "--wire", wire, "--json")
    assert ran.exit_code == 0, ran.stderr
    for file in ran.json["files"]:
        assert Path(file).is_relative_to(site) and Path(file).stat().st_size > 0
    ran = crossdock("connector", "validate", "acme_orders", "--json")
    assert (ran.exit_code, ran.json["complaints"]) == (0, [])
    lines = sum(
        len(path.read_text().splitlines())
        for path in (site / "connectors" / "acme_orders").iterdir()
        if path.suffix in (".toml", ".py")
    )
    assert lines <= 100, "a connector that polls is at most 100 lines with its manifest"


def test_nothing_that_is_there_is_overwritten(crossdock: Run, site: Path) -> None:
    assert crossdock("connector", "new", "acme", "--wire", "rest").exit_code == 0
    manifest = site / "connectors/acme/connector.toml"
    manifest.write_text(manifest.read_text() + "# mine\n")
    again = crossdock("connector", "new", "acme", "--wire", "rest")
    assert again.exit_code == 2
    assert "already" in again.stderr
    assert manifest.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("erp", "--wire", "rest"), "there is a connector 'erp' already"),
        (("Acme", "--wire", "rest"), "is no name for a connector"),
        (("acme", "--wire", "pigeon"), "there is no template for the wire 'pigeon'"),
        (("acme", "--wire", "rest", "--document", "no_such"), "no mapping reads 'no_such'"),
        (("acme", "--wire", "rest", "--into", "/no/such/folder"), "is no folder"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(
    crossdock: Run, site: Path, arguments: tuple[str, ...], words: str
) -> None:
    ran = crossdock("connector", "new", *arguments)
    assert ran.exit_code == 2
    assert words in ran.stderr
    assert list(site.iterdir()) == []


def test_a_document_that_has_a_mapping_gets_no_second_one(crossdock: Run, site: Path) -> None:
    assert (
        crossdock("connector", "new", "acme", "--wire", "rest", "--document", "erp_order_hold").exit_code == 0
    )
    assert not (site / "mappings").exists()
    assert crossdock("connector", "validate", "acme").exit_code == 0


def test_each_setting_is_told_with_where_it_comes_from(crossdock: Run, site: Path) -> None:
    crossdock("connector", "new", "acme", "--wire", "rest")
    second = site / "connectors/second"
    second.mkdir()
    (second / "connector.toml").write_text('title = "Second"\nlike = "acme"\n\n[source.paging]\nsize = 7\n')
    told = crossdock("connector", "about", "second", "--json").json
    came_from = {(one["table"], one["key"]): (one["value"], one["came_from"]) for one in told["settings"]}
    assert came_from[("", "title")] == ("Second", "second/connector.toml:1")
    assert came_from[("source.paging", "size")] == (7, "second/connector.toml:5")
    assert came_from[("source.paging", "kind")] == ("cursor", "acme/connector.toml:22")
    assert came_from[("source.paging", "most_pages")] == (200, "default")
    assert came_from[("source", "stop_after")] == (None, "not set")
    assert told["connection"]["came_from"] == "not in this environment"


def test_a_connection_is_told_without_its_secrets(
    crossdock: Run, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossdock("connector", "new", "acme", "--wire", "webhook")
    manifest = site / "connectors/acme/connector.toml"
    field = '\n[fields.region]\nlabel = "Region"\nrequired = true\n'
    text = manifest.read_text().replace('"crossdock_webhook"', '"crossdock_acme"')
    manifest.write_text(text + field)
    fields = {"conn_type": "crossdock_webhook", "extra": {"hmac_secret": "a-canary", "region": "eu"}}
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ACME", json.dumps(fields))
    ran = crossdock("connector", "about", "acme", "--json")
    states = {field["name"]: field["is_set"] for field in ran.json["connection"]["fields"]}
    assert states["hmac_secret"] is True and states["region"] is True and states["webhook_secrets"] is False
    assert "a-canary" not in ran.stdout + crossdock("connector", "about", "acme").stdout


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda site: (site / "mappings/inbound/acme/samples/confirmed.json").write_text('{"id": "x"}'),
            "--update",
        ),
        (
            lambda site: (site / "mappings/inbound/acme/__init__.py").write_text("VERSION = 1\n"),
            "lacks DOCUMENT",
        ),
        (
            lambda site: (site / "mappings/inbound/acme/__init__.py").write_text("import no_such\n"),
            "does not load",
        ),
        (
            lambda site: (site / "connectors/acme/source.py").write_text("raise RuntimeError('broken')\n"),
            "its source cannot be made",
        ),
    ],
)
def test_what_is_not_whole_is_told(crossdock: Run, site: Path, spoil: Any, words: str) -> None:
    crossdock("connector", "new", "acme", "--wire", "rest")
    forget()
    spoil(site)
    ran = crossdock("connector", "validate", "acme", "--json")
    assert ran.exit_code == 1
    assert any(words in one["sentence"] for one in ran.json["complaints"]), ran.json


def test_a_partner_that_nobody_is_called_is_told(crossdock: Run, site: Path) -> None:
    folder = site / "connectors/acme_lists"
    folder.mkdir(parents=True)
    (folder / "connector.toml").write_text(
        'title = "Lists"\nlike = "supplier_files"\n\n[source.settings]\npartner = "acme_suply"\n'
    )
    ran = crossdock("connector", "validate", "acme_lists")
    assert ran.exit_code == 1
    assert "nobody is called so (did you mean 'acme_supply'?)" in ran.stdout


def test_an_expected_result_is_written_anew_for_a_person_to_read(crossdock: Run, site: Path) -> None:
    crossdock("connector", "new", "acme", "--wire", "rest")
    sample = site / "mappings/inbound/acme/samples/confirmed.json"
    sample.write_text(sample.read_text().replace("confirmed", "delayed"))
    ran = crossdock("connector", "validate", "acme", "--update")
    assert ran.exit_code == 0
    assert "confirmed.json.expected.json" in ran.stderr
    assert "INV.SUPPLIER_DELAY" in sample.with_name("confirmed.json.expected.json").read_text()


@pytest.fixture
def acme(crossdock: Run, site: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A new connector, and a system that answers with its sample."""
    crossdock("connector", "new", "acme", "--wire", "rest")
    page = json.loads((site / "connectors/acme/samples/page.json").read_bytes())
    page["orders"][0]["contact_email"] = "ann@example.com"
    with lie.LyingServer(lie.reply(lambda _asked: (200, {}, json.dumps(page).encode()))) as server:
        connection = {
            "conn_type": "crossdock_rest",
            "schema": "http",
            "host": "127.0.0.1",
            "port": server.port,
        }
        monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ACME", json.dumps({**connection, "password": "t"}))
        yield server


def test_the_fields_of_its_records_are_told_and_those_of_persons_are_not_shown(
    crossdock: Run, acme: Any
) -> None:
    ran = crossdock("connector", "discover", "acme", "--json")
    assert ran.exit_code == 0, ran.stderr
    fields = {one["way"]: one for one in ran.json["fields"]}
    assert (fields["quantity"]["seen"], fields["quantity"]["kinds"]) == (2, ["text"])
    assert fields["contact_email"]["personal_data"] == "by its name"
    assert "ann@example.com" not in ran.stdout + crossdock("connector", "discover", "acme").stdout


def test_a_dry_run_explains_each_message_and_writes_nothing(
    crossdock: Run, acme: Any, tmp_path: Path
) -> None:
    ran = crossdock("receive", "acme", "--dry-run", "--limit", "1", "--explain", "--json")
    assert ran.exit_code == 0, ran.stderr
    (message,) = ran.json["messages"]
    assert message["name"] == "S-1"
    assert [one["data"]["code"] for one in message["means"]["events"]] == ["INV.BACKORDER"]
    assert not (tmp_path / "home").exists(), "no store was made"
    told = crossdock("receive", "acme", "--dry-run", "--explain")
    assert "INV.BACKORDER" in told.stdout and "nothing was stored" in told.stderr
    assert crossdock("receive", "acme", "--explain").exit_code == 2


def test_who_plays_a_folder_is_told_where_files_are_put_and_where_they_come(crossdock: Run) -> None:
    played = crossdock("connector", "play", "file_drop", "--records", "1", "--seconds", "0.1", "--json")
    places = played.json["places"]
    root = Path(played.json["connection"]["extra"]["path"])
    assert {way: Path(path).relative_to(root) for way, path in places.items()} == {
        "read": Path("in"),
        "written": Path("reports"),
    }
    assert f"what you put there is read: {places['read']}" in played.stderr
    assert not root.exists(), "nothing is left of it"


def test_a_name_that_is_no_connector_is_answered_with_the_folders_that_were_searched(
    crossdock: Run, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = crossdock("connector", "about", "zzzz")
    assert ran.exit_code == 2
    assert f"/connectors and {site}/connectors" in ran.stderr
    monkeypatch.delenv("CROSSDOCK_SITE_DIR")
    assert "CROSSDOCK_SITE_DIR is not set" in crossdock("connector", "about", "zzzz").stderr
    assert "did you mean 'erp'?" in crossdock("connector", "about", "erpp").stderr
