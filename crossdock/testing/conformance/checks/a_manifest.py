"""What a connector says of itself: its connector.toml, its samples, its page."""

import json
import re
from pathlib import Path
from typing import Final

from crossdock.logins import is_secret_name
from crossdock.ports import Checkable, Previewing, Searchable, Versioned
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here

NOBODY: Final = ("todo", "tbd", "nobody", "owner", "unknown", "me", "x", "?")
WRITTEN_BY_THE_HUB: Final = ("997", "999", "TA1", "row_report")
"""What answers a document: the hub writes it without a mapping."""

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
LONGEST_CALL_S: Final = 300
SECRET_TEXTS: Final = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bwhsec_[A-Za-z0-9+/=]{20,}"
    rb"|\bxox[abp]-[0-9A-Za-z-]{10,}"
    rb"|\bshp(?:at|ss)_[0-9a-fA-F]{32}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    rb"|[Aa]uthorization[\"']?\s*[:=]\s*[\"']?(?:Bearer|Basic)\s+[A-Za-z0-9+/=._-]{12,}"
)


@check("manifest.valid", "connector.toml says nothing that is unknown, and lacks nothing that is needed.")
def valid(case: Case) -> None:
    if case.complaint:
        broken(case.complaint)


@check("manifest.owner_is_named", "Somebody who exists answers for it.", needs=("manifest",))
def owner_is_named(case: Case) -> None:
    owner = case.manifest.owner.strip()
    if owner.lower() in NOBODY or len(owner) < 3:
        broken(f"owner = {owner!r} is nobody; name the team or the person who is called when it fails")


@check(
    "manifest.hosts_are_declared",
    "It names every host that it opens, and no more than it needs.",
    needs=("manifest",),
)
def hosts_are_declared(case: Case) -> str | None:
    hosts = case.manifest.hosts
    for host in hosts:
        if host.startswith("*.") and host.count(".") < 2:
            broken(
                f"hosts holds {host!r}, which is nearly every host; write the system's own domain, *.ups.com"
            )
    return None if hosts == ("connection",) else f"beside its connection: {', '.join(hosts)}"


@check(
    "manifest.limits_are_sane",
    "How often, how much and how long are bounded as people would.",
    needs=("manifest",),
)
def limits_are_sane(case: Case) -> None:
    for side in (case.manifest.source, case.manifest.sink):
        if side is None:
            continue
        if side.every_s is not None and not 5 <= side.every_s <= DAY_S:
            broken(
                f"every_s = {side.every_s} is not between 5 seconds and a day; say how often the system may be "
                "asked"
            )
        if side.batch > 50_000:
            broken(f"batch = {side.batch} messages of one run are lost time when it fails; keep it to 50000")
        for name, value in side.settings.items():
            if (
                name.endswith("deadline_s")
                and isinstance(value, int | float)
                and not 0 < value <= LONGEST_CALL_S
            ):
                broken(f"{name} = {value} holds a worker for longer than {LONGEST_CALL_S} s; lower it")
    request = case.manifest.source.request if case.manifest.source is not None else None
    if request is not None and request.deadline_s > LONGEST_CALL_S:
        broken(
            f"deadline_s = {request.deadline_s} holds a worker for longer than {LONGEST_CALL_S} s; lower it"
        )


@check(
    "manifest.schedule_fits",
    "The waits between attempts grow, and all attempts fit into the time that is allowed for them.",
    needs=("manifest", "schedule"),
)
def schedule_fits(case: Case) -> None:
    sink = case.manifest.sink
    assert sink is not None
    if list(sink.schedule_s) != sorted(sink.schedule_s):
        broken(
            "schedule_s has a wait that is shorter than the one before; a target that is down needs more time, "
            "not less"
        )
    if sum(sink.schedule_s) > sink.max_age_s:
        broken(
            f"schedule_s waits {sum(sink.schedule_s)} s and max_age_s ends everything after {sink.max_age_s} s; "
            "raise max_age_s, or take waits away"
        )
    if sink.idempotency == "key" and sink.remembers_s is not None and sink.remembers_s < sink.max_age_s:
        broken(
            f"the target forgets a key after {sink.remembers_s} s and we try for {sink.max_age_s} s: a late "
            "repeat would be a second effect; lower max_age_s"
        )


@check(
    "manifest.idempotency_fits",
    "The way in which an effect is kept from happening twice is one that its sink can do.",
    needs=("manifest", "sink", "played_sink"),
)
def idempotency_fits(case: Case) -> None:
    sink = case.manifest.sink
    assert sink is not None
    with case.watched(), case.sink() as made:
        can_find, can_version = isinstance(made, Searchable), isinstance(made, Versioned)
    if sink.idempotency == "readback" and not can_find:
        broken('idempotency = "readback" and the sink has no find(); write it, or declare "none"')
    if sink.idempotency == "conditional" and not can_version:
        broken('idempotency = "conditional" and the sink has no version(); write it, or declare what is true')
    if sink.idempotency == "none" and can_find:
        broken(
            'idempotency = "none" and the sink has find(): declare "readback", and an unsure call is cleared by it'
        )


@check(
    "manifest.capabilities_are_there",
    "What it declares that it can do, it can do; and what it can do is declared.",
    needs=("manifest", "played"),
)
def capabilities_are_there(case: Case) -> str | None:
    declared = case.manifest.capabilities
    if not declared:
        not_here("it declares no capabilities")
    named = {"check": Checkable, "preview": Previewing, "readback": Searchable, "versioned": Versioned}
    there: set[str] = set()
    with case.watched():
        for side in ("source", "sink"):
            if getattr(case.manifest, side) is None or (side == "source" and "pushed" in case.capabilities):
                continue
            thing = case.side(side)
            there |= {name for name, port in named.items() if isinstance(thing, port)}
            thing.close()
    if missing := sorted((declared & set(named)) - there):
        broken(
            f"capabilities names {', '.join(missing)} and neither side has it; write it, or take the word away"
        )
    if silent := sorted(there - declared):
        broken(f"it can {', '.join(silent)} and does not say so; add it to capabilities")
    return None


@check(
    "manifest.secrets_are_fields",
    "No secret stands in connector.toml, and each field that holds one is declared as one.",
    needs=("manifest",),
)
def secrets_are_fields(case: Case) -> None:
    for side in ("source", "sink"):
        part = getattr(case.manifest, side)
        for name, value in (part.settings if part is not None else {}).items():
            about = name.endswith(("_header", "_prefix", "_encoding"))
            if is_secret_name(name) and not about and isinstance(value, str) and value:
                broken(
                    f"[{side}.settings] holds {name!r}; a secret belongs into the connection: declare "
                    f"[fields.{name}]"
                )
    for name, field in case.manifest.fields.items():
        if is_secret_name(name) and not field.secret:
            broken(f"[fields.{name}] sounds like a secret and is shown; add secret = true")
        if field.secret and not is_secret_name(name):
            broken(
                f"[fields.{name}] is a secret and its name does not say so, so a login would show it; call it "
                f"{name}_secret, {name}_token or {name}_password"
            )


@check(
    "manifest.document_is_mapped",
    "What it reads has a mapping that says what it means.",
    needs=("manifest", "source"),
)
def document_is_mapped(case: Case) -> None:
    source = case.manifest.source
    assert source is not None
    for document in source.documents:
        if case.registry.inbound(document) is None:
            broken(f"document = {document!r} and no mapping is called so; write mappings/inbound/{document}")


@check(
    "manifest.operations_are_mapped",
    "What it writes has a mapping that writes it.",
    needs=("manifest", "sink"),
)
def operations_are_mapped(case: Case) -> None:
    sink = case.manifest.sink
    assert sink is not None
    for operation in sink.operations:
        if operation not in WRITTEN_BY_THE_HUB and case.registry.outbound(operation) is None:
            broken(
                f"operations holds {operation!r} and nothing writes it; write mappings/outbound, or take it away"
            )


@check(
    "folder.has_samples",
    "Samples of ours lie beside it, and are what it says that they are.",
    needs=("manifest", "source"),
)
def has_samples(case: Case) -> str:
    source = case.manifest.source
    assert source is not None
    files = [path for path in sorted((case.folder / "samples").rglob("*")) if path.is_file()]
    if not files and case.code_folder != case.folder:
        files = [path for path in sorted((case.code_folder / "samples").rglob("*")) if path.is_file()]
    if not files:
        broken("samples/ is empty; put what the system gives there, made up and without personal data")
    for path in files:
        if path.suffix == ".json":
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                broken(f"samples/{path.name} is no JSON ({error}); correct it, or give it another ending")
        if not path.stat().st_size:
            broken(f"samples/{path.name} is empty; fill it or remove it")
    return f"{len(files)} samples"


@check("folder.holds_no_secret", "No file of it holds what looks like a real secret.", needs=("manifest",))
def holds_no_secret(case: Case) -> None:
    for path in sorted(case.folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and (found := SECRET_TEXTS.search(path.read_bytes())):
            broken(
                f"{path.relative_to(case.folder)} holds what looks like a secret "
                f"({found[0][:12].decode('latin-1')}…); take it away, and have it replaced where it came from"
            )


@check(
    "folder.has_a_page", "People can read what it is, what it needs and what it does.", needs=("manifest",)
)
def has_a_page(case: Case) -> None:
    pages = _pages(case.folder)
    if not (case.folder / "README.md").is_file():
        if pages is None:
            not_here("the pages are not installed with the code")
        if not (pages / f"{case.name}.md").is_file():
            broken(
                f"docs/connectors/{case.name}.md is not there; make it from the manifest, or write a README.md "
                "beside it"
            )


def _pages(folder: Path) -> Path | None:
    """Where the pages of connectors are, when the connector lies in a checkout that has them."""
    pages = folder.parent.parent / "docs/connectors"
    return pages if pages.is_dir() else None
