"""The four ways to reach a system. Only here are requests, zeep and paramiko met.

Their loggers are held at INFO: at DEBUG they write whole envelopes and addresses, credentials included. urllib3's
connections are held at ERROR: a warning of theirs shows the whole address, where a key may stand in the query, and
bytes of the other side.
"""

import logging


class _From(logging.Filter):
    """Lets nothing below a level through, whatever level somebody sets later."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._level


TALKATIVE = (
    "zeep",
    "zeep.transports",
    "zeep.wsdl",
    "zeep.wsdl.bindings.soap",
    "zeep.xsd",
    "requests",
    "urllib3",
    "urllib3.connectionpool",
    "urllib3.connection",
    "urllib3.util.retry",
    "paramiko",
    "paramiko.transport",
    "paramiko.transport.sftp",
    "oauthlib",
    "oauthlib.oauth1.rfc5849",
    "oauthlib.oauth1.rfc5849.signature",
)

SHOWS_ADDRESSES = ("urllib3.connection", "urllib3.connectionpool")

for _name in TALKATIVE:
    _logger = logging.getLogger(_name)
    if not any(isinstance(one, _From) for one in _logger.filters):
        _logger.addFilter(_From(logging.ERROR if _name in SHOWS_ADDRESSES else logging.INFO))
    if _logger.level < logging.INFO and (_logger.level or "." not in _name):
        _logger.setLevel(logging.INFO)
