"""Keys and certificates that sign: made here, or read and checked."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.errors import CertificateError

ROOT_VALID = timedelta(days=20 * 365)
ROOT_USED = timedelta(days=10 * 365)
LEAF_VALID = timedelta(days=10 * 365)
"""Without a time stamp, readers call a signature invalid once its certificate has expired: it has to outlive the
videos. What limits the harm of a stolen key is how long it is used."""
LEAF_USED = timedelta(days=365)
_CLOCK_ERROR = timedelta(hours=1)
_ALGORITHMS = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_PURPOSES = frozenset(
    {
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.OCSP_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing
        x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1"),  # C2PA claim signing
    }
)


@dataclass(frozen=True)
class Identity:
    """A private key and the certificates that vouch for it.

    Attributes:
        key: PKCS 8, as PEM.
        chain: Certificates as PEM, that of the key first.
    """

    key: str
    chain: str

    @classmethod
    def of(cls, text: str) -> "Identity":
        """Take apart what `pem` put together."""
        start = text.find("-----BEGIN CERTIFICATE-----")
        return cls(text[:start], text[start:])

    @property
    def pem(self) -> str:
        """Key and certificates in one text: a file with both is never half replaced."""
        return self.key + self.chain

    @property
    def certificate(self) -> x509.Certificate:
        """The key's own."""
        return x509.load_pem_x509_certificate(self.chain.encode())

    @property
    def expires_at(self) -> datetime:
        """When the certificate loses its validity."""
        return self.certificate.not_valid_after_utc

    def is_valid(self, now: datetime) -> bool:
        """Whether readers accept what is signed now."""
        return self.certificate.not_valid_before_utc <= now < self.expires_at

    @property
    def algorithm(self) -> str:
        """How C2PA names what the key signs with.

        Raises:
            CertificateError: C2PA has no such algorithm.
        """
        match load_pem_private_key(self.key.encode(), None):
            case ec.EllipticCurvePrivateKey(curve=curve) if curve.name in _ALGORITHMS:
                return _ALGORITHMS[curve.name]
            case ed25519.Ed25519PrivateKey():
                return "ed25519"
            case rsa.RSAPrivateKey():
                return "ps256"
        raise CertificateError("Expected a key for ES256, ES384, ES512, Ed25519 or RSA. Make one of these kinds.")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def make_root(now: datetime) -> Identity:
    """Make a root of one's own; its name has nothing of the machine or of its owner."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Video Lab {secrets.token_hex(3)}", "root")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _begin(name, name, key.public_key(), now, now + ROOT_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return _identify(key, certificate)


def make_leaf(root: Identity, now: datetime) -> Identity:
    """Make a key that signs videos, vouched for by the root."""
    authority, authority_key = root.certificate, load_pem_private_key(root.key.encode(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    organization = str(authority.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
    expires_at = min(now + LEAF_VALID, authority.not_valid_after_utc)
    certificate = (
        _begin(_name(organization, "videos"), authority.subject, key.public_key(), now, expires_at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_authority_identifier(authority), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return _identify(key, certificate, authority)


def read_identity(key: bytes, chain: bytes) -> Identity:
    """Check a key and its certificates, that of the key first; they may have expired.

    Raises:
        CertificateError: They cannot sign videos; the message says why and what to do.
    """
    try:
        private, certificates = load_pem_private_key(key, None), x509.load_pem_x509_certificates(chain)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(
            "Expected a private key without a passphrase and its certificates, both as PEM. Convert them with openssl."
        ) from None
    identity = Identity(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), _to_pem(*certificates)
    )
    _check(identity, certificates)
    return identity


def _check(identity: Identity, certificates: list[x509.Certificate]) -> None:
    own, *others = certificates
    private = load_pem_private_key(identity.key.encode(), None)
    identity.algorithm  # noqa: B018 - it raises
    if _spell(private.public_key()) != _spell(own.public_key()):
        raise CertificateError("The first certificate belongs to another key. Give the key's own certificate first.")
    if own.issuer == own.subject:
        raise CertificateError("The certificate is signed by its own key. C2PA takes one that an authority signed.")
    if not _is_for_signing(own):
        raise CertificateError(
            "The certificate is not meant for signing content: expected the key usage digitalSignature and an extended "
            "key usage of C2PA claim signing, document signing or e-mail protection. Ask its authority for one."
        )
    if not others:
        raise CertificateError("The certificates of its authorities are missing. Add them behind the key's own.")
    for issued, authority in zip(certificates, others, strict=False):
        _check_issued(issued, authority)


def _check_issued(issued: x509.Certificate, authority: x509.Certificate) -> None:
    try:
        issued.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        raise CertificateError(
            "The certificates are no chain. Put the key's own first, then the one that signed it, and so on."
        ) from None


def _is_for_signing(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature and any(purpose in _PURPOSES for purpose in purposes)


def _name(organization: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organization} {common}"),
        ]
    )


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now.astimezone(UTC) - _CLOCK_ERROR,
        not_valid_after=until.astimezone(UTC),
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _identify(key: ec.EllipticCurvePrivateKey, *certificates: x509.Certificate) -> Identity:
    return Identity(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), _to_pem(*certificates)
    )


def _to_pem(*certificates: x509.Certificate) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def _spell(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]
