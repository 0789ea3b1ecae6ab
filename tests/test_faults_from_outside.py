"""Faults from outside of the program that need no privilege run here; ``python -m tests.chaos.outside`` runs all."""

import contextlib

import psycopg
import pytest

from crossdock.errors import CrossdockError
from crossdock.store.engine import NoRoom, Store, StoreUnready
from tests.chaos.outside import FAULTS, NOT_HERE, main


def test_what_is_tried_from_outside_is_named_and_needs_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(FAULTS) == {"database", "stop", "clock", "disk", "pool", "strace"}
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert main(["--only", "strace"]) == NOT_HERE
    assert "NOT TRIED: strace is not here; install the package strace" in capsys.readouterr().out


def test_no_connection_left_is_said_and_is_no_message_s_fault(database) -> None:
    url = database.migrated()
    try:
        with contextlib.ExitStack() as held, Store.open(url) as store:
            with contextlib.suppress(psycopg.OperationalError):
                for _ in range(400):
                    held.enter_context(psycopg.connect(url.replace("+psycopg", "")))
            with pytest.raises((StoreUnready, NoRoom)) as caught, store.transaction("main"):
                pass
            assert isinstance(caught.value, CrossdockError)
            held.pop_all().close()
            with store.transaction("main"):
                pass
    finally:
        database.drop(url)
