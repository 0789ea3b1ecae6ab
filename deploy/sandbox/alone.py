"""Run one system of the sandbox as a program: say where it is, in one JSON line, until it is told to stop."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar


class Server(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


S = TypeVar("S", bound=Server)


def wait_for_the_end() -> None:
    """Return at SIGTERM, SIGINT or SIGHUP."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: end.set())
    end.wait()


def run_alone(
    title: str, make: Callable[[argparse.Namespace], S], tell: Callable[[S], Mapping[str, Any]]
) -> None:
    options = argparse.ArgumentParser(description=f"Crossdock's sandbox: {title}, on 127.0.0.1.")
    options.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options.add_argument("--home", type=Path, required=True, help="the folder for its records")
    options.add_argument("--password", default=None, help="password or token; one is made if none is given")
    server = make(options.parse_args())
    server.start()
    try:
        sys.stdout.write(json.dumps(tell(server)) + "\n")
        sys.stdout.flush()
        wait_for_the_end()
    finally:
        server.stop()
