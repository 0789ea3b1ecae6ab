"""No exception class of paramiko leaves the SFTP wire untranslated."""

import importlib
import inspect
import pkgutil
import socket
import struct

import paramiko
import pytest

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import Login, Secret
from crossdock.wires import sftp_session
from crossdock.wires.sftp_session import Session, translated

NEVER_MEETS_US = {
    "paramiko._winapi.WindowsError": "Windows alone",
    "paramiko.ber.BERException": "keys are read at start, where every error is caught",
    "paramiko.hostkeys.InvalidHostKey": "we read no known_hosts file",
    "paramiko.packet.NeedRekeyException": "paramiko's own transport thread catches it",
    "paramiko.pkey.UnknownKeyType": "caught where the host key is read",
}


def every_class() -> list[type[BaseException]]:
    found: set[type[BaseException]] = set()
    for info in pkgutil.iter_modules(paramiko.__path__):
        if info.name in ("_winapi", "win_pageant", "win_openssh"):
            continue
        module = importlib.import_module(f"paramiko.{info.name}")
        for value in vars(module).values():
            ours = inspect.isclass(value) and value.__module__.startswith("paramiko")
            if ours and issubclass(value, Exception):
                found.add(value)
    return sorted(found, key=name_of)


def name_of(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


EVERY = [
    *(kind for kind in every_class() if name_of(kind) not in NEVER_MEETS_US),
    socket.gaierror,
    ConnectionResetError,
    TimeoutError,
    EOFError,
    FileNotFoundError,
    PermissionError,
    OSError,
    UnicodeDecodeError,
    struct.error,
]


def instance(kind: type[BaseException]) -> BaseException:
    error = kind.__new__(kind)
    if kind is paramiko.ssh_exception.ChannelException:
        error = kind(1, "no")
    return error


def test_there_are_classes_to_walk():
    assert len(EVERY) > 20


@pytest.mark.parametrize("kind", EVERY, ids=name_of)
def test_every_class_is_caught_by_the_wire(kind):
    assert issubclass(kind, sftp_session.FOREIGN)


@pytest.mark.parametrize("kind", EVERY, ids=name_of)
@pytest.mark.parametrize(("sent", "effect"), [(False, False), (True, False), (True, True)])
def test_every_exception_has_a_word(kind, sent, effect):
    error = instance(kind)
    word = translated(error, what="x", sent=sent, effect=effect)
    if kind.__name__ in ("FileNotFoundError", "PermissionError", "OSError", "ChannelException"):
        assert type(word) is Refused
    elif issubclass(kind, sftp_session.LOGIN_OR_SETUP):
        assert type(word) is Misconfigured
    else:
        assert type(word) is (WireDown if not (sent and effect) else WireQuiet)


@pytest.mark.parametrize("kind", EVERY, ids=name_of)
def test_no_exception_leaves_a_step(monkeypatch, kind):
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgwuq2YDDP4grx5THE7JbLgDhTwDrjb6eLGPF8lgVjo"
    login = Login(connection_id="c", host="h", user="u", password=Secret("p"), extra={"host_key": key})
    session = Session(login)
    monkeypatch.setattr(session, "_open", lambda: None)
    with pytest.raises(CrossdockError):
        with session.use("do it", deadline_s=5.0):
            raise instance(kind)


@pytest.mark.parametrize("text", ["Authentication timeout.", "transport shut down or saw EOF"])
def test_a_connection_that_breaks_while_logging_in_is_no_wrong_password(text):
    error = paramiko.ssh_exception.AuthenticationException(text)
    assert type(translated(error, what="x", sent=False, effect=False)) is WireDown
