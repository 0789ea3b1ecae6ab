"""What the mapping makes of a connector's documents: something, or a reason; always the same; and where it stood."""

import copy
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crossdock import errors
from crossdock.messages import PartState, RawMessage
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.walking import fresh, some

if TYPE_CHECKING:
    from crossdock.normalize import Normalizer
    from crossdock.normalize.values import Normalized

KNOWN: Final = frozenset(
    {
        name
        for name, one in vars(errors).items()
        if inspect.isclass(one) and issubclass(one, errors.CrossdockError)
    }
    | {"UnknownCode"}
)
"""Classes that say why a document was set aside. Any other is a fault of the mapping."""

MOST_DOCUMENTS: Final = 10
MOST_MUTATIONS: Final = 50
STRANGE: Final[tuple[Any, ...]] = (
    None,
    "",
    "?",
    0,
    -1,
    10**30,
    [],
    {},
    True,
    "é\u202e<b>",
    "2026-13-45T99:99:99Z",
    ["x"] * 3,
)


def _documents(case: Case) -> list[bytes]:
    """Documents of the connector: those that its played system gives, its samples that are one, the "
    "mapping's samples."""
    source = case.manifest.source
    assert source is not None
    mapping = case.registry.inbound(source.document) if source.document != "x12" else None
    if source.document != "x12" and mapping is None:
        not_here(f"no mapping is called {source.document!r}")
    found: list[bytes] = []
    if {"polled", "played_source"} <= case.capabilities:
        with case.watched():
            some(case, 2)
            found += [message.body for message in fresh(case).messages]
    folders = [case.folder / "samples"] if "pushed" in case.capabilities or source.document == "x12" else []
    if mapping is not None and (file := inspect.getsourcefile(mapping.map)) is not None:
        folders.append(Path(file).parent / "samples")
    for folder in folders:
        found += [
            path.read_bytes()
            for path in sorted(folder.glob("*"))
            if path.is_file() and ".expected." not in path.name and path.stat().st_size < 200_000
        ]
    if not found:
        not_here("nothing of it can be read: no played system, no samples of its mapping")
    return found[:MOST_DOCUMENTS]


def _normalized(case: Case, body: bytes) -> "Normalized":
    source = case.manifest.source
    assert source is not None
    if "normalizer" not in case.kept:
        from crossdock import normalize
        from crossdock.partners import Partners

        case.kept["normalizer"] = normalize.Normalizer(
            registry=case.registry, partners=Partners.load(), clock=case.clock
        )
    normalizer: Normalizer = case.kept["normalizer"]
    message = RawMessage(
        tenant=case.manifest.tenant,
        source=case.name,
        key="conformance",
        body=body,
        media_type=source.media_type,
        received_at=case.clock.now(),
        name="conformance",
    )
    return normalizer.normalize(message, document=source.document)


def _tried(case: Case) -> list[tuple[bytes, "Normalized"]]:
    """Every document, whole and spoilt, with what it came to."""
    if "tried" not in case.kept:
        bodies = [body for document in _documents(case) for body in [document, *_mutations(document)]]
        case.kept["tried"] = [(body, _normalized(case, body)) for body in bodies]
    found: list[tuple[bytes, Normalized]] = case.kept["tried"]
    return found


@check(
    "mapping.is_total",
    "Each document, whole or spoilt, comes to statements or to a reason that a person understands.",
    needs=("manifest", "source"),
)
def is_total(case: Case) -> str:
    tried = _tried(case)
    for body, result in tried:
        for part in result.parts:
            if part.problem is not None and part.problem.error_class not in KNOWN:
                broken(
                    f"the mapping fails with {part.problem.error_class} on {_shown(body)}; raise Unreadable "
                    "with the place and a remedy"
                )
            if part.state is not PartState.PROCESSED and part.problem is None:
                broken(f"a part of {_shown(body)} is set aside without a reason; raise Unreadable")
    return f"{len(tried)} documents"


@check(
    "mapping.says_what_is_valid",
    "What it states is valid by the schema; nothing that breaks it leaves the mapping.",
    needs=("manifest", "source"),
)
def says_what_is_valid(case: Case) -> None:
    for body, result in _tried(case):
        for part in result.parts:
            if part.problem is not None and part.problem.error_class == "Unacceptable":
                broken(
                    f"{part.problem.sentence} (of {_shown(body)}); look at the value before it is stated, and "
                    "raise Unreadable if it fits nowhere"
                )


@check(
    "mapping.says_the_same_again",
    "The same bytes always come to the same statements.",
    needs=("manifest", "source"),
)
def says_the_same_again(case: Case) -> None:
    for document in _documents(case):
        first, second = _normalized(case, document), _normalized(case, document)
        if [list(part.documents) for part in first.parts] != [list(part.documents) for part in second.parts]:
            broken(
                f"{_shown(document)} came to other statements the second time; no clock, no chance and no set "
                "order in a mapping"
            )


@check(
    "mapping.points_at_the_bytes",
    "Each statement says which bytes it is of, and where in them.",
    needs=("manifest", "source"),
)
def points_at_the_bytes(case: Case) -> str:
    count = 0
    for document in _documents(case):
        result = _normalized(case, document)
        for part in result.parts:
            for said in part.documents:
                count += 1
                provenance = said["data"].get("provenance", {})
                if provenance.get("raw_sha256") != result.message.sha256:
                    broken("a statement does not say of which bytes it is; seal it through the normalizer")
                pointer = provenance.get("place", {}).get("json_pointer")
                if pointer and not _is_there(document, pointer):
                    broken(
                        f"a statement points at {pointer!r}, which is not in {_shown(document)}; give the way "
                        "in the document"
                    )
    return f"{count} statements" if count else not_here("its documents state nothing")


def _is_there(document: bytes, pointer: str) -> bool:
    try:
        value = json.loads(document)
    except ValueError:
        return True
    for name in pointer.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return False
    return True


def _shown(body: bytes) -> str:
    text = body[:60].decode("utf-8", "replace")
    return repr("".join(sign if sign.isprintable() else " " for sign in text)) + (
        "…" if len(body) > 60 else ""
    )


def _mutations(document: bytes) -> Iterator[bytes]:
    """The document spoilt in the ways in which documents come: cut, with parts missing, empty, of another type."""
    made = 0
    yield from (document[: len(document) // 2], b"", b"\xff\xfe" + document[:50], document + document[:20])
    try:
        value = json.loads(document)
    except ValueError:
        yield from _spoilt_text(document)
        return
    for way in _ways(value):
        for strange in (None if not way else _GONE, STRANGE[(made * 7) % len(STRANGE)]):
            if made >= MOST_MUTATIONS:
                return
            made += 1
            spoilt = copy.deepcopy(value)
            _change(spoilt, way, strange)
            yield json.dumps(spoilt).encode()


_GONE: Final = object()


def _ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*way, name)
            yield from _ways(inner, (*way, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value[:2]):
            yield (*way, at)
            yield from _ways(inner, (*way, at))


def _change(value: Any, way: tuple[Any, ...], strange: Any) -> None:
    for name in way[:-1]:
        value = value[name]
    if not way:
        return
    if strange is _GONE:
        del value[way[-1]]
    else:
        value[way[-1]] = strange


def _spoilt_text(document: bytes) -> Iterator[bytes]:
    """XML and EDI: one line taken out, one said twice, one emptied."""
    lines = document.splitlines(keepends=True)
    if len(lines) < 4:
        lines = [piece + b">" for piece in document.split(b">")[:-1]] if b"<" in document else [document]
    for at in range(0, len(lines), max(1, len(lines) // 10)):
        yield b"".join(lines[:at] + lines[at + 1 :])
        yield b"".join([*lines[:at], lines[at], *lines[at:]])
