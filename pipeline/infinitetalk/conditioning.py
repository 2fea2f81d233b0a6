"""What a video is made from, encoded once a job."""

import torch

from pipeline.diffusion.audio_encoder import encode_speech, normalize_loudness
from pipeline.diffusion.image_encoder import encode_image
from pipeline.diffusion.latents import frames_to_tensor
from pipeline.diffusion.text_encoder import encode_prompt
from pipeline.engine import Reporter
from pipeline.infinitetalk.models import Models
from pipeline.infinitetalk.streaming import Prompts, VideoInputs
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
    """Encode photo, prompt and voice.

    Raises:
        GenerationCancelledError: `report` said so.
    """
    report(Progress("conditioning", 0, NUM_ENCODERS, 0.0))
    photo = frames_to_tensor(scene.source.read_frames(0, 1)[0], models.device)
    image_embeds = encode_image(models.image_encoder, photo)
    report(Progress("conditioning", 1, NUM_ENCODERS, 0.0))
    prompts = Prompts(_encode_prompt(models, scene.prompt or PROMPT), _encode_prompt(models, NEGATIVE_PROMPT))
    report(Progress("conditioning", 2, NUM_ENCODERS, 0.0))
    speech = tuple(_encode_voice(models, speaker.waveform, scene.num_frames) for speaker in scene.speakers)
    report(Progress("conditioning", NUM_ENCODERS, NUM_ENCODERS, 0.0))
    return VideoInputs(photo, image_embeds, prompts, speech)


def _encode_prompt(models: Models, prompt: str) -> torch.Tensor:
    return encode_prompt(models.text_encoder, models.tokenizer, prompt, models.device)


def _encode_voice(models: Models, waveform: Floats, num_frames: int) -> torch.Tensor:
    samples = torch.from_numpy(normalize_loudness(waveform)).to(models.device)
    return encode_speech(models.audio_encoder, samples, num_frames)
