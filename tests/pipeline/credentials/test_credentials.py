"""Keys, what they sign, and how long that stays known."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
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
    read_photo_credentials,
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


@pytest.mark.parametrize("damaged", ["signer.pem", "known/root-0.pem", "no key"])
def test_says_what_to_do_about_a_damaged_folder(folder: TrustFolder, damaged: str) -> None:
    signer = folder.find_signer(NOW)
    if damaged == "no key":
        (folder.path / "signer.pem").write_text(signer.chain)
    else:
        (folder.path / damaged).write_text("-----BEGIN CERTIFICATE-----\nnonsense")
    with pytest.raises(CertificateError, match="Restore the folder from a backup"):
        (folder.find_signer(NOW), folder.read_known())


def test_keys_made_while_the_clock_was_ahead_sign_nothing_before_their_time(folder: TrustFolder, picture: Path) -> None:
    folder.find_signer(NOW + 5 * YEAR)
    sign(picture, MAKING, folder.find_signer(NOW))
    assert read_known(picture, folder).made_here


def test_keys_that_many_make_at_a_time_are_all_whole_and_known(folder: TrustFolder, picture: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        signers = list(pool.map(lambda _: folder.find_signer(NOW), range(8)))
        marks = list(pool.map(lambda _: folder.find_mark_key(), range(8)))
    assert {signer.chain.removeprefix(make_own(signer)) for signer in signers} <= set(split(folder.read_known().roots))
    assert set(marks) <= set(folder.read_mark_keys())
    sign(picture, MAKING, signers[0])
    assert read_known(picture, folder).made_here
    assert not list(folder.path.rglob("*.part"))


def make_own(identity: Identity) -> str:
    return identity.certificate.public_bytes(Encoding.PEM).decode()


def split(certificates: str) -> list[str]:
    return [f"-----BEGIN{part}" for part in certificates.split("-----BEGIN")[1:]]


def test_a_file_that_is_signed_twice_has_one_statement(folder: TrustFolder, picture: Path) -> None:
    sign(picture, MAKING, folder.find_signer(NOW))
    once = picture.stat().st_size
    sign(picture, MAKING, folder.find_signer(NOW))
    assert read_known(picture, folder).made_here
    assert abs(picture.stat().st_size - once) < 100


def test_what_a_file_says_of_itself_has_nothing_that_is_not_seen(folder: TrustFolder, picture: Path) -> None:
    hostile = "<b>\u202egro.elpmaxe\u0007\n\n" + "x" * 1000
    sign(picture, replace(MAKING, model=hostile), folder.find_signer(NOW))
    about = read_known(picture, folder).claim_generator
    assert about is not None
    assert about.isprintable()
    assert len(about) == 200


@pytest.mark.parametrize("is_embedded", [True, False])
def test_reading_asks_no_host_that_a_file_names(folder: TrustFolder, picture: Path, is_embedded: bool) -> None:
    identity = folder.find_signer(NOW)
    about = c2pa.C2paSignerInfo(identity.algorithm, identity.chain.encode(), identity.key.encode(), None)
    created = {"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/digitalsourcetype/empty"}
    definition = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}]}
    signed = picture.with_name("signed.jpg")
    with socket.create_server(("127.0.0.1", 0)) as host:
        host.settimeout(0.1)
        with c2pa.Signer.from_info(about) as signer, c2pa.Builder(definition) as builder:
            builder.set_remote_url(f"http://127.0.0.1:{host.getsockname()[1]}/manifest")
            if not is_embedded:
                builder.set_no_embed()
            with picture.open("rb") as source, signed.open("w+b") as target:
                builder.sign(signer, "image/jpeg", source, target)
        if not is_embedded:  # what has none inside is not even given to the library, unless it pretends
            signed.write_bytes(signed.read_bytes() + bytes.fromhex("63327061 0011 0010 8000 00aa00389b71"))
        assert read_known(signed, folder).valid == is_embedded
        assert (read_photo_credentials(signed) is not None) == is_embedded
        with pytest.raises(TimeoutError):
            host.accept()


def test_a_photo_whose_credentials_are_broken_does_not_break_the_videos(folder: TrustFolder, picture: Path) -> None:
    sign(picture, MAKING, folder.find_signer(NOW))
    broken = picture.with_name("broken.jpg")
    content = bytearray(picture.read_bytes())
    content[-100] ^= 1
    broken.write_bytes(content)
    own = read_photo_credentials(broken)
    assert own is not None
    sign(picture, MAKING, folder.find_signer(NOW), own.archive)
    assert read_known(picture, folder).made_here


def test_a_file_that_cannot_be_signed_stays_as_it_is(folder: TrustFolder, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(SigningError):
        sign(path, MAKING, folder.find_signer(NOW))
    assert path.read_bytes() == b"no video"
    assert {entry.name for entry in tmp_path.iterdir()} == {"trust", "video.mp4"}


def test_a_photos_credentials_that_cannot_be_used_are_left_out(folder: TrustFolder, picture: Path) -> None:
    signer = folder.find_signer(NOW)
    assert read_photo_credentials(picture) is None
    sign(picture, MAKING, signer)
    own = read_photo_credentials(picture)
    assert own is not None
    assert own.archive is not None
    sign(picture, MAKING, signer, archive=own.archive[: len(own.archive) // 2])
    assert read_known(picture, folder).valid
