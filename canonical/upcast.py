"""Brings an event of an older schema version up to a newer one, step by step.

Each step is an ``Upcaster`` from one version to the next; the chain applies as many as are needed. An event is never
changed where it is stored: it is read, brought up, and used. A version that only adds optional fields needs a step
too, one that changes nothing, so that no gap in the chain can be mistaken for a lost step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from canonical.schemas import as_numbers

_PREFIX: Final = "urn:crossdock:schema:"


class NoWay(ValueError):
    """No chain of upcasters leads from the document's version to the wanted one. Write the missing step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcaster:
    """One step of one schema. ``change`` gets the ``data`` of an event and returns new ``data``; it changes nothing
    in place, so that the stored event stays as it was said."""

    schema: str
    before: str
    after: str
    change: Callable[[Mapping[str, Any]], dict[str, Any]]


UPCASTERS: Final[tuple[Upcaster, ...]] = ()
"""Every step there is. 1.0 is the first version of both schemas, so there is none yet."""


def schema_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """The schema's name and version that a document says it has: ``("exception-event", "1.0")``."""
    named = document.get("dataschema")
    if isinstance(named, str) and named.startswith(_PREFIX):
        name, _, version = named.removeprefix(_PREFIX).rpartition(":")
        if name and version and all(number.isdigit() for number in version.split(".")):
            return name, version
    raise NoWay(f"dataschema is {named!r}; it must be {_PREFIX}<name>:<version>")


def upcast(
    document: Mapping[str, Any], to: str, *, upcasters: Sequence[Upcaster] = UPCASTERS
) -> dict[str, Any]:
    """The document as a document of version ``to``. Its id, its times and its provenance stay what they were.

    A document that is already of that version, or of a newer one, comes back as it is: the older
    version's lenient schema reads it. Raises ``NoWay`` when a step is missing.
    """
    name, version = schema_of(document)
    steps = {step.before: step for step in upcasters if step.schema == name}
    brought = dict(document)
    while as_numbers(version) < as_numbers(to):
        step = steps.get(version)
        if step is None or as_numbers(step.after) <= as_numbers(version):
            raise NoWay(
                f"no upcaster leads from {name} {version} towards {to}: add it to canonical/upcast.py"
            )
        brought["data"] = step.change(brought["data"])
        brought["dataschema"] = f"{_PREFIX}{name}:{step.after}"
        version = step.after
    return brought
