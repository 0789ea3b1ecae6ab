"""NetSuite's token-based authentication: a passport in the SOAP header, signed anew for each request.

Source: SuiteTalk SOAP, TokenPassport and TokenPassportSignature. The base string is account, consumer key, token,
nonce and timestamp, joined with ``&``; the key is both secrets, joined with ``&``; the signature is HMAC-SHA256 in
base 64.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from lxml import etree

from crossdock.ports import Clock, Dice, Login
from crossdock.wires.oauth1 import ALGORITHM, nonce, plain, secret

PLAIN: Final = ("account", "consumer_key", "token_id")
SECRET: Final = ("consumer_secret", "token_secret")


class Passport:
    """Makes the ``tokenPassport`` of each request. ``messages`` and ``core`` are the namespaces of the contract."""

    def __init__(self, login: Login, clock: Clock, dice: Dice, *, messages: str, core: str) -> None:
        self._login, self._clock, self._dice = login, clock, dice
        self._messages, self._core = messages, core

    def __call__(self) -> Sequence[etree._Element]:
        """The header of one request. Raises ``Misconfigured`` with the field that the connection lacks."""
        account, consumer, token = (plain(self._login, name) for name in PLAIN)
        once = nonce(self._dice)
        timestamp = str(int(self._clock.now().timestamp()))
        base = "&".join((account, consumer, token, once, timestamp))
        key = "&".join(secret(self._login, name) for name in SECRET)
        signature = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()
        passport = etree.Element(f"{{{self._messages}}}tokenPassport")
        for name, text in (
            ("account", account),
            ("consumerKey", consumer),
            ("token", token),
            ("nonce", once),
            ("timestamp", timestamp),
            ("signature", signature),
        ):
            etree.SubElement(passport, f"{{{self._core}}}{name}").text = text
        passport[-1].set("algorithm", ALGORITHM)
        return [passport]
