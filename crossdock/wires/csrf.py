"""A REST system that takes a change only with a token that it handed out for this session.

SAP Gateway does so: a read that asks ``X-CSRF-Token: Fetch`` gives a token and the cookies that it belongs to, and
every change carries both. A session ends when it likes; the next change is then answered 403 with ``X-CSRF-Token:
Required``, before anything of it was looked at, and is made once more with a new token. No cookie but these is kept.
"""

import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from crossdock.errors import CrossdockError, Misconfigured, WireDown
from crossdock.ports import Login
from crossdock.wires.rest import Answer, Rest

HEADER: Final = "X-CSRF-Token"
_READS: Final = ("GET", "HEAD")
_NEXT_COOKIE: Final = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)")
_COOKIE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!#-+\--:<-\[\]-~]*")
_TOKEN: Final = re.compile(r"[!-~]{1,512}")


class CsrfRest(Rest):
    """A ``Rest`` whose changes carry the token of a session. ``token_path`` is a read that hands one out."""

    def __init__(self, login: Login, *, token_path: str, headers: Mapping[str, str], **wire: Any) -> None:
        """``headers`` go with the read for the token; ``wire``: see ``Rest``."""
        super().__init__(login, **wire)
        self._token_path = token_path
        self._token_headers = {**headers, "Accept": "application/json", HEADER: "Fetch"}
        self._session: Mapping[str, str] = {}
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        *,
        effect: bool,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """See ``Rest.call``. ``WireDown`` when no token is to be had: nothing was sent then."""

        def send(session: Mapping[str, str]) -> Answer:
            return super(CsrfRest, self).call(
                method,
                path,
                effect=effect,
                query=query,
                headers={**(headers or {}), **session},
                body=body,
                deadline_s=deadline_s,
            )

        if method in _READS:
            return send({})
        session = self._session or self._renewed({}, deadline_s)
        answer = send(session)
        if answer.status == 403 and answer.headers.get(HEADER.lower(), "").strip().lower() == "required":
            return send(self._renewed(session, deadline_s))
        return answer

    def _renewed(self, stale: Mapping[str, str], deadline_s: float | None) -> Mapping[str, str]:
        """A session other than this one; threads that find the same one ended share what comes after it."""
        with self._lock:
            if self._session and self._session != stale:
                return self._session
            self._session = {}
            self._session = self._fetched(deadline_s)
            return self._session

    def _fetched(self, deadline_s: float | None) -> Mapping[str, str]:
        what = f"GET {self.base}{self._token_path}"
        try:
            answer = super().call(
                "GET",
                self._token_path,
                effect=False,
                headers=self._token_headers,
                deadline_s=deadline_s,
            )
        except (Misconfigured, WireDown):
            raise
        except CrossdockError as error:
            raise WireDown(f"no token was to be had, so nothing was sent: {error}") from error
        if answer.status in (401, 403, 404, 407) or 300 <= answer.status < 400:
            raise Misconfigured(
                f"{what}: answered {answer.status}, where a token for changes is fetched; correct the connection, or "
                "ask for the permission to use this service"
            )
        token = answer.headers.get(HEADER.lower(), "").strip()
        if answer.status != 200 or not _TOKEN.fullmatch(token):
            raise WireDown(f"{what}: answered {answer.status} and no token, so nothing was sent")
        cookies = _cookies(answer.headers.get("set-cookie", ""))
        return {HEADER: token, **({"Cookie": cookies} if cookies else {})}


def _cookies(set_cookie: str) -> str:
    """The names and values of ``Set-Cookie`` headers that were joined with commas, as ``Cookie`` takes them. A comma
    in a date stands before a blank and a day, which no name and sign of equality follow."""
    pairs = (one.partition(";")[0].strip() for one in _NEXT_COOKIE.split(set_cookie))
    return "; ".join(pair for pair in pairs if _COOKIE.fullmatch(pair))
