"""What the played systems that hold files share: directories below a folder of this machine, samples, and effects.

Directories are those of [source.settings] and [sink.settings]: ``directory`` and ``archive``.
"""

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crossdock.errors import Misconfigured
from crossdock.messages import WriteBack
from crossdock.ports import Clock
from crossdock.testing.conformance.http_play import write_backs_of
from crossdock.testing.conformance.play import QuietPlay, Thing
from crossdock.testing.effects import Effects

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

SOMEBODY_ELSES = b"somebody else's"


class FilesPlay(QuietPlay):
    """Files that lie in directories. Effects are the files that lie where the sink puts them."""

    def __init__(self, case: "Case", *, can: frozenset[str]) -> None:
        super().__init__()
        self.case = case
        self._read_from = self._written_to = self._archive = ""
        manifest, found = case.manifest, {"files", *can}
        if manifest.source is not None and isinstance(
            where := manifest.source.settings.get("directory"), str
        ):
            self._read_from, self._archive = where, str(manifest.source.settings.get("archive", ""))
            found.add("played_source")
        if manifest.sink is not None and isinstance(where := manifest.sink.settings.get("directory"), str):
            self._written_to = where
            found.add("played_sink")
        handed = manifest.source is not None and manifest.source.every_s is None
        if not handed and not found & {"played_source", "played_sink"}:
            raise Misconfigured(
                "no directory stands in [source.settings] or [sink.settings], so nothing can be played"
            )
        self.can = frozenset(found)
        self.root = Path(tempfile.mkdtemp(prefix="crossdock-conformance-"))
        folders = (case.folder, case.code_folder)
        samples = [path for one in folders for path in sorted((one / "samples").glob("*")) if path.is_file()]
        self._sample = samples[0] if samples else None
        self.effects: Effects = _FilesThere(self)
        self.held: list[Thing] = []

    def reset(self, clock: Clock) -> None:
        self.heal()
        self.held.clear()
        for path in self.root.iterdir():
            shutil.rmtree(path)
        for folder in filter(None, (self._read_from, self._archive, self._written_to)):
            self._at(folder).mkdir(parents=True, exist_ok=True)

    def hold(self, *things: Thing) -> None:
        for thing in things:
            self.held.append(thing)
            ending = self._sample.suffix if self._sample else ".txt"
            path = self._at(self._read_from) / f"{thing.mark.decode()}{ending}"
            path.write_bytes(thing.body)
            os.utime(path, (thing.at.timestamp(), thing.at.timestamp()))

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: the sample with a member of its own if it is a JSON object, else with a line at its end."""
        mark = f"conformance-{number:04d}x"
        body = self._sample.read_bytes() if self._sample else b"a file\n"
        said = f"{mark}{'.' * changed}"
        if body.lstrip().startswith(b"{"):
            body = body.replace(b"{", f'{{"conformance": "{said}", '.encode(), 1)
        else:
            body += f"{said}\n".encode()
        return Thing(number=number, at=at, body=body, mark=mark.encode())

    def written(self) -> list[bytes]:
        return [path.read_bytes() for path in self.lying()]

    def attempts(self) -> int:
        return len(self.lying())

    def write_backs(self) -> list[WriteBack]:
        return write_backs_of(self.case)

    def asked(self) -> int:
        return 0

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def lying(self) -> list[Path]:
        """The files that lie where the sink puts them."""
        if not self._written_to:
            return []
        folder = self._at(self._written_to)
        return [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".part"]

    def places(self) -> dict[str, Path]:
        """Where its directories lie on this machine: those that are read, and those that are written."""
        named = {"read": self._read_from, "written": self._written_to}
        return {way: self._at(folder) for way, folder in named.items() if folder}

    def _at(self, folder: str) -> Path:
        return self.root / folder.strip("/")


class _FilesThere(Effects):
    """The effects of a directory: one for each file that lies there and is ours."""

    def __init__(self, play: FilesPlay) -> None:
        super().__init__()
        self._play = play

    def counted(self) -> dict[str, int]:
        return {path.name: 1 for path in self._play.lying() if path.read_bytes() != SOMEBODY_ELSES}
