"""Named places where a test can make this process die or fail. They do nothing until switched on.

``CROSSDOCK_FAULT=deliver.after_call:kill:2`` does it the second time this process comes to that place; several are
parted by commas. The kinds:

* ``kill``: this process dies as by ``kill -9``
* ``raise``: ``InjectedFault``, which nothing handles
* ``hang``: this process stands still (``SIGSTOP``) until somebody continues it, long after its lease
* ``disk_full``: what a full disk would raise there: in a transaction the database's error, else the system's
"""

import errno
import os
import signal
from typing import Final

POINTS: Final = (
    "hub.before_start",
    "hub.after_start",
    "receive.after_turn",
    "receive.before_commit",
    "receive.after_commit",
    "receive.before_settle",
    "receive.before_settled",
    "receive.after_settle",
    "receive.before_seen",
    "receive.after_seen",
    "receive.before_end",
    "receive.after_end",
    "unblock.before_put_back",
    "unblock.after_put_back",
    "process.before_claim",
    "process.after_claim",
    "process.before_give_back",
    "process.before_commit",
    "process.before_overdue",
    "process.after_commit",
    "process.before_untold",
    "process.after_untold",
    "watch.before_commit",
    "watch.after_commit",
    "deliver.before_take_over",
    "deliver.after_take_over",
    "deliver.before_intent",
    "deliver.after_intent",
    "deliver.before_renew",
    "deliver.after_renew",
    "deliver.before_version",
    "deliver.after_version",
    "deliver.after_call",
    "deliver.before_record",
    "deliver.after_record",
    "deliver.before_pause",
    "deliver.after_pause",
    "audit.before_anchored",
    "audit.after_anchored",
    "sagas.before_step",
    "sagas.after_step",
    "sagas.before_settle",
    "sagas.after_settle",
    "unknown.before_asked",
    "unknown.after_asked",
    "unknown.after_call",
    "unknown.before_answered",
    "unknown.after_answered",
    "unknown.before_happened",
    "unknown.after_happened",
    "approvals.before_ask",
    "approvals.after_ask",
    "approvals.before_decide",
    "approvals.after_decide",
    "approvals.before_expire",
    "approvals.after_expire",
    "publish.before_commit",
    "publish.after_commit",
    "webhooks.before_made",
    "webhooks.after_made",
    "webhooks.before_take_over",
    "webhooks.after_take_over",
    "webhooks.before_intent",
    "webhooks.after_intent",
    "webhooks.after_call",
    "webhooks.before_record",
    "webhooks.after_record",
    "webhooks.before_pause",
    "webhooks.after_pause",
    "brokers.before_turn",
    "brokers.after_turn",
    "brokers.after_send",
    "brokers.before_mark",
    "brokers.after_mark",
    "hub.before_change",
    "hub.after_change",
    "deliver.before_release",
    "deliver.after_release",
    "hub.before_finish",
    "hub.after_finish",
    "deadletters.before_replay",
    "deadletters.after_replay",
    "deadletters.before_discard",
    "deadletters.after_discard",
    "redrive.before_start",
    "redrive.after_start",
    "redrive.before_put_back",
    "redrive.after_put_back",
    "redrive.before_turn",
    "redrive.after_turn",
    "desk.before_group",
    "desk.after_group",
    "desk.before_edit",
    "desk.after_edit",
    "desk.before_resume",
    "desk.after_resume",
    "desk.before_park",
    "desk.after_park",
    "casework.before_move",
    "casework.after_move",
    "casework.before_assign",
    "casework.after_assign",
    "sent_again.before_commit",
    "sent_again.after_commit",
    "audit.before_restored",
    "audit.after_restored",
    "store.before_upgrade",
    "store.after_upgrade",
)
"""Every place, in the order of the walk: beside each transaction boundary. ``before``: the transaction is open."""

KINDS: Final = ("kill", "raise", "hang", "disk_full")


class InjectedFault(BaseException):
    """A fault that a test asked for. No part of the error tree: nothing may handle it."""


_seen: dict[str, int] = {}


def faultpoint(name: str) -> None:
    """Die or fail here when ``CROSSDOCK_FAULT`` says so."""
    wanted = os.environ.get("CROSSDOCK_FAULT")
    if not wanted:
        return
    _seen[name] = _seen.get(name, 0) + 1
    for one in wanted.split(","):
        point, kind, nth = one.split(":")
        if point == name and _seen[name] == int(nth):
            _fail(name, kind)


def _fail(name: str, kind: str) -> None:
    match kind:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "disk_full":
            raise _no_room(name)
        case "raise":
            raise InjectedFault(name)
        case _:
            raise ValueError(f"CROSSDOCK_FAULT: {kind!r} is none of {', '.join(KINDS)}")


def _no_room(name: str) -> Exception:
    if ".before_" in name:
        from crossdock.store.engine import disk_full

        return disk_full()
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
