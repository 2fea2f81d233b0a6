"""`python -m app trust`: look at what videos are signed with, and change it. A running server takes note at once."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from PIL import Image

from app.settings import Settings, load_settings, read_certificate
from app.trust.sealer import find_identity, open_trust_folder
from pipeline.credentials import Known, Making, read_credentials, read_identity, sign
from pipeline.errors import CertificateError, SigningError


def run(arguments: Sequence[str]) -> int:
    """Carry out a command; return the exit code.

    Raises:
        SettingsError: A setting cannot be used.
    """
    options = _create_parser().parse_args(arguments)
    settings = load_settings()
    try:
        for line in options.action(options, settings, datetime.now(UTC)):
            sys.stdout.write(f"{line}\n")
    except (CertificateError, SigningError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app trust", description="What videos are signed with (docs/trust.md)."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("show", help="show certificates and until when they are valid").set_defaults(action=_show)
    commands.add_parser("rotate", help="make a new root and a new key; old videos stay known").set_defaults(
        action=_rotate
    )
    imported = commands.add_parser("import", help="sign with a certificate that an authority issued")
    imported.add_argument("certificate", type=Path, help="PEM: the key's own certificate first, then its authorities'")
    imported.add_argument("key", type=Path, help="PEM: the private key, without a passphrase")
    imported.set_defaults(action=_import)
    return parser


def _show(options: argparse.Namespace, settings: Settings, now: datetime) -> Iterator[str]:
    del options
    folder = open_trust_folder(settings)
    given = read_certificate(settings)
    signer = find_identity(settings)
    yield f"Folder: {folder.path.resolve()}"
    if not settings.content_credentials:
        yield "Videos are not signed: VIDEO_LAB_CONTENT_CREDENTIALS is off."
    yield f"Signs with: {_describe(signer.certificate)}"
    for expired in (
        identity for identity in (given, folder.read_imported()) if identity and identity.expires_at <= now
    ):
        yield f"No longer used, as it has expired: {_describe(expired.certificate)}"
    yield "Known as made here:"
    for kind, certificate in folder.list_known():
        yield f"  {kind:6} {_describe(certificate)}"


def _rotate(options: argparse.Namespace, settings: Settings, now: datetime) -> Iterator[str]:
    del options
    folder = open_trust_folder(settings)
    yield f"Made anew: {_describe(folder.rotate(now).certificate)}"
    yield "Videos of before stay known as made here."
    if read_certificate(settings) or folder.read_imported():
        yield "The certificate of the settings, or the imported one, is used all the same while it is valid."


def _import(options: argparse.Namespace, settings: Settings, now: datetime) -> Iterator[str]:
    identity = read_identity(_read(options.key), _read(options.certificate))
    if identity.expires_at <= now:
        raise CertificateError(f"The certificate expired on {identity.expires_at:%Y-%m-%d}. Renew it.")
    with tempfile.TemporaryDirectory() as path:
        picture = Path(path) / "trial.jpg"
        Image.new("RGB", (16, 16)).save(picture)
        sign(picture, Making("Trial", "trial", "algorithmicMedia", now), identity)
        credentials = read_credentials(picture, Known())
    if credentials is None or not credentials.valid:
        raise CertificateError("What it signs is not valid for readers of C2PA. Ask its authority for one for C2PA.")
    open_trust_folder(settings).keep(identity)
    yield f"Signs from now on: {_describe(identity.certificate)}"
    if settings.time_stamp_url is None:
        yield "Set VIDEO_LAB_TIME_STAMP_URL: without time stamps, videos are invalid once the certificate has expired."


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}.") from None


def _describe(certificate: x509.Certificate) -> str:
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    digest = certificate.fingerprint(hashes.SHA256()).hex()[:16]
    name = names[0] if names else certificate.subject.rfc4514_string()
    return f"{name}, until {certificate.not_valid_after_utc:%Y-%m-%d} ({digest})"
