"""The finished clips of a video that is being made, so that a run that is cut off need not begin from zero.

The folder has a file for each clip's frames, one for what the next clip needs, and an index, which is written last:
what it does not name is not there. Nothing in it is believed: an index of another scene, of other weights or of another
version is ignored, and so is one whose files have changed. Then the video is made from its beginning.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.engine import Engine, ResumableEngine
from pipeline.files import open_regular
from pipeline.scene import Scene
from pipeline.types import Pixels
from pipeline.version import VERSION
from pipeline.video.lossless import read_lossless, write_lossless

_INDEX = "clips.json"
_MAX_INDEX_BYTES = 1_000_000
MAX_BYTES = 16_000_000_000
"""What the clips of one video may take; with so many kept, the later ones are not."""
SPARE_BYTES = 2_000_000_000
"""What is left free on the disk for everything else."""
_WITHOUT_EFFECT = {"sound", "notices"}
"""Parts of a scene on which no frame depends."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipPlace:
    """Where finished clips are kept.

    Attributes:
        folder: Made when there is something to keep; its parent must be there.
        on_kept: Is called after each clip that was kept.
        guard: Is held while the folder changes.
    """

    folder: Path
    on_kept: Callable[[], None] = lambda: None
    guard: AbstractContextManager[Any] = field(default_factory=nullcontext)


@dataclass(frozen=True)
class _KeptFile:
    name: str
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class _Index:
    """What is kept.

    Attributes:
        fingerprint: Of all that the frames depend on.
        clips: The frames of each clip.
        num_frames: Of all clips together.
        state: What the next clip needs; None where there are no clips.
        timings: Seconds of the stages of the runs that made them.
    """

    fingerprint: str
    clips: tuple[_KeptFile, ...] = ()
    num_frames: int = 0
    state: _KeptFile | None = None
    timings: Mapping[str, float] = field(default_factory=dict)


class ClipStore:
    """The clips of one video.

    Args:
        place: Where they are.
        fingerprint: Of all that the frames depend on. What was kept under another one is deleted.
    """

    def __init__(self, place: ClipPlace, fingerprint: str) -> None:
        self._place = place
        self._folder = place.folder
        self._is_open = True
        found = _read_index(self._folder)
        is_sound = found is not None and found.fingerprint == fingerprint and _check_files(self._folder, found)
        self._index = found if found is not None and is_sound else _Index(fingerprint)
        self._delete_unnamed()

    @property
    def num_clips(self) -> int:
        """How many clips are kept."""
        return len(self._index.clips)

    @property
    def num_frames(self) -> int:
        """How many frames these have together."""
        return self._index.num_frames

    @property
    def timings(self) -> dict[str, float]:
        """How many seconds the stages took that made them."""
        return dict(self._index.timings)

    def read_state(self) -> bytes | None:
        """Return what the next clip needs; None before the first."""
        return None if self._index.state is None else (self._folder / self._index.state.name).read_bytes()

    def read_frames(self) -> Iterator[Pixels]:
        """Return the frames (n, height, width, 3) of each clip that is kept now, which are read one after the other."""
        return (read_lossless(self._folder / clip.name) for clip in self._index.clips)

    def keep(self, frames: Pixels, state: bytes, timings: Mapping[str, float]) -> None:
        """Keep a finished clip, if there is room: a full disk ends no video.

        Args:
            frames: That it adds to the video (n, height, width, 3).
            state: What the next clip needs.
            timings: Seconds that the stages have taken so far.
        """
        if not self._is_open:
            return
        try:
            with self._place.guard:
                self._keep(frames, state, timings)
        except (OSError, av.FFmpegError) as error:
            self._is_open = False
            _log.warning("No more clips are kept: %s", error.strerror or type(error).__name__)
        if self._is_open:
            self._place.on_kept()

    def _keep(self, frames: Pixels, state: bytes, timings: Mapping[str, float]) -> None:
        self._folder.mkdir(exist_ok=True)
        num_kept = sum(clip.num_bytes for clip in self._index.clips)
        if num_kept + frames.nbytes > MAX_BYTES or shutil.disk_usage(self._folder).free < SPARE_BYTES + frames.nbytes:
            self._is_open = False
            _log.info("No more clips are kept: there is no room for more than %d.", self.num_clips)
            return
        clip, following = self._folder / f"{self.num_clips}.nut", self._folder / f"{self.num_clips + 1}.state"
        write_lossless(clip, frames)
        following.write_bytes(state)
        index = replace(
            self._index,
            clips=(*self._index.clips, _describe(clip)),
            num_frames=self.num_frames + len(frames),
            state=_describe(following),
            timings=dict(timings),
        )
        partial = self._folder / f"{_INDEX}.part"
        partial.write_text(json.dumps(asdict(index)))
        partial.replace(self._folder / _INDEX)
        self._index = index
        self._delete_unnamed()

    def _delete_unnamed(self) -> None:
        """Delete what the index does not name; all where it names nothing."""
        index = self._index
        if index.state is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        named = {_INDEX, index.state.name, *(clip.name for clip in index.clips)}
        for path in self._folder.iterdir():
            if path.name not in named:
                with suppress(OSError):
                    path.unlink()


def open_clips(place: ClipPlace, scene: Scene, engine: Engine) -> ClipStore | None:
    """Open the clips of a scene's video; None if the engine makes it in one go, or cannot say what with."""
    if not isinstance(engine, ResumableEngine):
        return None
    name = engine.identify()
    return None if name is None else ClipStore(place, fingerprint(scene, f"{VERSION} {engine.name} {name}"))


def count_clips(folder: Path) -> int:
    """Return how many clips a folder claims to keep."""
    index = _read_index(folder)
    return 0 if index is None else len(index.clips)


def fingerprint(scene: Scene, made_with: str) -> str:
    """Return the SHA-256 of all that the frames of a scene depend on.

    Args:
        scene: What is made.
        made_with: What it is made with.
    """
    digest = hashlib.sha256(made_with.encode())
    for part in fields(scene):
        if part.name not in _WITHOUT_EFFECT:
            _add(digest, getattr(scene, part.name))
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", value: object) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for part in fields(value):
            _add(digest, getattr(value, part.name))
    elif isinstance(value, tuple):
        digest.update(f"{len(value)}".encode())
        for part in value:
            _add(digest, part)
    else:
        digest.update(f"{value!r}\n".encode())


def _describe(path: Path) -> _KeptFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _KeptFile(path.name, path.stat().st_size, digest)


def _read_index(folder: Path) -> _Index | None:
    """Return what the folder's index says; None if it has none that makes sense."""
    try:
        with open_regular(folder / _INDEX, follow=False) as file:
            found = json.loads(file.read(_MAX_INDEX_BYTES))
        clips = tuple(_KeptFile(**clip) for clip in found.pop("clips"))
        state = _KeptFile(**found.pop("state"))
        timings = {str(name): float(seconds) for name, seconds in found.pop("timings").items()}
        return _Index(**found, clips=clips, state=state, timings=timings)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _check_files(folder: Path, index: _Index) -> bool:
    """Say whether the files are those that were written."""
    try:
        return all(_is_whole(folder, file) for file in (*index.clips, index.state) if file is not None)
    except (OSError, TypeError, ValueError):
        return False


def _is_whole(folder: Path, expected: _KeptFile) -> bool:
    if Path(expected.name).name != expected.name:
        return False
    with open_regular(folder / expected.name, follow=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == expected.sha256  # type: ignore[arg-type]  # a BufferedReader
