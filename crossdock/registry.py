"""Finds connectors and mappings by name, so that no room imports another to reach it.

A connector is a folder with a connector.toml, and beside it ``source.py`` and ``sink.py`` for the sides that it
has; a source that is declared whole (``[source.request]``) needs no code, and one that is ``like`` another has that
one's. A mapping is a package under ``mappings/inbound`` or ``mappings/outbound``. Packages of others join through
the entry point groups ``crossdock.connectors`` and ``crossdock.mappings``, whose value is a package; a site's own lie
in the folder that ``CROSSDOCK_SITE_DIR`` names, in its connectors, mappings/inbound and mappings/outbound.

Until a source, a sink or a mapping is asked for, only TOML is read.
"""

import importlib.util
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.kit.declarations import CONNECTION
from crossdock.manifests import MANIFEST_NAME, read_manifest, typed
from crossdock.mapping import FIELDS_NAME, InboundMapping, OutboundMapping
from crossdock.packages import adopt, entry_points, imported, package_folder, package_of
from crossdock.ports import Clock, Login, Manifest, Sink, Source
from crossdock.toml_lines import did_you_mean

CONNECTORS_GROUP = "crossdock.connectors"
SITE = "CROSSDOCK_SITE_DIR"
OFF = "CROSSDOCK_CONNECTORS_OFF"
"""Names of connectors that this site does not use, with commas between: they are there and do nothing."""
MAPPINGS_GROUP = "crossdock.mappings"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Where a connector lies: its folder, and the package that its modules belong to."""

    folder: Path
    package: str


class Registry:
    """Connectors and mappings by name.

    ``connectors_root``: a folder of connector folders instead of the packaged ``connectors`` (and of the
    entry points). ``inbound_package`` and ``outbound_package``: packages of mapping packages.
    """

    def __init__(
        self,
        connectors_root: Path | str | None = None,
        *,
        inbound_package: str = "mappings.inbound",
        outbound_package: str = "mappings.outbound",
    ) -> None:
        self._root = None if connectors_root is None else Path(connectors_root).resolve()
        self._inbound_package = inbound_package
        self._outbound_package = outbound_package
        self._found: dict[str, _Found] | None = None
        self._manifests: dict[str, Manifest] = {}
        self._broken: dict[str, Misconfigured] = {}
        self._inbound: dict[str, InboundMapping] | None = None
        self._outbound: dict[str, OutboundMapping] | None = None
        self._broken_mappings: dict[str, Misconfigured] = {}

    # -- connectors ---------------------------------------------------------------------------------------

    def manifests(self) -> Mapping[str, Manifest]:
        """Every connector whose connector.toml is right, by name. Those that are not are in ``broken()``."""
        self._look()
        return dict(self._manifests)

    def broken(self) -> Mapping[str, Misconfigured]:
        """Every connector and mapping that cannot be used, by name, with the complaint (file and line).

        One bad connector.toml never stops the others; whoever lists connectors shows these beside them.
        """
        self._look()
        return {**self._broken, **self._broken_mappings}

    def manifest(self, name: str) -> Manifest:
        """The connector of this name. Raises ``Misconfigured``: unknown, with what was meant, or broken."""
        self._look()
        if name in self._broken:
            raise self._broken[name]
        if self._root is None and name in switched_off():
            raise Misconfigured(
                f"connector {name!r} is switched off here; take it out of the list", where=OFF
            )
        if name not in self._manifests:
            raise self._unknown(name, self._manifests)
        return self._manifests[name]

    def source(self, manifest: Manifest, login: Login, clock: Clock) -> Source:
        """The source of this connector, not yet opened."""
        if manifest.source is None:
            raise Misconfigured(f"connector {manifest.name!r} is not read from: it has no [source]")
        source: Source = self._connect(manifest, "source", login, clock)
        return source

    def sink(self, manifest: Manifest, login: Login, clock: Clock) -> Sink:
        """The sink of this connector, not yet opened."""
        if manifest.sink is None:
            raise Misconfigured(f"connector {manifest.name!r} is not written to: it has no [sink]")
        sink: Sink = self._connect(manifest, "sink", login, clock)
        return sink

    def _connect(self, manifest: Manifest, side: str, login: Login, clock: Clock) -> Any:
        found = self._place(manifest.like or manifest.name)
        # by name: a connector that changes the host of its login does not change what it may open
        hosts = (login.host if one == CONNECTION else one for one in manifest.hosts)
        login = replace(login, hosts=tuple(hosts))
        file = found.folder / f"{side}.py"
        if not file.is_file():
            if side == "source" and manifest.source is not None and manifest.source.request is not None:
                if manifest.source.paging.kind == "delta_link":
                    from crossdock.kit.delta_poll import DeltaPoll

                    return DeltaPoll(manifest, login, clock)
                from crossdock.kit.rest_poll import RestPoll

                return RestPoll(manifest, login, clock)
            if side == "source" and manifest.wire == "imap":
                from crossdock.kit.mail_poll import MailPoll

                return MailPoll(manifest, login, clock)
            if side == "source" and manifest.wire == "sql":
                from crossdock.kit.sql_poll import SqlPoll

                return SqlPoll(manifest, login, clock)
            raise Misconfigured(
                f"connector {manifest.name!r} declares [{side}] but has no {side}.py; write it",
                where=str(found.folder / MANIFEST_NAME),
            )
        module = imported(f"{found.package}.{side}", why=f"connector {manifest.name!r}")
        connect = getattr(module, "connect", None)
        if not callable(connect):
            raise Misconfigured(
                f"connector {manifest.name!r} lacks connect(manifest, login, clock); write it",
                where=str(file),
            )
        return connect(manifest, login, clock)

    def _place(self, name: str) -> _Found:
        """Where the connector of this name lies. Raises ``Misconfigured`` with what was probably meant."""
        self._look()
        assert self._found is not None
        if name not in self._found:
            raise self._unknown(name, self._found)
        return self._found[name]

    def _unknown(self, name: str, known: Collection[str]) -> Misconfigured:
        """That no connector is called so, with what was probably meant, or where was looked."""
        if near := did_you_mean(name, list(known)):
            return Misconfigured(f"no connector is called {name!r}{near}")
        site = os.environ.get(SITE)
        own = f"{site}/connectors" if site else f"no folder of your own, for {SITE} is not set"
        folders = [self._root] if self._root is not None else [package_folder("connectors"), own]
        looked = " and ".join(map(str, folders))
        return Misconfigured(
            f"no connector is called {name!r}: looked in {looked}; `crossdock connector list` shows them"
        )

    def _look(self) -> None:
        if self._found is not None:
            return
        found = self._found = self._in_root(self._root) if self._root is not None else self._installed()
        off = switched_off() if self._root is None else frozenset()
        for name, place in sorted(found.items()):
            if name in off:
                continue
            try:
                manifest = self._manifests[name] = read_manifest(
                    place.folder, folder_of=lambda like: self._place(like).folder
                )
                self._check_settings(name, self._place(manifest.like or name))
            except CrossdockError as error:
                self._manifests.pop(name, None)
                self._broken[name] = error if isinstance(error, Misconfigured) else Misconfigured(str(error))

    def _check_settings(self, name: str, place: _Found) -> None:
        """A connector's ``settings.py`` (standard library only, so cheap) has ``SETTINGS``, the class of its settings
        by side; and ``check(manifest)`` for what a class cannot say."""
        if not (place.folder / "settings.py").is_file():
            return
        module = imported(f"{place.package}.settings", why=f"connector {name!r}")
        for side, settings in getattr(module, "SETTINGS", {}).items():
            if getattr(self._manifests[name], side) is not None:
                typed(settings, self._manifests[name], side)
        check = getattr(module, "check", None)
        if callable(check):
            check(self._manifests[name])

    def settings(self, manifest: Manifest) -> Mapping[str, type]:
        """The classes of a connector's own settings, by side, as its ``settings.py`` names them."""
        place = self._place(manifest.like or manifest.name)
        if not (place.folder / "settings.py").is_file():
            return {}
        module = imported(f"{place.package}.settings", why=f"connector {manifest.name!r}")
        found: Mapping[str, type] = getattr(module, "SETTINGS", {})
        return found

    def _in_root(self, root: Path) -> dict[str, _Found]:
        if not root.is_dir():
            raise Misconfigured("is no folder of connectors", where=str(root))
        package = package_of(root)
        found = {}
        for folder in _folders(root):
            adopt(f"{package}.{folder.name}", folder)
            found[folder.name] = _Found(folder=folder, package=f"{package}.{folder.name}")
        return found

    def _installed(self) -> dict[str, _Found]:
        found: dict[str, _Found] = {}
        for folder in _folders(package_folder("connectors")):
            found[folder.name] = _Found(folder=folder, package=f"connectors.{folder.name}")
        for entry in entry_points(group=CONNECTORS_GROUP):
            if entry.name in found:
                self._broken[f"{entry.name} ({entry.value})"] = Misconfigured(
                    f"entry point {entry.name!r} = {entry.value!r} has the name of another connector; "
                    "rename one of them",
                    where=_distribution(entry),
                )
                continue
            try:
                folder = package_folder(entry.value)
            except Misconfigured as error:
                self._broken[entry.name] = error
                continue
            if folder.name != entry.name:
                self._broken[entry.name] = Misconfigured(
                    f"entry point {entry.name!r} names the folder {folder.name!r}; "
                    "both must be the connector's name",
                    where=_distribution(entry),
                )
                continue
            found[entry.name] = _Found(folder=folder, package=entry.value)
        return {**found, **self._of_the_site(found)}

    def _of_the_site(self, taken: Mapping[str, _Found]) -> dict[str, _Found]:
        """The site's own connectors; one that has the name of another is broken, and the rest works."""
        if os.environ.get(SITE) and site_folder() is None:
            self._broken[SITE] = Misconfigured("names no folder; make it, or name another one", where=SITE)
        folder = site_folder("connectors")
        if folder is None:
            return {}
        found = self._in_root(folder)
        for name in sorted(found.keys() & taken.keys()):
            self._broken[f"{name} ({folder})"] = Misconfigured(
                "has the name of another connector; rename the folder", where=str(found.pop(name).folder)
            )
        return found

    # -- mappings -----------------------------------------------------------------------------------------

    def inbound(self, document: str) -> InboundMapping | None:
        """The mapping for a kind of document ("x12/855", "erp_order_hold"), or ``None`` when there is none.

        Raises ``Misconfigured`` when the mapping that should be it does not load.
        """
        if self._inbound is None:
            self._inbound = {}
            for name, module in self._modules(self._inbound_package, "inbound"):
                self._keep_inbound(name, module)
        self._refuse_broken(document in self._inbound, f"inbound/{document.replace('/', '_')}")
        return self._inbound.get(document)

    def outbound(self, operation: str) -> OutboundMapping | None:
        """The mapping that writes an operation ("note"), or ``None`` when there is none."""
        if self._outbound is None:
            self._outbound = {}
            for name, module in self._modules(self._outbound_package, "outbound"):
                self._keep_outbound(name, module)
        self._refuse_broken(operation in self._outbound, f"outbound/{operation}")
        return self._outbound.get(operation)

    def inbound_mappings(self) -> Mapping[str, InboundMapping]:
        """Every inbound mapping that loads, by document."""
        self.inbound("")
        return dict(self._inbound or {})

    def outbound_mappings(self) -> Mapping[str, OutboundMapping]:
        """Every outbound mapping that loads, by operation."""
        self.outbound("")
        return dict(self._outbound or {})

    def _refuse_broken(self, found: bool, name: str) -> None:
        if not found and name in self._broken_mappings:
            raise self._broken_mappings[name]

    def _keep_inbound(self, name: str, module: ModuleType) -> None:
        assert self._inbound is not None
        try:
            mapping = _inbound_of(name, module)
        except Misconfigured as error:
            self._broken_mappings[f"inbound/{name}"] = error
            return
        if mapping.document in self._inbound:
            other = self._inbound[mapping.document].name
            self._break_mapping("inbound", name, module, f"maps {mapping.document!r}, and so does {other!r}")
        else:
            self._inbound[mapping.document] = mapping

    def _keep_outbound(self, name: str, module: ModuleType) -> None:
        assert self._outbound is not None
        operation = getattr(module, "OPERATION", None)
        version = getattr(module, "VERSION", None)
        write = getattr(module, "write", None)
        if not (isinstance(operation, str) and isinstance(version, str) and callable(write)):
            self._break_mapping("outbound", name, module, "lacks OPERATION, VERSION or write(event, ...)")
        elif operation in self._outbound:
            other = self._outbound[operation].name
            self._break_mapping("outbound", name, module, f"writes {operation!r}, and so does {other!r}")
        else:
            self._outbound[operation] = OutboundMapping(
                name=name,
                operation=operation,
                version=version,
                write=write,
                document=getattr(module, "DOCUMENT", ""),
                action=getattr(module, "ACTION", operation),
                answers=tuple(getattr(module, "ANSWERS", ())),
                knows=frozenset(getattr(module, "KNOWS", ())),
                per_document=bool(getattr(module, "PER_DOCUMENT", False)),
                fields=getattr(module, "FIELDS", {}),
                sets=None if (sets := getattr(module, "SETS", None)) is None else tuple(sets),
            )

    def _break_mapping(self, side: str, name: str, module: ModuleType, complaint: str) -> None:
        self._broken_mappings[f"{side}/{name}"] = Misconfigured(
            f"mapping {name!r} {complaint}", where=module.__file__
        )

    def _modules(self, package: str, side: str) -> Iterator[tuple[str, ModuleType]]:
        """The mapping packages of one side, those of others after ours; what does not import is broken."""
        names: list[tuple[str, str]] = []
        if importlib.util.find_spec(package.partition(".")[0]) and importlib.util.find_spec(package):
            names += [
                (folder.name, f"{package}.{folder.name}") for folder in _packages(package_folder(package))
            ]
        for entry in entry_points(group=MAPPINGS_GROUP):
            if entry.name.startswith(f"{side}/"):
                names.append((entry.name.partition("/")[2], entry.value))
        if (folder := site_folder("mappings", side)) is not None:
            names += [(each.name, f"{package_of(folder)}.{each.name}") for each in _packages(folder)]
        for name, module_name in names:
            try:
                yield name, _of_fields(module_name, side) or imported(module_name, why=f"mapping {name!r}")
            except Misconfigured as error:
                self._broken_mappings[f"{side}/{name}"] = error


def switched_off() -> frozenset[str]:
    """The connectors that this site does not use."""
    return frozenset(os.environ.get(OFF, "").replace(",", " ").split())


def inbound_at(folder: Path) -> InboundMapping:
    """The inbound mapping in this folder, wherever it lies. Raises ``Misconfigured``."""
    name = f"{package_of(folder.parent)}.{folder.name}"
    module = _of_fields(name, "inbound") or imported(name, why=f"mapping {folder.name!r}")
    return _inbound_of(folder.name, module)


def _inbound_of(name: str, module: ModuleType) -> InboundMapping:
    document = getattr(module, "DOCUMENT", None)
    version = getattr(module, "VERSION", None)
    map_document = getattr(module, "map", None)
    if not (isinstance(document, str) and isinstance(version, str) and callable(map_document)):
        raise Misconfigured(
            f"mapping {name!r} lacks DOCUMENT, VERSION or map(document, context)", where=module.__file__
        )
    folder = str(Path(module.__file__).parent) if module.__file__ else ""
    return InboundMapping(
        name=name,
        document=document,
        version=version,
        map=map_document,
        folder=folder,
        layout=getattr(module, "LAYOUT", None),
    )


def site_folder(*parts: str) -> Path | None:
    """A folder in the one that the site has for its own; ``None`` where there is none."""
    named = os.environ.get(SITE)
    folder = Path(named).resolve().joinpath(*parts) if named else None
    return folder if folder is not None and folder.is_dir() else None


def _folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob(f"*/{MANIFEST_NAME}"))


def _packages(root: Path) -> list[Path]:
    return sorted({path.parent for name in ("__init__.py", FIELDS_NAME) for path in root.glob(f"*/{name}")})


def _of_fields(name: str, side: str) -> ModuleType | None:
    """A mapping that is a table, as the module that it stands for; ``None`` for one in Python."""
    if side != "inbound":
        return None
    folder = package_folder(name)
    if (folder / "__init__.py").is_file() or not (folder / FIELDS_NAME).is_file():
        return None
    from crossdock.fields import load  # only whoever maps pays for JMESPath

    return load(folder).as_module(name)


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
