"""``crossdock x12``: look at X12 files, byte for byte."""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from crossdock.cli.command import command, group
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.formats.x12.inspect import Inspector, Terms, TermsOf, View
    from crossdock.partners import Partner, Partners

x12 = group("x12", "X12: look at a file, its envelopes, its sets, and everything that is wrong with it.")

IN_MEMORY: Final = 8 << 20
"""A redacted file larger than this is kept on disk while it is shown."""


@x12.callback()
def _group() -> None:
    """X12: look at a file, its envelopes, its sets, and everything that is wrong with it."""


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(x12)


@command(
    x12,
    "inspect",
    examples=(
        "crossdock x12 inspect order.edi",
        "crossdock x12 inspect order.edi --errors",
        "crossdock x12 inspect order.edi --set 17 --elements",
        "crossdock x12 inspect order.edi --partner acme_supply",
        "crossdock x12 inspect order.edi --standard",
        "crossdock x12 inspect order.edi --redact --output shareable.edi",
        "crossdock x12 inspect *.edi --json",
    ),
)
def inspect(
    talk: Talk,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="X12 files, whole or broken; - is standard input."),
    ],
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Of how many sets the segments are shown.")
    ] = 3,
    sets: Annotated[
        list[int] | None,
        typer.Option(
            "--set", metavar="N", min=1, help="Show this set alone: its number in the file, from 1."
        ),
    ] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="Show only the sets in which something is wrong.")
    ] = False,
    segments: Annotated[
        bool, typer.Option("--segments", help="Show every segment of every set, however long.")
    ] = False,
    elements: Annotated[
        bool, typer.Option("--elements", help="Show each element on a line, with its name and number.")
    ] = False,
    partner: Annotated[
        str | None,
        typer.Option(
            "--partner",
            metavar="NAME",
            help="By what is agreed with this partner, whoever the ISA names: see `crossdock partner list`.",
        ),
    ] = None,
    standard: Annotated[
        bool, typer.Option("--standard", help="By the plain guides, whatever is agreed with the sender.")
    ] = False,
    redact: Annotated[
        bool,
        typer.Option(
            "--redact",
            help="Names, addresses, texts and ids become placeholders; codes, dates and amounts stay.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the redacted file there; a folder for several."),
    ] = None,
) -> ExitCode:
    """Show a file as a person reads it: segments with names, loops, codes, and everything that is wrong at its place.

    Each interchange is read by what is agreed with the partner that its ISA names as the sender; by the plain guides
    where that is nobody that we know, with --standard, and with --redact. Shows what our acknowledgement would say of
    each set and group. A long file is shown in part, and what is left out
    is said. ISA02 and ISA04, which may hold passwords, are never shown.
    """
    from crossdock.formats.x12.inspect import View
    from crossdock.inspecting import terms, terms_of_sender
    from crossdock.registry import Registry

    if standard and partner is not None:
        raise Misconfigured(
            "--standard is without what is agreed with a partner, and --partner with it: name one"
        )
    if output is not None and not redact:
        raise Misconfigured("--output is where the redacted file goes: add --redact")
    if output is not None and len(files) > 1 and not output.is_dir():
        raise Misconfigured(f"{output} is no folder: name one for {len(files)} redacted files")
    agreed = _partner(partner) if partner is not None else None
    registry = Registry()
    # what is shared names nobody, so nobody's profile may show in how it is read
    plain = agreed is not None or standard or redact
    whole = segments or sets is not None
    view = View(
        sets=None if segments else limit,
        only=frozenset(sets or ()),
        errors=errors,
        lines=None if whole else View().lines,
        listed=None if talk.as_json else View().listed,
    )
    reading = _Reading(
        talk,
        view,
        terms(registry, agreed) if plain else terms_of_sender(registry, _known(talk)),
        agreed,
        with_content=segments,
        with_elements=elements,
        redact=redact,
    )
    documents = []
    for number, file in enumerate(files):
        if number and not talk.as_json:
            talk.line()
        documents.append(reading.show(file, output))
    talk.answer(documents[0] if len(documents) == 1 else {"files": documents})
    if not talk.as_json:
        talk.next_step("crossdock try FILE", "what would come of it")
    return ExitCode.OK if reading.is_right else ExitCode.FINDINGS


def _partner(name: str) -> "Partner":
    from crossdock.partners import Partners

    return Partners.load().named(name)


def _known(talk: Talk) -> "Partners":
    """The profiles that are right: one that is wrong is no reason to show no file, and is said."""
    from crossdock.partners import Partners

    partners, problems = Partners.look()
    if problems:
        talk.say("a profile is wrong, and nothing is read by it: crossdock partner check")
    return partners


class _Reading:
    """Reads files one after another, shows each, and remembers whether all of them are right."""

    def __init__(
        self,
        talk: Talk,
        view: "View",
        terms: "Terms | TermsOf",
        partner: "Partner | None",
        *,
        with_content: bool,
        with_elements: bool,
        redact: bool,
    ) -> None:
        from crossdock.formats.x12.redact import Redactor

        self.is_right = True
        self._talk = talk
        self._view = view
        self._terms = terms
        self._partner = partner
        self._with_content = with_content
        self._with_elements = with_elements
        self._redactor = Redactor() if redact else None
        self._known: Callable[[str, str], str] | None = None

    def show(self, file: Path, output: Path | None) -> dict[str, Any]:
        """Show one file to a person; or give it as a JSON document."""
        with _opened(file) as stream:
            if self._redactor is None:
                return self._read(file, stream)[0]
            return self._show_redacted(file, stream, output)

    def _show_redacted(self, file: Path, original: BinaryIO, output: Path | None) -> dict[str, Any]:
        target = output / file.name if output is not None and output.is_dir() else output
        with _written(target, file) as redacted:
            before = self._redact(original, redacted)
            redacted.seek(0)
            document, inspector = self._read(file, redacted)
        same = inspector.digest == before
        document["redacted"] = {"file": str(target) if target is not None else None, "reads_the_same": same}
        if not same:
            self.is_right = False
            self._talk.say(
                f"{file.name}: the redacted file does not read as the original did: look before sharing it"
            )
        if target is not None:
            self._talk.say(
                f"wrote {target}: names, addresses, texts and ids are placeholders; in clear stay codes of a list or "
                "of few characters, dates, quantities, amounts, control numbers and the numbers of lines"
            )
        return document

    def _redact(self, original: BinaryIO, redacted: BinaryIO) -> str:
        """Write the redacted file; the fingerprint of what is wrong in the original."""
        from crossdock.formats.x12 import Item, read
        from crossdock.formats.x12.inspect import Inspector, View

        assert self._redactor is not None
        inspector = Inspector(View(sets=0, listed=0), self._terms)

        def seen() -> Iterator[Item]:
            for item in read(_blocks(original)):
                inspector.take(item)
                yield item

        self._redactor.write(seen(), original, redacted)
        return inspector.digest

    def _read(self, file: Path, stream: BinaryIO) -> "tuple[dict[str, Any], Inspector]":
        from crossdock.cli.x12_page import Page
        from crossdock.formats.x12 import Coverage, read
        from crossdock.formats.x12.inspect import Inspector
        from crossdock.formats.x12.report import as_dict

        coverage = Coverage()
        inspector = Inspector(self._view, self._terms)
        for item in read(_blocks(stream), coverage=coverage):
            inspector.take(item)
        report = inspector.report
        self.is_right = self.is_right and report.is_right
        if self._talk.as_json:
            return as_dict(file.name, coverage, report, with_content=self._with_content), inspector
        Page(
            self._talk,
            stream,
            self._view,
            partner=self._partner,
            known_as=self._known_as,
            with_elements=self._with_elements,
        ).show(file.name, coverage, report)
        return {}, inspector

    def _known_as(self, qualifier: str, identity: str) -> str:
        """The partner that sends under this id, or nothing: a profile that is wrong is no reason to show no file."""
        if self._known is None:
            from crossdock.partners import Partners

            partners, _ = Partners.look()

            def known(qualifier: str, identity: str) -> str:
                partner = partners.find(qualifier, identity)
                return partner.name if partner is not None else ""

            self._known = known
        return self._known(qualifier, identity)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The whole stream in blocks, wherever it is moved to in between."""
    at = 0
    while True:
        stream.seek(at)
        block = stream.read(131_072)
        if not block:
            return
        at += len(block)
        yield block


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, or standard input, as something that is read in blocks and can be looked at again."""
    if str(path) == "-":
        yield io.BytesIO(sys.stdin.buffer.read())
        return
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise Misconfigured(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise Misconfigured(f"{path} is a folder: name a file in it") from error
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from error
    with stream:
        if not stream.seekable():  # a pipe by name
            yield io.BytesIO(stream.read())
        else:
            yield stream


@contextmanager
def _written(path: Path | None, source: Path) -> Iterator[BinaryIO]:
    """Where the redacted file goes: a file that a person named, or somewhere for the time being."""
    if path is None:
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as stream:
            yield stream  # type: ignore[misc]
        return
    if path.exists() and source.exists() and path.samefile(source):
        raise Misconfigured(f"{path} is the file itself: write the redacted one somewhere else")
    try:
        file = path.open("w+b")
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror or error}") from error
    with file:
        yield file
