"""Everything that can be wrong with X12 bytes, as one list: the reader never says anything that is not in it.

A ``Finding`` is a value, never an exception. Its ``code`` is one of ``Code``; ``MEANINGS`` says what each code
means, how bad it is, and what an acknowledgement reports for it. Acknowledgement codes are those of X12 004010:
TA1-05 (interchange note), AK9-05 (group, element 716), AK5-02 (transaction set, element 718); but for the 18 of
``ST_NOT_IN_GROUP``, which is of element 618 (IK5-02) and which a 997 has no code for: see ``acknowledge``.

The reader knows no set by its meaning, so that ``ST_NOT_IN_GROUP`` is said where guides are at hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: ``error`` rejects the set, group or interchange, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Level(StrEnum):
    """Which acknowledgement segment reports a finding."""

    TA1 = "TA1"
    AK9 = "AK9"
    AK5 = "AK5"
    NONE = ""


class Code(StrEnum):
    """The enumerated findings. See ``MEANINGS`` for each one's sentence."""

    # bytes that belong to no segment of an interchange
    BOM = "X12.BOM"
    BLANK = "X12.BLANK"
    EMPTY_INPUT = "X12.EMPTY_INPUT"
    NO_INTERCHANGE = "X12.NO_INTERCHANGE"
    NOT_X12 = "X12.NOT_X12"
    TEXT_BEFORE_ISA = "X12.TEXT_BEFORE_ISA"
    JUNK_AFTER_IEA = "X12.JUNK_AFTER_IEA"
    ISA_UNREADABLE = "X12.ISA_UNREADABLE"
    STRAY_SEGMENT = "X12.STRAY_SEGMENT"
    INTERCHANGE_SERVICE = "X12.INTERCHANGE_SERVICE"
    SE_WITHOUT_ST = "X12.SE_WITHOUT_ST"
    GE_WITHOUT_GS = "X12.GE_WITHOUT_GS"
    SEGMENT_TOO_LARGE = "X12.SEGMENT_TOO_LARGE"
    # the form of segments
    EMPTY_SEGMENT = "X12.EMPTY_SEGMENT"
    SEGMENT_WITHOUT_ID = "X12.SEGMENT_WITHOUT_ID"
    SPACE_BETWEEN_SEGMENTS = "X12.SPACE_BETWEEN_SEGMENTS"
    LINE_BREAK_IN_SEGMENT = "X12.LINE_BREAK_IN_SEGMENT"
    NUL_CHARACTER = "X12.NUL_CHARACTER"
    NOT_UTF8 = "X12.NOT_UTF8"
    UNTERMINATED_SEGMENT = "X12.UNTERMINATED_SEGMENT"
    BINARY_LENGTH = "X12.BINARY_LENGTH"
    # the interchange
    ISA_LENGTH = "X12.ISA_LENGTH"
    ISA_DELIMITER = "X12.ISA_DELIMITER"
    ISA_VERSION = "X12.ISA_VERSION"
    ISA_AUTHORIZATION = "X12.ISA_AUTHORIZATION"
    ISA_SECURITY = "X12.ISA_SECURITY"
    ISA_SENDER_QUALIFIER = "X12.ISA_SENDER_QUALIFIER"
    ISA_SENDER = "X12.ISA_SENDER"
    ISA_RECEIVER_QUALIFIER = "X12.ISA_RECEIVER_QUALIFIER"
    ISA_RECEIVER = "X12.ISA_RECEIVER"
    ISA_DATE = "X12.ISA_DATE"
    ISA_TIME = "X12.ISA_TIME"
    ISA_STANDARD = "X12.ISA_STANDARD"
    ISA_CONTROL_NUMBER = "X12.ISA_CONTROL_NUMBER"
    ISA_NUMBER_WIDTH = "X12.ISA_NUMBER_WIDTH"
    ISA_ACK_REQUESTED = "X12.ISA_ACK_REQUESTED"
    ISA_USAGE = "X12.ISA_USAGE"
    ISA_DUPLICATE = "X12.ISA_DUPLICATE"
    IEA_MISSING = "X12.IEA_MISSING"
    IEA_COUNT = "X12.IEA_COUNT"
    IEA_CONTROL_NUMBER = "X12.IEA_CONTROL_NUMBER"
    GROUP_UNCLOSED = "X12.GROUP_UNCLOSED"
    # the functional group
    GS_CONTROL_NUMBER = "X12.GS_CONTROL_NUMBER"
    GS_FUNCTIONAL_ID = "X12.GS_FUNCTIONAL_ID"
    GS_VERSION = "X12.GS_VERSION"
    GS_DUPLICATE = "X12.GS_DUPLICATE"
    GE_MISSING = "X12.GE_MISSING"
    GE_COUNT = "X12.GE_COUNT"
    GE_CONTROL_NUMBER = "X12.GE_CONTROL_NUMBER"
    # the transaction set
    ST_OUTSIDE_GROUP = "X12.ST_OUTSIDE_GROUP"
    ST_IDENTIFIER = "X12.ST_IDENTIFIER"
    ST_CONTROL_NUMBER = "X12.ST_CONTROL_NUMBER"
    ST_DUPLICATE = "X12.ST_DUPLICATE"
    SE_MISSING = "X12.SE_MISSING"
    SE_COUNT = "X12.SE_COUNT"
    SE_CONTROL_NUMBER = "X12.SE_CONTROL_NUMBER"
    SET_TOO_LARGE = "X12.SET_TOO_LARGE"
    ST_NOT_IN_GROUP = "X12.ST_NOT_IN_GROUP"
    UNIQUENESS_UNCHECKED = "X12.UNIQUENESS_UNCHECKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a code means: its sentence, its severity, and what the acknowledgement of ``level`` carries."""

    sentence: str
    severity: Severity
    level: Level = Level.NONE
    ack_code: str = ""


def _error(sentence: str, level: Level = Level.NONE, ack_code: str = "") -> Meaning:
    return Meaning(sentence=sentence, severity=Severity.ERROR, level=level, ack_code=ack_code)


def _warning(sentence: str, level: Level = Level.NONE, ack_code: str = "") -> Meaning:
    return Meaning(sentence=sentence, severity=Severity.WARNING, level=level, ack_code=ack_code)


def _info(sentence: str) -> Meaning:
    return Meaning(sentence=sentence, severity=Severity.INFO)


MEANINGS: Mapping[Code, Meaning] = {
    Code.BOM: _info("A UTF-8 byte order mark stands before the text."),
    Code.BLANK: _info("Blank lines or spaces belong to no segment."),
    Code.EMPTY_INPUT: _error("There is nothing to read: the input is empty or blank."),
    Code.NO_INTERCHANGE: _error("No ISA segment begins an interchange here."),
    Code.NOT_X12: _error("This is another format, not X12."),
    Code.TEXT_BEFORE_ISA: _warning("Text that belongs to no interchange stands before an ISA."),
    Code.JUNK_AFTER_IEA: _warning("Text that belongs to no interchange stands after an IEA."),
    Code.ISA_UNREADABLE: _error("An ISA begins here, and its 16 elements cannot be told apart."),
    Code.STRAY_SEGMENT: _error("Segments stand outside of any transaction set.", Level.TA1, "022"),
    Code.INTERCHANGE_SERVICE: _info(
        "An interchange service segment (ISB, ISE, TA3) is kept and not acted upon."
    ),
    Code.SE_WITHOUT_ST: _error("An SE closes a transaction set that no ST began.", Level.TA1, "022"),
    Code.GE_WITHOUT_GS: _error("A GE closes a functional group that no GS began.", Level.TA1, "022"),
    Code.SEGMENT_TOO_LARGE: _error("A segment is longer than the limit and was skipped.", Level.TA1, "024"),
    Code.EMPTY_SEGMENT: _warning("Segment terminators follow each other with no segment between them."),
    Code.SEGMENT_WITHOUT_ID: _error("A segment has elements and no identifier.", Level.AK5, "5"),
    Code.SPACE_BETWEEN_SEGMENTS: _info(
        "Spaces or tabs stand between segments; told once for each interchange, at the first place."
    ),
    Code.LINE_BREAK_IN_SEGMENT: _warning("A line break stands inside a segment and is kept in its element."),
    Code.NUL_CHARACTER: _warning("A NUL stands inside a segment and is kept in its element."),
    Code.NOT_UTF8: _warning("Text is neither ASCII nor UTF-8 and was read as Latin-1."),
    Code.UNTERMINATED_SEGMENT: _warning("A segment ends without its terminator."),
    Code.BINARY_LENGTH: _error(
        "The length of a binary segment does not lead to its terminator.", Level.AK5, "5"
    ),
    Code.ISA_LENGTH: _warning("The ISA is not exactly 106 characters long and was read by its 16 elements."),
    Code.ISA_DELIMITER: _warning(
        "The ISA's delimiters are unusual, missing or not distinct.", Level.TA1, "004"
    ),
    Code.ISA_VERSION: _warning("ISA12 is not a five-digit release.", Level.TA1, "017"),
    Code.ISA_AUTHORIZATION: _warning("ISA01 is no authorization qualifier.", Level.TA1, "010"),
    Code.ISA_SECURITY: _warning("ISA03 is no security qualifier.", Level.TA1, "012"),
    Code.ISA_SENDER_QUALIFIER: _warning("ISA05 is no interchange id qualifier.", Level.TA1, "005"),
    Code.ISA_SENDER: _warning("ISA06 names no sender.", Level.TA1, "006"),
    Code.ISA_RECEIVER_QUALIFIER: _warning("ISA07 is no interchange id qualifier.", Level.TA1, "007"),
    Code.ISA_RECEIVER: _warning("ISA08 names no receiver.", Level.TA1, "008"),
    Code.ISA_DATE: _warning("ISA09 is no date YYMMDD.", Level.TA1, "014"),
    Code.ISA_TIME: _warning("ISA10 is no time HHMM.", Level.TA1, "015"),
    Code.ISA_STANDARD: _warning("ISA11 is neither U nor a repetition separator.", Level.TA1, "016"),
    Code.ISA_CONTROL_NUMBER: _error("ISA13 is no number of at most nine digits.", Level.TA1, "018"),
    Code.ISA_NUMBER_WIDTH: _warning("ISA13 is a number, and not of nine digits.", Level.TA1, "018"),
    Code.ISA_ACK_REQUESTED: _warning("ISA14 is neither 0 nor 1.", Level.TA1, "019"),
    Code.ISA_USAGE: _warning("ISA15 is none of I, P, T.", Level.TA1, "020"),
    Code.ISA_DUPLICATE: _error(
        "An interchange of this sender and control number came before.", Level.TA1, "025"
    ),
    Code.IEA_MISSING: _error("The interchange ends without its IEA.", Level.TA1, "023"),
    Code.IEA_COUNT: _error("IEA01 is not the number of functional groups.", Level.TA1, "021"),
    Code.IEA_CONTROL_NUMBER: _error("IEA02 is not the control number in ISA13.", Level.TA1, "001"),
    Code.GROUP_UNCLOSED: _error("The interchange holds a functional group without its GE.", Level.TA1, "022"),
    Code.GS_CONTROL_NUMBER: _error("GS06 is not a number of one to nine digits.", Level.AK9, "6"),
    Code.GS_FUNCTIONAL_ID: _error("GS01 is no functional identifier of two letters.", Level.AK9, "1"),
    Code.GS_VERSION: _warning("GS08 does not begin with a six-digit version."),
    Code.GS_DUPLICATE: _error("The group's control number came before in this interchange.", Level.AK9, "6"),
    Code.GE_MISSING: _error("The functional group ends without its GE.", Level.AK9, "3"),
    Code.GE_COUNT: _error("GE01 is not the number of transaction sets.", Level.AK9, "5"),
    Code.GE_CONTROL_NUMBER: _error("GE02 is not the control number in GS06.", Level.AK9, "4"),
    Code.ST_OUTSIDE_GROUP: _error(
        "A transaction set stands outside of any functional group.", Level.TA1, "022"
    ),
    Code.ST_IDENTIFIER: _error("ST01 is no three-digit transaction set identifier.", Level.AK5, "6"),
    Code.ST_CONTROL_NUMBER: _error("ST02 is not four to nine characters long.", Level.AK5, "7"),
    Code.ST_DUPLICATE: _error("The set's control number came before in this group.", Level.AK5, "23"),
    Code.SE_MISSING: _error("The transaction set ends without its SE.", Level.AK5, "2"),
    Code.SE_COUNT: _error("SE01 is not the number of segments from ST to SE.", Level.AK5, "4"),
    Code.SE_CONTROL_NUMBER: _error("SE02 is not the control number in ST02.", Level.AK5, "3"),
    Code.SET_TOO_LARGE: _error(
        "The transaction set is larger than the limit; only its ST was kept.", Level.AK5, "5"
    ),
    Code.ST_NOT_IN_GROUP: _warning("The set does not belong to a group of this kind.", Level.AK5, "18"),
    Code.UNIQUENESS_UNCHECKED: _warning(
        "More control numbers than the limit: later ones are not checked for uniqueness."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or worth knowing, and exactly where.

    ``offset`` counts bytes from 0 in the whole input, ``length`` is how many bytes it is about (0: something is
    missing there). ``segment`` is the ordinal in the file, from 1, of the segment concerned (``None`` when it is
    about none). ``covers``: these bytes belong to no segment, and this finding is what accounts for them.
    """

    code: Code
    message: str
    offset: int
    length: int = 0
    segment: int | None = None
    segment_id: str = ""
    covers: bool = False

    @property
    def severity(self) -> Severity:
        return MEANINGS[self.code].severity

    @property
    def level(self) -> Level:
        """Which acknowledgement segment reports it: TA1, AK9, AK5 or none."""
        return MEANINGS[self.code].level

    @property
    def ack_code(self) -> str:
        """The code in that acknowledgement segment; empty when none reports it."""
        return MEANINGS[self.code].ack_code


def finding(
    code: Code,
    detail: str = "",
    *,
    offset: int,
    length: int = 0,
    segment: int | None = None,
    segment_id: str = "",
    covers: bool = False,
) -> Finding:
    """A finding whose message is the code's sentence, then ``detail`` (what was found, what was expected)."""
    sentence = MEANINGS[code].sentence
    return Finding(
        code=code,
        message=f"{sentence} {detail}" if detail else sentence,
        offset=offset,
        length=length,
        segment=segment,
        segment_id=segment_id,
        covers=covers,
    )
