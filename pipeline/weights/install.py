"""From nothing to prepared weights; what is there already is not done again."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import HfApi

from pipeline.infinitetalk.manifest import is_prepared
from pipeline.infinitetalk.variant_names import get_variant
from pipeline.weights.download import download
from pipeline.weights.files import RemoteFile, count_bytes, count_present_bytes, list_files
from pipeline.weights.sources import BF16_BYTES, FP8_BYTES, INFINITETALK, PREPARED_BYTES

Say = Callable[[str], None]


def install(folder: Path, prepared: Path, hub: HfApi, say: Say, variants: Sequence[str] = ()) -> None:
    """Fetch InfiniteTalk's released files, prepare them for the engine, and delete them again.

    Args:
        folder: Where released files are kept meanwhile, and the list of their commits for good.
        prepared: The folder to make. If it is there, it is only checked.
        hub: Where the files are.
        say: Is told in sentences what is about to be done, and how far it is.
        variants: Names of variants to prepare as well: `fp8`, `lightx2v-fp8` and so on.

    Raises:
        WeightsError: A file could not be fetched, does not fit or has changed; the message says what to do.
    """
    chosen = [get_variant(name) for name in variants]
    sources = folder / "sources"
    for variant in chosen:
        size = _gigabytes(FP8_BYTES if variant.is_fp8 else BF16_BYTES)
        say(f"To keep for the variant {variant.name}: about {size}, unless it is there.")
    files: tuple[RemoteFile, ...] = ()
    if not is_prepared(prepared):
        files = list_files(INFINITETALK, folder / "sources.json", hub)
        _announce(files, sources, say)
        download(files, sources, hub, _FetchReport(files, sources, say))
        say("All files are there, and whole. Preparing them ...")
    # Torch comes with these, which takes a while: not before all files are there.
    from pipeline.infinitetalk.prepare import prepare
    from pipeline.infinitetalk.variants import prepare_variant

    revisions = {file.repository: file.commit for file in files}

    def report(name: str, num_bytes: int) -> None:
        say(f"{name}: {_gigabytes(num_bytes)} prepared")

    prepare(sources, prepared, revisions=revisions, report=report)
    shutil.rmtree(sources, ignore_errors=True)
    for variant in chosen:
        prepare_variant(prepared, variant, report=report)
    say(f"The weights are ready in {prepared}.")


def _announce(files: Sequence[RemoteFile], folder: Path, say: Say) -> None:
    for repository in dict.fromkeys(file.repository for file in files):
        own = [file for file in files if file.repository == repository]
        say(f"{repository} at {own[0].commit[:12]}: {len(own)} files, {_gigabytes(count_bytes(own))}")
    missing = count_bytes(files) - count_present_bytes(files, folder)
    say(f"To fetch: {_gigabytes(missing)} of {_gigabytes(count_bytes(files))}.")
    say(f"To keep: about {_gigabytes(PREPARED_BYTES)} of prepared weights; what was fetched is deleted at the end.")


class _FetchReport:
    """Says how much is there and how fast it came."""

    def __init__(self, files: Sequence[RemoteFile], folder: Path, say: Say) -> None:
        self._total = count_bytes(files)
        self._num_at_start = count_present_bytes(files, folder)
        self._started = time.monotonic()
        self._say = say

    def __call__(self, num_present: int) -> None:
        rate = (num_present - self._num_at_start) / (time.monotonic() - self._started)
        self._say(f"{_gigabytes(num_present)} of {_gigabytes(self._total)} fetched, {rate / 1e6:.0f} MB/s")


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"
