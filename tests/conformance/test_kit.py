"""The kit itself: what it finds, what it waives, what it says, and that it does not pass by not looking."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crossdock.cli.application import app
from crossdock.errors import Misconfigured
from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.case import Case, Fleet
from crossdock.testing.conformance.check import (
    NEEDS,
    Check,
    Failed,
    NotApplicable,
    Ok,
    Waived,
    broken,
    check,
    checks,
)
from crossdock.testing.conformance.run import conform, look
from crossdock.testing.lying_http import LyingServer

RIGHT = Path(__file__).parent / "right"
TODAY = date(2026, 11, 22)
TOKEN = "canary-of-the-recorded-system"


@pytest.fixture
def case_of(tmp_path: Path) -> Iterator[Callable[..., Case]]:
    """A copy of a right connector, with more in its conformance.toml."""
    opened: list[Case] = []

    def make(name: str = "poll", *, more: str = "", today: date = TODAY) -> Case:
        shutil.copytree(RIGHT / name, tmp_path / "connectors" / name)
        with (tmp_path / "connectors" / name / "conformance.toml").open("a", encoding="utf-8") as file:
            file.write(more)
        opened.append(Fleet(root=tmp_path / "connectors").case(name, today=today))
        return opened[-1]

    yield make
    for case in opened:
        case.close()


def the_check(id: str) -> Check:
    return next(one for one in checks() if one.id == id)


@check("tests.never_kept", "It is never kept.")
def never_kept(case: Case) -> None:
    broken("it is not kept; keep it")


def waiver(id: str, *, reason: str = "agreed with the owner of the system", until: str = "2027-01-31") -> str:
    return f'\n[[waiver]]\ncheck = "{id}"\nreason = "{reason}"\nuntil = {until}\n'


def test_a_waiver_lets_a_promise_be_broken_until_its_day_and_says_what_it_would_fail_with(case_of) -> None:
    case = case_of(more=waiver("source.reads_everything"))
    broken_one = Check(id="source.reads_everything", promise="It.", needs=(), look=never_kept.look)
    assert look(case, broken_one) == Waived(
        reason="agreed with the owner of the system",
        until=date(2027, 1, 31),
        sentence="it is not kept; keep it",
    )


def test_a_waiver_that_is_over_fails_with_its_line(case_of) -> None:
    case = case_of(more=waiver("source.reads_everything"), today=date(2027, 2, 1))
    broken_one = Check(id="source.reads_everything", promise="It.", needs=(), look=never_kept.look)
    result = look(case, broken_one)
    assert isinstance(result, Failed)
    assert "over since 2027-01-31" in result.sentence
    assert "conformance.toml:" in result.sentence


def test_a_waiver_that_is_not_needed_any_more_fails(case_of) -> None:
    result = look(case_of(more=waiver("source.reads_everything")), the_check("source.reads_everything"))
    assert isinstance(result, Failed)
    assert "not needed any more; remove it" in result.sentence


def test_a_waiver_of_what_does_not_apply_fails_too(case_of) -> None:
    result = look(case_of(more=waiver("sink.delivers")), the_check("sink.delivers"))
    assert isinstance(result, Failed)
    assert "not needed any more" in result.sentence


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (waiver("source.reads_everthing"), "did you mean 'source.reads_everything'"),
        (waiver("source.reads_everything", reason="later"), "needs a reason, as a sentence"),
        (waiver("source.reads_everything", until='"2027-01-31"'), "needs a day"),
        (waiver("source.reads_everything") * 2, "waived twice"),
        ('\n[[waiver]]\nchek = "x"\n', "did you mean 'check'"),
        ("\n[waver]\n", "did you mean 'waiver'"),
        ('\n[[write_back]]\noperation = "note"\narrives = ["x"]\n', "is for a sink that draws"),
    ],
)
def test_a_conformance_file_that_is_wrong_fails_with_file_and_line(case_of, text: str, says: str) -> None:
    result = look(case_of(more=text), the_check("manifest.valid"))
    assert isinstance(result, Failed)
    assert says in result.sentence
    assert "conformance.toml:" in result.sentence


def test_a_check_that_has_nothing_to_look_at_is_no_pass(case_of) -> None:
    report = conform(case_of(), only=lambda one: one.id.startswith("sink."))
    assert {type(one.result) for one in report.findings} == {NotApplicable}
    assert report.counts["ok"] == 0
    assert report.counts["not_applicable"] == len(report.findings) > 10


def test_every_need_of_a_check_is_one_that_some_connector_has() -> None:
    asked = {need for one in checks() for need in one.needs}
    assert asked <= set(NEEDS)


def test_a_check_without_an_id_a_promise_or_with_unknown_needs_is_refused() -> None:
    for id, promise, needs in (("No", "It.", ()), ("a.b", "no sentence", ()), ("a.b", "It.", ("magic",))):
        with pytest.raises(ValueError, match="check"):
            check(id, promise, needs=needs)(lambda case: None)


def test_an_error_of_no_class_of_ours_is_a_failure_that_says_what_to_do(case_of) -> None:
    def look_badly(case: Case) -> None:
        raise KeyError("updated_at")

    result = look(case_of(), Check(id="tests.fails", promise="It.", needs=(), look=look_badly))
    assert isinstance(result, Failed)
    assert "KeyError came out of the connector" in result.sentence
    assert "crossdock.errors" in result.sentence


def test_a_connector_whose_manifest_is_wrong_is_checked_and_fails(tmp_path: Path) -> None:
    folder = tmp_path / "connectors" / "poll"
    shutil.copytree(RIGHT / "poll", folder)
    (folder / "connector.toml").write_text("wire = 'tin can'\n", "utf-8")
    fleet = Fleet(root=tmp_path / "connectors")
    assert fleet.names() == ["poll"]
    report = conform(fleet.case("poll", today=TODAY))
    assert [one.check.id for one in report.failed] == ["manifest.valid"]
    assert report.counts["not_applicable"] == len(checks()) - 1


def test_a_name_that_nobody_has_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'erp'"):
        Fleet().case("erpp", today=TODAY)


# ── packages of others ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], None]:
    """Installs a connector as the package of somebody else, found by its entry point."""

    def install(name: str, folder: Path) -> None:
        place = tmp_path / f"site-{name}"
        package = place / f"acme_{name}" / name
        shutil.copytree(folder, package)
        for where in (package, package.parent):
            (where / "__init__.py").write_text('"""A connector of Acme."""\n', "utf-8")
        info = place / f"acme_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(
            f"[crossdock.connectors]\n{name} = acme_{name}.{name}\n", "utf-8"
        )
        monkeypatch.syspath_prepend(str(place))

    return install


def test_a_third_party_s_package_is_found_by_its_entry_point_and_checked_in_the_same_way(installed) -> None:
    installed("target", RIGHT / "target")
    fleet = Fleet()
    assert "target" in fleet.names()
    assert "erp" in fleet.names()
    case = fleet.case("target", today=TODAY)
    try:
        report = conform(case)
    finally:
        case.close()
    assert not report.failed, [one.result for one in report.failed]
    kept = {one.check.id for one in report.findings if isinstance(one.result, Ok)}
    assert {"sink.silence_is_unsure", "sink.at_most_one_effect", "code.uses_wires_only"} <= kept


def test_a_third_party_s_wrong_connector_fails_with_the_remedy(installed, tmp_path: Path) -> None:
    folder = tmp_path / "hasty"
    shutil.copytree(RIGHT / "target", folder)
    sink = folder / "sink.py"
    sink.write_text(
        sink.read_text("utf-8").replace(
            "return Unsure(reason=str(error), wire=True)",
            'return Delivered(receipt=Receipt(reference="sent"))',
        ),
        "utf-8",
    )
    installed("hasty", folder)
    case = Fleet().case("hasty", today=TODAY)
    try:
        result = look(case, the_check("sink.silence_is_unsure"))
    finally:
        case.close()
    assert isinstance(result, Failed)
    assert "return Unsure" in result.sentence


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────


def crossdock(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_tells_every_check_as_json_and_ends_with_0() -> None:
    ran = crossdock("connector", "conform", "erp_push", "--json")
    assert ran.exit_code == 0, ran.output
    document = json.loads(ran.stdout)
    assert document["ok"] is True
    (one,) = document["connectors"]
    assert [row["check"] for row in one["checks"]] == [check.id for check in checks()]
    assert sum(one["counts"].values()) == len(checks())
    assert {"check", "promise", "result", "sentence"} == set(one["checks"][0])


def test_the_command_ends_with_1_and_says_what_is_to_be_done(tmp_path: Path) -> None:
    shutil.copytree(RIGHT / "poll", tmp_path / "poll")
    manifest = tmp_path / "poll" / "connector.toml"
    manifest.write_text(manifest.read_text("utf-8").replace('"integration"', '"TODO"'), "utf-8")
    ran = crossdock("connector", "conform", "--root", str(tmp_path))
    assert ran.exit_code == 1
    assert "manifest.owner_is_named" in ran.stdout
    assert "name the team or the person" in " ".join(ran.stdout.split())
    assert "source.reads_everything" not in ran.stdout


def test_the_command_shows_waivers_with_their_day(tmp_path: Path) -> None:
    shutil.copytree(RIGHT / "target", tmp_path / "target")
    (tmp_path / "target" / "played.py").unlink()
    with (tmp_path / "target" / "conformance.toml").open("a", encoding="utf-8") as file:
        file.write(waiver("played.its_sink_is", until="2999-12-31"))
    ran = crossdock("connector", "conform", "target", "--root", str(tmp_path))
    assert ran.exit_code == 0, ran.output
    assert "until 2999-12-31: agreed with the owner of the system" in ran.stdout
    assert "1 waived" in ran.stdout


def test_what_is_to_be_recorded_must_be_named_and_polled_over_http() -> None:
    assert crossdock("connector", "conform", "--record").exit_code == 2
    assert crossdock("connector", "conform", "erp_push", "--record").exit_code == 2


# ── recordings ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a connector that was recorded from a system that gives one hold."""
    root = tmp_path_factory.mktemp("recorded")
    shutil.copytree(RIGHT / "poll", root / "poll")
    page = (RIGHT / "poll/samples/holds.json").read_bytes()
    with LyingServer(lie.answer(200, page)) as system, pytest.MonkeyPatch.context() as environment:
        fields = {"schema": "http", "host": "127.0.0.1", "port": system.port, "password": TOKEN}
        environment.setenv("AIRFLOW_CONN_CONFORMANCE_POLL", json.dumps(fields))
        ran = crossdock("connector", "conform", "poll", "--root", str(root), "--record", "--all")
    assert ran.exit_code == 0, ran.output
    assert "recorded.is_played" in ran.stdout
    return root / "poll"


@pytest.fixture
def recorded(recording: Path, tmp_path: Path) -> Path:
    """A copy of what was recorded."""
    shutil.copytree(recording, tmp_path / "poll")
    return tmp_path / "poll" / "recorded" / "first_read.json"


def test_what_was_recorded_of_a_real_system_holds_no_secret_and_is_played_from_then_on(
    recorded: Path,
) -> None:
    text = recorded.read_text("utf-8")
    assert "H-1" in text
    assert TOKEN not in text
    assert "127.0.0.1" not in text
    case = Fleet(root=recorded.parents[2]).case("poll", today=TODAY)
    try:
        assert isinstance(look(case, the_check("recorded.is_played")), Ok)
        assert isinstance(look(case, the_check("recorded.is_scrubbed")), Ok)
    finally:
        case.close()


@pytest.mark.parametrize(
    ("id", "old", "new", "says"),
    [
        ("recorded.is_played", '"/api/holds"', '"/api/held"', "record it again if that is meant"),
        (
            "recorded.is_scrubbed",
            '"headers": {}',
            '"headers": {"authorization": "Basic x"}',
            "keeps the header",
        ),
        ("recorded.is_scrubbed", "H-1", "Authorization: Bearer 8f7d6c5b4a3f2e1d0c", "have it replaced"),
    ],
)
def test_a_recording_that_does_not_fit_or_holds_a_secret_fails(
    recorded: Path, id: str, old: str, new: str, says: str
) -> None:
    text = recorded.read_text("utf-8")
    assert old in text
    recorded.write_text(text.replace(old, new), "utf-8")
    case = Fleet(root=recorded.parents[2]).case("poll", today=TODAY)
    try:
        result = look(case, the_check(id))
    finally:
        case.close()
    assert isinstance(result, Failed), result
    assert says in result.sentence
