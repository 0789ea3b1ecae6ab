"""Files that a partner puts somewhere, on an SFTP server or in a folder, each read once it lies still.

A file is taken when its size and time were the same at two looks some seconds apart, or when its done-marker lies
beside it. The looks are the source's position. After a file is stored it is moved to the archive under a name that
was never used; until then it stays where it is and is known again by its content.
"""

import json
from collections.abc import Iterator
from datetime import UTC

from crossdock.errors import Refused
from crossdock.kit.file_settings import FileSettings
from crossdock.kit.heard import Heard
from crossdock.kit.sampling import read_well, with_sample
from crossdock.messages import PARTNER, RawMessage, Verdict
from crossdock.ports import CheckStep, Clock, Manifest, Skipped
from crossdock.wires.files import MISSING, FileChanged, Files, FileTooLarge, Listing, RemoteFile

MOST_LOOKS = 5000
MOST_ARCHIVE_NAMES = 50

Look = tuple[int, int, float]
"""Size, mtime, and when we first saw both, in seconds since 1970 by our clock."""


class FilePoll:
    """The files of one directory. After ``read`` was walked, ``position()`` must be stored even when nothing came:
    it holds the first looks."""

    def __init__(self, manifest: Manifest, settings: FileSettings, wire: Files, clock: Clock) -> None:
        assert manifest.source is not None
        self._settings = settings
        self._heard, self._clock = Heard.by(manifest, clock), clock
        self._wire = wire
        self._position: str | None = None
        self._skipped: list[Skipped] = []
        self._young = 0

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """The files that lie still, oldest first: all of them, since those that cannot be read or moved aside lie
        there for long. How many are taken in a run is the reader's to say."""
        self._position = None
        self._skipped = []
        self._young = 0
        listing = self._wire.listing(self._settings.directory, most=self._settings.max_names)
        self._skipped += self._not_ours(listing)
        ready, looks = self._sorted(listing.files, _looks(after))
        state = json.dumps({"looks": looks}, separators=(",", ":"))
        self._position = state if state != after else None
        for file in ready:
            message = self._message(file)
            if message is not None:
                yield message

    def position(self) -> str | None:
        """The looks of the last read, or ``None`` when they are what they were."""
        return self._position

    def skipped(self) -> tuple[Skipped, ...]:
        """What lies there and was not taken, with the reason."""
        return tuple(self._skipped)

    def not_yet_quiet(self) -> int:
        """How many files of the last read may still be growing."""
        return self._young

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Move the file to the archive, and its marker. A file that is there no more was moved before.

        What lies under the name now is moved only if it is what was read: the partner may have put another one.
        """
        directory, archive = self._settings.directory, self._settings.archive
        stood = RemoteFile(
            name=message.name,
            size=int(message.headers.get("size", len(message.body))),
            mtime=int(message.headers.get("mtime", "0")),
        )
        now = self._wire.look(directory, message.name)
        if now is None:
            return
        if now != stood:
            # Another file, not read yet. It is read next, and this one was replaced there by the partner.
            return
        moved_to = self._archive(message)
        lies = self._wire.look(archive, moved_to)
        if lies is not None and not self._is_what_was_read(lies, stood, message):
            # Replaced since it was read, maybe under the same size and time: the new one goes back and is read.
            self._wire.move(archive, moved_to, directory, message.name)
            return
        self._archive_marker(message.name, moved_to)

    def _is_what_was_read(self, lies: RemoteFile, stood: RemoteFile, message: RawMessage) -> bool:
        """Whether the file in the archive is the one that was read: by size and time, and by its content, for whoever
        copies files keeps their times."""
        if (lies.size, lies.mtime) != (stood.size, stood.mtime):
            return False
        try:
            content = self._wire.read(self._settings.archive, lies, most_bytes=max(stood.size, 1))
        except (FileChanged, FileTooLarge):
            return False  # somebody still writes it: he holds it open, and it moved with him
        return content.sha256 == message.sha256

    def check(self) -> Iterator[CheckStep]:
        """Connect with the pinned host key, log in, look into both directories, read a sample."""

        def directories() -> Iterator[CheckStep]:
            yield from self._wire.check(self._settings.directory, write=False)
            *_, archive = self._wire.check(self._settings.archive, write=True)
            yield archive

        def read() -> CheckStep:
            listing = self._wire.listing(self._settings.directory, most=self._settings.max_names)
            return read_well(
                f"{len(listing.files)} files lie in {self._settings.directory}, "
                f"{len(self._not_ours(listing))} other things are not taken"
            )

        yield from with_sample(directories(), read, remedy="Look at the server's own log.")

    def close(self) -> None:
        self._wire.close()

    def _not_ours(self, listing: Listing) -> list[Skipped]:
        """What lies there and is not taken; the archive, where it lies there too, is no such thing."""
        parent, _, archive = self._settings.archive.rstrip("/").rpartition("/")
        inside = parent == self._settings.directory.rstrip("/")
        return [
            one
            for one in listing.skipped
            if not (one.code == f"{self._wire.scheme}.directory" and inside and one.name == archive)
        ]

    def _sorted(
        self, files: tuple[RemoteFile, ...], before: dict[str, Look]
    ) -> tuple[list[RemoteFile], dict[str, Look]]:
        """The files that lie still, and the looks at the others."""
        now = self._clock.now().timestamp()
        names = {file.name for file in files}
        suffix = self._settings.marker_suffix
        markers = self._settings.ready in ("marker", "either")
        stable = self._settings.ready in ("stable", "either")
        ready: list[RemoteFile] = []
        looks: dict[str, Look] = {}
        for file in files:
            if markers and file.name.endswith(suffix):
                continue
            if markers and file.name + suffix in names:
                ready.append(file)
                continue
            if not stable:
                continue
            size, mtime, seen = before.get(file.name, (-1, -1, now))
            same = (size, mtime) == (file.size, file.mtime)
            if same and now - seen >= self._settings.stable_for_s:
                ready.append(file)
            else:
                self._young += 1
                if len(looks) >= MOST_LOOKS:
                    continue
            if same and seen <= now:
                # A file that is ready keeps its look: if it cannot be read now, it need not be looked at twice.
                looks[file.name] = (size, mtime, seen)
            else:
                looks[file.name] = (file.size, file.mtime, now)
        return ready, looks

    def _message(self, file: RemoteFile) -> RawMessage | None:
        """The file as a message; ``None`` when this one cannot be taken now, which is noted."""
        most = self._settings.max_file_mib * 1024 * 1024
        try:
            content = self._wire.read(self._settings.directory, file, most_bytes=most)
        except FileTooLarge as error:
            self._skip(file, "too_large", str(error))
            return None
        except FileChanged:
            # Still being written: it is looked at again, and taken when it lies still.
            self._young += 1
            return None
        except Refused as error:
            if error.status not in MISSING:  # taken back by the partner since the listing
                self._skip(file, "refused", str(error))
            return None
        return self._heard.message(
            content.body,
            content.sha256,
            name=file.name,
            headers={
                "size": str(file.size),
                "mtime": str(file.mtime),
                "directory": self._settings.directory,
                **({PARTNER: self._settings.partner} if self._settings.partner else {}),
            },
        )

    def _skip(self, file: RemoteFile, kind: str, sentence: str) -> None:
        code = f"{self._wire.scheme}.{kind}"
        self._skipped.append(Skipped(name=file.name, code=code, sentence=sentence))

    def _archive(self, message: RawMessage) -> str:
        """Moves the file under a name of its own, and gives that name.

        Raises ``Refused`` when the archive cannot take it, and what the wire raises.
        """
        stamp = self._clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        base = f"{stamp}-{message.sha256[:16]}"
        room = 180 - len(base)
        shown = message.name.encode()[-room:].decode("utf-8", "ignore").lstrip(" .()+,@#~[]-_")
        for number in range(1, MOST_ARCHIVE_NAMES + 1):
            name = f"{base}-{shown}" if number == 1 else f"{base}-{number}-{shown}"
            if self._wire.look(self._settings.archive, name) is not None:
                continue
            self._wire.move(self._settings.directory, message.name, self._settings.archive, name)
            return name
        raise Refused(
            f"{self._settings.archive} holds {MOST_ARCHIVE_NAMES} files of this name and second already; "
            f"{message.name!r} stays where it is",
            status="other",
        )

    def _archive_marker(self, name: str, moved_to: str) -> None:
        if self._settings.ready == "stable":
            return
        suffix = self._settings.marker_suffix
        if self._wire.look(self._settings.directory, name + suffix) is not None:
            self._wire.move(
                self._settings.directory, name + suffix, self._settings.archive, moved_to + suffix
            )


def _looks(position: str | None) -> dict[str, Look]:
    """The looks of the last read. A position that cannot be read means that nothing was looked at: the files are
    looked at twice again, and none is lost."""
    try:
        kept = json.loads(position or "{}")["looks"]
        return {name: (int(size), int(mtime), float(seen)) for name, (size, mtime, seen) in kept.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
