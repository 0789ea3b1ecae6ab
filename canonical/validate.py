"""Says whether a document is an ExceptionEvent or a Fact, and if not, what is wrong with it, in words.

jsonschema is the word and the oracle: it finds every violation and explains it. jsonschema-rs, where it is installed,
answers yes or no on the hot path, more than a hundred times faster. Both assert the formats, both read the same
schema, and tests hold them to the same verdict.
Patterns carry the whole rule (the calendar with its leap years too), so that a consumer whose validator does not
assert formats refuses 2026-02-30 as well. ``format`` says it a second time.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, TypeChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from canonical.schemas import FOLDER, Mode, load

try:
    import jsonschema_rs
except ImportError:
    jsonschema_rs = None  # type: ignore[assignment,unused-ignore]

DEEPEST: Final = 64
"""Levels of nesting that a document may have. Ours has nine; hostile ones have thousands."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where (a JSON pointer, RFC 6901; "" is all of it), and a sentence for people."""

    pointer: str
    sentence: str


class Validator:
    """Judges documents by one schema, in one version, as a writer (strict) or as a reader (lenient).

    ``engine`` is "jsonschema-rs" or "jsonschema": which of them says yes or no. Safe to share between threads.
    """

    def __init__(
        self,
        name: str,
        version: str,
        mode: Mode = "strict",
        *,
        folder: Traversable = FOLDER,
        engine: str | None = None,
    ) -> None:
        self.name, self.version, self.mode = name, version, mode
        self.engine = engine or ("jsonschema" if jsonschema_rs is None else "jsonschema-rs")
        self.schema = load(name, version, mode, folder=folder)
        self._oracle = _Oracle(self.schema, format_checker=FORMATS)
        self._fast: Any = None
        if self.engine == "jsonschema-rs":
            self._fast = jsonschema_rs.Draft202012Validator(
                _quick(self.schema),
                validate_formats=True,
                ignore_unknown_formats=False,
                pattern_options=jsonschema_rs.RegexOptions(),
                offline=True,
            )
        elif self.engine != "jsonschema":
            raise ValueError(f"engine {engine!r} is unknown; there are jsonschema-rs and jsonschema")

    def is_valid(self, document: Any) -> bool:
        """Yes or no, by the fastest engine at hand. Never raises, whatever the document is."""
        if self._fast is None:
            return next(self._found(document), None) is None
        try:
            answer: bool = self._fast.is_valid(document)
        except (ValueError, UnicodeEncodeError, RecursionError):
            return False  # no JSON: a key that is no string, a lone surrogate, an object of a program
        # A strict schema is closed and reads every text, so nothing that is no JSON gets through it.
        # A lenient one lets unknown fields pass unread.
        return answer and (self.mode == "strict" or _not_json(document) is None)

    def violations(self, document: Any) -> list[Violation]:
        """Everything that is wrong, in the order of the document; an empty list when nothing is."""
        if self._fast is not None and self.is_valid(document):
            return []
        found = list(self._found(document))
        if not found and self._fast is not None:
            # Tests hold both engines to one verdict. Should they ever part, a refusal must not look like consent.
            found = [
                Violation("", f"refused by {self.engine} and by no rule that jsonschema knows: report this")
            ]
        return found

    def _found(self, document: Any) -> Iterator[Violation]:
        """What the oracle finds, each thing once."""
        foreign = _not_json(document)
        if foreign is not None:
            yield foreign
            return
        seen: set[Violation] = set()
        for error in sorted(
            self._oracle.iter_errors(document), key=lambda error: [*map(str, error.absolute_path)]
        ):
            for violation in _explained(error, f"{self.name} {self.version}"):
                if violation not in seen:
                    seen.add(violation)
                    yield violation


@cache
def validator(name: str, version: str, mode: Mode = "strict", *, engine: str | None = None) -> Validator:
    """The validator of one of our own schemas, compiled once per process."""
    return Validator(name, version, mode, engine=engine)


# -- the hot path ----------------------------------------------------------------------------------------------------

_NO_NUL: Final = r"^[^\x00]*$"


def _quick(rule: Any) -> Any:
    """The same schema in the words with which jsonschema-rs is quickest: it finds one character faster than it reads
    all others. Most of a document is text without NUL characters: judging it takes a sixteenth less so.
    """
    if isinstance(rule, list):
        return [_quick(part) for part in rule]
    if not isinstance(rule, dict):
        return rule
    quick = {key: _quick(part) for key, part in rule.items()}
    if quick.get("pattern") == _NO_NUL and quick.get("type") == "string" and "not" not in quick:
        del quick["pattern"]
        quick["not"] = {"pattern": r"\x00"}
    return quick


# -- formats, the same in both engines -------------------------------------------------------------------------------


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return len(value) == 10 and date.fromisoformat(value) is not None
    except ValueError:
        return False


def _is_date_time(value: object) -> bool:
    """RFC 3339 with an offset. Fractions of up to nine digits; Python's own reader stops at six, so they are cut."""
    if not isinstance(value, str):
        return True
    try:
        return value[10:11] == "T" and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_FORMATS: Final = {"date": _is_date, "date-time": _is_date_time}

FORMATS: Final = FormatChecker(formats=())
"""The formats that our schemas name, asserted. jsonschema alone checks none unless asked, and date-time only with a
package that may not be there."""
for _name, _check in _FORMATS.items():
    FORMATS.checks(_name)(_check)


# -- the oracle ------------------------------------------------------------------------------------------------------


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """JSON Schema's ``$`` is the end of the text; Python's also matches before a last line feed."""
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _is_array(_: TypeChecker, value: object) -> bool:
    """A tuple is written as an array; jsonschema-rs takes it for one too."""
    return isinstance(value, (list, tuple))


_Oracle: Final[Any] = extend(
    Draft202012Validator,
    validators={"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("array", _is_array),
)


def _not_json(document: Any) -> Violation | None:
    """The first thing in the document that JSON cannot hold, or that is nested beyond all sense."""
    waiting: list[tuple[str, int, Any]] = [("", 0, document)]
    while waiting:
        pointer, depth, value = waiting.pop()
        if depth > DEEPEST:
            return Violation(pointer[:80], f"the document is nested deeper than {DEEPEST} levels")
        if _is_plain(value, str):
            if not _is_unicode(value):
                return Violation(
                    pointer, f"`{_dotted(pointer)}` is no valid Unicode: it holds half a character"
                )
        elif isinstance(value, dict):
            for key, part in value.items():
                if not isinstance(key, str) or not _is_unicode(key):
                    return Violation(
                        pointer, f"`{_dotted(pointer)}` has the field name {key!r}, which is no text"
                    )
                waiting.append((f"{pointer}/{_token(key)}", depth + 1, part))
        elif isinstance(value, list) or type(value) is tuple:
            waiting += [(f"{pointer}/{place}", depth + 1, part) for place, part in enumerate(value)]
        elif type(value) is float and not math.isfinite(value):
            return Violation(pointer, f"`{_dotted(pointer)}` is {value}, which JSON does not know")
        elif value is not None and not (_is_plain(value, int) or type(value) in (bool, float)):
            hint = "; write it as text" if isinstance(value, (str, Decimal, date)) else ""
            return Violation(
                pointer, f"`{_dotted(pointer)}` is a {type(value).__name__}, which is no JSON{hint}"
            )
    return None


def _is_plain(value: Any, kind: type) -> bool:
    """A text or a whole number as JSON has it. Kinds of text that libraries make (lxml, for one) are none: they
    drag their document along, and jsonschema-rs refuses them."""
    return type(value) is kind or (isinstance(value, kind) and isinstance(value, Enum))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# -- sentences -------------------------------------------------------------------------------------------------------


def _explained(error: ValidationError, schema: str) -> Iterator[Violation]:
    """A violation of jsonschema, in words. Values of fields with personal data are not repeated."""
    pointer = "".join(f"/{_token(step)}" for step in error.absolute_path)
    where, rule, value = (
        _dotted(pointer),
        error.schema if isinstance(error.schema, Mapping) else {},
        error.instance,
    )
    shown = "not shown, as it may be personal" if rule.get("x-pii") else _shown(value)
    match error.validator:
        case "required":
            for field in error.validator_value:
                if field not in value:
                    yield Violation(pointer, f"`{_joined(where, field)}` is missing")
        case "additionalProperties":
            for field in value:
                if field not in rule.get("properties", {}):
                    yield Violation(
                        f"{pointer}/{_token(field)}", f"`{_joined(where, field)}` is not a field of {schema}"
                    )
        case "type" if isinstance(value, float):
            yield Violation(
                pointer,
                f'`{where}` is the number {value}; amounts and quantities are written as text, such as "19.99"',
            )
        case "type":
            yield Violation(
                pointer, f"`{where}` is {_kind(value)}; it must be {_wanted(error.validator_value)}"
            )
        case "const":
            yield Violation(pointer, f"`{where}` is {shown}; it must be {_shown(error.validator_value)}")
        case "minLength" | "minItems" | "minProperties":
            yield Violation(pointer, f"`{where}` is empty; fill it, or leave it out where it may be absent")
        case "maxLength":
            yield Violation(
                pointer, f"`{where}` has {len(value)} characters; at most {error.validator_value} are allowed"
            )
        case "maxItems":
            yield Violation(
                pointer, f"`{where}` has {len(value)} entries; at most {error.validator_value} are allowed"
            )
        case "minimum" | "maximum":
            least = "at least" if error.validator == "minimum" else "at most"
            yield Violation(pointer, f"`{where}` is {shown}; it must be {least} {error.validator_value}")
        case _ if "propertyNames" in error.absolute_schema_path:
            yield Violation(pointer, f"`{where}` has the field name {shown}; a name must be {rule['x-says']}")
        case _ if "x-says" in rule:
            yield Violation(pointer, f"`{where}` is {shown}; it must be {rule['x-says']}")
        case _:
            yield Violation(pointer, f"`{where}` is {shown}; {error.message[:200]}")


def _token(step: object) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def _dotted(pointer: str) -> str:
    """A pointer as people say it: ``/data/lines/0/affected`` is ``data.lines[0].affected``."""
    said = ""
    for token in pointer.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        said += f"[{step}]" if step.isdigit() else (f".{step}" if said else step)
    return said or "the document"


def _joined(where: str, field: str) -> str:
    return field if where == "the document" else f"{where}.{field}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_KIND_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"


def _wanted(kinds: str | list[str]) -> str:
    return " or ".join(_KIND_WORDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
