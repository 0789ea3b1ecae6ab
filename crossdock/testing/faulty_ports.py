"""Any port of the spine, failing at a rate: the four ways in which a call to another system goes wrong.

    sink = faulty(sink, random.Random(7), {"deliver": {"execute_then_timeout": 0.1}})

* ``timeout``: nothing was done, and the caller does not know it (``WireQuiet``)
* ``execute_then_timeout``: it was done, and the caller does not know it (``WireQuiet``)
* ``unavailable``: nothing was done, and the caller knows it (``WireDown``)
* ``rate_limited``: the other side says no for now (``Refused`` with a wait; a sink's value for that is ``Retry``)

The wrapper is made from the Protocols: it has the methods of every port that the wrapped thing is, and no others, so
that ``isinstance`` says the same of both. A method that walks (``Source.read``) fails somewhere on its way.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from crossdock import ports
from crossdock.errors import Refused, WireDown, WireQuiet
from crossdock.messages import Retry

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

KINDS: Final = ("timeout", "execute_then_timeout", "unavailable", "rate_limited")

PORTS: Final[tuple[type, ...]] = (
    ports.Source,
    ports.Sink,
    ports.Searchable,
    ports.Versioned,
    ports.Checkable,
    ports.Watchful,
    ports.Inquiring,
    ports.Patient,
    ports.Previewing,
)
"""The Protocols through which the spine calls other systems."""

NEVER_FAILS: Final = frozenset({"close", "inquire", "position", "preview", "skipped", "not_yet_quiet"})
"""Methods that call nobody: they tell what an earlier call left or what a call would be, or let go."""

WAIT: Final = timedelta(seconds=30)

T = TypeVar("T")

Rates = Mapping[str, Mapping[str, float]]
"""By method (``*``: every other one), the rate of each kind."""


def methods_of(protocol: type) -> tuple[str, ...]:
    """The methods that a port asks for."""
    return tuple(
        name
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and not name.startswith("_")
    )


def faulty(port: T, dice: ports.Dice, rates: Rates) -> T:
    """The same port, failing by these rates. ``made`` on the wrapper lists the faults: (method, kind)."""
    _check(rates, {name for protocol in PORTS for name in methods_of(protocol)})
    names = {
        name
        for protocol in PORTS
        if all(callable(getattr(port, wanted, None)) for wanted in methods_of(protocol))
        for name in methods_of(protocol)
    }
    made: list[tuple[str, str]] = []
    body: dict[str, Any] = {
        name: _passing(name) if name in NEVER_FAILS else _failing(name, dice, rates, made) for name in names
    }
    body |= {"__slots__": ("made", "wrapped"), "__doc__": f"{type(port).__name__}, failing at a rate."}
    wrapper = type(f"Faulty{type(port).__name__}", (), body)()
    wrapper.made, wrapper.wrapped = made, port
    return cast(T, wrapper)


def _check(rates: Rates, methods: set[str]) -> None:
    for method, kinds in rates.items():
        if method not in {*methods, "*"} - NEVER_FAILS:
            raise ValueError(f"no port has a method {method!r} that can fail")
        if unknown := set(kinds) - set(KINDS):
            raise ValueError(f"{method}: {', '.join(sorted(unknown))} is none of {', '.join(KINDS)}")
        if sum(kinds.values()) > 1 or min(kinds.values(), default=0) < 0:
            raise ValueError(f"{method}: the rates are shares of 1")


def _drawn(method: str, dice: ports.Dice, rates: Rates) -> str | None:
    left = dice.random()
    for kind, rate in rates.get(method, rates.get("*", {})).items():
        if left < rate:
            return kind
        left -= rate
    return None


def _passing(name: str) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        return getattr(self.wrapped, name)(*arguments, **named)

    return call


def _failing(name: str, dice: ports.Dice, rates: Rates, made: list[tuple[str, str]]) -> Callable[..., Any]:
    protocol = next(one for one in PORTS if name in methods_of(one))

    @functools.wraps(getattr(protocol, name))
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        inner = getattr(self.wrapped, name)
        kind = _drawn(name, dice, rates)
        if kind is None:
            return inner(*arguments, **named)
        made.append((name, kind))
        if kind == "execute_then_timeout":
            done = inner(*arguments, **named)
            if isinstance(done, Iterator):
                return _cut(done, dice)
            raise WireQuiet(f"{name}: it was done, and the answer was lost (injected)")
        if kind == "timeout":
            raise WireQuiet(f"{name}: no answer came, and nothing was done (injected)")
        if kind == "unavailable":
            raise WireDown(f"{name}: cannot be reached (injected)")
        if protocol is ports.Sink:
            return Retry(reason=f"{name}: too many calls (injected)")
        raise Refused(f"{name}: too many calls (injected)", status="429", retry_after=WAIT)

    return call


def _cut(walk: Iterator[Any], dice: ports.Dice) -> Iterator[Any]:
    """Some of it, then silence."""
    for one in walk:
        yield one
        if dice.random() < 0.5:
            raise WireQuiet("it broke off in the middle (injected)")
    raise WireQuiet("it broke off at the end (injected)")


class FaultyStore:
    """A store whose transactions fail by these rates, as a database does that comes and goes.

    ``execute_then_timeout`` is the worst there is: the commit happened, and the connection died before it was said.
    """

    def __init__(self, store: "Store", dice: ports.Dice, rates: Mapping[str, float]) -> None:
        _check({"*": rates}, set())
        self._store = store
        self._dice = dice
        self._rates = {"transaction": rates}
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self, tenant: str) -> "Iterator[Transaction]":
        """Like the store's own. Raises what that raises."""
        from crossdock.store.engine import StoreUnready

        kind = _drawn("transaction", self._dice, self._rates)
        if kind is not None:
            self.made.append(kind)
        if kind == "unavailable":
            raise StoreUnready("the database cannot be reached (injected)")
        if kind == "rate_limited":
            raise StoreUnready(
                "every database connection of this process has been in use for 30 s (injected)"
            )
        with self._store.transaction(tenant) as connection:
            yield connection
            if kind == "timeout":
                raise WireDown("our own database went away before the commit (injected)")
        if kind == "execute_then_timeout":
            raise WireDown("our own database went away while it committed (injected)")
