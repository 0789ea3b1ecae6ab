"""The book that a system of the sandbox keeps: JSON lines, only ever added to, on disk before it answers."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """An append-only file of JSON lines that outlives its process.

    ``append`` returns when the line is on disk, so whatever was answered after it is true for ever. A line that
    a kill tore in the middle was answered to nobody: it is cut off when the book is opened again.
    """

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._sync = sync
        self._entries: list[Entry] = []
        self._file = path.open("a+b")
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._entries.append(json.loads(line))
            whole += len(line)
        self._file.truncate(whole)

    def append(self, entry: Entry) -> None:
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            if self._sync:
                os.fsync(self._file.fileno())
            self._entries.append(entry)

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def close(self) -> None:
        with self._lock:
            self._file.close()
