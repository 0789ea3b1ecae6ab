"""Our own certificate, for systems that know their callers by it (mTLS).

Certificate and key are texts of the connection. Python reads them from files only, so they are put into one that has
no name and lies in memory; where the system has none such, into one that only we may read, gone at once.
"""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Login

CERTIFICATE = "client_certificate"
KEY = "client_private_key"
PASSPHRASE = "client_private_key_passphrase"
SOON = timedelta(days=30)


class ClientCertificate:
    """The certificate of a connection, ready for TLS."""

    def __init__(self, login: Login, clock: Clock) -> None:
        """Raises ``Misconfigured`` when the two do not fit or cannot be read, or when the certificate has expired."""
        self._connection = login.connection_id
        self._certificate = str(login.extra.get(CERTIFICATE) or "").replace("\\n", "\n").strip() + "\n"
        self._key = (
            login.secrets[KEY].reveal().replace("\\n", "\n").strip() + "\n" if KEY in login.secrets else ""
        )
        passphrase = login.secrets.get(PASSPHRASE)
        self._passphrase = passphrase.reveal() if passphrase else None
        self._clock = clock
        if not self._key:
            raise Misconfigured(f"connection {self._connection!r} lacks {KEY}; add it", field=KEY)
        try:
            self.ends_at: datetime = x509.load_pem_x509_certificate(
                self._certificate.encode()
            ).not_valid_after_utc
        except ValueError:
            raise Misconfigured(
                f"connection {self._connection!r}: {CERTIFICATE} is no certificate in PEM form; paste it from "
                "'-----BEGIN CERTIFICATE-----' to its end",
                field=CERTIFICATE,
            ) from None
        self(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def told(self) -> str:
        """Until when it is good, for a person who checks the connection."""
        left = self.ends_at - self._clock.now()
        soon = f", {left.days} days: order a new one" if left < SOON else ""
        return f"our certificate is good until {self.ends_at:%Y-%m-%d}{soon}"

    def __call__(self, context: ssl.SSLContext) -> None:
        """Put it into this context."""
        if self.ends_at <= self._clock.now():
            raise Misconfigured(
                f"connection {self._connection!r}: our certificate expired on {self.ends_at:%Y-%m-%d}; nothing was "
                f"sent. Order a new one, and put it and its key into the connection",
                field=CERTIFICATE,
            )
        # Without a function, OpenSSL would ask for the passphrase on the terminal.
        passphrase = self._passphrase or ""
        with _file(self._certificate + self._key) as name:
            try:
                context.load_cert_chain(name, password=lambda: passphrase)
            except (ssl.SSLError, OSError, ValueError) as error:
                reason = getattr(error, "reason", None) or type(error).__name__
                raise Misconfigured(
                    f"connection {self._connection!r}: {KEY} does not fit to {CERTIFICATE}, is no key in PEM form, "
                    f"or its passphrase is wrong ({reason}); correct it",
                    field=KEY,
                ) from None


@contextmanager
def _file(text: str) -> Iterator[str]:
    """The path of a file with this text, for as long as the block runs."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, name = tempfile.mkstemp()  # 0600
    try:
        os.write(descriptor, text.encode())
        yield name
    finally:
        os.close(descriptor)
        Path(name).unlink()
