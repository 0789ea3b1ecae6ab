"""JMESPath over a JSON document: where a value is, said in a line of configuration, and where it stood.

Source: the JMESPath specification (jmespath.org), read by the library ``jmespath``. Beyond it: numbers with a point
are ``Decimal`` and stay exact; what is computed is bounded in steps, in elements and in letters, so that no line of
configuration can fill the memory; and every key that was looked at is noted, so that an error names its place and a
report can name what nobody reads.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from jmespath import exceptions, functions, parser, visitor

LONGEST: Final = 1_000
"""So many letters a query has at most."""

MOST_STEPS: Final = 500_000
"""So many steps the queries of one document take together."""

MOST_ELEMENTS: Final = 100_000
MOST_LETTERS: Final = 1_000_000

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_MOST_DIGITS: Final = 308


class WrongQuery(ValueError):
    """The text is no query. ``str`` says what is wrong with it."""


class QueryFailed(ValueError):
    """The query cannot be answered by this document: a function was given what it cannot take, or it is too much."""


class Query:
    """One JMESPath expression, read and checked: its functions exist, with as many arguments as they take."""

    __slots__ = ("text", "tree")

    def __init__(self, text: str) -> None:
        """Raises ``WrongQuery``."""
        if not text.strip() or len(text) > LONGEST:
            raise WrongQuery(f"a JMESPath has 1 to {LONGEST} letters")
        try:
            self.tree = parser.Parser().parse(text).parsed
        except exceptions.JMESPathError as error:
            raise WrongQuery(_sentence(error, text)) from error
        except RecursionError as error:
            raise WrongQuery("the JMESPath is nested too deep") from error
        self.text = text
        for node in _nodes(self.tree):
            if node["type"] == "literal":
                node["value"] = _exact(node["value"])
            elif node["type"] == "function_expression":
                _check_call(node)

    def __repr__(self) -> str:
        return f"Query({self.text!r})"


class Watched(dict[str, Any]):
    """An object of a document that knows where it stands, and notes which of its keys were looked at."""

    __slots__ = ("_looks", "pointer")

    def __init__(self, content: Mapping[str, Any], pointer: str, looks: "Looks") -> None:
        super().__init__({key: _watched(each, _under(pointer, key), looks) for key, each in content.items()})
        self.pointer = pointer
        self._looks = looks

    def get(self, key: str, default: Any = None) -> Any:
        self._looks.at(_under(self.pointer, key))
        return super().get(key, default)

    def values(self) -> Any:
        for key in self:
            self._looks.at(_under(self.pointer, key))
        return super().values()


class Looks:
    """Where queries looked: the last place, and all of them."""

    __slots__ = ("all", "last")

    def __init__(self) -> None:
        self.last = ""
        self.all: set[str] = set()

    def at(self, pointer: str) -> None:
        self.last = pointer
        self.all.add(pointer)


class Document:
    """A parsed JSON document that queries are asked of. ``looks`` says afterwards what was looked at."""

    __slots__ = ("_asked", "looks", "root")

    def __init__(self, value: Any) -> None:
        self.looks = Looks()
        self.root = _watched(value, "", self.looks)
        self._asked = _Interpreter()

    def ask(self, query: Query, of: Any, pointer: str) -> tuple[Any, str]:
        """The value that the query finds in a part of the document, and its place as a JSON pointer.

        ``pointer``: the place of that part. Raises ``QueryFailed``.
        """
        self.looks.last = pointer
        try:
            found = self._asked.visit(query.tree, of)
        except exceptions.JMESPathError as error:
            raise QueryFailed(_sentence(error, query.text)) from error
        except (ArithmeticError, TypeError, RecursionError) as error:
            # a comparison or a sum of what does not go together
            raise QueryFailed(f"{query.text!r} cannot be computed here") from error
        return found, self.looks.last

    def unread(self) -> list[str]:
        """The places of this document that no query looked at, places in lists as ``*``, in order."""
        looked = {_any_place(each) for each in self.looks.all}
        leaves = dict.fromkeys(_any_place(each) for each in _leaves(self.root, ""))
        return [each for each in leaves if each not in looked]


def pointer_of(part: Any, otherwise: str) -> str:
    """Where a part of a document stands; a text or a number does not know."""
    return part.pointer if isinstance(part, Watched) else otherwise


# ── the interpreter, with its limits ─────────────────────────────────────────────────────────────────────────


Function = TypeVar("Function", bound=Callable[..., Any])


def _takes(*types: list[str]) -> Callable[[Function], Function]:
    """Says which types each argument of a function may have, as the library looks for it; none: any."""

    def mark(function: Function) -> Function:
        function.signature = tuple({"types": each} for each in types)  # type: ignore[attr-defined]
        return function

    return mark


class _Functions(functions.Functions):  # type: ignore[misc]
    """The functions of the specification, for exact numbers and for our own objects."""

    def _type_check_single(self, current: Any, types: Iterable[str], function_name: str) -> None:
        kind = _kind(current)
        for wanted in types:
            outer, _, inner = wanted.partition("-")
            if kind == outer and (not inner or all(_kind(each) == inner for each in current)):
                return
        raise QueryFailed(f"{function_name}() takes {' or '.join(types)}, and there is {kind}")

    def _convert_to_jmespath_type(self, name: str) -> str:
        return {"Decimal": "number", "Watched": "object"}.get(name) or super()._convert_to_jmespath_type(name)

    @_takes([])
    def _func_to_string(self, value: Any) -> str:
        match value:
            case str():
                return value
            case bool():
                return "true" if value else "false"
            case None:
                return "null"
            case int() | Decimal():
                return format(value, "f") if isinstance(value, Decimal) else str(value)
        raise QueryFailed("to_string() takes no lists and no objects here")

    @_takes([])
    def _func_to_number(self, value: Any) -> int | Decimal | None:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or len(value) > _MOST_DIGITS or not _NUMBER.fullmatch(value):
            return None
        return int(value) if value.lstrip("-").isdecimal() else Decimal(value)

    @_takes([])
    def _func_type(self, value: Any) -> str:
        return _kind(value)

    @_takes(["string"], ["array-string"])
    def _func_join(self, separator: str, array: list[str]) -> str:
        if sum(map(len, array)) + len(separator) * len(array) > MOST_LETTERS:
            raise QueryFailed(f"join() would give more than {MOST_LETTERS} letters")
        return separator.join(array)


class _Interpreter(visitor.TreeInterpreter):  # type: ignore[misc]
    """Walks an expression. It ends, however the expression is written: its steps are counted."""

    def __init__(self) -> None:
        super().__init__(visitor.Options(custom_functions=_Functions()))
        self._left = MOST_STEPS

    def visit(self, node: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise QueryFailed(f"reading the document takes more than {MOST_STEPS} steps")
        found = super().visit(node, *args, **kwargs)
        if isinstance(found, list) and len(found) > MOST_ELEMENTS:
            raise QueryFailed(f"a list has more than {MOST_ELEMENTS} elements")
        return found


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | Decimal():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
    return "expref"


# ── what a query and a document are made of ──────────────────────────────────────────────────────────────────


def _nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [each for each in node["children"] if isinstance(each, dict)]


def _check_call(node: Mapping[str, Any]) -> None:
    known = _Functions.FUNCTION_TABLE
    name, given = node["value"], len(node["children"])
    if name not in known:
        raise WrongQuery(f"JMESPath has no function {name!r}; it has {', '.join(sorted(known))}")
    wanted = known[name]["signature"]
    more = bool(wanted and wanted[-1].get("variadic"))
    if given < len(wanted) or (given > len(wanted) and not more):
        raise WrongQuery(f"{name}() takes {len(wanted)}{' or more' if more else ''} arguments, not {given}")


def _exact(value: Any) -> Any:
    """A literal without floats."""
    match value:
        case float():
            return Decimal(repr(value))
        case list():
            return [_exact(each) for each in value]
        case dict():
            return {key: _exact(each) for key, each in value.items()}
    return value


def _sentence(error: Exception, text: str) -> str:
    """What is wrong, in one line. The library's own text has several, and may show a value of the document."""
    if isinstance(error, exceptions.IncompleteExpressionError) or getattr(error, "token_type", "") == "EOF":
        return f"the JMESPath {text!r} is not complete"
    if isinstance(error, exceptions.LexerError):
        return f"the JMESPath {text!r} cannot be read at letter {error.lexer_position + 1}: {error.message}"
    if isinstance(error, exceptions.ArityError):
        return f"{text!r}: a function has too few or too many arguments"
    if isinstance(error, exceptions.ParseError):
        return f"the JMESPath {text!r} cannot be read at letter {error.lex_position + 1}"
    if isinstance(error, exceptions.JMESPathTypeError):
        return f"{text!r}: {error.function_name}() cannot take {error.actual_type}"
    return f"the JMESPath {text!r} is wrong"


def _watched(value: Any, pointer: str, looks: Looks) -> Any:
    if isinstance(value, dict):
        return Watched(value, pointer, looks)
    if isinstance(value, list):
        return [_watched(each, f"{pointer}/{index}", looks) for index, each in enumerate(value)]
    return value


def _under(pointer: str, key: str) -> str:
    if "~" in key or "/" in key:
        key = key.replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{key}"


def _leaves(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, _under(pointer, key))
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for index, each in enumerate(value):
            yield from _leaves(each, f"{pointer}/{index}")
    else:
        yield pointer


def _any_place(pointer: str) -> str:
    """``/lines/3/sku`` as ``/lines/*/sku``."""
    return "/".join("*" if part.isdecimal() else part for part in pointer.split("/"))
