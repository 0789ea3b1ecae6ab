"""The store and the hub of a long-running server: opened at the first use, opened again after they failed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from crossdock.ports import Clock

if TYPE_CHECKING:
    from crossdock.emit.publish import Publisher
    from crossdock.hub import Hub
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction


class _Closes(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closes)


class OnDemand(Generic[T]):
    """Holds one thing that is slow to open. Safe to share between threads."""

    def __init__(self, open_it: Callable[[], T]) -> None:
        self._open = open_it
        self._lock = Lock()
        self._thing: T | None = None

    def get(self) -> T:
        with self._lock:
            if self._thing is None:
                self._thing = self._open()
            return self._thing

    def close(self) -> None:
        with self._lock:
            if self._thing is not None:
                self._thing.close()
                self._thing = None


class Doors:
    """What the pages and the webhooks work through."""

    def __init__(
        self, *, open_store: "Callable[[], Store]", open_hub: "Callable[[Store], Hub]", tenant: str
    ) -> None:
        self._store: OnDemand[Store] = OnDemand(open_store)
        self._hub: OnDemand[Hub] = OnDemand(lambda: open_hub(self._store.get()))
        self.tenant = tenant

    @contextmanager
    def reading(self) -> "Iterator[Transaction]":
        """A transaction of this tenant, for ``crossdock.store.queries``."""
        with self._store.get().reading(self.tenant) as connection:
            yield connection

    @contextmanager
    def changing(self) -> "Iterator[Transaction]":
        """A transaction of this tenant in which a person or a reader changes something."""
        with self.hub().changing() as connection:
            yield connection

    def hub(self) -> "Hub":
        return self._hub.get()

    def publisher(self, clock: Clock) -> "Publisher":
        """Who gives events their places in the feed, for readers who need not wait for the next run."""
        from crossdock.emit.publish import Publisher

        return Publisher(store=self._store.get(), tenant=self.tenant, clock=clock)

    def close(self) -> None:
        self._hub.close()
        self._store.close()
