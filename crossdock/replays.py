"""How often the same thing is run again before a person has to say why it shall be once more."""

import os
from typing import Final

from crossdock.errors import Misconfigured

MOST_REPLAYS: Final = "CROSSDOCK_MOST_REPLAYS"
USUAL: Final = 5


def most_replays() -> int:
    """What comes back after so many replays is parked. ``CROSSDOCK_MOST_REPLAYS``, or 5."""
    text = os.environ.get(MOST_REPLAYS, "").strip() or str(USUAL)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000:
        raise Misconfigured(f"{MOST_REPLAYS} is {text!r}; write a whole number from 1 to 1000")
    return int(text)
