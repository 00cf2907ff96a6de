"""The cluster's own certificate authority, and the certificates everybody in the cluster speaks with.

PKI/ca.{crt,key} signs all. Keys are P-256, files of keys 0600. A certificate is made again when it nears its end, when its
names changed or when the CA did; what is still good is left alone, so that a running client keeps working.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubeapi.world import REAL_WORLD, World
from picokube.files import write_atomically

CA_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class KeyPair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate must say. A client's user is `common_name`, its groups are `organizations`."""

    common_name: str
    organizations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()          # DNS names and addresses it serves
    is_client: bool = False

    @property
    def subject(self) -> x509.Name:
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in self.organizations]
        return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, self.common_name)])

    @property
    def purposes(self) -> list[x509.ObjectIdentifier]:
        """A client that has names is a server too."""
        serves = [ExtendedKeyUsageOID.SERVER_AUTH] if self.names or not self.is_client else []
        return [*serves, *([ExtendedKeyUsageOID.CLIENT_AUTH] if self.is_client else [])]

    @property
    def alternative_names(self) -> list[x509.GeneralName]:
        return [_general_name(name) for name in self.names]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """Signs certificates and keeps them in a directory."""

    def __init__(self, directory: Path, world: World = REAL_WORLD) -> None:
        self.directory = directory
        self._world = world
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.pair = self._load("ca") or self._make_authority()

    @property
    def certificate_path(self) -> Path:
        return self.directory / "ca.crt"

    def issue(self, name: str, wanted: Wanted) -> KeyPair:
        """The pair NAME.crt, NAME.key, made only when what is there is not good enough."""
        pair = self._load(name)
        if pair is None or not self._is_good(pair.certificate, wanted):
            pair = self._sign(wanted)
            self._save(name, pair)
        return pair

    def service_account_key(self) -> Path:
        """What signs the tokens of ServiceAccounts; every API server of a cluster has the same."""
        path = self.directory / "sa.key"
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            write_atomically(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), 0o600)
        return path

    def paths(self, name: str) -> tuple[Path, Path]:
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    def _is_good(self, certificate: x509.Certificate, wanted: Wanted) -> bool:
        try:
            names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except x509.ExtensionNotFound:
            names = []
        return (certificate.subject == wanted.subject and names == wanted.alternative_names
                and certificate.issuer == self.pair.certificate.subject and self._is_signed_by_us(certificate)
                and certificate.not_valid_after_utc - self._world.now() > RENEW_BEFORE)

    def _is_signed_by_us(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self.pair.certificate)
        except Exception:  # cryptography raises ValueError, TypeError or InvalidSignature: all mean no
            return False
        return True

    def _make_authority(self) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"picokube-ca-{self._world.name_suffix(8)}")])
        builder = self._builder(name, name, key, CA_LIFETIME).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, key_encipherment=False, key_agreement=False,
                              content_commitment=False, data_encipherment=False, encipher_only=False, decipher_only=False)
        pair = KeyPair(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)
        self._save("ca", pair)
        return pair

    def _sign(self, wanted: Wanted) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(wanted.subject, self.pair.certificate.subject, key, LIFETIME).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True).add_extension(
            x509.ExtendedKeyUsage(wanted.purposes), critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.pair.key.public_key()), critical=False)
        if wanted.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(wanted.alternative_names), critical=False)
        return KeyPair(builder.sign(self.pair.key, hashes.SHA256()), key)

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey,
                 lifetime: timedelta) -> x509.CertificateBuilder:
        now = self._world.now()
        return x509.CertificateBuilder(
            issuer_name=issuer, subject_name=subject, public_key=key.public_key(), serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(minutes=5), not_valid_after=now + lifetime,
        ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)

    def _save(self, name: str, pair: KeyPair) -> None:
        certificate, key = self.paths(name)
        write_atomically(key, pair.key_pem, 0o600)
        write_atomically(certificate, pair.certificate_pem)

    def _load(self, name: str) -> KeyPair | None:
        certificate_path, key_path = self.paths(name)
        try:
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
            return None     # killed between the two writes
        return KeyPair(certificate, key)


def serving_names(service_cidr: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """The names and addresses the API server answers to."""
    first_service = str(ipaddress.ip_network(service_cidr)[1])
    return ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
            *dict.fromkeys(("127.0.0.1", first_service, *addresses)))
