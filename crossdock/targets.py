"""Targets: what people see of them and do with them. Every deed wants a reason and leaves an audit row."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crossdock.deadletters import NotPossible
from crossdock.errors import Misconfigured
from crossdock.ports import Manifest, SinkManifest
from crossdock.standing import EVERY, Mode, Permit, Standing, Stop, TargetState
from crossdock.store import desk, target_book, turns

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A target as a person sees it. ``permit``: what may be called now."""

    name: str
    standing: Standing
    stops: Sequence[Stop]
    permit: Permit
    waiting: Mapping[str, int]
    rules: SinkManifest

    def as_dict(self) -> dict[str, Any]:
        """For ``--json`` and the API."""
        standing, rules = self.standing, self.rules
        return {
            "target": self.name,
            "mode": str(standing.mode),
            "state": str(standing.state),
            "may_be_called": self.permit.limit > 0,
            "why": self.permit.why or None,
            "next_try_at": self.permit.until,
            "since": standing.since,
            "by": standing.by or None,
            "failures": standing.failures,
            "stops": [
                {
                    "target": one.target,
                    "operation": one.operation,
                    "by": one.by,
                    "reason": one.reason,
                    "at": one.at,
                }
                for one in self.stops
            ],
            "write_backs": dict(self.waiting),
            "rules": {
                "idempotency": rules.idempotency,
                "remembers_s": rules.remembers_s,
                "schedule_s": list(rules.schedule_s),
                "max_age_s": rules.max_age_s,
                "rate_per_s": rules.rate_per_s,
                "burst": rules.burst if rules.rate_per_s is not None else None,
                "retry_share": rules.retry_share,
                "ordering": rules.ordering,
                "blackouts": [str(one) for one in rules.blackouts],
                "operations": list(rules.operations),
            },
        }


def shown(
    connection: "Transaction", tenant: str, manifests: Mapping[str, Manifest], now: datetime
) -> list[Shown]:
    """Every target of this tenant, by name."""
    standings = target_book.every(connection, tenant)
    stops = target_book.stops_of(connection, tenant)
    waiting = target_book.write_backs_by_state(connection, tenant)
    found = []
    for name, manifest in sorted(manifests.items()):
        if manifest.sink is None or manifest.tenant != tenant:
            continue
        standing = standings.get(name, Standing())
        own = [stop for stop in stops if stop.target in (EVERY, name)]
        found.append(
            Shown(
                name=name,
                standing=standing,
                stops=own,
                permit=standing.permit(manifest.sink, now, own),
                waiting=waiting.get(name, {}),
                rules=manifest.sink,
            )
        )
    return found


def why_waiting(
    connection: "Transaction", tenant: str, row: Mapping[str, Any], rules: SinkManifest | None, now: datetime
) -> str | None:
    """Why a write-back that is ready has not left, and when it is tried next; ``None``: nothing holds it, or it is
    not ready. ``row``: of the store's ``get_write_back``; ``rules`` ``None``: the connector is not there."""
    if row["state"] != "ready":
        return None
    target, operation = row["target"], row["operation"]
    if rules is None:
        return f"there is no connector '{target}' that is written to"
    stops = target_book.stops_of(connection, tenant, target)
    for stop in stops:
        if stop.covers(operation):
            return f"{stop}; `crossdock targets allow` takes it back"
    standing = target_book.read(connection, tenant, target)
    permit = standing.permit(rules, now, stops)
    if not permit.limit:
        return f"target '{target}': {permit.sentence()}"
    if rules.ordering == "subject":
        earlier = turns.earlier_of(connection, tenant, uuid.UUID(row["id"]))
        if earlier is not None:
            return (
                f"write-back {earlier.id} ({earlier.operation}) about the same subject was written earlier and is "
                f"{earlier.state}; it goes when that one is done; `crossdock write-backs let-pass` lets it go first"
            )
    due = datetime.fromisoformat(row["next_attempt_at"]) if row["next_attempt_at"] else now
    if due > now:
        return f"next try {due:%Y-%m-%d %H:%M:%S}Z, by its schedule"
    if row["attempt"] > row["spent_before"] and (until := standing.next_retry_at(rules, now)) is not None:
        return f"the retry budget of '{target}' is used up; next try {until:%Y-%m-%d %H:%M:%S}Z"
    if standing.mode is Mode.DRY_RUN and row["rehearsed"]:
        return f"target '{target}' is in dry-run: its request was made and kept; it leaves when the target is live"
    return None


def pause(
    connection: "Transaction", *, tenant: str, target: str, actor: str, reason: str, now: datetime
) -> Standing:
    """No call until it is resumed."""
    _require_reason(reason, "paused")
    before = target_book.hold(connection, tenant, target)
    if before.state is TargetState.PAUSED and before.by == actor and before.probe_at is None:
        raise NotPossible(f"target '{target}' is paused by {before.by} already: {before.why}")
    after = before.paused(now, actor, reason)
    target_book.save(connection, tenant, target, before, after)
    _audit(connection, tenant, now, actor, "target.pause", target, reason, {"was": str(before.state)})
    return after


def resume(
    connection: "Transaction", *, tenant: str, target: str, actor: str, reason: str, now: datetime
) -> Standing:
    """Calls are made again, whatever closed it. An alarm about its login ends with the first call that is taken."""
    _require_reason(reason, "resumed")
    before = target_book.hold(connection, tenant, target)
    if before.state is TargetState.CLOSED:
        raise NotPossible(f"target '{target}' is neither paused nor open: there is nothing to resume")
    after = before.resumed()
    target_book.save(connection, tenant, target, before, after)
    _audit(
        connection, tenant, now, actor, "target.resume", target, reason,
        {"was": str(before.state), "because": before.why},
    )  # fmt: skip
    return after


def set_mode(
    connection: "Transaction", *, tenant: str, target: str, mode: Mode, actor: str, reason: str, now: datetime
) -> Standing:
    """Whether what is due is sent, or only made and kept."""
    _require_reason(reason, f"set to {mode}")
    before = target_book.hold(connection, tenant, target)
    if before.mode is mode:
        raise NotPossible(f"target '{target}' is {mode} already")
    after = before.in_mode(mode)
    target_book.save(connection, tenant, target, before, after)
    _audit(
        connection,
        tenant,
        now,
        actor,
        "target.mode",
        target,
        reason,
        {"was": str(before.mode), "is": str(mode)},
    )
    return after


def stop(
    connection: "Transaction",
    *,
    tenant: str,
    target: str,
    operation: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Throw a kill switch: of one operation, of a target, or (``*``) of everything of this tenant."""
    _throw(connection, tenant, target, operation, actor, reason, now, stopped=True)


def allow(
    connection: "Transaction",
    *,
    tenant: str,
    target: str,
    operation: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Take a kill switch back."""
    _throw(connection, tenant, target, operation, actor, reason, now, stopped=False)


def let_pass(
    connection: "Transaction",
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """A person lets a write-back go before an earlier one about the same subject."""
    _require_reason(reason, "let pass", "a write-back")
    earlier = turns.earlier_of(connection, tenant, write_back_id)
    if not turns.let_pass(
        connection, tenant=tenant, write_back_id=write_back_id, actor=actor, reason=reason, now=now
    ):
        raise NotPossible(
            f"write-back {write_back_id} does not wait for an earlier one: there is nothing to let pass"
        )
    desk.add_audit(
        connection,
        tenant=tenant,
        now=now,
        actor=actor,
        action="write_back.let_pass",
        object_kind="write_back",
        object_id=str(write_back_id),
        reason=reason,
        detail={"before": str(earlier.id) if earlier else None},
    )


def known(name: str, manifests: Mapping[str, Manifest], operation: str = EVERY) -> None:
    """Raise ``Misconfigured`` for a target, or an operation of it, that is not there."""
    if name == EVERY:
        if operation != EVERY:
            raise Misconfigured("an operation is stopped at one target; name it")
        return
    sinks = sorted(each for each, manifest in manifests.items() if manifest.sink is not None)
    manifest = manifests.get(name)
    if manifest is None or manifest.sink is None:
        raise Misconfigured(f"there is no target {name!r} (known: {', '.join(sinks)})")
    if operation != EVERY and operation not in manifest.sink.operations:
        listed = ", ".join(manifest.sink.operations)
        raise Misconfigured(f"target {name!r} has no operation {operation!r} (known: {listed})")


def _throw(
    connection: "Transaction",
    tenant: str,
    target: str,
    operation: str,
    actor: str,
    reason: str,
    now: datetime,
    *,
    stopped: bool,
) -> None:
    word = "stopped" if stopped else "allowed"
    _require_reason(reason, word)
    changed = target_book.throw(
        connection,
        tenant,
        target=target,
        operation=operation,
        stopped=stopped,
        by=actor,
        reason=reason,
        now=now,
    )
    what = "everything" if target == EVERY else target if operation == EVERY else f"{target}:{operation}"
    if not changed:
        raise NotPossible(
            f"{what} is {word} already" if stopped else f"{what} is not stopped by a switch of its own"
        )
    action = "target.stop" if stopped else "target.allow"
    _audit(connection, tenant, now, actor, action, target, reason, {"operation": operation})


def _require_reason(reason: str, word: str, what: str = "a target") -> None:
    if not reason.strip():
        raise NotPossible(f'{what} is {word} with a reason: add --reason "..."')


def _audit(
    connection: "Transaction",
    tenant: str,
    now: datetime,
    actor: str,
    action: str,
    target: str,
    reason: str,
    detail: Mapping[str, Any],
) -> None:
    desk.add_audit(
        connection, tenant=tenant, now=now, actor=actor, action=action, object_kind="target", object_id=target,
        reason=reason, detail=detail,
    )  # fmt: skip
