"""Videos that are made in several runs, all but the last of which are cut off."""

import shutil
import wave
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.checkpoint import ClipPlace, open_clips
from pipeline.engine import Engine
from pipeline.generate import generate
from pipeline.scene import Scene
from pipeline.types import Progress


class KilledError(BaseException):
    """What ends a run from outside, wherever it is."""


class Maker:
    """Makes the video of a scene, in as many runs as it takes.

    Attributes:
        steps: How often each step was begun.
        watched: The live segments that there were when runs were cut off.
    """

    def __init__(self, engine: Engine, scene: Scene, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._engine, self.folder = engine, folder
        self.scene = replace(scene, sound=replace(scene.sound, path=write_voice(folder, scene)))
        self.steps: Counter[int] = Counter()
        self.watched = self.live

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    @property
    def live(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "live").glob("*.m4s")}

    def run(self, at_step: Callable[[int], None] = lambda _: None) -> bytes:
        """Make what is left of the video, and return it.

        Args:
            at_step: Is told each step that begins.
        """
        video = self.folder / "video.mp4"
        clips = open_clips(ClipPlace(self.checkpoint), self.scene, self._engine)

        def report(progress: Progress) -> None:
            if progress.stage == "denoising":
                self.steps[progress.step] += 1
                at_step(progress.step)

        generate(self.scene, self._engine, video, report, self.folder / "live", clips=clips)
        return video.read_bytes()

    def run_to(self, last: int) -> None:
        """Make more of the video; the run is cut off as a step begins."""

        def die(step: int) -> None:
            if step == last:
                self.watched |= self.live
                raise KilledError

        with pytest.raises(KilledError):
            self.run(die)
        for name in self.live.keys() - self.watched.keys():
            (self.folder / "live" / name).unlink()  # begun, and ended where it was: one that is really killed does not

    def run_past(self, step: int, copy: Path) -> bytes:
        """Make the whole video in one run; `copy` is what one that is cut off as the step begins leaves."""

        def take(begun: int) -> None:
            if begun == step:
                shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("*.tmp"))

        return self.run(take)


def write_voice(folder: Path, scene: Scene) -> Path:
    """Write the recording of the scene's only speaker."""
    path = folder / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((32767 * scene.speakers[0].waveform).astype(np.int16).tobytes())
    return path
