"""JSON read strictly: what two parsers could understand in two ways is refused, with the byte where it stands.

RFC 8259, and beyond it: no duplicate keys, no NaN or Infinity, no lone surrogates, no byte order mark, at most
``MOST_DEPTH`` deep, ``MOST_NODES`` values and numbers of ``MOST_DIGITS`` digits. Numbers with a point or an
exponent become ``Decimal``: money is never a float.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from crossdock.errors import Place, Unreadable
from crossdock.limits import limit

MOST_DEPTH = limit("json_depth")
MOST_NODES = limit("json_nodes")
MOST_DIGITS = limit("json_digits")
MOST_BYTES = limit("json_bytes")

_STRUCTURE = re.compile(rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_LONE = re.compile("[\ud800-\udfff]")
_NOT_JSON = re.compile(rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)|(NaN|-?Infinity)', re.DOTALL)


class _Duplicate(ValueError):
    """The key stands twice in one object."""


class _Huge(ValueError):
    """The number has more digits than any quantity or amount of money."""


class _NotANumber(ValueError):
    """NaN or Infinity."""


def loads(body: bytes, *, most_depth: int = MOST_DEPTH, most_nodes: int = MOST_NODES) -> Any:
    """The value that these bytes are, in dicts, lists, str, int, ``Decimal``, bool and None.

    Raises ``Unreadable`` (code ``JSON.MALFORMED`` or ``JSON.LIMIT``) with the byte offset.
    """
    check_limits(body, most_depth=most_depth, most_nodes=most_nodes)
    text = _text(body)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        byte = len(text[: error.pos].encode())
        _refuse(f"is not JSON: {error.msg}", byte)
    except _Duplicate as error:
        key = str(error)
        _refuse(f"the key {key!r:.80} stands twice in one object", _second(body, key))
    except _Huge as error:
        found = body.find(str(error).encode())
        _refuse(f"a number has more than {MOST_DIGITS} digits", max(found, 0), code="JSON.LIMIT")
    except _NotANumber:
        byte = next((found.start() for found in _NOT_JSON.finditer(body) if found[1]), 0)
        _refuse("NaN and Infinity are no JSON", byte)
    _refuse_surrogates(value, body)
    return value


def check_limits(body: bytes, *, most_depth: int = MOST_DEPTH, most_nodes: int = MOST_NODES) -> None:
    """Refuses what is too large, too deep or too many before anything is built of it."""
    if len(body) > MOST_BYTES:
        _refuse(f"is larger than {MOST_BYTES} bytes", MOST_BYTES, code="JSON.LIMIT")
    depth, nodes = 0, 1
    for found in _STRUCTURE.finditer(body):
        first = body[found.start()]
        if first in b"[{":
            depth += 1
            nodes += 1
            if depth > most_depth:
                _refuse(f"is more than {most_depth} levels deep", found.start(), code="JSON.LIMIT")
        elif first in b"]}":
            depth -= 1
        elif first == 0x2C:
            nodes += 1
        if nodes > most_nodes:
            _refuse(f"holds more than {most_nodes} values", found.start(), code="JSON.LIMIT")


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(f"is not UTF-8: {error.reason}", error.start)
    if text.startswith("\ufeff"):
        _refuse("starts with a byte order mark", 0)
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _value in pairs:
            if key in seen:
                raise _Duplicate(key)
            seen.add(key)
    return result


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise _Huge(text)
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text) if len(text) <= MOST_DIGITS else None
    except InvalidOperation as error:  # an exponent of twenty digits
        raise _Huge(text) from error
    # 1e999999 is short to write and endless to print: its digits are counted as if written out.
    if value is None or abs(value.adjusted()) > MOST_DIGITS:
        raise _Huge(text)
    return value


def _refuse_constant(text: str) -> NoReturn:
    raise _NotANumber(text)


def _refuse_surrogates(value: Any, body: bytes) -> None:
    r"""Half of a pair (``"\ud800"``) is no character and cannot be stored; only an escape can write one."""
    if b"\\u" not in body:
        return
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if _LONE.search(one):
                found = re.search(rb"\\u[dD][89a-fA-F]", body)
                _refuse("holds half of a surrogate pair", found.start() if found else 0)
        elif isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _second(body: bytes, key: str) -> int:
    """Where this key stands for the second time in one object (escapes in the key make this the object's start)."""
    seen: list[set[bytes]] = []
    written = json.dumps(key, ensure_ascii=False).encode("utf-8", "surrogatepass")
    starts: list[int] = []
    for found in _STRUCTURE.finditer(body):
        token = found[0]
        if token == b"{":
            seen.append(set())
            starts.append(found.start())
        elif token == b"}" and seen:
            seen.pop()
            starts.pop()
        elif token == written and seen and body[found.end() :].lstrip(b" \t\r\n")[:1] == b":":
            if token in seen[-1]:
                return found.start()
            seen[-1].add(token)
    return 0


def _refuse(sentence: str, byte: int, *, code: str = "JSON.MALFORMED") -> NoReturn:
    raise Unreadable(
        f"the JSON {sentence} (byte {byte})",
        place=Place(byte=byte),
        code=code,
        remedy="Ask the sender for a correct document; this one stays here.",
    )
