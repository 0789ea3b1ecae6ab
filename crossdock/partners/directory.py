"""All trading partners, found by the ids of an interchange or by name.

A profile is one TOML file in ``mappings/partners/`` or in the folder that ``CROSSDOCK_PARTNERS_DIR`` names;
one there replaces the packaged one of the same name: a new partner is a file and a replay, not a release.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crossdock import toml_lines
from crossdock.calendars import Calendars
from crossdock.errors import Misconfigured
from crossdock.packages import package_folder
from crossdock.partners.partner import Partner
from crossdock.partners.profile import read_profile
from crossdock.toml_lines import TomlFile, did_you_mean

PARTNERS_DIR: Final = "CROSSDOCK_PARTNERS_DIR"


@dataclass(frozen=True, slots=True)
class Partners:
    """All profiles, found by ISA qualifier and id or by name."""

    all: tuple[Partner, ...]
    _by_id: Mapping[tuple[str, str], Partner] = field(repr=False)
    _paths: Mapping[str, Path] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, *folders: Path) -> "Partners":
        """The packaged profiles, then those of ``CROSSDOCK_PARTNERS_DIR``; or those of the folders given.

        Raises ``Misconfigured`` with every problem of every file, one a line, each with file and line.
        """
        partners, problems = cls.look(*folders)
        if problems:
            raise Misconfigured("\n".join(problems))
        return partners

    @classmethod
    def of(cls, partners: Iterable[Partner]) -> "Partners":
        """These partners, who come from nowhere: for tests and trials. One id belongs to one of them."""
        every = tuple(partners)
        return cls(every, {identity: partner for partner in every for identity in partner.ids})

    @classmethod
    def look(cls, *folders: Path) -> tuple["Partners", list[str]]:
        """Those profiles that are right by themselves, and every problem that there is."""
        problems: list[str] = []
        by_name: dict[str, tuple[Partner, TomlFile]] = {}
        calendars = _calendars(problems)
        for folder in folders or default_folders():
            if not folder.is_dir():
                problems.append(f"{folder}: is no folder; make it, or correct {PARTNERS_DIR}")
                continue
            in_folder: dict[str, tuple[Partner, TomlFile]] = {}
            for path in sorted(folder.glob("*.toml")):
                try:
                    file = toml_lines.read(path)
                except Misconfigured as error:
                    problems.append(str(error))
                    continue
                checked = read_profile(file, problems, calendars)
                if checked is None:
                    continue
                if checked.name in in_folder:
                    other = in_folder[checked.name][1].path
                    problems.append(f"{file.at('name')}: partner {checked.name!r} is already in {other}")
                in_folder[checked.name] = (checked, file)
            by_name.update(in_folder)
        by_id: dict[tuple[str, str], Partner] = {}
        for partner, file in by_name.values():
            for identity in partner.ids:
                other_partner = by_id.setdefault(identity, partner)
                if other_partner is not partner:
                    problems.append(
                        f"{file.at('ids')}: id {identity[0]}/{identity[1]} is already that of "
                        f"{other_partner.name!r}; one id belongs to one partner"
                    )
        paths = {name: file.path for name, (_, file) in by_name.items()}
        return cls(tuple(partner for partner, _ in by_name.values()), by_id, paths), problems

    def find(self, qualifier: str, id: str) -> Partner | None:
        """The partner that sends under this ISA qualifier and id (padding does not matter), or ``None``."""
        return self._by_id.get((qualifier.strip(), id.strip()))

    def named(self, name: str) -> Partner:
        """The partner of this name. Raises ``Misconfigured`` with the nearest name."""
        for partner in self.all:
            if partner.name == name:
                return partner
        raise Misconfigured(
            f"no partner is named {name!r}{did_you_mean(name, [partner.name for partner in self.all])}"
        )

    def path_of(self, partner: Partner) -> Path:
        """The file that the profile was read from."""
        return self._paths[partner.name]

    def __iter__(self) -> Iterator[Partner]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)


def default_folders() -> list[Path]:
    """Where profiles lie: in the package, and in the folder of the environment."""
    folders = [package_folder("mappings") / "partners"]
    if extra := os.environ.get(PARTNERS_DIR):
        folders.append(Path(extra))
    return folders


def _calendars(problems: list[str]) -> Calendars:
    """The calendars that a profile may name; what is wrong with them is told beside the profiles' own mistakes."""
    try:
        return Calendars.load()
    except Misconfigured as error:
        problems.extend(str(error).splitlines())
        return Calendars({})
