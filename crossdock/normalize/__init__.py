"""Normalize: from the bytes of one message to parts, and from each part to facts and exception events.

A part is what can be good or bad by itself: a transaction set, a JSON record, an XML element, or bytes that belong
to none of them. A bad part is set aside with its reason and place; its siblings go on. Nothing here does I/O.
"""

from crossdock.normalize.normalizer import Normalizer, Reading
from crossdock.normalize.values import AcknowledgementWanted, Normalized, Opened, PartResult

__all__ = ["AcknowledgementWanted", "Normalized", "Normalizer", "Opened", "PartResult", "Reading"]
