"""What the partners themselves have on record, read from their own books and folders, without asking the hub."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OUTBOUND_FOLDER: Final = "outbound"
ARCHIVE_FOLDER: Final = "outbound/archive"
INBOUND_FOLDER: Final = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAnswer:
    """What a 997 says of one transaction set: AK2 and AK5."""

    name: str
    control: str
    word: str  # AK501: A, E, R
    codes: tuple[str, ...]  # AK502 and on


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAnswer:
    """What a 997 says of one functional group: AK1 and AK9, and each of its sets."""

    receiver: str
    function: str
    control: str
    word: str  # AK901: A, E, P, R
    included: int
    received: int
    accepted: int
    sets: tuple[SetAnswer, ...]


class Records:
    """The books of a world that lives in ``home``. Every look reads them again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.files = home / "supplier" / "files"

    def effects(self) -> list[dict[str, Any]]:
        """Every effect on an order of the ERP."""
        return _lines(self.home / "erp" / "effects.jsonl")

    def told_by_carrier(self) -> set[str]:
        """The ids of the updates that the carrier has told, by its own account."""
        calls = _lines(self.home / "carrier" / "requests.jsonl")
        return {event for call in calls for event in call.get("told", ())}

    def waiting(self) -> dict[str, bytes]:
        return _files(self.files / OUTBOUND_FOLDER)

    def archived(self) -> dict[str, bytes]:
        return _files(self.files / ARCHIVE_FOLDER)

    def received(self) -> dict[str, bytes]:
        """What was sent to the supplier, whole files only."""
        return _files(self.files / INBOUND_FOLDER)


def read_acknowledgements(file: bytes) -> list[GroupAnswer]:
    """The answers in a file with 997s. ValueError says what is wrong with it as a file.

    A reader of its own, small and strict, so that the hub's writer is not judged by the hub's reader.
    """
    if len(file) < 106 or file[:3] != b"ISA":
        raise ValueError("it does not begin with a whole ISA")
    text = file.decode("ascii")
    element, terminator = text[3], text[105]
    segments = [part.strip("\r\n").split(element) for part in text.split(terminator) if part.strip()]
    isa, iea = segments[0], segments[-1]
    if iea[0] != "IEA" or iea[2] != isa[13] or isa[6].strip() != "CROSSDOCK":
        raise ValueError("its envelope is not closed, or not ours")
    answers = []
    open_set: list[list[str]] = []
    for segment in segments[1:-1]:
        if segment[0] == "ST":
            open_set = []
        open_set.append(segment)
        if segment[0] == "SE":
            if segment[1] != str(len(open_set)) or segment[2] != open_set[0][2]:
                raise ValueError(f"SE says {segment[1:]}, its set has {len(open_set)} segments")
            answers.append(_group_answer(open_set, isa[8].strip()))
    return answers


def addressed(file: bytes) -> tuple[str, str]:
    """The receiver and the control number of a file: ISA08 and ISA13, by their places."""
    return file[54:69].decode("ascii").strip(), file[90:99].decode("ascii")


def _group_answer(segments: list[list[str]], receiver: str) -> GroupAnswer:
    sets: list[SetAnswer] = []
    group = segments[1]
    about: list[str] = []
    for segment in segments:
        match segment[0]:
            case "AK2":
                about = segment
            case "AK5":
                sets.append(
                    SetAnswer(name=about[1], control=about[2], word=segment[1], codes=tuple(segment[2:]))
                )
    last = segments[-2]
    if group[0] != "AK1" or last[0] != "AK9":
        raise ValueError("a 997 goes from AK1 to AK9")
    return GroupAnswer(
        receiver=receiver,
        function=group[1],
        control=group[2],
        word=last[1],
        included=int(last[2]),
        received=int(last[3]),
        accepted=int(last[4]),
        sets=tuple(sets),
    )


def _lines(book: Path) -> list[dict[str, Any]]:
    """The whole lines of a book that somebody may be writing."""
    return list(_read_lines(book)) if book.exists() else []


def _read_lines(book: Path) -> Iterator[dict[str, Any]]:
    with book.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _files(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        try:
            if path.is_file() and not path.name.startswith("."):
                found[path.name] = path.read_bytes()
        except FileNotFoundError:  # taken while we looked
            continue
    return found
