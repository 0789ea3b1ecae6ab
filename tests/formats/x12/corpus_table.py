"""How the real files of the corpus read, as a table: ``python -m tests.formats.x12.corpus_table``.

Each file is whole (read to its last byte with nothing to say but harmless things) or told: then each kind of
finding is counted, with the number of files that have it and the byte of its first one.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crossdock.formats.x12 import Coverage, Finding, Item, Severity, TransactionSet, findings_of, read

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
FOLDERS = ("x12", "x12-hipaa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One file of the corpus and what the reader says of it."""

    path: Path
    body: bytes
    items: list[Item]
    findings: list[Finding]
    coverage: Coverage

    @property
    def sets(self) -> list[TransactionSet]:
        return [item for item in self.items if isinstance(item, TransactionSet)]

    @property
    def whole(self) -> bool:
        """Whether nothing but harmless things (a BOM, blanks) is said of it."""
        return all(found.severity is Severity.INFO for found in self.findings)


def files(folder: str) -> list[Path]:
    """The X12 files of a folder of the corpus, in order; none where the corpus is absent."""
    return sorted((CORPUS / folder).rglob("*.edi"))


def judge(path: Path) -> Judged:
    """Read one file."""
    body = path.read_bytes()
    coverage = Coverage()
    items = list(read(body, coverage=coverage))
    return Judged(path=path, body=body, items=items, findings=list(findings_of(items)), coverage=coverage)


def table() -> Iterator[str]:
    """The lines of the table."""
    for folder in FOLDERS:
        judged = [judge(path) for path in files(folder)]
        whole = sum(one.whole for one in judged)
        size = sum(one.coverage.bytes for one in judged)
        accounted = sum(one.coverage.bytes_accounted for one in judged)
        yield (
            f"{folder}: {len(judged)} files, {size} bytes, {accounted} accounted for, "
            f"{sum(one.coverage.segments for one in judged)} segments, {sum(len(one.sets) for one in judged)} sets"
        )
        yield f"  {whole} whole, {len(judged) - whole} told by kind and byte:"
        kinds: Counter[str] = Counter()
        in_files: Counter[str] = Counter()
        first: dict[str, tuple[int, str]] = {}
        for one in judged:
            codes = [f"{found.severity:<8}{found.code}" for found in one.findings]
            kinds.update(codes)
            in_files.update(set(codes))
            for code, found in zip(codes, one.findings, strict=True):
                first.setdefault(code, (found.offset, one.path.relative_to(CORPUS).as_posix()))
        for code in sorted(kinds):
            offset, name = first[code]
            yield f"  {code:<40} {kinds[code]:>5} in {in_files[code]:>3} files; first at byte {offset} of {name}"


def main() -> int:
    if not CORPUS.is_dir():
        sys.stderr.write(f"the corpus of real files is not at {CORPUS}\n")
        return 1
    for line in table():
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
