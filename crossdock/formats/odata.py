"""What OData services write, in version 2 and in version 4: dates, errors and the versions of entities.

Version 2 (SAP Gateway) writes ``/Date(1492098664000+0000)/`` and wraps what it says in ``d``; version 4 writes ISO
8601 and ``@odata.etag``. Sources: OData 2.0 JSON format, OData 4.0 JSON format (error response) and protocol (ETags).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from crossdock.errors import Unreadable
from crossdock.formats import json_strict, safe_xml

_TICKS: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T00:00:00(?:\.0+)?Z?)?")
_ETAG: Final = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_DAYS: Final = (date(1, 1, 1), date(9999, 12, 31))
"""What systems write that know no day: the first and the last that there is."""

_MOST_TOLD: Final = 5
_LONGEST_TOLD: Final = 300


def moment(value: Any) -> datetime:
    """A point in time, aware and in UTC. Raises ``ValueError`` when it is none, or says no zone."""
    if isinstance(value, str) and (found := _TICKS.fullmatch(value)):
        # the offset of version 2 says where it was told; the ticks are UTC
        return _of_ticks(found[1])
    if not isinstance(value, str):
        raise ValueError(value)
    said = datetime.fromisoformat(value)
    if said.tzinfo is None:
        raise ValueError(value)
    return said.astimezone(UTC)


def day(value: Any) -> date | None:
    """A day; ``None`` for what stands for none. Raises ``ValueError`` when it is neither."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and (ticks := _TICKS.fullmatch(value)):
        said = _of_ticks(ticks[1]).date()
    elif isinstance(value, str) and (found := _DAY.fullmatch(value)):
        said = date.fromisoformat(found[1])
    else:
        raise ValueError(value)
    return None if said in _NO_DAYS else said


def ticks_of(said: date) -> str:
    """A day as version 2 takes it in a body: ``/Date(1492041600000)/``, midnight in UTC."""
    at = datetime(said.year, said.month, said.day, tzinfo=UTC)
    return f"/Date({(at - _EPOCH) // timedelta(milliseconds=1)})/"


def _of_ticks(ticks: str) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=int(ticks))
    except OverflowError as error:
        raise ValueError(ticks) from error


def text(value: str) -> str:
    """A text literal of a key or a filter: ``'O''Neil'``."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def entity(document: Any) -> Mapping[str, Any]:
    """The entity that an answer is, out of the ``d`` of version 2. Raises ``Unreadable`` when it is none."""
    said = document.get("d", document) if isinstance(document, Mapping) else None
    if not isinstance(said, Mapping) or "error" in said or "results" in said:
        raise Unreadable("the answer is no entity")
    return said


def entities(value: Any) -> list[Any]:
    """What was expanded: a list in version 4, ``{"results": [...]}`` in version 2, nothing where it was deferred.

    Raises ``ValueError`` when it is none of these.
    """
    if value is None or (isinstance(value, Mapping) and "__deferred" in value):
        return []
    if isinstance(value, Mapping) and isinstance(value.get("results"), list):
        return list(value["results"])
    if isinstance(value, list):
        return value
    raise ValueError(value)


def etag(said: Mapping[str, Any]) -> str:
    """The version of an entity, for ``If-Match``; empty when it says none.

    Both versions of OData hand out weak tags (``W/"..."``) and compare them for ``If-Match`` all the same, whatever
    RFC 9110 (13.1.1) says of weak ones: they are opaque and go back as they came.
    """
    about = said.get("__metadata")
    tag = about.get("etag") if isinstance(about, Mapping) else said.get("@odata.etag")
    return tag if isinstance(tag, str) and _ETAG.fullmatch(tag) else ""


# -- errors -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What a service says went wrong. ``codes``: its own code and those of the details, the first one first."""

    codes: tuple[str, ...]
    sentence: str


def trouble(body: bytes) -> Trouble | None:
    """What the body of an answer says went wrong, in JSON (both versions) or in XML (SAP, where it was not told to
    speak JSON). ``None`` when it says nothing that can be read."""
    try:
        said = list(_told_in_xml(body) if body.lstrip()[:1] == b"<" else _told_in_json(body))
    except (Unreadable, ValueError):
        return None
    if not said:
        return None
    sentences: list[str] = []
    for _code, sentence in said:
        sentence = " ".join(sentence.split())
        if sentence and sentence not in sentences:
            sentences.append(sentence)
    codes = tuple(dict.fromkeys(code for code, _sentence in said if code))
    shown = "; ".join(one[:_LONGEST_TOLD] for one in sentences[:_MOST_TOLD])
    return Trouble(codes=codes, sentence="".join(sign if sign.isprintable() else " " for sign in shown))


def _told_in_json(body: bytes) -> Iterator[tuple[str, str]]:
    document = json_strict.loads(body)
    error = document.get("error") if isinstance(document, Mapping) else None
    if not isinstance(error, Mapping):
        return
    yield _text(error.get("code")), _message(error.get("message"))
    inner = error.get("innererror")
    details = error.get("details") or (inner.get("errordetails") if isinstance(inner, Mapping) else None)
    for one in details if isinstance(details, list) else ():
        # SAP puts warnings and success messages of the same call among the details
        if isinstance(one, Mapping) and str(one.get("severity", "error")).lower() in ("error", ""):
            yield _text(one.get("code")), _message(one.get("message"))


def _told_in_xml(body: bytes) -> Iterator[tuple[str, str]]:
    root = safe_xml.parse(body)
    if str(root.tag).rpartition("}")[2] != "error":
        return
    parts = {str(child.tag).rpartition("}")[2]: (child.text or "") for child in root}
    yield parts.get("code", "").strip(), parts.get("message", "")


def _message(value: Any) -> str:
    """A text in version 4, ``{"lang": ..., "value": ...}`` in version 2."""
    return _text(value.get("value") if isinstance(value, Mapping) else value)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
