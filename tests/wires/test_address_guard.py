"""No call to where nothing outside should reach: sixty ways to write it, and a name server that changes its mind."""

import ipaddress
import socket

import pytest

from crossdock.errors import WireDown
from crossdock.ports import Login
from crossdock.testing.lying_http import LyingServer, answer, redirect
from crossdock.wires.address_guard import AddressGuard, ForbiddenAddress, destination, forbidden
from crossdock.wires.rest import Rest

REFUSED = [
    # this machine
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://127.255.255.254/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0x7f.1/", "https://0177.0.0.1/", "https://0177.1/",
    "https://017700000001/", "https://127.0.0.1./", "https://0/", "https://0.0.0.0/", "https://0x/",
    "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/", "https://[2002:7f00:1::]/", "https://[::ffff:0:7f00:1]/",
    "https://[2001:0:7f00:1::]/", "https://[2001:0:0808:0808:0:0:80ff:fffe]/",
    # private networks
    "https://10.0.0.1/", "https://10.1/", "https://167772161/", "https://172.16.0.1/", "https://172.31.255.255/",
    "https://192.168.1.1/", "https://0300.0250.1.1/", "https://[::ffff:10.0.0.1]/", "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/", "https://[fec0::1]/", "https://100.64.0.1/", "https://198.18.0.1/",
    "https://192.0.2.1/", "https://[2001:db8::1]/",
    # metadata, link-local, multicast, reserved
    "https://169.254.169.254/latest/meta-data/", "https://2852039166/", "https://0xa9fea9fe/",
    "https://[::ffff:169.254.169.254]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/", "https://168.63.129.16/", "https://100.100.100.200/", "https://192.0.0.192/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/", "https://[ff02::1]/",
    # no URL that is called
    "http://receiver.example/", "ftp://receiver.example/", "file:///etc/passwd", "gopher://receiver.example/",
    "https://receiver.example:22/", "https://receiver.example:99999/", "https://user:word@receiver.example/",
    "https://receiver.example@127.0.0.1/", "https://receiver.example/#at", "https:///path", "https://",
    "https://①②⑦.⓪.⓪.①/", "https://receiver.example\\@127.0.0.1/", "https://receiver.example\r\nHost: x/",
    "https://receiver .example/", "https://[127.0.0.1]/", "https://[::1/", "https://re%63eiver.example/",
    "https://" + "a" * 300 + ".example/",
]  # fmt: skip

TAKEN = [
    "https://receiver.example/", "https://receiver.example", "https://receiver.example:8443/in?x=1",
    "https://93.184.215.14/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/in", "https://localhost.example/",
    "https://xn--bcher-kva.example/", "https://a_b.example./", "https://[2002:0808:0808::]/",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED, ids=lambda url: url[:60])
def test_a_url_to_where_nothing_goes_is_refused(url):
    with pytest.raises(ForbiddenAddress):
        destination(url)


def test_the_table_has_sixty_forms_and_more():
    assert len(set(REFUSED)) >= 60


@pytest.mark.parametrize("url", TAKEN)
def test_a_url_of_a_receiver_is_taken(url):
    assert destination(url).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/in",
        "https://10.1.2.3/",
        "http://planning.internal/in",
        "https://[fd12::1]:9443/",
    ],
)
def test_what_is_marked_internal_may_be_private(url):
    assert destination(url, internal=True).host
    with pytest.raises(ForbiddenAddress):
        destination(url)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "224.0.0.1", "0.0.0.0", "fe80::1",
     "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::"],
)  # fmt: skip
def test_metadata_is_not_called_even_by_what_is_internal(address):
    assert forbidden(ipaddress.ip_address(address), internal=True)


def resolver(*answers):
    """A name server that gives these answers, one after another, and the last for ever."""
    asked = []

    def resolve(host, port, within_s):
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in found
        ]

    resolve.asked = asked
    return resolve


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "10.0.0.7"],
        ["93.184.215.14", "::1"],
        ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:192.168.0.1"],
        ["169.254.169.254"],
    ],
)
def test_a_name_with_one_forbidden_address_is_refused_whole(addresses):
    with pytest.raises(ForbiddenAddress, match="nothing was sent"):
        AddressGuard(resolve=resolver(addresses))("receiver.example", 443, 1.0)


def rest(server, guard, host="receiver.example"):
    return Rest(
        Login(connection_id="hook", scheme="http", host=host, port=server.port),
        deadline_s=5,
        resolve=guard,
    )


def test_a_name_that_resolves_to_us_the_second_time_is_asked_once_and_the_judged_address_is_called():
    with LyingServer() as inside:
        names = resolver(["203.0.113.7"], ["127.0.0.1"])
        guarded = AddressGuard(resolve=names)
        with pytest.raises(ForbiddenAddress):
            rest(inside, guarded).call("POST", "/in", effect=True, body=b"{}")
        names = resolver(["127.0.0.1"], ["203.0.113.7"])
        wire = rest(inside, AddressGuard(internal=True, resolve=names))
        assert wire.call("POST", "/in", effect=True, body=b"{}").status == 200
        assert names.asked == ["receiver.example"]
        (request,) = inside.requests
        assert request.headers["host"] == f"receiver.example:{inside.port}"


def test_a_new_connection_is_judged_anew():
    with LyingServer() as inside:
        inside.then(answer(200, headers={"Connection": "close"}))
        names = resolver(["127.0.0.1"], ["169.254.169.254"])
        wire = rest(inside, AddressGuard(internal=True, resolve=names))
        wire.call("POST", "/in", effect=True, body=b"{}")
        wire.close()
        with pytest.raises(ForbiddenAddress):
            wire.call("POST", "/in", effect=True, body=b"{}")
        assert len(inside.requests) == 1


def test_no_proxy_of_the_environment_and_no_redirect_leads_elsewhere(monkeypatch):
    with LyingServer() as inside, LyingServer() as elsewhere:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere.url)
        inside.then(redirect(f"{elsewhere.url}/metadata"))
        wire = rest(inside, AddressGuard(internal=True, resolve=resolver(["127.0.0.1"])))
        assert wire.call("POST", "/in", effect=True, body=b"{}").status == 302
        assert len(inside.requests) == 1
        assert elsewhere.requests == []


def test_a_name_that_is_not_there_is_no_forbidden_one():
    def nothing(host, port, within_s):
        raise OSError("no such name")

    with LyingServer() as inside, pytest.raises(WireDown, match="nothing was sent"):
        rest(inside, AddressGuard(resolve=nothing)).call("POST", "/in", effect=True, body=b"{}")
