"""From nothing to prepared weights; what is there already is not done again."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import HfApi

from pipeline.weights.download import download
from pipeline.weights.files import RemoteFile, count_bytes, count_present_bytes, list_files
from pipeline.weights.spec import Source, WeightsSpec

Say = Callable[[str], None]


def install(  # noqa: PLR0917  # each is a thing of its own
    spec: WeightsSpec,
    folder: Path,
    prepared: Path,
    hub: HfApi,
    say: Say,
    variants: Sequence[str] = (),
    *,
    released: Path | None = None,
) -> None:
    """Fetch an engine's released files, prepare them for it, and delete them again.

    Args:
        spec: What its weights are.
        folder: Where released files are kept meanwhile, and the list of their commits for good.
        prepared: The folder to make. If it is there, it is only checked.
        hub: Where the files are.
        say: Is told in sentences what is about to be done, and how far it is.
        variants: Names of variants to prepare as well: `fp8`, `lightx2v-fp8` and so on.
        released: Folder of released files to use instead of fetching any; it stays.

    Raises:
        WeightsError: A file could not be fetched, does not fit or has changed; the message says what to do.
    """
    spec.check_release(prepared)
    chosen = [spec.get_variant(name) for name in variants]
    for variant in chosen:
        size = _gigabytes(spec.fp8_bytes if variant.is_fp8 else spec.bf16_bytes)
        say(f"To keep for the variant {variant.name}: about {size}, unless it is there.")
    revisions: dict[str, str] = {}
    missing = spec.missing_sources(prepared)
    if released is None and missing:
        revisions = _fetch(spec, missing, folder, hub, say)
    # Torch comes with these, which takes a while: not before all files are there.
    from pipeline.weights.prepare import prepare
    from pipeline.weights.variants import prepare_variant

    def report(name: str, num_bytes: int) -> None:
        say(f"{name}: {_gigabytes(num_bytes)} prepared")

    layout = spec.load_layout()
    downloads = folder / spec.downloads
    prepare(released or downloads, prepared, layout, revisions=revisions, report=report)
    spec.check_release(prepared)
    shutil.rmtree(downloads, ignore_errors=True)
    for variant in chosen:
        prepare_variant(prepared, variant, layout, report=report)
    say(f"The weights are ready in {prepared}.")


def _fetch(spec: WeightsSpec, missing: Sequence[Source], folder: Path, hub: HfApi, say: Say) -> dict[str, str]:
    """Have all released files of what is missing; return the commit of each repository."""
    downloads = folder / spec.downloads
    files = list_files(missing, folder / f"{spec.downloads}.json", hub)
    _announce(files, downloads, spec.count_prepared_bytes(missing), say)
    download(files, downloads, hub, _FetchReport(files, downloads, say))
    say("All files are there, and whole. Preparing them ...")
    return {file.repository: file.commit for file in files}


def _announce(files: Sequence[RemoteFile], folder: Path, prepared_bytes: int, say: Say) -> None:
    for repository in dict.fromkeys(file.repository for file in files):
        own = [file for file in files if file.repository == repository]
        say(f"{repository} at {own[0].commit[:12]}: {len(own)} files, {_gigabytes(count_bytes(own))}")
    missing = count_bytes(files) - count_present_bytes(files, folder)
    say(f"To fetch: {_gigabytes(missing)} of {_gigabytes(count_bytes(files))}.")
    say(f"To keep: about {_gigabytes(prepared_bytes)} of prepared weights; what was fetched is deleted at the end.")


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
