"""The folder of what a deployment signs with: `trust` in the data folder."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from pipeline.credentials.keys import LEAF_USED, ROOT_USED, Identity, make_leaf, make_root
from pipeline.errors import CertificateError

_ROOT, _LEAF, _IMPORTED, _KNOWN = "root.pem", "signer.pem", "imported.pem", "known"
_MARK_KEY = "watermark.key"
_MARK_KEY_BYTES = 32


@dataclass(frozen=True)
class Known:
    """Certificates by which what was signed here is known, those of earlier years included.

    Attributes:
        roots: Made here, as PEM.
        signers: Chains of certificates that authorities issued for this deployment, as PEM, its own first in each.
            Their authorities vouch for others, too.
    """

    roots: str = ""
    signers: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrustFolder:
    """Keys and certificates of one deployment. Files are replaced whole; only their owner may read them."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether there is anything to sign with."""
        return (self.path / _LEAF).is_file() or (self.path / _IMPORTED).is_file()

    def find_signer(self, now: datetime) -> Identity:
        """Return what signs today: what was imported, or else what `find_own` returns.

        Raises:
            CertificateError: A file is damaged, or cannot be read or written.
        """
        imported = self._read(_IMPORTED)
        if imported is not None and imported.is_valid(now):
            self.remember(imported)
            return imported
        return self.find_own(now)

    def find_own(self, now: datetime) -> Identity:
        """Return the key of one's own that signs today, made anew when its time is over.

        Raises:
            CertificateError: A file is damaged, or cannot be read or written.
        """
        leaf = self._read(_LEAF)
        return leaf if leaf is not None and _is_fresh(leaf, LEAF_USED, now) else self._renew(now)

    def rotate(self, now: datetime) -> Identity:
        """Make a new root and new keys. The old ones stay known."""
        with _explain(self.path):
            self._write(_ROOT, make_root(now))
            self._make_mark_key()
        return self._renew(now)

    def keep(self, identity: Identity) -> None:
        """Sign with a key from elsewhere from now on."""
        self.remember(identity)
        with _explain(self.path):
            self._write(_IMPORTED, identity)

    def remember(self, identity: Identity) -> None:
        """Remember a certificate from elsewhere as one that signs here."""
        with _explain(self.path):
            self._remember("signer", identity)

    def read_imported(self) -> Identity | None:
        """Return what was imported; None if nothing was."""
        return self._read(_IMPORTED)

    def read_known(self) -> Known:
        """Return the certificates by which one's own signatures are known.

        Raises:
            CertificateError: A file is damaged, or cannot be read.
        """
        return Known("".join(self._read_known("root")), tuple(self._read_known("signer")))

    def list_known(self) -> Iterator[tuple[str, x509.Certificate]]:
        """Yield every known certificate and what it is, `root` or `signer`."""
        for path in sorted((self.path / _KNOWN).glob("*.pem")):
            with _explain(self.path):
                yield path.name.partition("-")[0], x509.load_pem_x509_certificate(path.read_bytes())

    def find_mark_key(self) -> bytes:
        """Return the key of the watermarks' tags, made at the first call.

        Raises:
            CertificateError: A file is damaged, or cannot be read or written.
        """
        with _explain(self.path):
            path = self.path / _MARK_KEY
            return bytes.fromhex(path.read_text()) if path.exists() else self._make_mark_key()

    def read_mark_keys(self) -> list[bytes]:
        """Return this key and those of earlier years.

        Raises:
            CertificateError: A file is damaged, or cannot be read.
        """
        with _explain(self.path):
            paths = sorted((self.path / _KNOWN).glob("watermark-*.key"))
            return [bytes.fromhex(path.read_text()) for path in paths]

    def _make_mark_key(self) -> bytes:
        """Make a key, which is known before it is used."""
        key = secrets.token_bytes(_MARK_KEY_BYTES)
        self._make_folder(self.path)
        self._make_folder(self.path / _KNOWN)
        _write_private(self.path / _KNOWN / f"watermark-{hashlib.sha256(key).hexdigest()[:16]}.key", key.hex())
        _write_private(self.path / _MARK_KEY, key.hex())
        return key

    def _renew(self, now: datetime) -> Identity:
        with _explain(self.path):
            root = self._read(_ROOT)
            if root is None or not _is_fresh(root, ROOT_USED, now):
                root = make_root(now)
                self._write(_ROOT, root)
            self._remember("root", root)
            leaf = make_leaf(root, now)
            self._write(_LEAF, leaf)
        return leaf

    def _read(self, name: str) -> Identity | None:
        with _explain(self.path):
            path = self.path / name
            if not path.exists():
                return None
            identity = Identity.of(path.read_text())
            identity.certificate, identity.algorithm  # noqa: B018 - they raise
            return identity

    def _write(self, name: str, identity: Identity) -> None:
        self._make_folder(self.path)
        _write_private(self.path / name, identity.pem)

    @staticmethod
    def _make_folder(path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(OSError):  # a mounted volume may know no modes
            path.chmod(0o700)

    def _remember(self, kind: str, identity: Identity) -> None:
        folder = self.path / _KNOWN
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{kind}-{identity.fingerprint[:16]}.pem"
        if not path.exists():
            _write_private(path, identity.chain)

    def _read_known(self, kind: str) -> list[str]:
        with _explain(self.path):
            texts = [path.read_text() for path in sorted((self.path / _KNOWN).glob(f"{kind}-*.pem"))]
            for text in texts:
                x509.load_pem_x509_certificates(text.encode())  # it raises
        return texts


def _is_fresh(identity: Identity, used: timedelta, now: datetime) -> bool:
    """Whether it may sign now: not yet if it was made while the clock was ahead."""
    begins_at = identity.certificate.not_valid_before_utc
    return begins_at <= now < begins_at + used


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, so that it outlives a crash.

    Others may write it at the same time: whoever is last has written all of it.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _explain(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise CertificateError(
            f"The folder '{folder.name}' of keys cannot be used ({error.strerror}). It must belong to the user of the "
            "app, on a disk that has room."
        ) from None
    except ValueError:
        raise CertificateError(
            f"A file in the folder '{folder.name}' of keys is damaged. Restore the folder from a backup, or move it "
            "away: the app then makes new keys."
        ) from None
