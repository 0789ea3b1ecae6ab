"""Whether the audit is what was written: the chain from its first row to its end, and against every anchor.

Read only, in batches, so a long audit takes time and no memory. What it cannot see, it says: without a key a chain
that somebody computed anew looks right up to the first anchor, and without anchors a cut end looks like an end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crossdock.audit import anchors, chain
from crossdock.audit.anchors import Anchor
from crossdock.audit.keys import UNKEYED, Keyring
from crossdock.store import audit_trail, restored
from crossdock.store.audit_trail import Head

if TYPE_CHECKING:
    from crossdock.store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first thing that is not as it was written. ``seq``: the number of the row, 0 for what is before them."""

    seq: int
    kind: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification came to. ``unseen``: what it could not see, as sentences."""

    tenant: str
    rows: int
    old_rows: int
    anchors: int
    anchored_seq: int
    unkeyed: int
    broken: Broken | None
    unseen: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return self.broken is None


def verify(store: "Store", tenant: str, keys: Keyring) -> Report:
    """Walk the whole chain of a tenant; stop at the first row that is not as it was written."""
    return _Walk(store, tenant, keys).run()


class _Walk:
    def __init__(self, store: "Store", tenant: str, keys: Keyring) -> None:
        self._store = store
        self._tenant = tenant
        self._keys = keys
        self._anchors: dict[int, list[Anchor]] = {}
        self._count = 0
        self._unreadable: list[int] = []
        self._seq = 0
        self._hash = chain.FIRST
        self._key = UNKEYED.id
        self._unkeyed = 0
        self._old = 0
        self._sealed_old: Mapping[str, Any] | None = None

    def run(self) -> Report:
        broken = self._read_anchors() or self._walk()
        return Report(
            tenant=self._tenant,
            rows=self._seq,
            old_rows=self._old,
            anchors=self._count,
            anchored_seq=max(self._anchors, default=0),
            unkeyed=self._unkeyed,
            broken=broken,
            unseen=tuple(self._unseen()),
        )

    def _read_anchors(self) -> Broken | None:
        path = anchors.place(self._store)
        if path is None:
            return None
        with self._store.reading(self._tenant) as connection:
            told = restored.said(connection, self._tenant)
        for anchor in anchors.read(path, self._tenant, self._keys):
            if not anchor.ours and not anchor.key:
                self._unreadable.append(anchor.line)
                continue
            if not anchor.ours:
                return Broken(
                    seq=anchor.seq,
                    kind="forged",
                    sentence=f"line {anchor.line} of {path} is no anchor that a key of ours sealed: somebody wrote "
                    "into that file",
                )
            self._count += 1
            if anchors.is_lost(anchor, told):
                continue
            at_seq = self._anchors.setdefault(anchor.seq, [])
            if all(one.hash != anchor.hash for one in at_seq):
                at_seq.append(anchor)
        return None

    def _walk(self) -> Broken | None:
        with self._store.reading(self._tenant) as connection:
            before = audit_trail.read_head(connection, self._tenant)
        while True:
            with self._store.reading(self._tenant) as connection:
                rows = audit_trail.rows_after(connection, self._tenant, self._seq)
            for row in rows:
                if (broken := self._row(row)) is not None:
                    return broken
                if before is not None and row["seq"] == before.seq and row["hash"] != before.hash:
                    return self._at(
                        row["seq"], "head", "the end of the chain that is kept beside it is another one"
                    )
            if not rows:
                break
        return self._end(before) or self._old_rows()

    def _row(self, row: Mapping[str, Any]) -> Broken | None:
        seq = row["seq"]
        if seq != self._seq + 1:
            return self._at(self._seq + 1, "missing", f"it is not there; the next one is {seq}")
        key = self._keys.find(row["key_id"])
        if key is None:
            return self._at(seq, "key", f"it names the key {row['key_id']!r}, which is not known here")
        if not chain.is_seal(key, self._hash, row, row["hash"]):
            return self._at(
                seq,
                "changed",
                "its seal does not fit: it was changed, or it or the one before it was put in, taken out or moved",
            )
        if key.id != self._key:
            if key.id == UNKEYED.id:
                return self._at(seq, "key", "it is sealed without a key, and those before it with one")
            if seq > 1 and row["action"] != chain.KEY_CHANGED:
                return self._at(seq, "key", "the key changes here, and no row says so")
        for anchor in self._anchors.get(seq, ()):
            if anchor.hash != row["hash"]:
                return self._at(
                    seq,
                    "anchor",
                    f"on {anchor.at} it was anchored with another seal: the chain was made anew",
                )
        if row["action"] == chain.SEALED_OLD and seq == 1:
            self._sealed_old = row["detail"]
        self._unkeyed += key.id == UNKEYED.id
        self._seq, self._hash, self._key = seq, row["hash"], key.id
        return None

    def _end(self, before: Head | None) -> Broken | None:
        with self._store.reading(self._tenant) as connection:
            after = audit_trail.read_head(connection, self._tenant)
        kept = max(before.seq if before else 0, after.seq if after else 0)
        if self._seq < (before.seq if before else 0):
            return self._at(self._seq + 1, "missing", f"the chain ends before it, and should go on to {kept}")
        if after is None and self._seq:
            return self._at(1, "head", "the end of the chain that is kept beside it is gone")
        if after is not None and self._seq > after.seq:
            return self._at(after.seq + 1, "inserted", f"the chain that was written ends at {after.seq}")
        if beyond := [seq for seq in self._anchors if seq > kept]:
            last = max(beyond)
            return self._at(
                kept + 1,
                "truncated",
                f"the chain ends before it; on {self._anchors[last][0].at} it was anchored up to {last}",
            )
        return None

    def _old_rows(self) -> Broken | None:
        with self._store.reading(self._tenant) as connection:
            self._old, digest = chain.digest(audit_trail.old_rows(connection, self._tenant))
        if self._sealed_old is None:
            if self._old and self._seq:
                return self._at(0, "inserted", f"{self._old} rows without a number stand beside the chain")
            return None
        if (self._sealed_old.get("rows"), self._sealed_old.get("sha256")) != (self._old, digest):
            return self._at(
                0,
                "changed",
                f"the {self._old} rows from before the chain are not the {self._sealed_old.get('rows')} that its "
                "first row sealed",
            )
        return None

    def _at(self, seq: int, kind: str, sentence: str) -> Broken:
        return Broken(seq=seq, kind=kind, sentence=sentence)

    def _unseen(self) -> list[str]:
        said = []
        if not self._keys.is_keyed:
            said.append(
                "no key is configured (connection crossdock_audit): who may write into the database and computes the "
                "chain anew is seen only by an anchor"
            )
        elif self._unkeyed:
            said.append(f"{self._unkeyed} rows were sealed without a key, before one was configured")
        if self._unreadable:
            lines = ", ".join(map(str, self._unreadable[:5]))
            said.append(
                f"{len(self._unreadable)} lines of the anchors are cut off or none at all (line {lines})"
            )
        if not self._anchors:
            said.append("there is no anchor outside the database: a cut end looks like an end")
        elif self._seq > max(self._anchors):
            said.append(
                f"rows {max(self._anchors) + 1} to {self._seq} are behind the last anchor: that the end was cut off "
                "there would not be seen"
            )
        if self._old and not self._seq:
            said.append(
                f"{self._old} rows from before the chain are not sealed yet; the next action seals them"
            )
        elif self._old:
            said.append(
                f"{self._old} rows are from before the chain: that they were right when it began nobody knows"
            )
        return said
