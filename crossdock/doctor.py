"""The doctor: is everything here that Crossdock needs, and is it right?

Each check is one line: ok, warn (it works, and a person should look) or fail (something will not work), with what
to do. No check stops another, nothing is changed, and no secret is ever shown.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crossdock.errors import CrossdockError, Undefined
from crossdock.manifests import tenant_from_environment
from crossdock.ports import Clock, SystemClock

if TYPE_CHECKING:
    from crossdock.registry import Registry
    from crossdock.targets import Shown

NEEDED_FREE_BYTES: Final = 1024**3
"""Less free space than this in the home folder is told."""

CLOCK_OFFSET: Final = timedelta(seconds=2)
"""A machine whose clock is further from the database's than this is told: leases and schedules compare them."""


class Grade(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One check: its name, how it ended, a sentence, and what to do when there is something to do."""

    check: str
    grade: Grade
    sentence: str
    remedy: str = ""


def examine(
    *,
    clock: Clock | None = None,
    registry: "Registry | None" = None,
    lock: Path | None = None,
    each: bool = False,
) -> Iterator[Line]:
    """Every check, one after another. A check that breaks is a line that fails; the next one runs.

    ``lock``: the lock file to compare with, when it is not the one that lies beside the package. ``each``: a line for
    each target and each connection; otherwise targets that are called, and connectors of ours that nobody uses, are
    one line together.
    """
    clock = clock or SystemClock()
    used: set[str] = set()
    checks: list[tuple[str, Callable[[], Iterator[Line]]]] = [
        ("python", _python),
        ("packages", lambda: _packages(lock or _lock_file())),
        ("airflow", _airflow),
        ("home", _home),
        ("database", lambda: _database(clock, registry, used, each)),
        ("audit key", _audit_key),
        ("connectors", lambda: _connectors(registry, used, each)),
        ("partners", _partners),
        ("routes", _routes),
        ("taxonomy", _taxonomy),
    ]
    for name, check in checks:
        try:
            yield from check()
        except CrossdockError as error:
            yield _told(name, Grade.FAIL, error)
        except Exception as error:
            sentence = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            yield Line(check=name, grade=Grade.FAIL, sentence=sentence, remedy=_REMEDIES.get(name, ""))


def _told(check: str, grade: Grade, error: CrossdockError) -> Line:
    """Our sentences say what happened and, after a semicolon, what to do."""
    sentence, _, remedy = str(error).partition("; ")
    return Line(check=check, grade=grade, sentence=sentence, remedy=remedy)


_REMEDIES: Final = {
    "database": "start the database, or correct CROSSDOCK_DATABASE_URL (without it, an embedded one is started)",
    "home": "set CROSSDOCK_HOME to a folder that you may write to",
}


# ── this machine ─────────────────────────────────────────────────────────────────────────────────────────────


def _python() -> Iterator[Line]:
    """The interpreter; `pip` refuses one that is too old, so there is no other verdict."""
    yield Line(
        check="python", grade=Grade.OK, sentence=f"Python {platform.python_version()}, {sys.executable}"
    )


def _packages(lock: Path | None) -> Iterator[Line]:
    """What is installed, against what the package wants and against the lock file when there is one."""
    from packaging.requirements import Requirement

    missing, outside = [], []
    for text in metadata.requires("crossdock") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        installed = _installed(wanted.name)
        if installed is None:
            missing.append(wanted.name)
        elif not wanted.specifier.contains(installed, prereleases=True):
            outside.append(f"{wanted.name} {installed} (wanted {wanted.specifier})")
    if missing or outside:
        yield Line(
            check="packages",
            grade=Grade.FAIL,
            sentence="; ".join([*(f"{name} is missing" for name in missing), *outside]),
            remedy="make install",
        )
        return
    if lock is None:
        yield Line(
            check="packages", grade=Grade.OK, sentence="all are there (no lock file here to compare with)"
        )
        return
    pinned = locked_versions(lock.read_text("utf-8"))
    other = [
        f"{name} {installed} (locked {version})"
        for name, version in pinned.items()
        if (installed := _installed(name)) is not None and installed != version
    ]
    if other:
        shown = ", ".join(other[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
        yield Line(
            check="packages",
            grade=Grade.WARN,
            sentence=f"not as {lock.name} says: {shown}",
            remedy="make install",
        )
    else:
        yield Line(check="packages", grade=Grade.OK, sentence=f"{len(pinned)} as {lock.name} says")


def locked_versions(text: str) -> dict[str, str]:
    """Name and version of every pin of a lock file."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def _lock_file() -> Path | None:
    lock = Path(__file__).resolve().parent.parent / "requirements.lock"
    return lock if lock.is_file() else None


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _airflow() -> Iterator[Line]:
    version = _installed("apache-airflow")
    if version is None:
        yield Line(
            check="airflow",
            grade=Grade.WARN,
            sentence="Airflow is not installed: only the command line works here",
            remedy="make install",
        )
    elif not version.startswith("3.3."):
        yield Line(
            check="airflow",
            grade=Grade.FAIL,
            sentence=f"Airflow {version}",
            remedy="use Airflow 3.3, which Crossdock is made for",
        )
    else:
        yield Line(check="airflow", grade=Grade.OK, sentence=f"Airflow {version}")


def _home() -> Iterator[Line]:
    """The folder for everything local: it, or the first of its parents that is there, can be written to."""
    home = Path(os.environ.get("CROSSDOCK_HOME", ".crossdock")).absolute()
    there = home
    while not there.exists():
        there = there.parent
    remedy = _REMEDIES["home"]
    if not there.is_dir():
        yield Line(check="home", grade=Grade.FAIL, sentence=f"{there} is no folder", remedy=remedy)
        return
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"crossdock")
    except OSError as error:
        yield Line(
            check="home",
            grade=Grade.FAIL,
            sentence=f"{there} cannot be written to: {error.strerror}",
            remedy=remedy,
        )
        return
    yield Line(check="home", grade=Grade.OK, sentence=f"{home} can be written to")
    free = shutil.disk_usage(there).free
    enough = free >= NEEDED_FREE_BYTES
    yield Line(
        check="disk",
        grade=Grade.OK if enough else Grade.WARN,
        sentence=f"{free / 1024**3:.1f} GiB free",
        remedy="" if enough else f"free some space: less than {NEEDED_FREE_BYTES // 1024**3} GiB is left",
    )


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────


def _database(clock: Clock, registry: "Registry | None", used: set[str], each: bool) -> Iterator[Line]:
    """``used`` is filled with the connectors from which something came, or for which something was written."""
    from crossdock import targets
    from crossdock.audit import anchors
    from crossdock.registry import Registry
    from crossdock.store import audit_trail, queries
    from crossdock.store.engine import Store

    tenant = tenant_from_environment()
    store = Store.open(application="crossdock-doctor")
    try:
        try:
            store.require_current()
        except CrossdockError as error:
            yield _told("database", Grade.FAIL, error)
            return
        with store.reading(tenant) as connection:
            before = clock.now()
            found = queries.health(connection)
            after = clock.now()
            rows = queries.ledger(connection, tenant)
            letters = queries.list_dead_letters(connection, tenant, limit=1)
            parked = queries.list_dead_letters(connection, tenant, state="parked", limit=1)
            standing = targets.shown(connection, tenant, (registry or Registry()).manifests(), clock.now())
            audited = audit_trail.read_head(connection, tenant)
        used.update(str(row["source"]) for row in rows)
        used.update(target.name for target in standing if target.waiting)
        yield Line(
            check="database",
            grade=Grade.OK,
            sentence=f"{store.url}, PostgreSQL {found.server_version}, tables are current",
        )
        if found.unguarded or found.bypasses:
            sentence = (
                f"role {found.role!r} may read past row-level security"
                if found.bypasses
                else f"row-level security is off on {', '.join(found.unguarded)}"
            )
            yield Line(
                check="tenants apart", grade=Grade.FAIL, sentence=sentence, remedy="crossdock db upgrade"
            )
        else:
            yield Line(
                check="tenants apart",
                grade=Grade.OK,
                sentence=f"row-level security holds on every table, for role {found.role!r}",
            )
        offset = max(before - found.now, found.now - after, timedelta(0))
        yield Line(
            check="clock",
            grade=Grade.OK if offset <= CLOCK_OFFSET else Grade.WARN,
            sentence=f"{offset.total_seconds():.1f} s from the database's clock",
            remedy=""
            if offset <= CLOCK_OFFSET
            else "set both clocks (NTP): leases and schedules compare them",
        )
        broken = [str(row["source"]) for row in rows if not row["sound"]]
        yield Line(
            check="ledger",
            grade=Grade.FAIL if broken else Grade.OK,
            sentence=f"does not balance for {', '.join(broken)}"
            if broken
            else f"balances for {len(rows)} sources",
            remedy="stop the DAGs and look: crossdock ledger" if broken else "",
        )
        waiting = len(letters.items) + letters.more
        yield Line(
            check="dead letters",
            grade=Grade.WARN if waiting else Grade.OK,
            sentence=f"{waiting} open",
            remedy="crossdock dead-letters list" if waiting else "",
        )
        if parked.items:
            yield Line(
                check="parked",
                grade=Grade.WARN,
                sentence=_parked(len(parked.items) + parked.more),
                remedy="crossdock dead-letters list --state parked",
            )
        yield from _targets(standing, each)
        kept = anchors.has_place(store)
        sealed, anchored = (audited.seq, audited.anchored_seq) if audited else (0, 0)
        yield Line(
            check="audit anchors",
            grade=Grade.OK if kept else Grade.WARN,
            sentence=f"{anchored} of {sealed} rows are held by an anchor"
            if kept
            else "there is no place for them: who cuts off the end of the audit is not found",
            remedy="" if kept else "name a file in CROSSDOCK_AUDIT_ANCHORS (docs/audit.md)",
        )
    finally:
        store.close()


def _parked(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}: no replay takes what came back too often"


def _targets(standing: Sequence["Shown"], each: bool) -> Iterator[Line]:
    """A line for each target to which nothing leaves, or not everything, until a person or the next try ends it; one
    for all others."""
    from crossdock.standing import Mode, TargetState

    called = []
    for target in standing:
        name, held = target.name, target.standing
        said, remedy = [], f"crossdock targets show {name}"
        if held.state is not TargetState.CLOSED:
            said.append(f"{held.state}: {held.why}")
        if held.mode is not Mode.LIVE:
            said.append(f"in {held.mode}: nothing is sent")
        said += [str(stop) for stop in target.stops]
        if not said and not each:
            called.append(name)
            continue
        yield Line(
            check=f"target {name}",
            grade=Grade.WARN if said else Grade.OK,
            sentence="; ".join(said) or "calls are made",
            remedy=remedy if said else "",
        )
    if called:
        yield Line(check="targets", grade=Grade.OK, sentence=f"{len(called)} may be called")


def _audit_key() -> Iterator[Line]:
    """Without a key whoever may write to the database can compute the whole audit anew."""
    from crossdock.audit.keys import CONNECTION, keyring

    if keyring().is_keyed:
        yield Line(check="audit key", grade=Grade.OK, sentence="rows are sealed with a key")
        return
    yield Line(
        check="audit key",
        grade=Grade.WARN,
        sentence="there is none: everybody can compute the seals of the audit",
        remedy=f"make the connection {CONNECTION} in Airflow and name it in CROSSDOCK_AUDIT_CONN, "
        f"or set AIRFLOW_CONN_{CONNECTION.upper()} (docs/audit.md)",
    )


# ── connectors and the files that people edit ────────────────────────────────────────────────────────────────


def _connectors(registry: "Registry | None", used: set[str], each: bool) -> Iterator[Line]:
    """A line for each connector that is used, or is the site's own; one for those of ours without a connection."""
    from crossdock.packages import package_folder
    from crossdock.registry import Registry
    from crossdock.uploads import SOURCE as UPLOADS

    registry = registry or Registry()
    manifests = registry.manifests()
    for name, error in registry.broken().items():
        yield _told(f"connector {name}", Grade.FAIL, error)
    yield Line(check="connectors", grade=Grade.OK, sentence=", ".join(sorted(manifests)) or "none")
    ours = package_folder("connectors")
    unused = []
    for manifest in manifests.values():
        if manifest.name == UPLOADS:  # people bring what comes by it: there is nothing to log in to
            continue
        may_rest = not each and manifest.name not in used and Path(manifest.folder).parent == ours
        try:
            line = _connection(manifest.name, manifest.connection, manifest.wire)
        except Undefined as error:
            if may_rest:
                unused.append(manifest.name)
                continue
            line = _told(f"connection {manifest.name}", Grade.WARN, error)
        yield line
    if unused:
        yield Line(
            check="connections",
            grade=Grade.OK,
            sentence=f"{len(unused)} connectors have none and were never used: {', '.join(unused)}",
            remedy="crossdock doctor --each tells what each of them wants",
        )


def _connection(name: str, connection_id: str, wire: str) -> Line:
    """Whether a connection is defined and, for SFTP, the partner's host key is pinned. Raises ``Undefined``."""
    from crossdock.connections import login

    check = f"connection {name}"
    try:
        found = login(connection_id)
    except Undefined:
        raise
    except CrossdockError as error:
        remedy = f"correct the connection {connection_id} in Airflow, or AIRFLOW_CONN_{connection_id.upper()}"
        return Line(check=check, grade=Grade.WARN, sentence=str(error), remedy=remedy)
    if wire == "sftp" and not found.extra.get("host_key"):
        return Line(
            check=check,
            grade=Grade.FAIL,
            sentence=f"connection {connection_id!r} pins no host key",
            remedy="ask the partner for the server's public key and put it into the extra field host_key",
        )
    return Line(
        check=check,
        grade=Grade.OK,
        sentence=f"{connection_id} is defined" + (", host key pinned" if wire == "sftp" else ""),
    )


def _partners() -> Iterator[Line]:
    from crossdock.partners import Partners

    names = [partner.name for partner in Partners.load()]
    yield Line(check="partners", grade=Grade.OK, sentence=", ".join(names) or "none")


def _routes() -> Iterator[Line]:
    from crossdock.decide import Router

    router = Router.load()
    yield Line(
        check="routes",
        grade=Grade.OK,
        sentence=f"the decision tables are right; version {router.version[:12]}",
    )


def _taxonomy() -> Iterator[Line]:
    from canonical import taxonomy

    faults = taxonomy.lint()
    if faults:
        yield Line(check="taxonomy", grade=Grade.FAIL, sentence=faults[0], remedy="; ".join(faults[1:]))
    else:
        yield Line(
            check="taxonomy", grade=Grade.OK, sentence=f"{len(taxonomy.codes())} codes, none incomplete"
        )
