"""Write-backs before they are sent: what an action says, and the key by which the same intent is known again."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from crossdock.errors import CrossdockError
from crossdock.mapping import Body
from crossdock.messages import Action, Decision, WriteBackState, derived_id
from crossdock.registry import Registry


def write_body(
    registry: Registry,
    event: Mapping[str, Any],
    decision: Decision,
    action: Action,
    *,
    case_id: str,
    decision_id: str,
) -> Body:
    """What the outbound mapping says for this action."""
    mapping = registry.outbound(action.operation)
    if mapping is None:
        raise CrossdockError(f"there is no outbound mapping for the operation '{action.operation}'")
    body: Body = mapping.write(
        event,
        decision,
        action.arguments,
        exception_id=case_id,
        decision_id=decision_id,
    )
    return body


def decision_id_of(event: Mapping[str, Any]) -> uuid.UUID:
    return derived_id("decision", event["id"])


def intent_key(tenant: str, case_id: uuid.UUID, action: Action, subject: str) -> uuid.UUID:
    """The idempotency key: the same action with the same arguments, about the same thing, for the same case, is one
    intent, however often it is decided."""
    arguments = orjson.dumps(dict(action.arguments), option=orjson.OPT_SORT_KEYS).decode()
    return derived_id("write-back", tenant, str(case_id), action.target, action.operation, subject, arguments)


def slot_of(registry: Registry, action: Action, subject: str) -> str | None:
    """What this action sets at its target, as a text: what a later one sets too replaces it. ``None``: it adds."""
    mapping = registry.outbound(action.operation)
    if mapping is None or mapping.sets is None:
        return None
    return orjson.dumps(
        [action.operation, subject, *(action.arguments.get(name) for name in mapping.sets)]
    ).decode()


def write_back_row(
    *,
    tenant: str,
    key: uuid.UUID,
    target: str,
    operation: str,
    body: Body,
    now: datetime,
    case_id: uuid.UUID | None = None,
    decision_id: uuid.UUID | None = None,
    raw_id: uuid.UUID | None = None,
    slot: str | None = None,
    gated: bool = False,
) -> dict[str, Any]:
    """A write-back that is ready, as the outbox keeps it; one that is ``gated`` waits for approval. ``key`` is its id
    and its idempotency key."""
    return {
        "tenant": tenant,
        "id": key,
        "case_id": case_id,
        "decision_id": decision_id,
        "raw_id": raw_id,
        "target": target,
        "operation": operation,
        "idempotency_key": str(key),
        "subject": body.subject,
        "slot": slot,
        "body": body.body,
        "body_sha256": sha256(body.body).hexdigest(),
        "media_type": body.media_type,
        "headers": dict(body.headers),
        "state": WriteBackState.AWAITING_APPROVAL if gated else WriteBackState.READY,
        "next_attempt_at": None if gated else now,
        "created_at": now,
        "updated_at": now,
    }
