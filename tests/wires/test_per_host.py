"""At one host there are so many calls at once, whoever makes them; and where a host may lie, its connection says."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crossdock.errors import WireDown
from crossdock.logins import from_fields
from crossdock.testing import lying_http as lie
from crossdock.wires.address_guard import ForbiddenAddress
from crossdock.wires.per_host import PerHost
from crossdock.wires.rest import Rest


class Crowd:
    """A server that counts how many calls are with it at the same moment."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self.go = threading.Event()

    def __call__(self, request: lie.Request) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.go.wait(0.05)
        with self._lock:
            self.inside -= 1
        return 200, {}, b"{}"


def wire(server: lie.LyingServer, **extra: object) -> Rest:
    fields = {"host": "127.0.0.1", "port": server.port, "schema": "http", "extra": extra}
    return Rest(from_fields("acme", fields), deadline_s=10, connections=30)


def test_two_connectors_at_one_host_are_bounded_together():
    crowd = Crowd()
    with lie.LyingServer(lie.reply(crowd)) as server:
        wires = [wire(server, at_once=3), wire(server, at_once=3)]
        with ThreadPoolExecutor(20) as pool:
            calls = [pool.submit(wires[number % 2].call, "GET", "/", effect=False) for number in range(20)]
            assert [one.result().status for one in calls] == [200] * 20
    assert 1 < crowd.most <= 3


def test_who_finds_no_place_in_time_has_sent_nothing():
    with lie.LyingServer(lie.hang()) as server:
        full, late = wire(server, at_once=1), wire(server, at_once=1)
        with ThreadPoolExecutor(1) as pool:
            holding = pool.submit(full.call, "GET", "/", effect=False, deadline_s=2)
            while not server.requests:
                threading.Event().wait(0.01)
            with pytest.raises(WireDown, match=r"1 calls were there at once .* nothing was sent"):
                late.call("POST", "/notes", effect=True, body=b"{}", deadline_s=0.2)
            with pytest.raises(WireDown):
                holding.result()
    assert len(server.requests) == 1


def test_a_place_is_given_back_whatever_happens_there():
    with lie.LyingServer() as server:
        server.then(*[lie.reset_after_commit()] * 5)
        one = wire(server, at_once=1)
        for _ in range(5):
            with pytest.raises(WireDown):
                one.call("GET", "/", effect=False)
        assert one.call("GET", "/", effect=False).status == 200


def test_a_child_process_finds_every_host_empty():
    places = PerHost()
    with places.at("h", 1, within_s=1):
        places._changed.acquire()
        places.forget()  # what os.register_at_fork calls
        with places.at("h", 1, within_s=1):
            assert places._inside == {"h": 1}
    assert places._inside == {}


def test_a_connection_that_says_public_leads_into_no_private_network():
    with lie.LyingServer() as server:
        with pytest.raises(ForbiddenAddress, match="this machine itself"):
            wire(server, addresses="public").call("GET", "/", effect=False)
        *_, last = wire(server, addresses="public").check("/")
        assert (last.step, last.ok, last.field) == ("resolve", False, "addresses")
        assert server.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "100.100.100.200", "0.0.0.0"])
def test_no_connection_leads_to_the_metadata_of_a_cloud(host):
    login = from_fields("acme", {"host": host, "schema": "http"})
    with pytest.raises(ForbiddenAddress, match="never called"):
        Rest(login, deadline_s=1).call("GET", "/latest/meta-data", effect=False)
