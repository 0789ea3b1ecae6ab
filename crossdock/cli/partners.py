"""``crossdock partner``: the profiles of trading partners, read back, checked, and shown to the partners."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from crossdock.cli.command import command, group
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.partners import Partner

partners = group(
    "partner", "Trading partners: who they are, what is agreed with them, and what is wrong with it."
)

_NAME: Final = typer.Argument(metavar="NAME", help="See `crossdock partner list`.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(partners)


@command(partners, "list", examples=("crossdock partner list", "crossdock partner list --json"))
def list_partners(talk: Talk) -> None:
    """List the trading partners, as their files say."""
    from crossdock.partners import Partners

    known = Partners.load()
    document = [
        {
            "name": partner.name,
            "title": partner.title,
            "role": partner.role,
            "ids": _ids(partner),
            "ours": {"qualifier": partner.ours[0], "id": partner.ours[1]},
            "timezone": partner.timezone,
            "acknowledge": partner.acknowledge,
            "acknowledge_target": partner.acknowledge_target,
            "release": partner.release,
            "sets": list(partner.sets),
            "sends": list(partner.sends),
            "usage": partner.usage,
        }
        for partner in known
    ]
    if not talk.answer({"partners": document}):
        talk.table(
            ("name", "title", "role", "ids", "sends us", "we send", "acknowledge", "zone", "usage"),
            [
                (
                    partner.name, partner.title, partner.role, [f"{each[0]}/{each[1]}" for each in partner.ids],
                    list(partner.sets), list(partner.sends), partner.acknowledge, partner.timezone, partner.usage,
                )
                for partner in known
            ],
            optional=("zone", "title", "role"),
        )  # fmt: skip


@command(
    partners,
    "show",
    examples=("crossdock partner show acme_supply", "crossdock partner show acme_supply --json"),
)
def show(talk: Talk, name: Annotated[str, _NAME]) -> None:
    """Show everything that is agreed with a partner, what its file leaves out included."""
    from crossdock.partners import Partners

    known = Partners.load()
    partner = known.named(name)
    document = {"file": str(known.path_of(partner)), **_as_dict(partner)}
    if talk.answer(document):
        return
    talk.heading(f"{partner.name}: {partner.title}")
    talk.fields({key: value for key, value in document.items() if not _is_deep(value)})
    for key, value in document.items():
        if _is_deep(value) and any(one not in ("", [], {}) for one in value.values()):
            talk.heading(key)
            talk.fields(value)
    talk.next_step(f"crossdock partner check {name}")


@command(
    partners,
    "check",
    examples=(
        "crossdock partner check",
        "crossdock partner check acme_supply",
        "crossdock partner check my-partners/northvalve.toml --json",
    ),
)
def check(
    talk: Talk,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE", help="One partner, or a file; all of them without it."),
    ] = None,
) -> ExitCode:
    """Check a profile, or all: each mistake with file and line, and whether what it relies on is there."""
    from crossdock.partners import checking

    paths = checking.paths() if name is None else [_path(name)]
    found = [(path, *checking.check(path)) for path in paths]
    problems = [problem for _, _, told in found for problem in told]
    wrong = [problem for problem in problems if not problem.warning]
    document = {
        "ok": not wrong,
        "checked": [
            {"file": str(path), "partner": partner.name if partner is not None else None}
            for path, partner, _ in found
        ],
        "problems": [asdict(problem) for problem in problems],
    }
    if not talk.answer(document):
        for problem in problems:
            talk.line(str(problem))
        if not wrong:
            talk.line(f"{len(found)} profile{'s are' if len(found) != 1 else ' is'} right")
    return ExitCode.FINDINGS if wrong else ExitCode.OK


def _path(name: str) -> Path:
    from crossdock.partners import checking

    path = Path(name)
    if path.suffix != ".toml" and path.parent == Path():
        return checking.path_of(name)
    if not path.is_file():
        raise Misconfigured(f"there is no file {path}")
    return path


@command(
    partners,
    "diff",
    examples=(
        "crossdock partner diff acme_supply",
        "crossdock partner diff acme_supply 855 --release 005010",
    ),
)
def diff(
    talk: Talk,
    name: Annotated[str, _NAME],
    set_id: Annotated[str | None, typer.Argument(metavar="SET", help="One transaction set, as 855.")] = None,
    release: Annotated[
        str | None,
        typer.Option("--release", metavar="RELEASE", help="By this release; the agreed one without it."),
    ] = None,
) -> None:
    """Say what a partner's overlay changes in the guides, in sentences."""
    from crossdock.formats.x12 import guides
    from crossdock.partners import Partners
    from crossdock.partners.agreed import differences
    from crossdock.toml_lines import did_you_mean

    partner = Partners.load().named(name)
    if set_id is not None and not guides.releases(set_id):
        raise Misconfigured(f"no guide describes {set_id!r}{did_you_mean(set_id, guides.set_ids())}")
    wanted = [each for each in partner.overlay if set_id in (None, each)]
    overlays = []
    for each in wanted:
        agreed = release or (partner.release_for(each) if each in partner.sends else partner.release)
        base = guides.guide(each, agreed)
        assert base is not None  # a profile with an overlay on nothing does not load
        overlays.append(
            {
                "set": each,
                "release": base.release,
                "asked": agreed,
                "differences": differences(partner, each, base.release),
            }
        )
    if talk.answer({"partner": partner.name, "overlays": overlays}):
        return
    for one in overlays:
        instead = f": there is no guide of {one['asked']}" if one["asked"] != one["release"] else ""
        talk.heading(f"{one['set']} of {one['release']}{instead}")
        for sentence in one["differences"]:
            talk.line(f"  {sentence}")
    if not overlays:
        what = f"{set_id}" if set_id else "any set"
        talk.line(f"{name} has no overlay for {what}: the guides hold as they are")


@command(
    partners,
    "guide",
    examples=(
        "crossdock partner guide acme_supply",
        "crossdock partner guide acme_supply --output acme_supply.md",
    ),
)
def guide(
    talk: Talk,
    name: Annotated[str, _NAME],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it there instead of showing it.")
    ] = None,
) -> None:
    """Write the page for a partner, in Markdown: what we expect, how we acknowledge, how to test."""
    from crossdock.partners import Partners
    from crossdock.partners.guide_page import guide_page

    page = guide_page(Partners.load().named(name))
    if output is not None:
        try:
            output.write_text(page, "utf-8")
        except OSError as error:
            raise Misconfigured(f"{output} cannot be written: {error.strerror or error}") from error
    if talk.answer({"partner": name, "page": page, "file": str(output) if output else None}):
        return
    if output is None:
        talk.line(page.rstrip("\n"))
    else:
        talk.say(f"wrote {output}, {len(page.splitlines())} lines")


# ── a profile as plain values ────────────────────────────────────────────────────────────────────────────────


def _ids(partner: "Partner") -> list[dict[str, str]]:
    return [{"qualifier": qualifier, "id": identity} for qualifier, identity in partner.ids]


def _as_dict(partner: "Partner") -> dict[str, Any]:
    """Every field of a partner as JSON and a person can have it."""
    own: dict[str, Any] = {field.name: getattr(partner, field.name) for field in fields(partner)}
    calendar = partner.clocks.calendar
    windows = {kind: getattr(partner.duplicates, kind) for kind in ("interchange", "group", "set")}
    return {
        **own,
        "ids": _ids(partner),
        "ours": {"qualifier": partner.ours[0], "id": partner.ours[1]},
        "expect_within": str(partner.expect_within),
        "receive": {set_id: _said(one) for set_id, one in partner.receive.items()},
        "send": {set_id: _said(one) for set_id, one in partner.send.items()},
        "duplicates": {
            kind: {"within_days": window.within.total_seconds() / 86400, "then": window.then}
            for kind, window in windows.items()
        },
        "clocks": {
            "calendar": calendar.name,
            "timezone": calendar.timezone,
            **{name: "off" if one.off else str(one.within) for name, one in partner.clocks.terms.items()},
        },
        "tolerances": {
            field.name: str(getattr(partner.tolerances, field.name)) for field in fields(partner.tolerances)
        },
        "items": {
            "known_only": partner.items.known_only,
            "map": [
                {**asdict(item), "packs": {unit: str(pack) for unit, pack in item.packs.items()}}
                for item in partner.items.by_number.values()
            ],
        },
        "codes": {
            f"{element} {code}": row.text if row.exception == "none" else f"{row.text} ({row.exception})"
            for (element, code), row in partner.codes.items()
        },
        "contact": asdict(partner.contact),
    }


def _said(terms: Any) -> dict[str, Any]:
    """What is agreed for one set, without what is not."""
    return {
        field.name: value if isinstance(value, bool | str) else str(value)
        for field in fields(terms)
        if (value := getattr(terms, field.name)) is not None
    }


def _is_deep(value: object) -> bool:
    """Whether a value has a section of its own when people read it."""
    return isinstance(value, dict) and "qualifier" not in value
