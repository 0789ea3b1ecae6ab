"""The connector under check: what is known of it, what it can do, and its two sides on the played system."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from crossdock import ports
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.kit.declarations import CONNECTION
from crossdock.packages import package_folder
from crossdock.ports import Login, Manifest, Sink, Source
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock
from crossdock.testing.conformance import waivers
from crossdock.testing.conformance.check import checks
from crossdock.testing.conformance.inquiry_play import inquiry_of
from crossdock.testing.conformance.play import Play, play_of
from crossdock.testing.conformance.waivers import Told
from crossdock.testing.conformance.watch import Watch, watching
from crossdock.wires.patience import in_a_hurry

SIDES: Final = ("source", "sink")
SLOWEST_S: Final = 20.0
"""What a call to the played system may take on a busy machine; lies that never answer are cut shorter."""


class Case:
    """One connector. ``manifest`` is ``None`` when its connector.toml is wrong, and ``complaint`` says why.

    Its sides are made anew for each check, on a clock that the check moves; the played system serves all of them.
    """

    def __init__(
        self, name: str, *, fleet: "Fleet", manifest: Manifest | None, complaint: str, today: date
    ) -> None:
        self.name = name
        self.fleet = fleet
        self.registry = fleet.registry
        self.complaint = complaint
        self.today = today
        self.clock = MovableClock()
        self.declared = manifest
        self.folder = Path(manifest.folder) if manifest is not None else _folder_of(name)
        self.told = Told()
        if manifest is not None:
            try:
                self.told = waivers.read(self.folder, tuple(one.id for one in checks()), self.code_folder)
            except Misconfigured as error:
                self.complaint = str(error)
        self.kept: dict[str, Any] = {}  # what several checks look at and one of them made
        self._stack = contextlib.ExitStack()

    @property
    def manifest(self) -> Manifest:
        """What the connector declares. Checks that need ``manifest`` may ask for it."""
        assert self.declared is not None, "a check that needs the manifest says so"
        return self.declared

    @cached_property
    def played_manifest(self) -> Manifest:
        """The manifest with pages made small, and with what stands in for a site's own, as it is played with."""
        # The played system stands for every host that is declared.
        manifest = replace(self.manifest, hosts=(CONNECTION,))
        source, sink = manifest.source, manifest.sink
        if sink is not None:
            settings = {**sink.settings, **self.told.played.get("sink_settings", {})}
            manifest = replace(manifest, sink=replace(sink, settings=settings))
        if source is None:
            return manifest
        settings = {**source.settings, **self.told.played.get("settings", {})}
        return replace(
            manifest,
            source=replace(
                source,
                settings=settings,
                paging=replace(
                    source.paging,
                    size=min(source.paging.size, 3),
                    most_pages=min(source.paging.most_pages, 12),
                ),
                view=None if source.view is None else replace(source.view, size=3, most_pages=12),
            ),
        )

    @cached_property
    def play(self) -> "Play | str":
        """The played system, or why there is none."""
        if self.declared is None:
            return "its connector.toml is wrong"
        try:
            made = play_of(self)
        except CrossdockError as error:
            return str(error)
        if not isinstance(made, str):
            self._stack.callback(made.close)
        return made

    @property
    def system(self) -> Play:
        """The played system. Checks that need ``played`` may ask for it."""
        made = self.play
        assert not isinstance(made, str), "a check that needs the played system says so"
        return made

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What checks may ask for: from the manifest, the ports that are there, and the played system."""
        if self.declared is None:
            return frozenset()
        manifest, can = self.declared, {"manifest"}
        if not manifest.like and any((self.folder / f"{side}.py").is_file() for side in SIDES):
            can.add("code")
        if manifest.source is not None:
            can.add("source")
            can.add("pushed" if manifest.source.every_s is None else "polled")
        if manifest.sink is not None:
            can |= {"sink", "schedule", "drawn" if self.told.draws else "verbatim"}
            if manifest.sink.idempotency != "harmless":
                can.add("once")
            if manifest.sink.idempotency in ("key", "natural_key", "conditional", "readback"):
                can.add("repeatable")
        if (self.folder / "recorded").is_dir():
            can.add("recorded")
        if not isinstance(self.play, str):
            can |= {"played", *self.play.can}
            can |= self._ports()
            if can & {"paged", "inquires"}:
                can.add("in_steps")
        return frozenset(can)

    @property
    def code_folder(self) -> Path:
        """Where its code lies: that of the connector that it is like, else its own folder."""
        declared = self.declared
        return Path(declared.code_folder) if declared is not None and declared.code_folder else self.folder

    def _ports(self) -> set[str]:
        can: set[str] = set()
        named = {
            "check": ports.Checkable, "searchable": ports.Searchable, "previewing": ports.Previewing,
            "versioned": ports.Versioned,
        }  # fmt: skip
        for side in SIDES:
            if getattr(self.manifest, side) is None or (side == "source" and "pushed" in self.system.can):
                continue
            try:
                thing = self.side(side)
            except Exception:
                continue  # code.connects tells it
            with contextlib.closing(thing):
                can |= {name for name, port in named.items() if isinstance(thing, port)}
        return can

    def side(self, side: str, login: Login | None = None) -> Any:
        """A new source or sink on the played system."""
        make: Callable[..., Any] = self.registry.source if side == "source" else self.registry.sink
        made = make(self.played_manifest, login or self.system.login(), self.clock)
        if side == "source" and "inquires" in self.system.can and isinstance(made, ports.Inquiring):
            made.inquire(inquiry_of(self).inquiries)
        return made

    @contextlib.contextmanager
    def source(self, login: Login | None = None) -> Iterator[Source]:
        """A new source, closed afterwards."""
        with contextlib.closing(self.side("source", login)) as made:
            yield made

    @contextlib.contextmanager
    def sink(self, login: Login | None = None) -> Iterator[Sink]:
        """A new sink, closed afterwards."""
        with contextlib.closing(self.side("sink", login)) as made:
            yield made

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """What the connector does meanwhile, seen; the system as new, the clock at its start."""
        self.clock = MovableClock()
        allowed: tuple[int, ...] = ()
        if "played" in self.capabilities:
            self.system.reset(self.clock)
            allowed = self.system.ports
        with in_a_hurry(SLOWEST_S), watching(allowed) as watch:
            yield watch

    def close(self) -> None:
        """Ends the played system."""
        self._stack.close()


@dataclass(slots=True, kw_only=True)
class Fleet:
    """Every connector that is found: packaged, of other packages by entry point, or those of a folder."""

    root: Path | None = None
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        self.registry = Registry(self.root)

    def names(self) -> list[str]:
        """All of them, the broken ones too."""
        broken = [name for name in self.registry.broken() if "/" not in name]
        return sorted({*self.registry.manifests(), *broken})

    def case(self, name: str, *, today: date) -> Case:
        """One of them. Raises ``Misconfigured`` when no connector is called so."""
        broken = self.registry.broken().get(name)
        manifest = None if broken is not None else self.registry.manifest(name)
        complaint = str(broken) if broken is not None else ""
        return Case(name, fleet=self, manifest=manifest, complaint=complaint, today=today)


def _folder_of(name: str) -> Path:
    return package_folder("connectors") / name
