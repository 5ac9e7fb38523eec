"""Authority: the proxy's own, and the certificates that it gives out for the cloud's hosts."""

from __future__ import annotations

import os
import ssl
import stat
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from huidu.proxy.hosts import DOMAINS

KEY, CERTIFICATE = "ca.key", "ca.pem"
NAME = "Huidu proxy of this machine"
GOOD = timedelta(days=365)
RENEWED = timedelta(days=30)  #: Before its end, so that it does not end in the middle of a day.
OF_HOST = timedelta(days=2)
EARLIER = timedelta(hours=1)  #: Clocks differ.
MOST_KEPT = 128
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Exposed(Exception):
    """The key of the authority is not this user's alone; the message says what to do."""


class Authority:
    """Certifies hosts of the cloud's, for clients that were told to believe it.

    Its key lies in one file with its certificate, mode 0600, and can certify nothing but the
    domains in `DOMAINS`: whoever steals it can pose as no other site. What it certifies with is
    made for each process, and kept nowhere.
    """

    def __init__(self, home: Path, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._key, self._certificate = _settled(home, clock())
        self.file = home / CERTIFICATE
        _write(self.file, self._certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        self._of_hosts = ec.generate_private_key(ec.SECP256R1())
        self._contexts: OrderedDict[str, tuple[datetime, ssl.SSLContext]] = OrderedDict()

    def context(self, host: str) -> ssl.SSLContext:
        """Return what a host is served with."""
        now = self._clock()
        made, context = self._contexts.pop(host, (None, None))
        if made is None or context is None or now - made > OF_HOST / 2:
            made, context = now, self._context(host, now)
        self._contexts[host] = made, context
        if len(self._contexts) > MOST_KEPT:
            self._contexts.popitem(last=False)
        return context

    def _context(self, host: str, now: datetime) -> ssl.SSLContext:
        certificate = self._certified(host, now)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # Python reads keys from files only; this one is there for a moment, for nobody else.
        with tempfile.NamedTemporaryFile() as file:
            file.write(_pem(self._of_hosts) + certificate.public_bytes(serialization.Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _certified(self, host: str, now: datetime) -> x509.Certificate:
        issuer = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer.value)
        builder = (
            _begun(x509.Name([]), self._certificate.subject, now, now + OF_HOST)
            .public_key(self._of_hosts.public_key())
            .add_extension(names, critical=True)  # names of buckets do not fit into a subject
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(above, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())


def _settled(home: Path, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return the authority of a directory, made where there is none that is good for a while."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / KEY
    found = _found(file)
    if found is not None and found[1].not_valid_after_utc - now > RENEWED:
        return found
    if found is not None:
        file.unlink(missing_ok=True)
    made = _made(now)
    text = _pem(made[0]) + made[1].public_bytes(serialization.Encoding.PEM)
    with tempfile.NamedTemporaryFile(dir=home) as aside:
        aside.write(text)
        aside.flush()
        os.fsync(aside.fileno())
        with suppress(FileExistsError):  # Somebody else was here: it counts who was first.
            os.link(aside.name, file)
    return _found(file) or made


def _found(file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    if file.stat().st_mode & OTHERS:
        raise Exposed(f"{file} can be read by others; remove it, and another one is made")
    try:
        key = serialization.load_pem_private_key(text, None)
        certificate = x509.load_pem_x509_certificate(text)
    except ValueError:
        raise Exposed(f"{file} is damaged; remove it, and another one is made") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Exposed(f"{file} is not a key of ours; remove it, and another one is made")
    return key, certificate


def _made(now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    only = x509.NameConstraints([x509.DNSName(domain) for domain in DOMAINS], None)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _begun(name, name, now, now + GOOD)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(only, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(key, hashes.SHA256())


def _begun(
    subject: x509.Name, issuer: x509.Name, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(until)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, content: bytes, mode: int) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as aside:
        aside.write(content)
        aside.flush()
        os.fchmod(aside.fileno(), mode)
    Path(aside.name).rename(file)


def now() -> datetime:
    """Return the moment, as certificates have it."""
    return datetime.now(UTC)
