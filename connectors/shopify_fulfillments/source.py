"""Polls the orders of a Shopify shop and hands over their fulfillments, each as the bytes it was sent in.

Shopify lists fulfillments by order only. Source: Shopify, Admin REST API, "Order", property ``fulfillments``.
"""

from crossdock.errors import Unreadable
from crossdock.formats import json_slices
from crossdock.kit.records import Page, cut
from crossdock.kit.rest_poll import RestPoll
from crossdock.ports import Clock, Login, Manifest


def connect(manifest: Manifest, login: Login, clock: Clock) -> RestPoll:
    """The source of this connector, not yet opened."""
    return RestPoll(manifest, login, clock, cut_page=fulfillments)


def fulfillments(body: bytes) -> Page:
    """The fulfillments of a page of orders; an order that has none gives none. Raises ``Unreadable``."""
    found: list[bytes] = []
    for order in cut(body, records="orders").records:
        try:
            held = json_slices.members(order).get("fulfillments")
            if held is not None and held.body != b"null":
                found += [one.body for one in json_slices.elements(order, held)]
        except Unreadable:
            found.append(order)  # bytes first: the mapping says what is wrong with it
    return Page(records=found)
