"""A store with canonical events in it, as the walk writes them, and readers of its feed."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import HTTPException
from starlette.testclient import TestClient

from crossdock.console.app import create_app
from crossdock.emit import consuming
from crossdock.emit.publish import Publisher
from crossdock.emit.settings import Settings
from crossdock.messages import derived_id
from crossdock.registry import Registry
from crossdock.store.engine import Store
from crossdock.store.tables import events
from crossdock.testing.clock import MovableClock

TENANT = "main"


def write(connection: sa.Connection, *documents: dict[str, Any], tenant: str = TENANT) -> None:
    """Write events as transaction 2 does."""
    for document in documents:
        connection.execute(
            sa.insert(events).values(
                tenant=tenant,
                id=uuid.UUID(document["id"]),
                raw_id=derived_id("raw", document["id"]),
                part=0,
                case_id=derived_id("case", document["subject"]),
                code=document["data"]["code"],
                subject=document["subject"],
                document=document,
                recorded_at=document["recordedtime"],
            )
        )


@pytest.fixture(name="write")
def _write() -> Callable[..., None]:
    return write


@pytest.fixture
def commit(store: Store) -> Callable[..., None]:
    """Write events and commit them."""

    def commits(*documents: dict[str, Any], tenant: str = TENANT) -> None:
        with store.transaction(tenant) as connection:
            write(connection, *documents, tenant=tenant)

    return commits


@pytest.fixture
def publisher(store: Store, clock: MovableClock) -> Publisher:
    return Publisher(store=store, tenant=TENANT, clock=clock)


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def console(store: Store, clock: MovableClock, settings: Settings) -> Iterator[TestClient]:
    """The console, whose pages are closed to everybody: the feed opens by its own tokens."""

    def nobody() -> None:
        raise HTTPException(401, "Not authenticated")

    app = create_app(
        open_store=lambda: store,
        registry=Registry(),
        authorize=nobody,
        clock=clock,
        tenant=TENANT,
        outgoing=lambda: settings,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def token(store: Store, clock: MovableClock) -> str:
    """The token of a consumer."""
    with store.transaction(TENANT) as connection:
        return consuming.add(
            connection, tenant=TENANT, name="planning", actor="ann", now=clock.now()
        ).token.reveal()


Read = Callable[..., Any]


@pytest.fixture
def read(console: TestClient, token: str) -> Read:
    """One request for the feed, by the consumer."""

    def reads(cursor: str | None = None, **query: Any) -> Any:
        query = {"cursor": cursor, **query} if cursor else query
        return console.get("/api/feed", params=query, headers={"Authorization": f"Bearer {token}"})

    return reads
