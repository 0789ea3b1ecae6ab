"""When too much of a source fails: it is stopped, instead of filling the desk, until a person resumes it.

A connector.toml says when: ``stop_after = "50 in 10m"``, or as a share of the parts, ``"20% in 1h"``.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from crossdock.degraded import source_degraded
from crossdock.errors import CrossdockError
from crossdock.messages import RawMessage
from crossdock.ports import StopAfter
from crossdock.reconcile import Said
from crossdock.registry import Registry
from crossdock.store import stops

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

LEAST: Final = 10
"""A share is of nothing while fewer parts than these failed."""


class SourceStopped(CrossdockError):
    """Too much of what this source said failed; a person resumes it."""


def is_too_much(limit: StopAfter, *, failed: int, taken: int) -> bool:
    """Whether so many failed parts, of so many that were taken in the window, are over the limit. Pure."""
    if limit.share:
        return failed >= LEAST and failed * 100 > limit.most * max(taken, 1)
    return failed > limit.most


def stop_what_fails(
    connection: "Transaction",
    tenant: str,
    registry: Registry,
    failed: Mapping[str, RawMessage],
    now: datetime,
) -> list[Said]:
    """Stop each of these sources of which too much failed, and say so: one event for each, at the moment at which it
    is stopped. ``failed``: by source, a message of this batch of which something was set aside."""
    said: list[Said] = []
    for source, message in sorted(failed.items()):
        manifest = registry.manifests().get(source)
        limit = manifest.source.stop_after if manifest is not None and manifest.source is not None else None
        if manifest is None or limit is None:
            continue
        count = stops.failures(connection, tenant, source, since=now - limit.window, now=now)
        if not is_too_much(limit, failed=count.failed, taken=count.taken):
            continue
        why = (
            f"{count.failed} of the {count.taken} parts that it sent since {count.since:%Y-%m-%d %H:%M:%S} UTC were "
            f"set aside, and it is stopped after {limit.text}"
        )
        if stops.stop(connection, tenant, source, why=why, now=now):
            said.append(_said(message, why, connector_version=manifest.version, now=now))
    return said


def _said(message: RawMessage, why: str, *, connector_version: str, now: datetime) -> Said:
    document = source_degraded(
        message,
        title=f"'{message.source}' was stopped: too much of what it sends is set aside",
        detail=f"{why}. Mend the cause, then: crossdock connector resume {message.source} --reason ...",
        mapping="crossdock.stopping",
        part=f"stopped {now.isoformat()}",
        connector_version=connector_version,
        now=now,
    )
    return Said(document=document, raw_id=message.id, part=0, partner=None)


def require_running(connection: "Transaction", tenant: str, source: str) -> None:
    """Raise ``SourceStopped`` when this source was stopped."""
    stopped = stops.stopped(connection, tenant, source)
    if stopped is not None:
        raise SourceStopped(
            f"connector '{source}' is stopped since {stopped.stopped_at:%Y-%m-%d %H:%M:%S} UTC: "
            f"{stopped.stopped_why}; "
            f"mend the cause (crossdock dead-letter-groups list --source {source}), then: "
            f"crossdock connector resume {source} --reason ..."
        )
