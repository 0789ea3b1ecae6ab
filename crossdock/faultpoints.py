"""Named places where a test can make this process die or fail. They do nothing until switched on.

``CROSSDOCK_FAULT=deliver.after_call:kill:2`` kills this process the way ``kill -9`` does, the second time it comes
to that place; ``raise`` instead of ``kill`` raises ``InjectedFault`` there.
"""

import os
import signal
from typing import Final

POINTS: Final = (
    "receive.before_commit",
    "receive.before_settle",
    "receive.after_settle",
    "process.after_claim",
    "process.before_commit",
    "process.after_commit",
    "deliver.after_intent",
    "deliver.after_call",
    "deliver.after_record",
)
"""Every place, in the order of the walk: beside each transaction boundary."""


class InjectedFault(BaseException):
    """A fault that a test asked for. No part of the error tree: nothing may handle it."""


_seen: dict[str, int] = {}


def faultpoint(name: str) -> None:
    """Die or fail here when ``CROSSDOCK_FAULT`` says so."""
    wanted = os.environ.get("CROSSDOCK_FAULT")
    if not wanted:
        return
    point, kind, nth = wanted.split(":")
    if point != name:
        return
    _seen[name] = _seen.get(name, 0) + 1
    if _seen[name] != int(nth):
        return
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFault(name)
