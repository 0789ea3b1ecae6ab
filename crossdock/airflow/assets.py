"""The wake-up bells between the DAGs. A lost bell costs a minute, never a message: our tables are the queue."""

from typing import Final

from airflow.sdk import Asset, AssetAlias

DECIDED: Final = "crossdock_decided"


def received(connector: str) -> Asset:
    """Rung when this connector stored something new. It wakes ``process``."""
    return Asset(name=f"crossdock_received_{connector}", uri=f"x-crossdock://received/{connector}")


def decided() -> Asset:
    """Rung when ``process`` left something for a target. It wakes every ``deliver__*``."""
    return Asset(name=DECIDED, uri="x-crossdock://decided")


def said() -> Asset:
    """Rung when ``process`` committed an event. It wakes ``publish``."""
    return Asset(name="crossdock_said", uri="x-crossdock://said")


def bell(asset: Asset) -> AssetAlias:
    """The outlet of a task that rings only when there is a reason: a plain outlet would ring on every success."""
    return AssetAlias(name=f"{asset.name}_bell")
