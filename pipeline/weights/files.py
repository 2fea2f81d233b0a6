"""The files to fetch: each with its size and checksum, at the commit that was resolved first."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoSibling

from pipeline.errors import WeightsError
from pipeline.weights.hub import explain_errors
from pipeline.weights.spec import Source


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub.

    Attributes:
        repository: `owner/name`.
        commit: Of the repository.
        path: In the repository.
        target: Where it goes, below the folder of all sources.
        size: In bytes.
        checksum: `sha256:...` of its bytes, or `git:...` of it as a git object.
    """

    repository: str
    commit: str
    path: str
    target: str
    size: int
    checksum: str

    def path_in(self, folder: Path) -> Path:
        """Return where it is once it is whole."""
        return folder / self.target

    def partial_path_in(self, folder: Path) -> Path:
        """Return where its bytes are until then."""
        return folder / f"{self.target}.part"


def list_files(sources: Iterable[Source], lock: Path, hub: HfApi) -> tuple[RemoteFile, ...]:
    """Say what there is to fetch. The hub is asked once: commits and checksums are kept and stay as they are.

    What an older version has not asked for is added, of the commit that the repository's other files are of.

    Args:
        sources: Which files of which repositories.
        lock: The JSON file that keeps them.
        hub: Where the files are.

    Raises:
        WeightsError: The hub cannot be reached, refuses, or lacks a file; or the JSON file is damaged.
    """
    known = _read_lock(lock) if lock.is_file() else ()
    commits = {file.repository: file.commit for file in known}
    sources = tuple(sources)
    added = tuple(
        file
        for source in sources
        if not any(source.has(file.repository, file.path) for file in known)
        for file in _ask(source, commits.get(source.repository, source.revision), hub)
    )
    if added:
        _write_lock(lock, known + added)
    return tuple(file for file in known + added if any(source.has(file.repository, file.path) for source in sources))


def count_bytes(files: Iterable[RemoteFile]) -> int:
    """Return how large the files are together."""
    return sum(file.size for file in files)


def count_present_bytes(files: Iterable[RemoteFile], folder: Path) -> int:
    """Return how much of the files the folder has."""
    return sum(min(_measure(file, folder), file.size) for file in files)


def _measure(file: RemoteFile, folder: Path) -> int:
    for path in (file.path_in(folder), file.partial_path_in(folder)):
        if path.is_file():
            return path.stat().st_size
    return 0


def _ask(source: Source, revision: str, hub: HfApi) -> Iterator[RemoteFile]:
    with explain_errors(f"{source.repository} at {revision}"):
        info = hub.model_info(source.repository, revision=revision, files_metadata=True)
    for pattern in source.patterns:
        matching = [one for one in info.siblings or [] if fnmatchcase(one.rfilename, pattern)]
        if not matching:
            raise WeightsError(
                f"Expected '{pattern}' in {source.repository} at {revision}, but it has no such file. "
                "The repository has changed: name an older commit as its revision in weights.py of its engine."
            )
        for one in matching:
            yield _describe(one, source, info.sha or revision)


def _describe(file: RepoSibling, source: Source, commit: str) -> RemoteFile:
    checksum = f"sha256:{file.lfs.sha256}" if file.lfs else f"git:{file.blob_id}"
    target = f"{source.folder}/{file.rfilename}"
    return RemoteFile(source.repository, commit, file.rfilename, target, file.size or 0, checksum)


def _read_lock(lock: Path) -> tuple[RemoteFile, ...]:
    try:
        return tuple(RemoteFile(**entry) for entry in json.loads(lock.read_text()))
    except (ValueError, TypeError):
        raise WeightsError(f"'{lock}' is damaged. Delete it, and the newest commits are taken.") from None


def _write_lock(lock: Path, files: tuple[RemoteFile, ...]) -> None:
    lock.parent.mkdir(parents=True, exist_ok=True)
    partial = lock.with_suffix(".part")
    partial.write_text(json.dumps([asdict(file) for file in files], indent=1))
    partial.replace(lock)
