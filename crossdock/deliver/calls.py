"""Calls to one target, and what its answers and its silence mean."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.messages import Conflict, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import Previewing, Searchable, Sink, SinkManifest, Versioned
from crossdock.termination import Termination


class Calls:
    """What may be asked of one target. Every call raises ``Misconfigured`` for a connection set up wrongly."""

    def __init__(self, target: str, rules: SinkManifest, sink: Sink, termination: Termination) -> None:
        self._target = target
        self._rules = rules
        self._sink = sink
        self._termination = termination

    @property
    def is_searchable(self) -> bool:
        """Whether the sink knows how to ask for an earlier attempt."""
        return isinstance(self._sink, Searchable)

    @property
    def can_be_asked(self) -> bool:
        """Whether the target's word for an earlier attempt is to be had, and counts."""
        return self._rules.is_asked and self.is_searchable

    def deliver(self, write_back: WriteBack) -> Outcome:
        """Send it, once. What the sink raises has a meaning; what it should not raise may have happened after the
        request left, so it is unsure."""
        try:
            with self._termination.waiting():
                outcome = self._sink.deliver(write_back)
        except Misconfigured:
            raise
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        except Exception as error:
            return Unsure(reason=f"the sink failed: {type(error).__name__}")
        return self._reread(write_back, outcome)

    def find(self, write_back: WriteBack) -> tuple[Receipt | None, Outcome | None]:
        """The target's receipt for an earlier attempt, or the reason why it did not say."""
        assert isinstance(self._sink, Searchable)
        try:
            with self._termination.waiting():
                return self._sink.find(write_back), None
        except Misconfigured:
            raise
        except (CrossdockError, TimeoutError) as error:
            reason = f"asked whether it happened, and got no answer: {error}"
            return None, Unsure(reason=reason, wire=_is_of_the_wire(error))

    def version(self, write_back: WriteBack) -> str | Retry:
        """The version that the target holds of what the write-back changes, or the reason why it did not say."""
        if not isinstance(self._sink, Versioned):
            raise Misconfigured(
                f"idempotency of '{self._target}' is 'conditional', and its sink cannot say a version; add version()"
            )
        try:
            with self._termination.waiting():
                return self._sink.version(write_back)
        except Misconfigured:
            raise
        except (CrossdockError, TimeoutError) as error:
            return Retry(reason=f"its version could not be read: {error}", wire=_is_of_the_wire(error))

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The request as it would leave; nothing is sent."""
        if isinstance(self._sink, Previewing):
            return self._sink.preview(write_back)
        return {"operation": write_back.operation, "subject": write_back.subject}

    def _reread(self, write_back: WriteBack, outcome: Outcome) -> Outcome:
        """A conflict with the version that the target holds now, where it did not say it itself."""
        if not isinstance(outcome, Conflict) or outcome.version or not isinstance(self._sink, Versioned):
            return outcome
        try:
            with self._termination.waiting():
                return replace(outcome, version=self._sink.version(write_back))
        except (CrossdockError, TimeoutError):
            return outcome  # nothing new is decided on what is not known


def _is_of_the_wire(error: Exception) -> bool:
    return isinstance(error, WireDown | WireQuiet)
