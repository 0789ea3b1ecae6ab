"""No exception class of requests, urllib3 or http.client leaves the REST wire untranslated."""

import http.client
import inspect
import socket
import ssl

import pytest
import requests.exceptions
import urllib3.exceptions

from crossdock.errors import CrossdockError, Misconfigured, WireDown, WireQuiet
from crossdock.ports import Login
from crossdock.wires import http_failures, rest


def classes(*modules) -> list[type[BaseException]]:
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and not issubclass(value, Warning)
        and value.__module__.partition(".")[0] == module.__name__.partition(".")[0]
    }
    return sorted(found, key=lambda one: f"{one.__module__}.{one.__qualname__}")


EVERY = [
    *classes(requests.exceptions, urllib3.exceptions, http.client),
    socket.gaierror,
    ssl.SSLError,
    ssl.SSLCertVerificationError,
    ConnectionResetError,
    BrokenPipeError,
    TimeoutError,
    OSError,
]


def instance(kind: type[BaseException]) -> BaseException:
    """One without its constructor, whose arguments differ from class to class."""
    return kind.__new__(kind)


class Raises:
    """An adapter whose every call fails like this, before or after the first byte."""

    def __init__(self, error: BaseException, sent: bool) -> None:
        self.error, self.sent = error, sent

    def call(self, _request, call):
        call.sent = self.sent
        raise self.error


def test_there_are_classes_to_walk():
    assert len(EVERY) > 70


@pytest.mark.parametrize("kind", EVERY, ids=lambda one: f"{one.__module__}.{one.__qualname__}")
@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
def test_every_exception_is_translated(kind, sent):
    wire = rest.Rest(Login(connection_id="c", host="erp.example"), deadline_s=1)
    wire._door.adapter = Raises(instance(kind), sent)
    with pytest.raises(CrossdockError) as caught:
        wire.call("POST", "/", effect=True, body=b"")
    assert caught.value.__cause__ is not None
    if sent and not isinstance(caught.value.__cause__, ssl.SSLCertVerificationError):
        assert type(caught.value) is WireQuiet
    else:
        assert type(caught.value) in (WireDown, Misconfigured)


@pytest.mark.parametrize("kind", EVERY, ids=lambda one: f"{one.__module__}.{one.__qualname__}")
def test_every_class_is_named_by_the_tables_of_the_wire(kind):
    assert issubclass(kind, (*http_failures.ON_THE_WIRE, *http_failures.NOT_OURS_TO_SEND))


def test_a_message_never_shows_what_the_exception_quotes():
    error = requests.exceptions.ConnectionError("https://erp.example/?token=secret")
    sentence = str(http_failures.translated(error, what="GET https://erp.example/", sent=False, effect=False))
    assert "secret" not in sentence
