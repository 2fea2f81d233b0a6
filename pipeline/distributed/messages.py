"""What a rank sends to the process that started it. Knows no torch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.engine import EngineSettings, MadeClip, Reporter
from pipeline.errors import EngineError, EngineUnavailableError
from pipeline.scene import Scene
from pipeline.types import Progress


@dataclass(frozen=True)
class Batch:
    """A rank has finished a clip.

    Attributes:
        clip: Of rank 0; None of the others, which have the same.
    """

    clip: MadeClip | None


@dataclass(frozen=True)
class Order:
    """What all ranks are asked to make.

    Attributes:
        scene: Of the video.
        state: Of the clip from which they go on; None begins with the first.
    """

    scene: Scene
    state: bytes | None = None


@dataclass(frozen=True)
class Ended:
    """A rank has done what it was asked to do, or stopped when it was told to.

    Attributes:
        error: Why it failed, if it did.
    """

    error: EngineError | EngineUnavailableError | None = None


Message = Progress | Batch | Ended


class Generator(Protocol):
    """What a rank has loaded."""

    def generate(self, scene: Scene, report: Reporter, state: bytes | None = None) -> Iterator[MadeClip]:
        """Yield the clips of the scene's video, or those that are left after one that left this state."""
        ...


LoadRank = Callable[[EngineSettings, Reporter], Generator]
"""Loads what a rank generates with, on the device of its settings, among ranks that are connected already.

It is sent to the rank by its name: a function of a module, which imports torch only when it is called.
"""
