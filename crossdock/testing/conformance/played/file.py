"""A folder that others put files into, as one of this machine: the connector's samples lie in its directories."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crossdock.ports import Login
from crossdock.testing.conformance.files_play import FilesPlay
from crossdock.testing.conformance.play import EffectFault

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("file",)


def play(case: "Case") -> "FolderPlay":
    """The played folder. Raises ``Misconfigured`` when no directory is set, and files are not handed to us either."""
    return FolderPlay(case)


class FolderPlay(FilesPlay):
    """A played folder."""

    wrongs = ("host",)

    def __init__(self, case: "Case") -> None:
        super().__init__(case, can=frozenset())

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``: nobody logs in; a wrong host is a share that is not mounted."""
        path = self.root / "not-mounted" if wrong == "host" else self.root
        return Login(connection_id=self.case.manifest.connection, extra={"path": str(path)})

    def effect_faults(self) -> Sequence[EffectFault]:
        wanted = frozenset({"Misconfigured", "Retry"})
        return [EffectFault(name="a directory that is gone", tell=self._take_away, allowed=wanted)]

    def _take_away(self) -> None:
        folder = self._at(self._written_to)
        if folder.is_dir():
            folder.rmdir()

    def heal(self) -> None:
        if self._written_to:
            self._at(self._written_to).mkdir(parents=True, exist_ok=True)

    def lying(self) -> list[Path]:
        return super().lying() if self._at(self._written_to).is_dir() else []
