"""A sink: what it writes is what was decided, at its place, on what it saw, and what it did is told again."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.messages import Conflict, Receipt, Reject, WriteBack
from crossdock.ports import Previewing, Searchable, Versioned
from crossdock.promises.secrets import Forms
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.delivering import HURRY_S, LONGEST_S, begun, delivered, first, name_of
from crossdock.testing.conformance.play import CANARY, MORE_CANARIES
from crossdock.wires.patience import in_a_hurry

WRITTEN: Final = ("sink", "played", "played_sink")


@check(
    "sink.body_is_unchanged",
    "What leaves is what was decided, byte for byte.",
    needs=(*WRITTEN, "verbatim"),
)
def body_is_unchanged(case: Case) -> None:
    with case.watched():
        write_back = first(case)
        if _arrived(case, [write_back]) != [write_back.body]:
            broken(
                "the target got another body than the write-back's, which people may have agreed to; send "
                "write_back.body as it is (and let its mapping write what the target wants), or say under [played] "
                "of conformance.toml why it is drawn anew"
            )


@check(
    "sink.what_is_drawn_says_it_all",
    "What is drawn anew for the target holds what was decided, and is the same each time.",
    needs=(*WRITTEN, "drawn"),
)
def what_is_drawn_says_it_all(case: Case) -> str:
    with case.watched():
        made = case.system.write_backs()
        came, again = _arrived(case, made), _arrived(case, made)
        for write_back, told, got, later in zip(made, case.told.write_backs, came, again, strict=True):
            what = f"{write_back.operation}: what the target got"
            if got == write_back.body:
                broken(f"{what} is the write-back's body as it is; take `draws` out of conformance.toml")
            if missing := [text for text in told["arrives"] if text.encode() not in got]:
                broken(f"{what} does not hold {missing[0]!r}, which was decided; draw all of it")
            if got != later:
                broken(f"{what} is another each time; draw it of the write-back alone")
        return f"{len(made)} operations"


def _arrived(case: Case, write_backs: Sequence[WriteBack]) -> list[bytes]:
    """What a new target got of each, in this order. Fails when that is nothing."""
    case.system.reset(case.clock)
    came: list[bytes] = []
    for write_back in write_backs:
        with case.sink() as sink:
            outcome = delivered(sink, begun(write_back, sink))
        got = case.system.written()
        if len(got) <= len(came):
            broken(f"{write_back.operation}: nothing arrived, it came to {name_of(outcome)}; deliver it")
        came.append(got[-1])
    return came


@check(
    "sink.refuses_what_it_does_not_know",
    "An operation that it does not have is rejected, and nothing leaves.",
    needs=WRITTEN,
)
def refuses_what_it_does_not_know(case: Case) -> None:
    with case.watched(), case.sink() as sink:
        strange = dataclasses.replace(first(case), operation="conformance_unknown")
        outcome = delivered(sink, strange)
        if case.system.attempts() or case.system.effects.counted():
            broken(
                "an operation that nobody declared was sent; look it up among the declared ones, and return "
                "Reject"
            )
        if not isinstance(outcome, Reject | Misconfigured):
            broken(
                f"an operation that nobody declared came to {name_of(outcome)}; return Reject, which names it"
            )


HOSTILE: Final = (
    "{kind}/../../admin", "{kind}/..", "{kind}/a?b=c#d", "{kind}/a\r\nX-Evil: 1", "{kind}/\x00",
    "{kind}/" + "9" * 3000, "", "/", "{kind}/%2e%2e/x", "{kind}/’; DROP TABLE orders;--", "{kind}/' or 'a' eq 'a",
    "{kind}/<script>alert(1)</script>", "nothing_we_know/1",
)  # fmt: skip
"""Subjects that somebody else wrote. ``{kind}``: of the things that the target knows."""


@check(
    "sink.a_subject_is_data",
    "No text of a subject leaves its place in a path, a header or a name.",
    needs=WRITTEN,
)
def a_subject_is_data(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    with case.watched():
        kind = first(case).subject.partition("/")[0]
        for subject in (one.replace("{kind}", kind) for one in HOSTILE):
            case.system.reset(case.clock)
            with case.sink() as sink:
                delivered(sink, dataclasses.replace(first(case), subject=subject))
            for request in http_of(case).writes if "http" in case.capabilities else ():
                if "x-evil" in request.headers or ".." in request.path.partition("?")[0].split("/"):
                    broken(
                        f"the subject {subject[:40]!r} stepped out of its place in {request.path[:80]!r}; quote "
                        "each part of a path"
                    )


@check(
    "sink.find_tells_the_truth",
    "find() brings the effect that happened, None when the target says none, and else raises.",
    needs=(*WRITTEN, "searchable"),
)
def find_tells_the_truth(case: Case) -> None:
    with case.watched():
        write_back = first(case)
        with case.sink() as sink:
            assert isinstance(sink, Searchable)
            if _found(sink, write_back) is not None:
                broken(
                    "find() brings a receipt of what never happened; ask the target, and return None when it "
                    "says none"
                )
            delivered(sink, write_back)
            found = _found(sink, write_back)
            if not isinstance(found, Receipt) or not found.reference:
                broken(
                    f"find() does not find what the target did ({found}); ask for it by the key or the number "
                    "that it knows"
                )
        for fault in case.system.faults("find"):
            case.system.reset(case.clock)
            fault.tell()
            with in_a_hurry(HURRY_S if fault.kind == "silence" else LONGEST_S), case.sink() as sink:
                assert isinstance(sink, Searchable)
                said = _found(sink, write_back)
            if not isinstance(said, CrossdockError):
                what = (
                    "None, as if the target had said that nothing happened" if said is None else "a receipt"
                )
                broken(
                    f"find(), {fault.name}: it brings {what}; raise what the wire raises, so that nothing is "
                    "sent twice"
                )


def _found(sink: Searchable, write_back: WriteBack) -> Any:
    try:
        return sink.find(write_back)
    except CrossdockError as error:
        return error


@check(
    "sink.preview_hides_credentials",
    "preview() shows the request without asking for the effect and without the login.",
    needs=(*WRITTEN, "previewing"),
)
def preview_hides_credentials(case: Case) -> None:
    forms = Forms([("canary", CANARY), ("canary", MORE_CANARIES)])
    with case.watched() as watch, case.sink() as sink:
        assert isinstance(sink, Previewing)
        shown = sink.preview(first(case))
        # What a change looks like depends on how the thing stands: it is looked at there.
        if case.system.attempts() or (watch.opened and not isinstance(sink, Versioned)):
            broken("preview() calls the target; build the request and show it")
        if not {"method", "address"} <= set(shown):
            broken(f"preview() shows {sorted(shown)}; show method and address at least")
        if forms.found_in({"text": repr(shown)}) or any(
            "authorization" in str(name).lower() for name in shown.get("headers", {})
        ):
            broken("preview() shows the login; leave out what the wire adds")


@check(
    "sink.changes_what_it_saw",
    "A change goes out on the version that was read, and a newer one is a Conflict.",
    needs=(*WRITTEN, "versioned"),
)
def changes_what_it_saw(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    if "http" not in case.capabilities:
        not_here("its wire has no versions")
    system = http_of(case)
    with case.watched():
        with case.sink() as sink:
            assert isinstance(sink, Versioned)
            write_back = begun(first(case), sink)
            version = write_back.version
            if not version:
                broken("version() is empty; bring what If-Match takes, or raise")
            delivered(sink, write_back)
        if not any(version in value for request in system.writes for value in request.headers.values()):
            broken("the version that was read is in no header of the change; send it as If-Match")
        system.reset(case.clock)
        system.lie(system.no(412), writes=True)
        with case.sink() as sink:
            outcome = delivered(sink, dataclasses.replace(first(case), version='"conformance"'))
        if not isinstance(outcome, Conflict):
            broken(
                f"412 came to {name_of(outcome)}; return Conflict with the version that the target holds now"
            )
