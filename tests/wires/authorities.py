"""Certificates for the servers of the tests, by authorities that are made for one test and thrown away."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """One who signs certificates. ``bundle``: the file that a company gives to those who are to trust it."""

    def __init__(self, folder: Path, name: str = "A throw-away authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            _began(self._name, self._name, self._key.public_key(), now - 30 * DAY, now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_others=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(
        self, *, host: str = "127.0.0.1", begins: datetime.timedelta = -DAY, ends: datetime.timedelta = DAY
    ) -> ssl.SSLContext:
        """What a server of this host shows; valid from and to, as seen from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(key, host, begins, ends, ExtendedKeyUsageOID.SERVER_AUTH)
        pair = self._folder / f"{certificate.serial_number:x}.pem"
        pair.write_bytes(_text_of(key, None) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        return context

    def client(
        self,
        *,
        name: str = "crossdock",
        begins: datetime.timedelta = -DAY,
        ends: datetime.timedelta = DAY,
        passphrase: str | None = None,
    ) -> tuple[str, str]:
        """A certificate for one who calls, and its key, as texts."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(key, name, begins, ends, ExtendedKeyUsageOID.CLIENT_AUTH)
        return (
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            _text_of(key, passphrase).decode(),
        )

    def _signed(
        self,
        key: ec.EllipticCurvePrivateKey,
        host: str,
        begins: datetime.timedelta,
        ends: datetime.timedelta,
        usage: x509.ObjectIdentifier,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        return (
            _began(subject, self._name, key.public_key(), now + begins, now + ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )


def _text_of(key: ec.EllipticCurvePrivateKey, passphrase: str | None) -> bytes:
    sealed: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        sealed = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)


def _began(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begins: datetime.datetime,
    ends: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
