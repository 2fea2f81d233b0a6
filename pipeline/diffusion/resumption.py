"""What a clip hands over to the next one, as bytes, so that another process can go on from there."""

from collections.abc import Callable, Iterator

import safetensors.torch
import torch

from pipeline.diffusion.clip_loop import Clip, HandedOver, NoiseSource, noise_from
from pipeline.diffusion.latents import tensor_to_frames
from pipeline.engine import MadeClip

_INDEX, _GENERATOR, _TENSOR = "index", "generator", "tensor."

MakeClips = Callable[[NoiseSource, HandedOver | None], Iterator[Clip]]
"""Makes the clips of a video: all, or those that are left after what was handed over."""


def make_clips(make: MakeClips, seed: int, state: bytes | None, device: torch.device) -> Iterator[MadeClip]:
    """Yield the clips of a video, each with what the next one needs.

    Args:
        make: Makes them.
        seed: Of the noise.
        state: Of a clip that was made elsewhere; None begins with the first.
        device: Where clips are made.
    """
    generator = torch.Generator().manual_seed(seed)
    handed = None if state is None else _unpack(state, generator, device)
    for clip in make(noise_from(generator), handed):
        following = None if clip.handed is None else _pack(clip.handed, generator)
        yield MadeClip(tensor_to_frames(clip.new_frames), following)


def _pack(handed: HandedOver, generator: torch.Generator) -> bytes:
    """Return what was handed over, bit for bit, and how far the noise is drawn."""
    tensors = {f"{_TENSOR}{name}": tensor.cpu().contiguous() for name, tensor in handed.tensors.items()}
    own = {_INDEX: torch.tensor(handed.index), _GENERATOR: generator.get_state()}
    packed: bytes = safetensors.torch.save(own | tensors)
    return packed


def _unpack(state: bytes, generator: torch.Generator, device: torch.device) -> HandedOver:
    """Return what was handed over, and draw the noise from where it was."""
    packed = safetensors.torch.load(state)
    generator.set_state(packed[_GENERATOR])
    tensors = {
        name.removeprefix(_TENSOR): tensor.to(device) for name, tensor in packed.items() if name.startswith(_TENSOR)
    }
    return HandedOver(int(packed[_INDEX]), tensors)
