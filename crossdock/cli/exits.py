"""How a command ends: the documented exit codes, and which error leads to which.

  0  ok           it worked, and nothing was found wrong
  1  findings     it worked, and found something wrong (a file with errors, a failed check, a dead letter)
  2  usage        a person must edit something: the command, a name, a file, the configuration
  3  integrity    the ledger does not balance, or a promise is broken: stop and look
  4  remote       a system on the other side (a partner, the database) did not answer, or said no
  5  refused      Crossdock's own policy said no
 70  fault        a fault of Crossdock itself: please report it, with what --debug shows
130  interrupted  a person stopped it
143  terminated   it was told to end (SIGTERM): what was in hand is finished, what was not begun was given back
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit codes of ``crossdock``."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    INTEGRITY = 3
    REMOTE = 4
    REFUSED = 5
    FAULT = 70
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_OF_ERROR: Final[Mapping[str, ExitCode]] = {
    "Misconfigured": ExitCode.USAGE,
    "WireDown": ExitCode.REMOTE,
    "WireQuiet": ExitCode.REMOTE,
    "Refused": ExitCode.REMOTE,
    "Unreadable": ExitCode.FINDINGS,
    "Unacceptable": ExitCode.FINDINGS,
    "NotPossible": ExitCode.REFUSED,
    "ReadByAnother": ExitCode.REFUSED,
    "SourceStopped": ExitCode.REFUSED,
    "NoSuchDeadLetter": ExitCode.USAGE,
    "NoSuchCase": ExitCode.USAGE,
    "BrokerAway": ExitCode.REMOTE,
    "NoSuchApproval": ExitCode.USAGE,
    "NoSuchSaga": ExitCode.USAGE,
    "TargetPaused": ExitCode.REMOTE,
    "Restored": ExitCode.INTEGRITY,
    "CursorTooOld": ExitCode.FINDINGS,
    "Disagreement": ExitCode.FAULT,
    "CrossdockError": ExitCode.FINDINGS,
}
"""By the name of the error's class, nearest first along its ancestors."""


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that this error leads to."""
    for kind in type(error).__mro__:
        if kind.__name__ in EXIT_OF_ERROR:
            return EXIT_OF_ERROR[kind.__name__]
    return ExitCode.FAULT
