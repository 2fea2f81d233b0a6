"""Several faces in a picture: whose voice is whose, and where they are."""

import numpy as np
import torch

from pipeline.diffusion.heads import draw_people
from pipeline.errors import EngineError
from pipeline.scene import Scene
from pipeline.types import Floats


def is_crowded(scene: Scene) -> bool:
    """Say whether there is more than one face in the picture, so that voices need to find theirs."""
    return len(scene.speakers) + len(scene.bystanders) > 1


def join_waveforms(scene: Scene) -> Floats:
    """Return the voices of all speakers (speakers, samples).

    Raises:
        EngineError: They are not equally long.
    """
    lengths = {len(speaker.waveform) for speaker in scene.speakers}
    if len(lengths) > 1:
        # A shorter one would be filled up with what is no silence.
        raise EngineError(f"Expected voices of one length, got {sorted(lengths)} samples. Fill them up with silence.")
    return np.stack([speaker.waveform for speaker in scene.speakers])


def draw_masks(scene: Scene, token_side: int, device: torch.device) -> torch.Tensor:
    """Return the masks (people, rows, columns) of the speakers and, where there are any, of all bystanders together.

    Args:
        scene: Whose picture it is.
        token_side: Pixels of the picture that a token is wide and high.
        device: Where they are to be.
    """
    num_speakers = len(scene.speakers)
    faces = [*(speaker.face for speaker in scene.speakers), *scene.bystanders]
    masks = draw_people(faces, scene.source.size, token_side)
    people = torch.from_numpy(masks).to(device, torch.float32)
    if not scene.bystanders:
        return people
    return torch.cat([people[:num_speakers], people[num_speakers:].amax(dim=0, keepdim=True)])
