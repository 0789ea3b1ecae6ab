"""A channel that notices are posted into by an address that is itself the secret: Slack, Teams and their like.

A connector says how its message is drawn, and what in the answer proves that it was taken.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any

from crossdock.errors import Refused
from crossdock.kit import notice
from crossdock.kit.rest_target import Effect, Proof, RestTarget
from crossdock.kit.secret_address import opened
from crossdock.messages import Outcome, WriteBack
from crossdock.ports import CheckStep, Clock, Login

Drawn = Callable[[notice.Notice, str], Mapping[str, Any]]
"""The message of a notice, as JSON values; the address of its case may be empty."""


class Channel:
    """One channel. A repeat is a second message there. Safe to share between threads.

    ``system`` is whose channel it is, ``title`` what sentences call that which answers; ``done``: see ``RestTarget``.
    """

    def __init__(
        self,
        login: Login,
        clock: Clock,
        *,
        system: str,
        title: str,
        message: Drawn,
        proof: Proof,
        deadline_s: float,
        done: Collection[int],
    ) -> None:
        self._login, self._clock = login, clock
        self._system, self._title = system, title
        self._message, self._proof = message, proof
        self._deadline_s, self._done = deadline_s, done

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One post."""
        return self._target.deliver(write_back, asked=self._asked, proof=self._proof)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The post that ``deliver`` would make, without the secret address."""
        return self._target.preview(write_back, self._asked)

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, TLS. It cannot be asked anything: the first notice shows whether it works."""
        yield from self._target.wire.reach("/")

    def close(self) -> None:
        if "_target" in self.__dict__:
            self._target.close()

    @cached_property
    def _opened(self) -> tuple[Login, str]:
        return opened(self._login)

    @cached_property
    def _target(self) -> RestTarget:
        at, _path = self._opened
        return RestTarget(at, self._clock, title=self._title, deadline_s=self._deadline_s, done=self._done)

    def _asked(self, write_back: WriteBack) -> Effect:
        if write_back.operation != "notify":
            raise Refused(f"{self._system} knows no operation {write_back.operation!r}", status="operation")
        told = notice.read(write_back)
        return Effect(
            method="POST",
            path=self._opened[1],
            body=json.dumps(self._message(told, notice.case_address(self._login, told.case))).encode(),
            headers={"Content-Type": "application/json"},
        )
