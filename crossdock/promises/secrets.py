"""Secrets that may stand nowhere, in every form in which they travel.

They are compared here and never sent to the database: what is asked of it may stand in its own log.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from crossdock.connections import login
from crossdock.errors import CrossdockError
from crossdock.secret_forms import forms_of, texts_of

if TYPE_CHECKING:
    from crossdock.registry import Registry

LEAST: Final = 8
"""A shorter secret is a word that stands everywhere."""

CANARY: Final = "(canary)"


def of_connections(registry: "Registry", canaries: Iterable[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Every secret that the connectors' connections hold, with the connection's name, the canaries too; and the
    connections that are not defined here."""
    known = [(CANARY, text) for text in canaries if len(text) >= LEAST]
    missing = []
    for connection in sorted({manifest.connection for manifest in registry.manifests().values()}):
        try:
            found = login(connection)
        except CrossdockError:
            missing.append(connection)
            continue
        known += [(connection, text) for text in texts_of(found) if len(text) >= LEAST]
    return known, missing


class Forms:
    """The forms of some secrets, to look for in rows."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        self._forms: dict[bytes, str] = {}
        for whose, text in known:
            for form in forms_of(text):
                self._forms[form.encode()] = whose

    def __bool__(self) -> bool:
        return bool(self._forms)

    def found_in(self, row: Mapping[str, Any]) -> str | None:
        """Whose secret stands in this row, if one does."""
        for value in row.values():
            if not isinstance(value, str | bytes | memoryview):
                continue
            data = value.encode() if isinstance(value, str) else bytes(value)
            for form, whose in self._forms.items():
                if form in data:
                    return whose
        return None


def forms(known: Iterable[tuple[str, str]]) -> Forms:
    """The forms of these secrets."""
    return Forms(known)
