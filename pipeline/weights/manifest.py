"""The table of contents of a prepared folder. Knows no torch: the web app reads it too."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import WeightsError

MANIFEST = "manifest.json"
OVERLAYS_FOLDER = "overlays"
FORMAT = 1


@dataclass(frozen=True)
class PreparedFile:
    """A file of a prepared folder.

    Attributes:
        path: Within the folder.
        num_bytes: Its size.
        sha256: Of its bytes.
    """

    path: str
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a prepared folder holds.

    Attributes:
        sources: The released files that it was made from, by path, each with its size in bytes.
        revisions: The commit of each repository, where the download noted it.
        files: What was written.
        format: Version of this table.
    """

    sources: dict[str, int]
    revisions: dict[str, str]
    files: tuple[PreparedFile, ...]
    format: int = FORMAT


def is_prepared(folder: Path) -> bool:
    """Say whether the folder is complete: its table is written last."""
    return (folder / MANIFEST).is_file()


def overlay_path(weights: Path, name: str) -> Path:
    """Return the folder of an overlay in a prepared folder, which has a table of its own."""
    return weights / OVERLAYS_FOLDER / name


def list_manifests(weights: Path) -> list[Path]:
    """Return the tables of a prepared folder: its own, and those of its variants and overlays."""
    return sorted(path for pattern in (MANIFEST, f"*/*/{MANIFEST}") for path in weights.glob(pattern))


def write_manifest(folder: Path, sources: dict[str, int], revisions: dict[str, str]) -> None:
    """Describe all files that are in the folder."""
    files = tuple(
        PreparedFile(str(path.relative_to(folder)), path.stat().st_size, compute_sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    (folder / MANIFEST).write_text(json.dumps(asdict(Manifest(sources, revisions, files)), indent=1))


def read_manifest(folder: Path) -> Manifest:
    """Read the table of contents.

    Raises:
        WeightsError: It is missing, broken or of another version.
    """
    path = folder / MANIFEST
    try:
        table = json.loads(path.read_text())
        if table["format"] != FORMAT:
            raise WeightsError(
                f"Expected version {FORMAT} of {path}, got {table['format']}. Prepare the weights again."
            )
        files = tuple(PreparedFile(**entry) for entry in table["files"])
        return Manifest(table["sources"], table["revisions"], files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"Expected the prepared weights' table at {path}. Prepare the weights again.") from error


def check_files(folder: Path, *, with_checksums: bool = False) -> None:
    """Check that every file is there and whole.

    Args:
        folder: A prepared folder.
        with_checksums: Read every byte, rather than comparing sizes alone.

    Raises:
        WeightsError: One is missing, cut off or changed.
    """
    for file in read_manifest(folder).files:
        path = folder / file.path
        num_bytes = path.stat().st_size if path.is_file() else 0
        if num_bytes != file.num_bytes:
            raise WeightsError(
                f"Expected {file.num_bytes} bytes at {path}, got {num_bytes}. Prepare the weights again."
            )
        if with_checksums and compute_sha256(path) != file.sha256:
            raise WeightsError(f"{path} has changed since it was written. Prepare the weights again.")


def compute_sha256(path: Path) -> str:
    """Return the checksum of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
