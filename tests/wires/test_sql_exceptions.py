"""No exception of SQLAlchemy or a driver leaves the SQL wire untranslated, and none shows what it asked for."""

import inspect

import psycopg
import pytest
import sqlalchemy as sa

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown
from crossdock.wires.sql import FOREIGN, translated

EVERY = sorted(
    (
        kind
        for kind in vars(sa.exc).values()
        if inspect.isclass(kind) and issubclass(kind, sa.exc.SQLAlchemyError)
    ),
    key=lambda kind: kind.__name__,
)


def test_there_are_classes_to_walk():
    assert len(EVERY) > 30


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_class_is_caught_and_has_a_word(kind):
    assert issubclass(kind, FOREIGN)
    if issubclass(kind, sa.exc.DBAPIError):
        error = kind("SELECT secret FROM x", {"password": "secret"}, Exception("no"))
    elif issubclass(kind, sa.exc.StatementError):
        error = kind("the first line", "SELECT secret FROM x", {"password": "secret"}, Exception("no"))
    else:
        error = kind.__new__(kind)
        Exception.__init__(error, "the first line\nSELECT secret FROM x")
    word = translated(error, what="lines")
    assert type(word) in (Misconfigured, Refused, WireDown)
    assert isinstance(word, CrossdockError)
    assert "secret" not in str(word)


def of_the_driver(kind, state, text="no"):
    class Original(kind):
        sqlstate = state

    return sa.exc.DBAPIError.instance(
        "SELECT secret FROM x", {"password": "hunter2"}, Original(text), psycopg.Error, hide_parameters=True
    )


@pytest.mark.parametrize(
    ("kind", "state", "text", "word"),
    [
        (psycopg.errors.UndefinedTable, "42P01", "no", Misconfigured),
        (psycopg.errors.InvalidPassword, "28P01", "no", Misconfigured),
        (psycopg.OperationalError, None, "FATAL:  password authentication failed for user", Misconfigured),
        (psycopg.errors.QueryCanceled, "57014", "canceling statement due to timeout", WireDown),
        (psycopg.errors.InsufficientPrivilege, "42501", "permission denied", Refused),
        (psycopg.errors.ReadOnlySqlTransaction, "25006", "cannot execute INSERT", Refused),
        (psycopg.errors.AdminShutdown, "57P01", "terminating connection", WireDown),
        (psycopg.errors.SerializationFailure, "40001", "conflict with recovery", WireDown),
        (psycopg.errors.DivisionByZero, "22012", "division by zero", Refused),
    ],
)
def test_a_state_leads_to_its_remedy(kind, state, text, word):
    found = translated(of_the_driver(kind, state, text), what="lines")
    assert type(found) is word
    assert "secret" not in str(found)
    assert "hunter2" not in str(found)


def test_a_driver_that_is_not_installed_is_named():
    found = translated(ModuleNotFoundError("No module named 'oracledb'"), what="lines")
    assert type(found) is Misconfigured
    assert (found.field, "oracledb" in str(found)) == ("driver", True)


def test_what_is_not_reached_is_tried_again():
    assert type(translated(ConnectionResetError("reset"), what="lines")) is WireDown
