"""The four ways to reach a system. Only here are requests, zeep and paramiko met.

Their loggers are held at INFO: at DEBUG they write whole envelopes and addresses, credentials included.
"""

import logging


class _AboveDebug(logging.Filter):
    """Lets nothing below INFO through, whatever level somebody sets later."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO


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
)

for _name in TALKATIVE:
    _logger = logging.getLogger(_name)
    if not any(isinstance(one, _AboveDebug) for one in _logger.filters):
        _logger.addFilter(_AboveDebug())
    if _logger.level < logging.INFO and (_logger.level or "." not in _name):
        _logger.setLevel(logging.INFO)
