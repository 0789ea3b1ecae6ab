"""A host that takes no connection and says nothing: the connect time-out holds, and nothing was sent."""

import socket
import time

import pytest

from crossdock.errors import WireDown
from crossdock.ports import Login, Secret
from crossdock.wires.rest import Rest
from crossdock.wires.sftp import Sftp
from tests.spine.delivering import Target, deliver, history, letters, put, state, write_back_of

CONNECT_S = 0.5
FAR_S = 20.0
"""Far over the connect time-out and its steps on a busy machine, and far under a kernel's own two minutes."""

PINNED = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.fixture
def black_hole():
    """A port on loopback whose queue of connections is full: the kernel drops whoever comes, and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = []
    try:
        for _ in range(64):
            one = socket.socket()
            one.settimeout(CONNECT_S)
            held.append(one)
            try:
                one.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            pytest.fail("this kernel takes more connections than were asked for; no black hole could be made")
        yield listener
    finally:
        for one in (*held, listener):
            one.close()


def login(hole: socket.socket, **fields: object) -> Login:
    values = {
        "connection_id": "c",
        "host": "127.0.0.1",
        "port": hole.getsockname()[1],
        "user": "ann",
        **fields,
    }
    return Login(**values)  # type: ignore[arg-type]


def arrived(hole: socket.socket) -> list[bytes]:
    """What those who did get through have sent."""
    hole.setblocking(False)
    said = []
    while True:
        try:
            caller, _ = hole.accept()
        except BlockingIOError:
            return said
        caller.setblocking(False)
        try:
            said.append(caller.recv(65536))
        except BlockingIOError:
            said.append(b"")
        caller.close()


def test_a_request_into_a_black_hole_ends_with_the_connect_time_out_and_nothing_was_sent(black_hole):
    wire = Rest(
        login(black_hole, scheme="http", password=Secret("tok")), deadline_s=60.0, connect_s=CONNECT_S
    )
    began = time.monotonic()
    with pytest.raises(WireDown, match="did not accept a connection in time; nothing was sent"):
        wire.call("POST", "/notes", effect=True, body=b"{}")
    assert CONNECT_S * 0.9 <= time.monotonic() - began < FAR_S
    wire.close()
    assert not any(arrived(black_hole))


def test_an_sftp_partner_in_a_black_hole_ends_with_the_connect_time_out_and_nothing_was_sent(black_hole):
    wire = Sftp(
        login(black_hole, password=Secret("pw"), extra={"host_key": PINNED}),
        connect_s=CONNECT_S,
        channel_s=5.0,
    )
    began = time.monotonic()
    with pytest.raises(WireDown, match="no answer came in time; nothing was sent"):
        wire.listing("/outbound")
    assert CONNECT_S * 0.9 <= time.monotonic() - began < FAR_S
    wire.close()
    assert not any(arrived(black_hole))


class Hole(Target):
    """A target whose host is a black hole."""

    def __init__(self, hole: socket.socket) -> None:
        super().__init__()
        self._wire = Rest(login(hole, scheme="http"), deadline_s=60.0, connect_s=CONNECT_S)

    def deliver(self, write_back):
        self._wire.call("POST", "/notes", effect=True, body=write_back.body)
        raise AssertionError("nobody answers there")


def test_a_write_back_to_a_black_hole_is_tried_again_and_is_never_unknown(black_hole, store, clock):
    put(store, write_back_of(1, clock))
    assert deliver(store, clock, Hole(black_hole))["retry"] == 1
    assert [one for one, _ in state(store)] == ["ready"]
    assert [(number, outcome) for number, phase, outcome in history(store) if phase == "outcome"] == [
        (1, "retry")
    ]
    assert letters(store) == []
