"""Compares two versions of a schema and says in words what breaks, and for whom.

Two questions are asked of every change. Backward: do events of the old version still pass the new schema, strictly?
Forward: do readers of the old version, who read leniently, still accept events of the new one? Exception events keep
both promises within a major version; facts keep the first.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Breaks = Literal["backward", "forward"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, as a sentence. ``breaks`` says which promise it breaks, and is nothing when it breaks none."""

    where: str
    sentence: str
    breaks: Breaks | None = None


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What changed from one strict schema to the next, in the order of the document.

    What cannot be decided (another pattern, other alternatives) counts as breaking: nobody should learn it in
    production. The version in ``$id`` and ``dataschema`` is expected to change and is not reported.
    """
    old_version, new_version = _version(before), _version(after)
    walk = _Walk(
        before,
        after,
        f"events of {old_version} fail",
        f"readers of {old_version} refuse events of {new_version}",
    )
    return list(walk.node("", before, after, frozenset()))


def breaking(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Only the sentences of changes that break something; nothing when the new version may go out as a minor one."""
    return [change.sentence for change in compare(before, after) if change.breaks]


def _version(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$id", "?")).rpartition(":")[2]


_UNSET: Final = object()
# keyword: whether a greater value is the stricter one
_LIMITS: Final = {
    "minLength": True,
    "minItems": True,
    "minimum": True,
    "minProperties": True,
    "maxLength": False,
    "maxItems": False,
    "maximum": False,
}
_UNDECIDABLE: Final = ("pattern", "format", "if", "not")
_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")
_UNDER: Final = ("then", "else", "propertyNames")


class _Walk:
    def __init__(self, before: Mapping[str, Any], after: Mapping[str, Any], fail: str, refuse: str) -> None:
        self.before, self.after, self.fail, self.refuse = before, after, fail, refuse

    def node(self, where: str, old: Any, new: Any, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
        met = (json.dumps(old, sort_keys=True), json.dumps(new, sort_keys=True))
        if met in seen:
            return
        seen |= {met}
        old, new = _resolved(old, self.before), _resolved(new, self.after)
        if where != "dataschema":
            yield from self._values(where, old, new)
        yield from self._fields(where, old, new, seen)
        if "items" in old and "items" in new:
            yield from self.node(f"{where}[]", old["items"], new["items"], seen)
        for keyword in _ALTERNATIVES:
            yield from self._alternatives(where, keyword, old.get(keyword, []), new.get(keyword, []), seen)
        for keyword in _UNDER:
            if keyword in old or keyword in new:
                yield from self.node(where, old.get(keyword, {}), new.get(keyword, {}), seen)
        inner_old, inner_new = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(inner_old, Mapping) and isinstance(inner_new, Mapping):
            yield from self.node(f"{where}.*", inner_old, inner_new, seen)

    def _alternatives(
        self, where: str, keyword: str, old: list[Any], new: list[Any], seen: frozenset[tuple[str, str]]
    ) -> Iterator[Change]:
        if len(old) == len(new):
            for was, now in zip(old, new, strict=True):
                yield from self.node(where, was, now, seen)
        else:
            yield Change(where, self._undecidable(where, keyword), "backward")

    def _undecidable(self, where: str, keyword: str) -> str:
        return (
            f"{_named(where)}: {keyword} changed, and what it now accepts cannot be compared: "
            f"count on it that {self.fail}"
        )

    def _fields(
        self, where: str, old: Mapping[str, Any], new: Mapping[str, Any], seen: frozenset[tuple[str, str]]
    ) -> Iterator[Change]:
        had, has = old.get("properties", {}), new.get("properties", {})
        must, must_now = old.get("required", []), new.get("required", [])
        for field in must_now:
            if field not in must:
                said = _joined(where, field)
                yield Change(said, f"`{said}` became required: {self.fail}", "backward")
        for field in must:
            if field not in must_now:
                said = _joined(where, field)
                yield Change(said, f"`{said}` is no longer required: {self.refuse} that lack it", "forward")
        for field, rule in had.items():
            said = _joined(where, field)
            if field in has:
                yield from self.node(said, rule, has[field], seen)
            elif new.get("additionalProperties") is False:
                yield Change(said, f"`{said}` is gone: {self.fail} when they have it", "backward")
            else:
                yield Change(said, f"`{said}` is no longer described, and still accepted")
        for field in has:
            if field not in had:
                said = _joined(where, field)
                if field not in must_now:
                    yield Change(said, f"`{said}` is new and optional")
        if (
            new.get("additionalProperties") is False
            and old.get("additionalProperties") is not False
            and (had or has)
        ):
            yield Change(
                where, f"{_named(where)} was open and is closed: {self.fail} when they have more", "backward"
            )

    def _values(self, where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        yield from self._kinds(where, old, new)
        yield from self._words(where, old, new)
        for keyword, greater_is_stricter in _LIMITS.items():
            was, now = old.get(keyword), new.get(keyword)
            if was == now:
                continue
            stricter = was is None or (now is not None and (now > was) == greater_is_stricter)
            change = f"{_named(where)}: {keyword} was {_limit(was)} and is {_limit(now)}"
            if stricter:
                yield Change(where, f"{change}: {self.fail} beyond it", "backward")
            elif "x-lenient" in old and keyword not in old["x-lenient"]:
                yield Change(where, change)
            else:
                yield Change(where, f"{change}: {self.refuse} beyond it", "forward")
        for keyword in _UNDECIDABLE:
            if old.get(keyword, _UNSET) != new.get(keyword, _UNSET):
                yield Change(where, self._undecidable(where, keyword), "backward")

    def _kinds(self, where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        was, now = _types(old), _types(new)
        if was and now and was != now:
            change = f"{_named(where)} was {' or '.join(sorted(was))} and is {' or '.join(sorted(now))}"
            if was - now:
                yield Change(where, f"{change}: {self.fail}", "backward")
            if now - was:
                yield Change(where, f"{change}: {self.refuse}", "forward")

    def _words(self, where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        was, now = _enumerated(old), _enumerated(new)
        if was == now:
            return
        if now is not None and (was is None or set(was) - set(now)):
            lost = [word for word in was or () if word not in now]
            said = f"may be only {_list(now)}" if was is None else f"may no longer be {_list(lost)}"
            yield Change(where, f"{_named(where)} {said}: {self.fail} that say otherwise", "backward")
        gained = [word for word in now or () if word not in (was or ())] if was is not None else []
        if was is not None and (gained or now is None):
            change = f"{_named(where)} may also be {_list(gained) if now is not None else 'anything'}"
            if "x-lenient" in old:
                yield Change(where, change)
            else:
                yield Change(where, f"{change}: {self.refuse}", "forward")


def _resolved(node: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The node with its ``$ref`` followed; what stands beside the ``$ref`` counts too."""
    if not isinstance(node, Mapping):
        return {}
    found = dict(node)
    while "$ref" in found:
        target: Any = schema
        for step in found.pop("$ref").removeprefix("#/").split("/"):
            target = target[step]
        found = {**target, **found}
    return found


def _types(node: Mapping[str, Any]) -> set[str]:
    said = node.get("type", [])
    return {said} if isinstance(said, str) else set(said)


def _enumerated(node: Mapping[str, Any]) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    return node.get("enum")


def _joined(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field


def _named(where: str) -> str:
    return f"`{where}`" if where else "the document"


def _limit(value: Any) -> str:
    return "unlimited" if value is None else str(value)


def _list(words: list[Any]) -> str:
    shown = ", ".join(str(word) for word in words[:8])
    return f"{shown} and {len(words) - 8} more" if len(words) > 8 else shown
