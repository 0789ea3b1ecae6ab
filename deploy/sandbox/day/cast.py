"""Who plays what: the stories of a seed, each happening at least once with a partner whom it can happen to."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from deploy.sandbox.day.buying import Purchase
from deploy.sandbox.day.buying_answers import Answer
from deploy.sandbox.day.buying_bills import Bill
from deploy.sandbox.day.buying_changes import Change
from deploy.sandbox.day.buying_goods import Goods
from deploy.sandbox.day.moving import Bank, Load, Stock, Transfer
from deploy.sandbox.day.reporting import Report, Word
from deploy.sandbox.day.script import Script, Story
from deploy.sandbox.day.selling import Sale
from deploy.sandbox.day.traders import SHARES, Trader, traders
from deploy.sandbox.day.wires import Envelope, Silence

STORIES: Final[Sequence[type[Story]]] = (
    Purchase,
    Answer,
    Goods,
    Bill,
    Change,
    Sale,
    Load,
    Transfer,
    Stock,
    Bank,
    Report,
    Word,
    Envelope,
    Silence,
)

DAYS: Final = (
    date(2026, 11, 20),  # a Friday; Thanksgiving in the week after
    date(2026, 12, 22),  # Christmas on the Friday, and New Year
    date(2026, 3, 5),  # the clocks go forward on the Sunday
    date(2026, 10, 29),  # the clocks go back on the Sunday
    date(2026, 7, 1),  # the fourth of July, kept on the third
    date(2026, 6, 17),  # banks are closed on the Friday, offices are not
)
"""The days that are played. Around each something is odd about time."""

FEW: Final[Mapping[str, int]] = {"supplier": 6, "customer": 3, "carrier": 2, "warehouse": 2, "bank": 1}
"""So many of each kind are enough for every happening."""


def write(seed: int, *, shares: Mapping[str, int] = SHARES, more: int = 60) -> Script:
    """The script of a seed: every happening once, each partner's business as usual, and so many happenings more."""
    dice = random.Random(f"day {seed}")
    script = Script(seed=seed, base=DAYS[seed % len(DAYS)], traders=traders(seed, shares))
    for story, happening in _everything():
        trader = _somebody(script.traders, story, happening, dice)
        if trader is None:
            raise ValueError(f"nobody of {dict(shares)} can play '{happening}' of {story.__name__}")
        _tell(script, story, trader, happening, dice)
    for story in (Purchase, Sale, Load, Transfer, Bank):
        for trader in script.traders:
            if trader.role == story.role:
                _tell(script, story, trader, story.happenings[0], dice)
    every = list(_everything())
    for _ in range(more):
        story, happening = every[dice.randrange(len(every))]
        trader = _somebody(script.traders, story, happening, dice)
        assert trader is not None
        _tell(script, story, trader, happening, dice)
    script.close()
    return script


def only(story: type[Story], happening: str, *, seed: int = 0) -> Script:
    """A script in which nothing but this happens."""
    dice = random.Random(f"only {seed} {happening}")
    script = Script(seed=seed, base=DAYS[seed % len(DAYS)], traders=traders(seed, FEW))
    trader = _somebody(script.traders, story, happening, dice)
    if trader is None:
        raise ValueError(f"nobody of {dict(FEW)} can play '{happening}' of {story.__name__}")
    _tell(script, story, trader, happening, dice)
    script.close()
    return script


def _everything() -> Iterator[tuple[type[Story], str]]:
    for story in STORIES:
        for happening in story.happenings:
            yield story, happening


def _somebody(
    everybody: Sequence[Trader], story: type[Story], happening: str, dice: random.Random
) -> Trader | None:
    able = [trader for trader in everybody if trader.role == story.role and story.fits(trader, happening)]
    return able[dice.randrange(len(able))] if able else None


def _tell(script: Script, story: type[Story], trader: Trader, happening: str, dice: random.Random) -> None:
    others = []
    for role in story.also:
        able = [other for other in script.traders if other.role == role]
        others.append(able[dice.randrange(len(able))])
    story(script, trader, others, happening, dice).tell()
