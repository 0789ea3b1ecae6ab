"""Edit and replay: a payload that a person mended runs in the place of the original, which never changes.

Of a part that was received, the new bytes stand in its place when the message is read again: same message, same part,
new body. What comes of it says so, for its origin has the hash of what was read, and that is the version's. Of a
write-back, the new body is a new write-back with a key of its own, and the dead one is superseded by it.
"""

import difflib
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from crossdock import approvals, deadletters
from crossdock.deadletters import NotPossible
from crossdock.errors import CrossdockError, Unreadable
from crossdock.formats import json_strict
from crossdock.formats.x12.security import hide_security
from crossdock.messages import Stage, WriteBackState, derived_id
from crossdock.store import approvals as kept
from crossdock.store import casebook, desk, inbox, outbox, payloads, sagas, told
from crossdock.store.payloads import Piece

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

LARGEST: Final = 4 * 1024 * 1024
LONGEST_DIFF: Final = 64 * 1024
MOST_LINES: Final = 4_000
"""A comparison of longer texts takes longer than anybody waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What an edit came to. ``id`` is ``None`` when it was only tried; ``number`` counts from 2."""

    id: uuid.UUID | None
    number: int
    diff: str
    next_step: str
    write_back_id: uuid.UUID | None = None


def mended(body: bytes, pieces: Sequence[Piece]) -> bytes:
    """A message with these pieces in the place of its parts. Pure."""
    for piece in sorted(pieces, key=lambda one: one.offset or 0, reverse=True):
        if piece.offset is None or piece.length is None:
            return piece.body
        body = body[: piece.offset] + piece.body + body[piece.offset + piece.length :]
    return body


def difference(old: bytes, new: bytes, *, number: int) -> str:
    """What is another in the new version, line by line, segment by segment or field by field. Pure. What an ISA may
    hold of passwords is covered up."""
    was, now = _lines(old), _lines(new)
    if len(was) > MOST_LINES or len(now) > MOST_LINES:
        return f"{len(old)} bytes became {len(new)}; too many lines to show what differs\n"
    text = "".join(
        f"{line}\n"
        for line in difflib.unified_diff(
            was, now, fromfile=f"version {number - 1}", tofile=f"version {number}", lineterm=""
        )
    )
    return text[:LONGEST_DIFF]


def _lines(body: bytes) -> list[str]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    text = hide_security(text)
    if text.lstrip().startswith(("{", "[")):
        try:
            text = json.dumps(json.loads(text), indent=1, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    elif text.count("\n") < 3:
        text = text.replace("~", "~\n")
    return [re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "·", line) for line in text.splitlines()]


def edit(
    connection: "Transaction",
    *,
    tenant: str,
    letter_id: uuid.UUID,
    body: bytes,
    actor: str,
    reason: str,
    now: datetime,
    only_try: bool = False,
) -> Edited:
    """Put a new body in the place of what failed, and run it. ``only_try``: only say what would differ.

    Raises ``NotPossible``: nothing differs, a reason is missing, or what may have happened would be said otherwise.
    """
    if not reason.strip() and not only_try:
        raise NotPossible("a payload is edited with a reason")
    if not body or len(body) > LARGEST:
        raise NotPossible(f"the new payload has {len(body)} bytes; it has 1 to {LARGEST}")
    deadletters.hold(connection, tenant, letter_id)
    letter = deadletters.open_letter(connection, tenant, letter_id)
    of = _edit_write_back if letter.write_back_id is not None else _edit_part
    return of(connection, letter, body=body, actor=actor, reason=reason, now=now, only_try=only_try)


def _edit_part(
    connection: "Transaction",
    letter: Any,
    *,
    body: bytes,
    actor: str,
    reason: str,
    now: datetime,
    only_try: bool,
) -> Edited:
    short = str(letter.id)[:8]
    if letter.part is None or letter.stage == Stage.RECEIVE:
        raise NotPossible(f"dead letter {short} is of no part of a message, so there is nothing to edit")
    message = inbox.read_message(connection, letter.tenant, letter.raw_id)
    place = payloads.place_of(connection, letter.tenant, letter.raw_id, letter.part)
    if message is None or place is None or (place.byte_offset is None and letter.part):
        raise NotPossible(f"dead letter {short}: where its part stands in the message is not known")
    pieces = payloads.latest(connection, letter.tenant, [letter.raw_id]).get(letter.raw_id, [])
    before = next((piece for piece in pieces if piece.part == letter.part), None)
    if before is not None:
        old = before.body
    elif place.byte_offset is None:
        old = message.body
    else:
        old = message.body[place.byte_offset : place.byte_offset + place.byte_length]
    if body == old:
        raise NotPossible(f"dead letter {short}: nothing differs; replay it")
    number = before.number + 1 if before is not None else 2
    piece = Piece(
        part=letter.part, offset=place.byte_offset, length=place.byte_length, number=number, body=body
    )
    whole = mended(message.body, [*(one for one in pieces if one.part != letter.part), piece])
    diff = difference(old, body, number=number)
    if only_try:
        return Edited(id=None, number=number, diff=diff, next_step="process")
    identity = _keep(
        connection,
        letter,
        body=body,
        hashed=whole,
        number=number,
        diff=diff,
        actor=actor,
        reason=reason,
        now=now,
        raw_id=letter.raw_id,
        part=letter.part,
    )
    casebook.move_part(connection, letter.tenant, letter.raw_id, letter.part, "in_flight")
    inbox.ask_again(connection, letter.tenant, letter.raw_id)
    _closed(connection, letter, identity, number, actor=actor, reason=reason, now=now)
    return Edited(id=identity, number=number, diff=diff, next_step="process")


def _edit_write_back(
    connection: "Transaction",
    letter: Any,
    *,
    body: bytes,
    actor: str,
    reason: str,
    now: datetime,
    only_try: bool,
) -> Edited:
    short = str(letter.id)[:8]
    row = told.write_back(connection, letter.tenant, letter.write_back_id)
    assert row is not None
    if row.state not in (WriteBackState.REJECTED, WriteBackState.EXHAUSTED):
        raise NotPossible(
            f"dead letter {short}: its write-back is {row.state}; only what provably did not happen is said otherwise"
        )
    if row.ask_first:
        raise NotPossible(
            f"dead letter {short}: the database was restored, and its write-back may have happened since the backup; "
            "replay it first, and its target is asked"
        )
    if "x12" in row.media_type:
        raise NotPossible(
            f"dead letter {short}: an interchange of ours has its numbers and is not edited by hand; "
            "crossdock write-backs reissue makes it anew"
        )
    if sagas.is_step(connection, letter.tenant, row.id):
        raise NotPossible(
            f"dead letter {short}: '{letter.label}' belongs to others, which are taken back without it, and what is "
            "edited would stand alone; decide the case again, or discard this"
        )
    deadletters.require_last(connection, letter)
    if body == bytes(row.body):
        raise NotPossible(f"dead letter {short}: nothing differs; replay it")
    _require_readable(row.media_type, body, short)
    diff = difference(bytes(row.body), body, number=2)
    if only_try:
        return Edited(id=None, number=2, diff=diff, next_step=f"deliver {row.target}")
    new_id = derived_id("write-back-edit", str(row.id), sha256(body).hexdigest())
    gated = kept.is_gated(connection, letter.tenant, [row.id])
    added = outbox.add_write_backs(
        connection,
        [
            {
                **{
                    name: getattr(row, name)
                    for name in (
                        "tenant",
                        "case_id",
                        "decision_id",
                        "raw_id",
                        "target",
                        "operation",
                        "subject",
                        "slot",
                        "queued",
                        "let_pass",
                    )
                },
                "id": new_id,
                "idempotency_key": str(new_id),
                "body": body,
                "body_sha256": sha256(body).hexdigest(),
                "media_type": row.media_type,
                "headers": dict(row.headers),
                "state": WriteBackState.AWAITING_APPROVAL if gated else WriteBackState.READY,
                "next_attempt_at": None if gated else now,
                "created_at": now,
                "updated_at": now,
            }
        ],
    )
    if not added:
        raise NotPossible(
            f"dead letter {short}: the same was put in its place before, as write-back {new_id}"
        )
    if gated:  # what was agreed to were other bytes
        approvals.ask_for_new(connection, letter.tenant, {new_id: (actor, f"edited: {reason}")}, now)
    identity = _keep(
        connection,
        letter,
        body=body,
        hashed=body,
        number=2,
        diff=diff,
        actor=actor,
        reason=reason,
        now=now,
        write_back_id=row.id,
        new_write_back_id=new_id,
    )
    outbox.close_by_person(
        connection,
        tenant=letter.tenant,
        write_back_id=row.id,
        state=WriteBackState.SUPERSEDED,
        now=now,
        actor=actor,
        reason=f"edited as write-back {new_id}: {reason}",
        by=new_id,
    )
    _closed(connection, letter, identity, 2, actor=actor, reason=reason, now=now, new=new_id)
    return Edited(
        id=identity,
        number=2,
        diff=diff,
        next_step="approvals" if gated else f"deliver {row.target}",
        write_back_id=new_id,
    )


def _require_readable(media_type: str, body: bytes, short: str) -> None:
    """What is JSON stays JSON: a slip of the hand is told here, and not by the target."""
    if "json" not in media_type:
        return
    try:
        json_strict.loads(body)
    except (Unreadable, CrossdockError) as error:
        raise NotPossible(f"dead letter {short}: the new payload is no {media_type}: {error}") from error


def _keep(
    connection: "Transaction",
    letter: Any,
    *,
    body: bytes,
    hashed: bytes,
    number: int,
    diff: str,
    actor: str,
    reason: str,
    now: datetime,
    **of: Any,
) -> uuid.UUID:
    identity = derived_id("payload-version", str(letter.id), str(number), sha256(body).hexdigest())
    nothing = dict.fromkeys(("raw_id", "part", "write_back_id", "new_write_back_id"))
    payloads.add(
        connection,
        {
            **nothing,
            **of,
            "tenant": letter.tenant,
            "id": identity,
            "letter_id": letter.id,
            "number": number,
            "body": body,
            "sha256": sha256(hashed).hexdigest(),
            "diff": diff,
            "actor": actor,
            "reason": reason,
            "at": now,
        },
    )
    return identity


def _closed(
    connection: "Transaction",
    letter: Any,
    identity: uuid.UUID,
    number: int,
    *,
    actor: str,
    reason: str,
    now: datetime,
    new: uuid.UUID | None = None,
) -> None:
    """The letter is done, and says by whom, why and as which version."""
    desk.close_dead_letter(
        connection,
        letter,
        state="replayed",
        action="dead_letter.edit",
        actor=actor,
        reason=f"edited as version {number}: {reason}",
        said=reason,
        now=now,
        more={"version": str(identity), "number": number, **({"new": str(new)} if new is not None else {})},
        replay_as="now",
    )
