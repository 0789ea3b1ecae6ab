"""A REST system that tells only of what it is asked about: a carrier's tracking, number by number.

The open numbers are walked in rounds, the earliest shipped first, so that the one that was asked longest ago is asked
next. The position says where the round stands: a run that ends early, or a worker that dies, goes on behind the last
number that was asked. A round begins at most once in ``round_s``.

Each number's record is one message, its key the number and the digest of the bytes: an answer that says what an
earlier one said is no message. A number that the system does not know is asked again in the next round. One that it
refuses is asked alone, set aside with its reason, and stops no other.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from crossdock.errors import CrossdockError, Misconfigured, Refused, Unreadable
from crossdock.kit.heard import Heard, digest
from crossdock.kit.inquiry_settings import InquirySettings
from crossdock.manifests import typed
from crossdock.messages import RawMessage, Verdict
from crossdock.ports import (
    CheckStep,
    Clock,
    Dice,
    Inquiries,
    Login,
    Manifest,
    OpenNumber,
    Question,
    Skipped,
    system_dice,
)
from crossdock.wires.patience import pause
from crossdock.wires.rest import Answer, Rest, refused, retry_reads

REFUSED_BEFORE_ANY: Final = 3
"""So many refused numbers without one good answer are not the numbers' fault, but that of how we ask."""
BAD_REQUEST: Final = (400, 422)
UNKNOWN: Final = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call about some numbers. ``query`` are pairs: a name may stand there more than once."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an answer says about one of the numbers, in its exact bytes."""

    number: str
    body: bytes


Asking = Callable[[Sequence[str]], Ask]
Cut = Callable[[bytes, Sequence[str]], list[Answered]]
"""The records of an answer to these numbers; nothing for one that the system does not know (yet). Raises
``Unreadable`` for an answer that is none."""


class RestInquiry:
    """The answers of a REST system about what is open. It is ``Inquiring`` and ``Watchful``."""

    def __init__(
        self,
        manifest: Manifest,
        login: Login,
        clock: Clock,
        *,
        asking: Asking,
        cut: Cut,
        settings: InquirySettings | None = None,
        dice: Dice | None = None,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        """``settings``: those of the manifest, for a connector that has more of its own."""
        if manifest.source is None:
            raise Misconfigured(f"connector {manifest.name!r} has no [source]; add it")
        self._settings = settings or typed(InquirySettings, manifest, "source")
        self._heard, self._clock = Heard.by(manifest, clock), clock
        self._dice = dice or system_dice()
        self._sleep = sleep
        self._asking = asking
        self._cut = cut
        self._inquiries: Inquiries | None = None
        self._round: _Round | None = None
        self._skipped: list[Skipped] = []
        self._answers = 0
        self._wire = Rest(
            login, deadline_s=self._settings.deadline_s, connect_s=self._settings.connect_s, clock=clock
        )

    def inquire(self, inquiries: Inquiries) -> None:
        """What is open, and what was answered before."""
        self._inquiries = inquiries

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """What is new about the next numbers of the round. Raises what the wire raises; ``Refused`` with
        ``retry_after`` when the system asks us to wait."""
        if self._inquiries is None:
            return
        now = self._clock.now()
        stands = _Round.of(after)
        # A round that began in a time to come was begun on a clock that was wrong: it holds nobody up for long.
        if stands is None or (stands.done and abs(now - stands.began_at) >= self._every()):
            stands = _Round(began_at=now)
        elif stands.done:
            return
        self._round = stands
        most = self._settings.numbers_per_run
        numbers = self._inquiries.open(self._question(), after=stands.after, most=most)
        for at in range(0, len(numbers), self._settings.numbers_per_call):
            group = numbers[at : at + self._settings.numbers_per_call]
            yield from self._group(stands, group, self._inquiries)
        stands.done = len(numbers) < most

    def position(self) -> str | None:
        """Where the round stands now."""
        return None if self._round is None else self._round.text()

    def skipped(self) -> tuple[Skipped, ...]:
        """The numbers that the system refused."""
        return tuple(self._skipped)

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the system is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, ask about the number that the carrier has for tests."""
        number = self._settings.check_number
        for step in self._wire.reach(self._asking([number]).path):
            yield step
            if not step.ok:
                return
        try:
            records = self._asked([number])
        except CrossdockError as error:
            yield CheckStep(
                step="login" if isinstance(error, Misconfigured) else "sample",
                ok=False,
                sentence=str(error),
                remedy="Correct the login of the connection, or ask the carrier what the account may ask.",
            )
            return
        yield CheckStep(step="login", ok=True, sentence="the login is accepted")
        yield CheckStep(
            step="sample", ok=True, sentence=f"asked about {number}, {len(records or ())} answer(s) came"
        )

    def close(self) -> None:
        self._wire.close()

    # -- asking -------------------------------------------------------------------------------------------

    def _group(
        self, stands: "_Round", numbers: Sequence[OpenNumber], inquiries: Inquiries
    ) -> Iterator[RawMessage]:
        """The new answers about some numbers, in the order of the round. The round moves on with each number."""
        answers = self._asked([one.number for one in numbers])
        if answers is None and len(numbers) > 1:
            for one in numbers:
                yield from self._group(stands, [one], inquiries)
            return
        if answers is None:
            self._refuse(numbers[0].number)
        else:
            self._answers += 1
        said = [self._message(one) for one in answers or ()]
        known = inquiries.known([message.key for message in said]) if said else frozenset()
        asked = {one.number for one in numbers}
        for one in numbers:
            new = [
                message
                for message in said
                if message.key not in known
                and (message.name == one.number or (message.name not in asked and one is numbers[-1]))
            ]
            for message in new[:-1]:  # several about one number: the round moves on with the last
                yield self._at(message, stands)
            stands.after = one.place
            for message in new[-1:]:
                yield self._at(message, stands)

    def _asked(self, numbers: Sequence[str]) -> list[Answered] | None:
        """One call. ``None``: the system refuses these numbers, or one of them."""
        ask = self._asking(numbers)
        path = ask.path
        if ask.query:
            path = f"{path}?{urlencode(ask.query)}"

        def call() -> Answer:
            return self._wire.call(ask.method, path, effect=False, headers=ask.headers, body=ask.body)

        answer = retry_reads(call, dice=self._dice, sleep=self._sleep)
        if answer.status == UNKNOWN:
            return []
        if answer.status in BAD_REQUEST:
            return None
        what = f"{ask.method} {self._wire.base}{ask.path}"
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        if not answer.media_type.endswith("json"):
            raise Refused(
                f"{what}: the answer is {answer.media_type or 'of no type'}, not JSON",
                status=str(answer.status),
                body=answer.body,
            )
        try:
            return self._cut(answer.body, numbers)
        except Unreadable:
            # Bytes first: the answer is kept whole, as that of the last number.
            return [Answered(number=numbers[-1], body=answer.body)]

    def _refuse(self, number: str) -> None:
        self._skipped.append(
            Skipped(
                name=number[:200],
                code="inquiry.refused",
                sentence=f"{self._wire.base} refuses the number {number[:40]!r}",
            )
        )
        if not self._answers and len(self._skipped) >= REFUSED_BEFORE_ANY:
            self._skipped.clear()
            raise Refused(
                f"{self._wire.base}{self._settings.path}: every number is refused: look at how it is asked, "
                "and whether the carrier changed its API",
                status="400",
            )

    def _question(self) -> Question:
        return Question(
            kind="tracking",
            carriers=frozenset(self._settings.carriers),
            form=self._settings.form,
            within=timedelta(days=self._settings.days),
        )

    def _every(self) -> timedelta:
        return timedelta(seconds=self._settings.round_s)

    def _message(self, answered: Answered) -> RawMessage:
        key = f"{answered.number}:{digest(answered.body)}"
        return self._heard.message(answered.body, key, name=answered.number)

    def _at(self, message: RawMessage, stands: "_Round") -> RawMessage:
        return replace(message, position=stands.text())


@dataclass(slots=True, kw_only=True)
class _Round:
    """A walk over everything that is open. ``after``: the place of the last number that was asked."""

    began_at: datetime
    after: str = ""
    done: bool = False

    @classmethod
    def of(cls, text: str | None) -> "_Round | None":
        """From what was stored; what cannot be read is no round, and a new one begins."""
        try:
            kept = json.loads(text or "")
            began_at = datetime.fromisoformat(kept["began_at"])
            if began_at.tzinfo is None:
                return None
            return cls(began_at=began_at, after=str(kept["after"]), done=bool(kept["done"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def text(self) -> str:
        return json.dumps(
            {"began_at": self.began_at.isoformat(), "after": self.after, "done": self.done},
            separators=(",", ":"),
        )
