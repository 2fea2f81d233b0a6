"""What a video is made from, encoded once a job."""

from dataclasses import replace

import numpy as np
import torch

from pipeline.diffusion.audio_encoder import encode_speech, normalize_loudness
from pipeline.diffusion.clip_loop import Prompts
from pipeline.diffusion.crowd import draw_masks, is_crowded, join_waveforms
from pipeline.diffusion.image_encoder import encode_image
from pipeline.diffusion.latents import frames_to_tensor
from pipeline.diffusion.seats import SILENCE, find_voices, plan_seats, seat_tracks
from pipeline.diffusion.text_encoder import encode_prompt
from pipeline.engine import Reporter
from pipeline.infinitetalk.models import Models
from pipeline.infinitetalk.streaming import VideoInputs
from pipeline.scene import Scene
from pipeline.types import Floats, Progress

NUM_ENCODERS = 3
PROMPT = "A person is talking to the camera."
# The original's: what the base model was taught to avoid.
NEGATIVE_PROMPT = (
    "bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, images, static, overall "
    "gray, worst quality, low quality, JPEG compression residue, ugly, incomplete, extra fingers, poorly drawn hands, "
    "poorly drawn faces, deformed, disfigured, misshapen limbs, fused fingers, still picture, messy background, three "
    "legs, many people in the background, walking backwards"
)


def encode_scene(models: Models, scene: Scene, report: Reporter) -> VideoInputs:
    """Encode photo, prompt and voices.

    Raises:
        EngineError: The voices are not equally long.
        GenerationCancelledError: `report` said so.
    """
    report(Progress("conditioning", 0, NUM_ENCODERS, 0.0))
    photo = frames_to_tensor(scene.source.read_frames(0, 1)[0], models.device)
    image_embeds = encode_image(models.image_encoder, photo)
    report(Progress("conditioning", 1, NUM_ENCODERS, 0.0))
    prompts = Prompts(_encode_prompt(models, scene.prompt or PROMPT), _encode_prompt(models, NEGATIVE_PROMPT))
    report(Progress("conditioning", 2, NUM_ENCODERS, 0.0))
    inputs = VideoInputs(photo, image_embeds, prompts, ())
    inputs = _hear_several(models, scene, inputs) if is_crowded(scene) else _hear_one(models, scene, inputs)
    report(Progress("conditioning", NUM_ENCODERS, NUM_ENCODERS, 0.0))
    return inputs


def _hear_one(models: Models, scene: Scene, inputs: VideoInputs) -> VideoInputs:
    (speaker,) = scene.speakers
    return replace(inputs, speech=(_encode_voice(models, speaker.waveform, scene.num_frames),))


def _hear_several(models: Models, scene: Scene, inputs: VideoInputs) -> VideoInputs:
    """Give everybody a seat, and each seat what is heard there; all bystanders count as one person."""
    waveforms = join_waveforms(scene)
    voices = find_voices(waveforms, np.stack([speaker.activity for speaker in scene.speakers]))
    plan = plan_seats(voices, has_bystanders=bool(scene.bystanders))

    def encode(speaker: int) -> torch.Tensor:
        waveform = np.zeros_like(waveforms[0]) if speaker == SILENCE else waveforms[speaker]
        return _encode_voice(models, waveform, scene.num_frames)

    return replace(
        inputs,
        speech=seat_tracks(plan, scene.num_frames, encode),
        speaker_masks=draw_masks(scene, models.token_side, models.device),
        seats=torch.from_numpy(plan.seats).to(models.device),
    )


def _encode_prompt(models: Models, prompt: str) -> torch.Tensor:
    return encode_prompt(models.text_encoder, models.tokenizer, prompt, models.device)


def _encode_voice(models: Models, waveform: Floats, num_frames: int) -> torch.Tensor:
    samples = torch.from_numpy(normalize_loudness(waveform)).to(models.device)
    return encode_speech(models.audio_encoder, samples, num_frames)
