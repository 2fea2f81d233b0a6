"""Fetch files from the hub. What was fetched before a break is kept and gone on from."""

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, get_token, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils.tqdm import disable_progress_bars

from pipeline.errors import WeightsError
from pipeline.weights.files import RemoteFile, count_present_bytes
from pipeline.weights.hub import explain_errors

_FILES_AT_ONCE = 4
_CONNECTIONS = 4
_SECONDS_BETWEEN_REPORTS = 5.0
_BLOCK_BYTES = 1 << 24


def download(files: Sequence[RemoteFile], folder: Path, hub: HfApi, report: Callable[[int], None]) -> None:
    """Fetch what is missing, several files at once, and check every file's size and checksum.

    Args:
        files: All that should be there.
        folder: Of all sources.
        hub: Where the files are.
        report: Is told every few seconds, and at the end, how many bytes are there.

    Raises:
        WeightsError: A file could not be fetched, or is not what the hub said it would be.
    """
    disable_progress_bars("huggingface_hub.http_get")
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        running = {pool.submit(_ensure, file, folder, hub) for file in files}
        try:
            while running:
                done, running = wait(running, timeout=_SECONDS_BETWEEN_REPORTS, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                report(count_present_bytes(files, folder))
        finally:
            pool.shutdown(cancel_futures=True)


def _ensure(file: RemoteFile, folder: Path, hub: HfApi) -> None:
    """Have the file, whole. A damaged one is fetched once more from its first byte."""
    target, partial = file.path_in(folder), file.partial_path_in(folder)
    if _is_whole(target, file):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        _fetch(file, partial, hub)
        if _is_whole(partial, file):
            partial.replace(target)
            return
        partial.unlink()
    raise WeightsError(
        f"'{file.path}' of {file.repository} came damaged twice: its checksum is not {file.checksum}. Run again later."
    )


def _is_whole(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and _compute_checksum(path, file) == file.checksum


def _compute_checksum(path: Path, file: RemoteFile) -> str:
    kind = file.checksum.partition(":")[0]
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {file.size}\0".encode())  # noqa: S324 - git's
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return f"{kind}:{digest.hexdigest()}"


def _fetch(file: RemoteFile, partial: Path, hub: HfApi) -> None:
    """Go on from the bytes that are there, over a new connection when one breaks."""
    if partial.is_file() and partial.stat().st_size > file.size:
        partial.unlink()
    with explain_errors(f"'{file.path}' of {file.repository} at {file.commit}"):
        for connection in range(_CONNECTIONS):
            try:
                _go_on(file, partial, hub)
            except httpx2.TransportError:
                if connection == _CONNECTIONS - 1:
                    raise
                time.sleep(connection)
            else:
                return


def _go_on(file: RemoteFile, partial: Path, hub: HfApi) -> None:
    token = hub.token or get_token()
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
    url = hf_hub_url(file.repository, file.path, revision=file.commit, endpoint=hub.endpoint)
    with partial.open("ab") as stream:
        http_get(url, stream, resume_size=stream.tell(), headers=headers, expected_size=file.size)
