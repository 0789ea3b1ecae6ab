"""Ask every check of one connector, and say what came of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crossdock.errors import CrossdockError
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import (
    NEEDS,
    Broken,
    Check,
    Failed,
    NotApplicable,
    NotHere,
    Ok,
    Result,
    Waived,
    checks,
)
from crossdock.wires.watchdog import within

LONGEST_S: Final = 60.0
"""A check that takes longer met a connector that does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one check."""

    check: Check
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of all of them."""

    connector: str
    findings: Sequence[Finding]

    @property
    def failed(self) -> list[Finding]:
        """Those that failed and are not waived."""
        return [one for one in self.findings if isinstance(one.result, Failed)]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each: ok, failed, waived, not_applicable."""
        counted = Counter(word_of(one.result) for one in self.findings)
        return {word: counted[word] for word in ("ok", "failed", "waived", "not_applicable")}


def word_of(result: Result) -> str:
    """The result in a word."""
    match result:
        case Ok():
            return "ok"
        case Failed():
            return "failed"
        case Waived():
            return "waived"
        case NotApplicable():
            return "not_applicable"


def sentence_of(result: Result) -> str:
    """What there is to say of it."""
    match result:
        case Ok(note=note):
            return note
        case Failed(sentence=sentence):
            return sentence
        case Waived(reason=reason, until=until):
            return f"until {until.isoformat()}: {reason}"
        case NotApplicable(why=why):
            return why


def as_dict(report: Report) -> dict[str, Any]:
    """The report as JSON values."""
    rows: list[dict[str, Any]] = []
    for one in report.findings:
        row = {
            "check": one.check.id,
            "promise": one.check.promise,
            "result": word_of(one.result),
            "sentence": sentence_of(one.result),
        }
        if isinstance(one.result, Waived):
            row |= {"until": one.result.until.isoformat(), "fails_with": one.result.sentence}
        rows.append(row)
    return {"connector": report.connector, "counts": report.counts, "checks": rows}


def conform(case: Case, *, only: Callable[[Check], bool] = lambda _check: True) -> Report:
    """Ask the checks of this connector."""
    return Report(
        connector=case.name,
        findings=[Finding(check=one, result=look(case, one)) for one in checks() if only(one)],
    )


def look(case: Case, check: Check) -> Result:
    """One check of one connector, with its waiver."""
    result = _looked(case, check)
    waiver = case.told.waivers.get(check.id)
    if waiver is None:
        return result
    if waiver.until < case.today:
        said = result.sentence if isinstance(result, Failed) else "it is not even needed any more"
        return Failed(
            sentence=f"{waiver.where}: the waiver is over since {waiver.until}; keep the promise: {said}"
        )
    if isinstance(result, Failed):
        return Waived(reason=waiver.reason, until=waiver.until, sentence=result.sentence)
    return Failed(sentence=f"{waiver.where}: the waiver is not needed any more; remove it")


def _looked(case: Case, check: Check) -> Result:
    missing = [need for need in check.needs if need not in case.capabilities]
    if missing:
        return NotApplicable(why=NEEDS[missing[0]])
    try:
        return Ok(note=within(LONGEST_S, lambda: check(case)) or "")
    except NotHere as why:
        return NotApplicable(why=str(why))
    except Broken as wrong:
        return Failed(sentence=str(wrong))
    except TimeoutError:
        return Failed(
            sentence=f"it did not end within {LONGEST_S:g} s; bound each loop by a count, and each call by a deadline"
        )
    except CrossdockError as error:
        return Failed(sentence=f"the connector says {type(error).__name__} where all is well: {error}")
    except Exception as error:
        return Failed(
            sentence=f"{type(error).__name__} came out of the connector ({str(error)[:200]}); raise only what "
            "crossdock.errors has, translated where it happens"
        )
