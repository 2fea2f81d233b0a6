"""The protocol that every engine keeps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pipeline.devices import DEFAULT_DEVICE, DeviceKind
from pipeline.profiles import Profile
from pipeline.scene import Scene
from pipeline.types import Pixels, Progress

Precision = Literal["bf16", "fp8", "int8"]
PrecisionSetting = Literal["auto", "bf16", "fp8", "int8"]

Reporter = Callable[[Progress], None]
"""Takes progress; raises `GenerationCancelledError` once the job was cancelled, so call it between all longer steps."""


@dataclass(frozen=True)
class Availability:
    """Whether an engine can serve a profile on this machine.

    Attributes:
        available: It can.
        reason: Why not, and what to do, in one sentence; empty where it can.
        num_gpus: GPUs that make a video of the profile together.
        gpu: Their kind, as far as an estimate needs to know it.
        fallbacks: Kinds that it may get instead.
        most_seconds: How long a run may be expected to take so that it is begun; None where that does not matter.
        gpu_setting: What to set so that the profile gets another kind; empty where nothing can be set.
    """

    available: bool
    reason: str = ""
    num_gpus: int = 1
    gpu: DeviceKind = DEFAULT_DEVICE
    fallbacks: tuple[DeviceKind, ...] = ()
    most_seconds: float | None = None
    gpu_setting: str = ""


@dataclass(frozen=True)
class EngineSettings:
    """Where engines find what they need.

    Attributes:
        weights: Folder of the prepared weights of one model, or of such folders, each named after its model; None where
            there are none.
        device: `auto`, or a torch device such as `cuda:0` or `cpu`.
        precision: Of the large model's weights: `bf16`, `fp8` or `int8`; `auto` is `bf16` where the device holds
            them all, and `int8` where they have to wait in CPU memory.
        attention: A name that diffusers gives it, or `auto` for the fastest right one that is installed.
        compiled: Whether to compile the model on a GPU, while it loads.
        num_gpus: GPUs of this machine that make a video together, from `device` on; on the CPU, processes.
        dmd_scale: How much of LongCat's LoRA for few steps is added.
    """

    weights: Path | None = None
    device: str = "auto"
    precision: PrecisionSetting = "auto"
    attention: str = "auto"
    compiled: bool = True
    num_gpus: int = 1
    dmd_scale: float = 1.0

    def find_weights(self, model: str) -> Path | None:
        """Return the folder of a model's weights; it may be missing, or hold another model's."""
        own = None if self.weights is None else self.weights / model
        return own if own is not None and own.is_dir() else self.weights


@dataclass(frozen=True)
class MadeClip:
    """A finished clip of a video that is made clip by clip.

    Attributes:
        frames: That it adds to the video (n, height, width, 3), RGB.
        state: What the next clip needs of this one and of those before; None after the last.
    """

    frames: Pixels
    state: bytes | None


@dataclass(frozen=True)
class Resumption:
    """From where a video is made, and who keeps what is finished of it.

    Attributes:
        state: What the last finished clip left for the next one; None begins with the first.
        keep: Takes each further clip but the last: its frames, and what the next one needs.
    """

    state: bytes | None
    keep: Callable[[Pixels, bytes], None]


class Engine(Protocol):
    """Turns a checked scene into frames. One job at a time."""

    @property
    def name(self) -> str:
        """The model's name in `pipeline.engines`."""
        ...

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run here, without loading anything heavy."""
        ...

    def load(self, report: Reporter) -> None:
        """Bring the weights into memory, once; later calls return at once."""
        ...

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3) until there are `scene.num_frames`.

        Raises:
            EngineError: The engine failed.
            GenerationCancelledError: `report` said so.
        """
        ...


@runtime_checkable
class ResumableEngine(Protocol):
    """An engine that can go on with a video from its last finished clip."""

    def identify(self) -> str | None:
        """Name all that frames depend on beside the scene: what is made elsewhere under the same name fits on.

        Returns:
            None where that cannot be told, so that no clips are kept.
        """
        ...

    def generate(self, scene: Scene, report: Reporter, resumption: Resumption | None = None) -> Iterator[Pixels]:
        """Yield batches as an `Engine` does, each once it is kept, from the clip on that comes next."""
        ...
