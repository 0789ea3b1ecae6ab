"""What can go wrong, grouped by the remedy.

    CrossdockError
     ├─ Misconfigured    a person must edit something; never retried
     │   └─ Undefined    nobody defined this connection
     ├─ WireDown         nothing left this machine; try again freely
     ├─ WireQuiet        it left and no answer came; the effect is unknown
     ├─ Refused          the other side said no, and why
     ├─ Unreadable       the document does not parse, and where
     └─ Unacceptable     it parses and breaks the schema, with every violation

Exceptions of other libraries are translated into these once, at the wires, with ``raise ... from``.
A message says what happened, to which thing, and what to do. It never carries a secret or a whole payload.
What is expected of the world is a value (``Outcome``); what is not is one of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta


class CrossdockError(Exception):
    """Everything that Crossdock raises on purpose. ``str(error)`` is a sentence for a person."""


class Misconfigured(CrossdockError):
    """A person must edit something before this can work.

    ``where`` is a file and line when one is known; ``field`` the field of the connection, or the key of the
    connector.toml, that is to blame when that is known.
    """

    def __init__(self, sentence: str, *, where: str | None = None, field: str = "") -> None:
        super().__init__(f"{where}: {sentence}" if where else sentence)
        self.where = where
        self.field = field


class Undefined(Misconfigured):
    """Nobody defined this connection: not the environment, and not Airflow."""


class WireDown(CrossdockError):
    """No byte of the request left this machine, or the call was a read: trying again is free."""


class WireQuiet(CrossdockError):
    """The request left and no usable answer came. Whether it took effect is unknown."""


class Refused(CrossdockError):
    """The other side said no.

    ``status`` is the wire's own code (an HTTP status, a SOAP fault code, an SFTP status) as text;
    ``retry_after`` is what the other side asked for, when it asked;
    ``body`` is the beginning of its answer (at most 2 KiB), for people.
    """

    def __init__(
        self, sentence: str, *, status: str, retry_after: timedelta | None = None, body: bytes = b""
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after
        self.body = body[:2048]


class Unreadable(CrossdockError):
    """The document does not parse or cannot be mapped. ``place`` says where (see ``Place``).

    ``code`` is of the taxonomy; ``remedy`` is what a person does before the replay ("add the row ...").
    ``blocked_by`` names what is not known yet and would let the document through (``crossdock.blocked``).
    """

    def __init__(
        self,
        sentence: str,
        *,
        place: "Place | None" = None,
        code: str = "EDI.MAP_FAILURE",
        remedy: str = "",
        blocked_by: str = "",
    ) -> None:
        super().__init__(sentence)
        self.place = place or Place()
        self.code = code
        self.remedy = remedy
        self.blocked_by = blocked_by


class Unacceptable(CrossdockError):
    """The document parses and breaks its schema. ``violations`` are (path, sentence) pairs, all of them."""

    def __init__(self, sentence: str, *, violations: Sequence[tuple[str, str]]) -> None:
        super().__init__(sentence)
        self.violations = tuple(violations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a document something is wrong: every field that is known, none that is guessed.

    ``byte`` counts from 0 in the raw message; ``segment`` (X12) and ``row`` and ``line`` count from 1.
    """

    byte: int | None = None
    segment: int | None = None
    segment_id: str | None = None
    element: int | None = None
    component: int | None = None
    line: int | None = None
    row: int | None = None
    json_pointer: str | None = None
    xpath: str | None = None

    def as_dict(self) -> Mapping[str, int | str]:
        """The known fields, for a dead letter or for ``--json``."""
        known = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in known.items() if value is not None}
