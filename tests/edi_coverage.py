"""Which real X12 files we read, hold valid and map, as a page: ``python -m tests.edi_coverage [--write] [CORPUS]``.

Every file of the corpus goes the way of ``crossdock try``, with a profile that agrees on every set, once strict and
once lenient about unknown codes. What comes of it is counted for each set of the supply chain. Where a guide calls a
real file invalid, ``edi_judgements.toml`` says who is right and why; the command fails when a judgement is missing or
has no file any more. Of the corpus itself nothing gets onto the page but names of files, segment ids and numbers of
elements.
"""

import argparse
import sys
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.edi_tries import SUPPLY_CHAIN, Coverage, Seen, cover
from tests.formats.x12 import corpus_table
from tests.formats.x12.corpus_answers import Answers, Beside, of_folder

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "edi-coverage.md"
JUDGEMENTS: Final = Path(__file__).with_name("edi_judgements.toml")

NO_SET: Final = "no set"
"""The place of a judgement about a file in which nothing was read that could be held against a guide."""

_WHO: Final = {"guide": "the guide", "reader": "our reader", "file": "the file"}


# -- judgements -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Who is right about some files that a guide calls invalid, and why."""

    paths: Sequence[str]
    set_id: str
    places: Sequence[str]
    who: str
    why: str


def judgements(path: Path = JUDGEMENTS) -> list[Judgement]:
    """The judgements of a file. Raises ``ValueError`` with the entry that is not as it must be."""
    found = []
    for number, entry in enumerate(tomllib.loads(path.read_text("utf-8"))["judged"], 1):
        match entry:
            case {
                "paths": [str(), *_] as paths,
                "set": str(set_id),
                "places": [str(), *_] as places,
                "who": "guide" | "reader" | "file" as who,
                "why": str(why),
            } if why and len(entry) == 5:
                found.append(Judgement(paths=paths, set_id=set_id, places=places, who=who, why=why))
            case _:
                raise ValueError(
                    f"{path.name}: the entry number {number} must have paths, set, places, who ('guide', 'reader' "
                    "or 'file') and why, and nothing else"
                )
    return found


def unjudged(found: Coverage, judged: Sequence[Judgement]) -> list[str]:
    """What a guide says against a file without a judgement on it, and judgements that nothing is there for."""
    there = invalid(found)
    said = {(path, one.set_id, place): True for one in judged for path in one.paths for place in one.places}
    missing = [
        f"{path}: {set_id} {place} has no judgement; look at the file and add one to {JUDGEMENTS.name}"
        for path, set_id, place in there
        if (path, set_id, place) not in said
    ]
    idle = [
        f"{path}: {set_id} {place} is judged in {JUDGEMENTS.name}, and no guide says it any more; take it out"
        for path, set_id, place in said
        if (path, set_id, place) not in there
    ]
    return missing + idle


def invalid(found: Coverage) -> dict[tuple[str, str, str], int]:
    """In how many sets of each file a guide finds each thing wrong: by path, set and place."""
    there: Counter[tuple[str, str, str]] = Counter()
    for one in found.of_the_chain:
        there.update((one.path, one.set_id, place) for place in one.places)
    for folder, paths in found.without.items():
        there.update((path, folder, NO_SET) for path in paths)
    return there


# -- the page -------------------------------------------------------------------------------------------------------


def page(found: Coverage, judged: Sequence[Judgement], second: Mapping[str, tuple[Beside, Answers]]) -> str:
    """The page: the tables by set and release, the reasons, the judgements, and what stands beside pyx12."""
    return "\n".join(
        [
            "# Real X12 files",
            "",
            _paragraph(
                "Made by `python -m tests.edi_coverage --write`; not to be edited. It tries every file of a "
                "collection of real and published X12 (test data of open libraries, samples of vendors) that lies "
                "beside the checkout and is not part of the project. Many of these files are fragments, or wrong "
                "on purpose."
            ),
            "",
            *_by_set(found),
            "",
            *_by_release(found),
            "",
            *_aside(found),
            "",
            *_who_is_right(found, judged),
            "",
            *_beside_pyx12(second),
            "",
        ]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


_HEAD: Final = ("Files", "Sets", "Valid", "Mapped", "Lenient", "Facts", "Events", "By the envelope", "By the guide",
                "By the mapping", "By agreement", "Content maps")  # fmt: skip


def _row(sets: Sequence[Seen], files: int) -> list[object]:
    by = Counter(one.strict.by for one in sets)
    return [
        files,
        len(sets),
        sum(not one.places for one in sets),
        sum(one.strict.said for one in sets),
        sum(one.lenient.said for one in sets),
        sum(one.strict.facts for one in sets),
        sum(one.strict.events for one in sets),
        by["envelope"],
        by["guide"],
        by["mapping"],
        by["agreement"],
        sum(one.maps for one in sets),
    ]


def _files(sets: Sequence[Seen], without: Sequence[str] = ()) -> int:
    return len({one.path for one in sets} | set(without))


def _by_set(found: Coverage) -> Iterator[str]:
    yield "## By set"
    yield ""
    yield _paragraph(
        "Each set went the way of `crossdock try` with a profile that agrees on every set. *Valid*: its guide "
        "finds nothing, whatever the envelope. *Mapped*: facts or events came of it; *Lenient*: the same with a "
        "profile that keeps unknown codes. The rest is set aside with a named reason: by the envelope (counts, "
        "control numbers, a missing trailer), the guide, the mapping, or what is agreed (a test, a duplicate). "
        "*Content maps*: the mapping by itself makes statements of it, even where envelope or guide keep it away "
        "from there."
    )
    yield ""
    rows: list[list[object]] = []
    for set_id in SUPPLY_CHAIN:
        sets = [one for one in found.sets if one.set_id == set_id]
        without = found.without.get(set_id, [])
        rows.append([set_id, *_row(sets, _files(sets, without))])
    chain = found.of_the_chain
    every = [path for paths in found.without.values() for path in paths]
    rows.append(["all of these", *_row(chain, _files(chain, every))])
    others = [one for one in found.sets if one.set_id not in SUPPLY_CHAIN]
    rows.append(["other sets", *_row(others, _files(others))])
    yield from _table(["Set", *_HEAD], rows)
    yield ""
    absent = [str(row[0]) for row in rows if row[1] == 0]
    kinds = ", ".join(sorted({one.set_id for one in others if one.set_id.isalnum()}))
    yield _paragraph(
        f"{found.files} files in all. No file of the collection holds {_listed(absent)}: those are tried by the "
        f"samples of their mappings alone, as all of the others are too. Other sets: {kinds}."
    )


def _by_release(found: Coverage) -> Iterator[str]:
    yield "## By release"
    yield ""
    yield _paragraph(
        "Sets of the supply chain by GS08. There are guides of their own for 004010 and 005010; the others are "
        "read by the nearest of them, by which only that is called wrong which no release would allow."
    )
    yield ""
    chain = found.of_the_chain
    releases = sorted({one.release for one in chain})
    rows = [
        [release or "none (TA1)", *_row(sets, _files(sets))]
        for release in releases
        for sets in [[one for one in chain if one.release == release]]
    ]
    yield from _table(["Release", *_HEAD], rows)


def _aside(found: Coverage) -> Iterator[str]:
    yield "## Set aside, and why"
    yield ""
    reasons: Counter[tuple[str, str, str]] = Counter()
    of_sets: dict[tuple[str, str, str], Counter[str]] = {}
    for one in found.of_the_chain:
        if not one.strict.said:
            key = (one.strict.code, one.strict.by, one.strict.why)
            reasons[key] += 1
            of_sets.setdefault(key, Counter())[one.set_id] += 1
    rows = [
        [f"`{code}`", f"{by}: `{why}`" if why else by, count, _counted(of_sets[code, by, why])]
        for (code, by, why), count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    yield from _table(["Code", "By", "Sets", "Which"], rows)
    yield ""
    told = ", ".join(f"{count} as `{code}`" for code, count in sorted(found.beside.items()))
    yield f"Interchanges without a set, and text that belongs to none: {told}."


def _counted(sets: Counter[str]) -> str:
    return ", ".join(f"{set_id} ({count})" if count > 1 else set_id for set_id, count in sorted(sets.items()))


def _who_is_right(found: Coverage, judged: Sequence[Judgement]) -> Iterator[str]:
    yield "## Files that a guide calls invalid: who is right, and why"
    yield ""
    yield _paragraph(
        "What the guide says is the segment with the code of AK304 (1 unknown, 2 not expected here, 3 mandatory "
        "and missing, 4 its loop or 5 itself too often, 6 not of this set, 7 out of order), or segment and "
        "element with that of AK403 (1 mandatory and missing, 2 missing beside what is there, 3 one too many, 4 "
        "too short, 5 too long, 6 a character that it may not have, 7 no such code, 8 no date, 9 no time, 10 "
        "excluded by another). The number in brackets is that of the sets, where there are several."
    )
    yield ""
    there = invalid(found)
    rows = []
    for one in judged:
        for path in one.paths:
            told = [(place, there.get((path, one.set_id, place), 0)) for place in one.places]
            said = ", ".join(f"{place} ({count})" if count > 1 else place for place, count in told if count)
            if said:
                rows.append([one.set_id, f"`{path}`", said, _WHO[one.who], one.why])
    yield from _table(["Set", "File", "The guide says", "Right is", "Why"], rows)
    yield ""
    files = {who: {path for one in judged if one.who == who for path in one.paths} for who in _WHO}
    yield _paragraph(
        f"In {len(files['guide'])} files the guide is right, in {len(files['file']) or 'none'} the file. Of "
        f"{len(files['reader'])} no set can be read."
    )


def _beside_pyx12(second: Mapping[str, tuple[Beside, Answers]]) -> Iterator[str]:
    yield "## Beside pyx12"
    yield ""
    yield _paragraph(
        "Both readers read every file, those of health care too; a byte order mark, at which pyx12 stops, is "
        "taken off for both. *Alike*: the same segments, element by element. The others are not read whole by "
        "pyx12: it raises, or it loses something that we tell."
    )
    yield ""
    rows: list[list[object]] = []
    for name, (found, _) in second.items():
        lost = ", ".join(f"{why} ({count})" for why, count in sorted(found.lost.items()))
        rows.append([name, found.files, found.alike, found.segments, len(found.differ), lost])
    yield from _table(["Collection", "Files", "Alike", "Segments", "Differ", "Not read whole by pyx12"], rows)
    yield ""
    yield _paragraph(
        "Every interchange was answered with a 997 and with a 999, each with a TA1: all accepted, all refused "
        "with what the guides find, every second set refused, and refused as a duplicate. Acknowledgements are "
        "not acknowledged. Each answer was read by pyx12 and by us, and held against our own guides."
    )
    yield ""
    rows = []
    for name, (_, answers) in second.items():
        verdicts = ", ".join(f"{count} {word}" for word, count in sorted(answers.verdicts.items()))
        rows.append(
            [
                name,
                answers.interchanges,
                answers.unanswered,
                answers.written.total(),
                len(answers.wrong),
                verdicts,
            ]
        )
    yield from _table(
        ["Collection", "Interchanges", "Not answered", "Answers", "Wrong", "Verdicts in them"], rows
    )


def _listed(names: Sequence[str]) -> str:
    *first, last = names or ["nothing of these"]
    return f"{', '.join(first)} or {last}" if first else last


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


# -- the command ----------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Print the page, or write it. 1: a judgement is missing or idle, something is our own fault, or the page that is
    there says something else; 2: there is no corpus."""
    options = argparse.ArgumentParser(
        prog="python -m tests.edi_coverage", description=(__doc__ or "").partition("\n")[0]
    )
    options.add_argument("--write", action="store_true", help=f"write {PAGE.name} instead of printing it")
    options.add_argument(
        "corpus", nargs="?", type=Path, default=corpus_table.CORPUS, help="the folder that holds x12/"
    )
    asked = options.parse_args(arguments)
    folder: Path = asked.corpus / "x12"
    if not folder.is_dir():
        sys.stderr.write(f"the corpus of real files is not at {folder}; name the folder that holds x12/\n")
        return 2
    found, judged = cover(folder), judgements()
    text = page(found, judged, second_reading(asked.corpus))
    complaints = [*found.faults, *unjudged(found, judged)]
    if asked.write:
        PAGE.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
        if not PAGE.is_file() or PAGE.read_text("utf-8") != text:
            complaints.append(
                f"{PAGE.name} says something else; write it with --write, and read the difference"
            )
    for complaint in complaints:
        sys.stderr.write(complaint + "\n")
    return int(bool(complaints))


def second_reading(corpus: Path) -> dict[str, tuple[Beside, Answers]]:
    """What stands beside pyx12, for each folder of the corpus."""
    return {name: of_folder(corpus / name) for name in corpus_table.FOLDERS if (corpus / name).is_dir()}


if __name__ == "__main__":
    sys.exit(main())
