"""A write-back through the REST wire beside a plain ``requests.Session.post``: CPU time of the caller, as a ratio.

Both post the same 2.2 KB to a small server on loopback that is another process. Rounds alternate; the figure is the
median of the rounds' ratios. ``--quick`` takes fewer calls, for a look.
"""

import argparse
import statistics
import subprocess
import sys
import time

import requests

from crossdock.ports import Login, Secret
from crossdock.wires.rest import Rest

NAME = "rest write-back beside requests.Session.post"
LIMIT = 2.0
ROUNDS = 5
BODY = b'{"text":"' + b"x" * 2180 + b'"}'
TOKEN = "t" * 32

SERVER = r"""
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
ANSWER = (b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 35\r\n\r\n"
          b'{"id":"N-1","key":"k","order":"45"}')
def serve(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        length = int(lines[0].split(b":")[1])
        while len(data) < length:
            data += sock.recv(65536)
        data = data[length:]
        sock.sendall(ANSWER)
def accept():
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
"""


def plain(session: requests.Session, url: str, calls: int) -> float:
    """CPU seconds of this many posts, as anybody writes them."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    began = time.process_time()
    for index in range(calls):
        answer = session.post(
            url, data=BODY, headers={**headers, "Idempotency-Key": f"key-{index}"}, timeout=(5, 30)
        )
        if answer.status_code != 201 or len(answer.content) != 35:
            raise SystemExit(f"the server answered {answer.status_code}")
    return time.process_time() - began


def ours(wire: Rest, path: str, calls: int) -> float:
    """CPU seconds of this many posts through the wire."""
    began = time.process_time()
    for index in range(calls):
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"key-{index}"}
        answer = wire.call("POST", path, effect=True, headers=headers, body=BODY)
        if answer.status != 201 or len(answer.body) != 35:
            raise SystemExit(f"the server answered {answer.status}")
    return time.process_time() - began


def main(argv: list[str] | None = None) -> int:
    """Prints name, figure, limit and pass or fail. Exit 0 when the limit holds, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls")
    calls = 150 if parser.parse_args(argv).quick else 600
    path = "/api/purchase-orders/4500123456/notes"
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        login = Login(
            connection_id="bench", scheme="http", host="127.0.0.1", port=port, password=Secret(TOKEN)
        )
        wire = Rest(login, deadline_s=60.0)
        session = requests.Session()
        url = f"http://127.0.0.1:{port}{path}"
        plain(session, url, 20)
        ours(wire, path, 20)
        rounds = []
        for _ in range(ROUNDS):
            rounds.append((plain(session, url, calls) / calls, ours(wire, path, calls) / calls))
        session.close()
        wire.close()
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(10)
    ratio = statistics.median(theirs / mine for theirs, mine in rounds)
    theirs_us = statistics.median(theirs for theirs, _ in rounds) * 1e6
    mine_us = statistics.median(mine for _, mine in rounds) * 1e6
    passed = ratio >= LIMIT
    print(
        f"{NAME}: {ratio:.2f}x (requests {theirs_us:.0f} us, ours {mine_us:.0f} us of CPU a call), "
        f"limit >= {LIMIT:.1f}x: {'pass' if passed else 'FAIL'}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
