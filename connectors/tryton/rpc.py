"""Tryton's JSON-RPC: what REST has no word for. Changes under its optimistic lock, and its wizards.

A user signs in once and has a session. Errors come as HTTP 200 with ``{"error": [class, ...]}``: the class tells a no
of the ERP from a bug in it. A no is ``Refused`` and its ``status`` is that class.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from connectors.tryton.rest import company_of, failed
from crossdock.errors import Misconfigured, Refused, Unreadable, WireQuiet
from crossdock.formats import json_strict
from crossdock.ports import Clock, Login
from crossdock.wires.http_login import unsigned
from crossdock.wires.rest import Answer, Rest, quoted

STALE: Final = "ConcurrencyException"
"""The class of the error for a record that was changed since it was read."""
WANTS_A_YES: Final = "UserWarning"
"""The class of a warning that a person must confirm."""
SAYS_NO: Final = frozenset({"UserError", WANTS_A_YES, STALE})
"""The classes of errors that Tryton means: everything is as it was before."""

NO_LOGIN: Final = "LoginException"


class Rpc:
    """One user of one database. Two threads that share it may both sign in, which does no harm."""

    def __init__(
        self, login: Login, database: str, clock: Clock, *, deadline_s: float, connect_s: float
    ) -> None:
        self._login = _user_of(login)
        self._clock = clock
        self._path = quoted(database, "rpc") + "/"
        # the session goes with each call
        self._wire = Rest(
            self._login, deadline_s=deadline_s, connect_s=connect_s, clock=clock, signer=unsigned
        )
        self._session = ""
        self._context: dict[str, Any] = {}

    def __call__(
        self,
        method: str,
        *parameters: Any,
        effect: bool,
        stamps: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Any:
        """Call a method: ``model.sale.sale.draft``. ``stamps``: the version of each record that is to be changed, by
        "model,number", as it was read.

        Raises ``Refused`` for a no, ``WireQuiet`` when an effect may have happened, ``Misconfigured`` when the login
        is not accepted.
        """
        lock = {"_timestamp": dict(stamps)} if stamps else {}

        def asked() -> list[Any]:
            return [*parameters, {**self._context, **context, **lock}]

        return self._in_session(method, asked, effect=effect)

    def methods(self) -> frozenset[str]:
        """All that may be called, as ``wizard.stock.move.split.execute``."""
        return frozenset(self._in_session("system.listMethods", list, effect=False))

    def _in_session(self, method: str, asked: Callable[[], list[Any]], *, effect: bool) -> Any:
        """One call, and a second one when the session had ended: a 401 says that nothing was done."""
        session = self._signed_in()
        answer = self._post(method, asked(), effect=effect, session=session)
        if answer.status == 401:
            session = self._signed_in(but=session)
            answer = self._post(method, asked(), effect=effect, session=session)
        return self._result(answer, method, effect=effect)

    def close(self) -> None:
        self._wire.close()

    def _signed_in(self, *, but: str = "") -> str:
        """The session; a new one where there is none, or where it is the one that has ended."""
        if not self._session or self._session == but:
            who = {"password": self._login.password.reveal()}
            answer = self._post("common.db.login", [self._login.user, who, "en"], effect=False, session="")
            said = self._result(answer, "common.db.login", effect=False)
            if not (isinstance(said, list) and len(said) >= 2):
                raise Refused(f"POST {self._wire.base}{self._path}: signing in gave no session", status="200")
            pair = f"{self._login.user}:{said[0]}:{said[1]}"
            session = "Session " + base64.b64encode(pair.encode()).decode()
            asked = "model.res.user.get_preferences"
            answer = self._post(asked, [True, {}], effect=False, session=session)
            preferences = self._result(answer, asked, effect=False)
            known = {key: preferences.get(key) for key in ("language", "company", "companies")}
            self._context = {**known, **company_of(self._login)}
            self._session = session
        return self._session

    def _post(self, method: str, parameters: list[Any], *, effect: bool, session: str) -> Answer:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if session:
            headers["Authorization"] = session
        body = orjson.dumps({"id": 1, "method": method, "params": parameters})
        return self._wire.call("POST", self._path, effect=effect, headers=headers, body=body)

    def _result(self, answer: Answer, method: str, *, effect: bool) -> Any:
        what = f"POST {self._wire.base}{self._path} {method}"
        if answer.status != 200:
            raise failed(answer, what=what, now=self._clock.now(), effect=effect)
        try:
            said = json_strict.loads(answer.body)
        except Unreadable as error:
            if effect:
                raise WireQuiet(
                    f"{what}: answered 200 with what is no JSON; whether it took effect is unknown"
                ) from error
            raise Refused(
                f"{what}: answered 200 with what is no JSON", status="200", body=answer.body
            ) from error
        if isinstance(said, dict) and "result" in said:
            return said["result"]
        problem = said.get("error") if isinstance(said, dict) else None
        name = str(problem[0]) if isinstance(problem, list) and problem else ""
        if name in SAYS_NO:
            raise Refused(f"{what}: {_sentence(name, problem)}", status=name)
        if name == NO_LOGIN:
            raise Misconfigured(
                f"{what}: the login is not accepted; correct user and password of the connection"
            )
        if effect:
            raise WireQuiet(f"{what}: Tryton failed ({name[:200]}); whether it took effect is unknown")
        raise Refused(f"{what}: Tryton failed: {name[:200]}", status="200", body=answer.body)


def _user_of(login: Login) -> Login:
    if login.user and login.password:
        return login
    raise Misconfigured(
        f"connection {login.connection_id!r} has no user and password: all but reads and notes are done as a user of "
        "Tryton; add them",
        field="password" if login.user else "login",
    )


def _sentence(name: str, problem: Any) -> str:
    """What Tryton says to its user. Of a warning the first word is its key, and no sentence."""
    words: list[str] = []
    for one in problem[1:]:
        words += [str(word) for word in one] if isinstance(one, list) else [str(one)]
    if name == WANTS_A_YES:
        words = ["it asks a person to confirm:", *words[1:]]
    return " ".join(word for word in words if word and word != "None")[:500]
