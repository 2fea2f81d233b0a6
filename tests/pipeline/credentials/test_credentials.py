"""Keys, what they sign, and how long that stays known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image

from pipeline.credentials import (
    Credentials,
    Identity,
    Known,
    Making,
    TrustFolder,
    read_credentials,
    read_identity,
    read_own_credentials,
    sign,
)
from pipeline.credentials.keys import make_leaf, make_root
from pipeline.errors import CertificateError, SigningError

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
ROOT = make_root(NOW)
LEAF = make_leaf(ROOT, NOW)
MAKING = Making("Model", "fast", "trainedAlgorithmicMedia", NOW)


def issue_without_purpose(leaf: Identity) -> str:
    """Return a certificate of the leaf's key without any purpose."""
    own, authority = leaf.certificate, ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        x509.Name([]), own.subject, own.public_key(), 1, own.not_valid_before_utc, own.not_valid_after_utc
    )
    return builder.sign(authority, SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture
def folder(tmp_path: Path) -> TrustFolder:
    return TrustFolder(tmp_path / "trust")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    Image.effect_noise((64, 64), 50).save(path)
    return path


def read_known(path: Path, folder: TrustFolder) -> Credentials:
    credentials = read_credentials(path, folder.read_known())
    assert credentials is not None
    return credentials


def test_signs_with_the_same_key_for_a_year_and_then_with_a_new_one(folder: TrustFolder) -> None:
    first = folder.find_signer(NOW)
    assert folder.find_signer(NOW + 0.9 * YEAR) == first
    second = folder.find_signer(NOW + 1.1 * YEAR)
    assert second.key != first.key
    assert second.certificate.issuer == first.certificate.issuer
    assert folder.find_signer(NOW + 11 * YEAR).certificate.issuer != first.certificate.issuer
    assert second.expires_at > NOW + 10 * YEAR


def test_a_key_whose_certificate_has_expired_signs_nothing_and_is_replaced(folder: TrustFolder, picture: Path) -> None:
    old = folder.find_signer(NOW - 12 * YEAR)
    assert old.expires_at < NOW
    with pytest.raises(SigningError):
        sign(picture, MAKING, old)
    sign(picture, MAKING, folder.find_signer(NOW))
    assert read_known(picture, folder).made_here


def test_what_was_signed_before_a_rotation_stays_known(folder: TrustFolder, picture: Path) -> None:
    sign(picture, MAKING, folder.find_signer(NOW))
    before = folder.find_signer(NOW)
    folder.rotate(NOW)
    assert folder.find_signer(NOW).certificate.issuer != before.certificate.issuer
    found = read_known(picture, folder)
    assert (found.valid, found.made_here, found.trusted) == (True, True, False)
    assert found.claim_generator is not None
    assert found.claim_generator.endswith("(Model, fast)")


def test_is_not_fooled_by_others_who_call_themselves_the_same(
    folder: TrustFolder, picture: Path, tmp_path: Path
) -> None:
    folder.find_signer(NOW)
    sign(picture, MAKING, TrustFolder(tmp_path / "other").find_signer(NOW))
    found = read_known(picture, folder)
    assert (found.valid, found.made_here) == (True, False)


def test_an_imported_certificate_is_used_until_it_expires_and_its_authority_vouches_for_nobody_else(
    folder: TrustFolder, picture: Path
) -> None:
    authority = make_root(NOW)
    imported, neighbour = make_leaf(authority, NOW), make_leaf(authority, NOW)
    folder.keep(imported)
    assert folder.find_signer(NOW) == imported
    sign(picture, MAKING, imported)
    assert read_known(picture, folder).made_here
    trusted = read_credentials(picture, Known(), authority.chain)
    assert trusted is not None
    assert (trusted.trusted, trusted.made_here) == (True, False)
    sign(picture, MAKING, neighbour)
    assert not read_known(picture, folder).made_here
    assert folder.find_signer(imported.expires_at).key != imported.key


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (ROOT.chain, "belongs to another key"),
        (LEAF.chain[:700], "both as PEM"),
        (LEAF.chain.removesuffix(ROOT.chain), "authorities are missing"),
        (LEAF.chain.removesuffix(ROOT.chain) + make_root(NOW).chain, "are no chain"),
        (issue_without_purpose(LEAF), "not meant for signing content"),
    ],
)
def test_says_why_a_certificate_cannot_be_used(chain: str, said: str) -> None:
    assert read_identity(LEAF.key.encode(), LEAF.chain.encode()) == LEAF
    with pytest.raises(CertificateError, match=said):
        read_identity(LEAF.key.encode(), chain.encode())


def test_a_key_cannot_vouch_for_itself() -> None:
    with pytest.raises(CertificateError, match="signed by its own key"):
        read_identity(ROOT.key.encode(), ROOT.chain.encode())


def test_says_what_to_do_about_a_damaged_folder(folder: TrustFolder) -> None:
    folder.find_signer(NOW)
    (folder.path / "signer.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense")
    with pytest.raises(CertificateError, match="Restore the folder from a backup"):
        folder.find_signer(NOW)


def test_a_file_that_cannot_be_signed_stays_as_it_is(folder: TrustFolder, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(SigningError):
        sign(path, MAKING, folder.find_signer(NOW))
    assert path.read_bytes() == b"no video"
    assert {entry.name for entry in tmp_path.iterdir()} == {"trust", "video.mp4"}


def test_a_photos_credentials_that_cannot_be_used_are_left_out(folder: TrustFolder, picture: Path) -> None:
    signer = folder.find_signer(NOW)
    assert read_own_credentials(picture) is None
    sign(picture, MAKING, signer)
    archive = read_own_credentials(picture)
    assert archive is not None
    sign(picture, MAKING, signer, archive=archive[: len(archive) // 2])
    assert read_known(picture, folder).valid
