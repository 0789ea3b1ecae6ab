"""Polls Business Central for sales orders: by its delta links, or all that a filter lets in."""

from connectors.business_central.settings import company_path
from crossdock.kit.delta_poll import DeltaPoll
from crossdock.ports import Clock, Login, Manifest


def connect(manifest: Manifest, login: Login, clock: Clock) -> DeltaPoll:
    """The source of this connector, not yet opened."""
    return DeltaPoll(manifest, login, clock, path=lambda: f"{company_path(login)}/salesOrders")
