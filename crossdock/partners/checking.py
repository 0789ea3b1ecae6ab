"""Whether a profile is right, and whether what it relies on is there: connector, guides, mappings, other partners."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crossdock import toml_lines
from crossdock.calendars import Calendars
from crossdock.errors import Misconfigured
from crossdock.partners.agreed import guide_of, missing_guides
from crossdock.partners.directory import PARTNERS_DIR, Partners, default_folders
from crossdock.partners.partner import ACKNOWLEDGEMENTS, Partner
from crossdock.partners.profile import read_profile
from crossdock.toml_lines import TomlFile, did_you_mean

_TOLD: Final = re.compile(r"(?P<file>.*?):(?P<line>\d+): (?P<sentence>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing to tell: the file, its line (0 where there is none), and a sentence. ``warning``: it is not wrong,
    and may not be what is meant."""

    file: str
    line: int
    sentence: str
    warning: bool = False

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.line else self.file
        return f"{at}: {'warning: ' if self.warning else ''}{self.sentence}"

    @classmethod
    def of(cls, told: str, *, warning: bool = False) -> "Found":
        """A problem as the readers of files tell it: ``file:line: sentence``."""
        if found := _TOLD.fullmatch(told):
            line, sentence = int(found["line"]), found["sentence"]
            return cls(file=found["file"], line=line, sentence=sentence, warning=warning)
        file, _, sentence = told.partition(": ")
        return cls(file=file, line=0, sentence=sentence, warning=warning)


def path_of(name: str) -> Path:
    """The file of the profile with this name, right or wrong. Raises ``Misconfigured`` with the nearest name."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.toml")):
            found[_name_in(path) or path.stem] = path
    if name not in found:
        raise Misconfigured(f"no partner is named {name!r}{did_you_mean(name, list(found))}")
    return found[name]


def paths() -> list[Path]:
    """The files of all profiles that are read, right or wrong. One in the folder of the environment hides the
    packaged one; two of one name in one folder hide nothing. Raises ``Misconfigured`` for a folder that is none."""
    known, _ = Partners.look()
    used = {partner.name: known.path_of(partner) for partner in known}
    found: set[Path] = set()
    for folder in _folders():
        for path in folder.glob("*.toml"):
            instead = used.get(str(_name_in(path)))
            if instead is None or instead.parent == path.parent:
                found.add(path)
    return sorted(found, key=lambda path: path.name)


def _folders() -> list[Path]:
    for folder in default_folders():
        if not folder.is_dir():
            raise Misconfigured(f"{folder}: is no folder; make it, or correct {PARTNERS_DIR}")
    return default_folders()


def _name_in(path: Path) -> str | None:
    """The name that a file gives its partner, however wrong the rest of it is."""
    try:
        name = toml_lines.read(path).values.get("name")
    except Misconfigured:
        return None
    return name if isinstance(name, str) else None


def check(path: Path) -> tuple[Partner | None, list[Found]]:
    """The partner of a file, when it is right by itself, and everything that is wrong with it."""
    problems: list[str] = []
    try:
        file = toml_lines.read(path)
        calendars = Calendars.load()
    except Misconfigured as error:
        return None, [Found.of(line) for line in str(error).splitlines()]
    partner = read_profile(file, problems, calendars)
    problems += _names(path, file)
    if partner is not None:
        problems += _relies_on(partner, file)
    warnings = [] if partner is None else _no_guide(partner, file)
    return partner, [
        *(Found.of(problem) for problem in problems),
        *(Found.of(warning, warning=True) for warning in warnings),
    ]


def _names(path: Path, file: TomlFile) -> Iterator[str]:
    """A name that another file of the folder has too, which stops everything, and one that is not the file's own."""
    name = file.values.get("name")
    folder = path.resolve().parent
    if not isinstance(name, str) or folder not in [each.resolve() for each in default_folders()]:
        return
    for other in sorted(folder.glob("*.toml")):
        if other != path.resolve() and _name_in(other) == name:
            yield f"{file.at('name')}: partner {name!r} is also in {other.name}; one partner is one file"
    if path.stem != name:
        yield f"{file.at('name')}: the file of partner {name!r} is called {name}.toml, and this is {path.name}"


def _relies_on(partner: Partner, file: TomlFile) -> Iterator[str]:
    yield from _others(partner, file)
    yield from _connector(partner, file)
    yield from _sets(partner, file)
    yield from _overlays(partner, file)
    yield from _meant_and_refused(partner, file)
    yield from _lists(partner, file)


def _lists(partner: Partner, file: TomlFile) -> Iterator[str]:
    """Lists that nothing reads, fields that a list does not have, and a connector of the report that is not there."""
    from crossdock.registry import Registry

    if not partner.lists:
        return
    registry = Registry()
    layouts = {
        name: one.layout for name, one in registry.inbound_mappings().items() if one.layout is not None
    }
    for document, listed in partner.lists.items():
        at = file.at("lists", document)
        if document not in layouts:
            yield f"{at}: no list is called {document!r}{did_you_mean(document, list(layouts))}"
            continue
        known = list(layouts[document].fields)
        for way, names in (("columns", listed.columns), ("key", listed.key)):
            for name in names:
                if name not in known:
                    here = file.at("lists", document, way, name)
                    yield f"{here}: {document} has no field {name!r}{did_you_mean(name, known)}"
        if listed.report_to and listed.report_to not in registry.manifests():
            near = did_you_mean(listed.report_to, list(registry.manifests()))
            yield f"{at}: 'report_to' names {listed.report_to!r}, and no connector is called so{near}"


def _others(partner: Partner, file: TomlFile) -> Iterator[str]:
    """Ids that belong to somebody else."""
    known, _ = Partners.look()
    for qualifier, identity in partner.ids:
        for other in known:
            if other.name != partner.name and (qualifier, identity) in other.ids:
                yield (
                    f"{file.at('ids')}: id {qualifier}/{identity} is already that of {other.name!r}; "
                    "one id belongs to one partner"
                )


def _connector(partner: Partner, file: TomlFile) -> Iterator[str]:
    from crossdock.registry import Registry

    target = partner.acknowledge_target
    if not target:
        return
    registry = Registry()
    manifests, at = registry.manifests(), file.at("acknowledge_target")
    if (broken := registry.broken().get(target)) is not None:
        yield f"{at}: the connector {target!r} cannot be used: {broken}"
    elif target not in manifests:
        yield f"{at}: no connector is called {target!r}{did_you_mean(target, list(manifests))}"
    elif manifests[target].sink is None:
        yield f"{at}: the connector {target!r} is not written to: it has no [sink]"


def _sets(partner: Partner, file: TomlFile) -> Iterator[str]:
    """Sets that are agreed and that we cannot read, or cannot check."""
    from crossdock.formats.x12 import guides
    from crossdock.registry import Registry

    registry = Registry()
    where = file.at("sets") if "sets" in file.values else file.at("receive", "sets")
    for set_id in partner.sets:
        if set_id in ACKNOWLEDGEMENTS:  # read by whoever waits for them
            continue
        try:
            read = registry.inbound(f"x12/{set_id}") is not None
        except Misconfigured as error:
            yield f"{where}: the mapping of {set_id} cannot be used: {error}"
            continue
        if not read:
            yield f"{where}: no mapping reads {set_id}: each one will be set aside as EDI.UNSUPPORTED_SET"
        elif not guides.releases(set_id):
            yield f"{where}: no guide describes {set_id}: its content is not checked"
    for set_id in partner.sends:
        if set_id not in ACKNOWLEDGEMENTS and not guides.releases(set_id):
            yield f"{file.at('send', 'sets')}: no guide describes {set_id}: what we send is not checked"


def _overlays(partner: Partner, file: TomlFile) -> Iterator[str]:
    """Overlays of sets that are not agreed, and overlays that fit one release and not another."""
    from crossdock.formats.x12 import guides
    from crossdock.formats.x12.overlay import Mistakes, Overlay, PartnerGuide

    for set_id, data in partner.overlay.items():
        if set_id not in (*partner.sets, *partner.sends):
            yield f"{file.at('overlay', set_id)}: [overlay.{set_id}]: {set_id} is not agreed in either direction"
        overlay = Overlay.of(data)
        for release in guides.releases(set_id):
            base = guides.guide(set_id, release)
            try:
                if base is not None:
                    PartnerGuide(base, overlay)
            except Mistakes as mistakes:
                for way, sentence in mistakes.mistakes:
                    at = file.at("overlay", set_id, *way)
                    yield f"{at}: [overlay.{set_id}] does not fit release {release}: {sentence}"


def _meant_and_refused(partner: Partner, file: TomlFile) -> Iterator[str]:
    """Codes that the profile gives a meaning, where a guide or the partner's overlay takes only others: a document
    with one is refused before anybody asks what it means."""
    from crossdock.formats.x12 import guides

    for (element, code), _ in partner.codes.items():
        told: set[str] = set()
        for set_id in partner.sets:
            for release in guides.releases(set_id):
                for place, codes in _closed_to(partner, set_id, release, element, code):
                    if place in told:
                        continue
                    told.add(place)
                    own = f'[overlay.{set_id}.own."{place}"]'
                    yield (
                        f"{file.at('codes', element, code)}: [codes.{element}] says what {code!r} means, and at "
                        f"{place} the {set_id} takes only {', '.join(codes)}: a document with {code!r} is refused; "
                        f"add it to {own} too"
                    )


def _closed_to(
    partner: Partner, set_id: str, release: str, element: str, code: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The places of a set where this code of an element is refused, with what is taken there. A place that the
    standard itself keeps for a few codes counts only where the element stands nowhere else."""
    from crossdock.formats.x12.describe import SegmentUse
    from crossdock.formats.x12.overlay import Overlay

    if Overlay.of(partner.overlay.get(set_id, {})).note:
        return
    try:
        guide = guide_of(partner, set_id, release)
    except Misconfigured:  # told by who looks at overlays
        return
    reference = element.removeprefix("x12-")
    places = [
        (f"{item.path}{one.place:02}" + (f"-{inner.place}" if inner is not one else ""), inner)
        for _, item in (guide.describe().walk() if guide is not None else ())
        if isinstance(item, SegmentUse)
        for one in item.elements
        for inner in (one, *one.components)
        if inner.reference == reference
    ]
    closed = [
        (place, one)
        for place, one in places
        if one.codes and code not in (*one.codes, *(own for own, _ in one.own))
    ]
    everywhere = len(closed) == len(places)
    for place, one in closed:
        if everywhere or one.partner:
            yield place, one.codes


def _no_guide(partner: Partner, file: TomlFile) -> Iterator[str]:
    """Releases without a guide of their own: what is used instead is said."""
    for what, used in missing_guides(partner, dict.fromkeys((*partner.sends, *partner.sets))):
        set_id, _, release = what.partition(" of ")
        own = "release" in file.values.get("send", {}).get(set_id, {})
        at = file.at("send", set_id, "release") if own else file.at("release")
        yield f"{at}: there is no guide of release {release} for {set_id}: it is checked by that of {used}"
