"""A connector that is like another one: its code, other settings, and where it says so one side of it alone."""

from pathlib import Path

import pytest

from crossdock.registry import Registry

BASE = """\
title = "Orders"
owner = "integration"
wire = "rest"
connection = "orders"
connection_type = "crossdock_rest"
version = "1"

[source]
document = "erp_order_hold"
media_type = "application/json"
every_s = 30
batch = 100

[source.request]
path = "/orders"

[sink]
operations = ["note"]
idempotency = "readback"
schedule_s = [5]
concurrency = 1
batch = 10
every_s = 30
"""


def registry(root: Path, **manifests: str) -> Registry:
    for name, text in manifests.items():
        (root / name).mkdir()
        (root / name / "connector.toml").write_text(text)
    return Registry(root)


def test_a_further_read_of_a_system_is_no_second_target_of_it(tmp_path: Path) -> None:
    further = 'like = "orders"\nonly = "source"\n[source.request]\npath = "/shipments"\n'
    found = registry(tmp_path, orders=BASE, shipments=further).manifest("shipments")
    assert found.source is not None and found.source.request is not None
    assert (found.source.request.path, found.source.every_s) == ("/shipments", 30)
    assert found.sink is None


def test_another_target_of_the_kind_is_not_read_from(tmp_path: Path) -> None:
    further = 'like = "orders"\nonly = "sink"\nconnection = "other"\n'
    found = registry(tmp_path, orders=BASE, other=further).manifest("other")
    assert found.source is None
    assert found.sink is not None and found.sink.operations == ("note",)


def test_without_only_it_has_both_sides(tmp_path: Path) -> None:
    found = registry(tmp_path, orders=BASE, more='like = "orders"\nconnection = "more"\n').manifest("more")
    assert found.source is not None and found.sink is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'only = "source"\n{BASE}', "'only' chooses a side of the connector that this one is 'like'"),
        ('like = "orders"\nonly = "both"\n', "'only' must be one of source, sink"),
    ],
    ids=["like none", "no side"],
)
def test_a_side_that_cannot_be_chosen_is_told_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    found = registry(tmp_path, orders=BASE, wrong=text).broken()["wrong"]
    assert sentence in str(found)
    assert "connector.toml:" in str(found)
