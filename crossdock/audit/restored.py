"""A database that was restored from a backup: it does not know what was delivered since.

Anchors outside of it do: they name rows of the audit that it lacks. Then nothing is delivered until a person says
that it was restored. With that word everything that is not done may have happened: a target that can be asked is
asked before anything is sent again, one that knows our keys is sent the same key, and what a target can neither be
asked about nor recognise is an unknown outcome, for two people.

So that anchors know of every backup that is older than an hour, a delivery adds a row to the audit when none was
added since the last anchor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from crossdock.audit import anchors, chain
from crossdock.audit.keys import Keyring
from crossdock.audit.verify import verify
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.faultpoints import faultpoint
from crossdock.principals import OURSELVES
from crossdock.store import audit_trail, desk, restored

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

DELIVERED: Final = "audit.delivered"
"""What the hub adds to the audit: something was delivered, and no row was added since the last anchor."""


class Restored(CrossdockError):
    """The database was restored from a backup, and nobody has said so yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """What a person's word led to. ``seq``: the row that says so; ``write_backs``: by target, how many may have
    happened."""

    seq: int
    write_backs: Mapping[str, int]


def require_said(store: "Store", tenant: str, keys: Keyring) -> None:
    """Raise ``Restored`` when an anchor knows a row that is not there, and nobody has said why."""
    path = anchors.place(store)
    if path is None:
        return
    known = [anchor for anchor in anchors.read(path, tenant, keys) if anchor.ours]
    if not known:
        return
    with store.reading(tenant) as connection:
        told = restored.said(connection, tenant)
        seals = restored.seals(connection, tenant, {anchor.seq for anchor in known})
    # all of them and not the last: people may have gone on with what was restored, and that was anchored too
    lost = [one for one in known if seals.get(one.seq) != one.hash and not anchors.is_lost(one, told)]
    if not lost:
        return
    last = max(lost, key=lambda anchor: anchor.seq)
    how = "is another one" if last.seq in seals else "is not there"
    raise Restored(
        f"this database was restored from a backup: row {last.seq} of its audit, which was anchored in {path} on "
        f"{last.at}, {how}. What was delivered since the backup is not known in it, so nothing is delivered. "
        "Receive and process what waits, then: crossdock audit restored --reason 'backup of ...'"
    )


def say(
    store: "Store",
    tenant: str,
    keys: Keyring,
    *,
    actor: str,
    reason: str,
    now: datetime,
    unseen: bool = False,
) -> Doubted:
    """A person says that the database was restored from a backup: the rows that anchors still know are lost, and what
    is not done may have happened. ``unseen``: although no anchor shows it.

    Raises ``Misconfigured`` when nothing is missing behind the end, when something else is wrong, which no restore
    explains, and while messages wait to be processed, whose write-backs would not be doubted.
    """
    broken = verify(store, tenant, keys).broken
    if broken is None and not unseen:
        raise Misconfigured(
            "a restored backup does not explain what is found here: nothing is missing; when you know that it was "
            "restored all the same, add --unseen"
        )
    if broken is not None and broken.kind not in ("truncated", "anchor"):
        raise Misconfigured(
            f"a restored backup does not explain what is found here: row {broken.seq}: {broken.sentence}"
        )
    with store.transaction(tenant) as connection:
        head = audit_trail.read_head(connection, tenant)
        if waiting := restored.unprocessed(connection, tenant):
            raise Misconfigured(
                f"{waiting} messages wait to be processed, and what they lead to may have been delivered before too; "
                "first: crossdock process --once"
            )
        words = (
            f"{actor} said that the database was restored: {reason}; it may have happened since the backup"
        )
        doubted = restored.doubt(
            connection, tenant, since=head.anchored_at if head else None, now=now, words=words
        )
        seq = audit_trail.append(
            connection,
            tenant=tenant,
            now=now,
            actor=actor,
            action=chain.RESTORED,
            object_kind="audit",
            object_id=tenant,
            reason=reason,
            detail={
                "lost_from": broken.seq if broken else (head.seq if head else 0) + 1,
                "says": broken.sentence if broken else "no anchor shows it",
                "doubted": dict(doubted),
            },
        )
        faultpoint("audit.before_restored")
    faultpoint("audit.after_restored")
    return Doubted(seq=seq, write_backs=doubted)


def note_delivered(connection: "Transaction", tenant: str, now: datetime) -> None:
    """Let the audit grow when it has not since its last anchor: then the next anchor knows of this time."""
    head = audit_trail.read_head(connection, tenant)
    if head is not None and head.seq > head.anchored_seq:
        return
    desk.add_audit(
        connection,
        tenant=tenant,
        now=now,
        actor=OURSELVES,
        action=DELIVERED,
        object_kind="audit",
        object_id=tenant,
    )
