"""What a video is made from, encoded once a job."""

from typing import cast

import numpy as np
import torch
from transformers import Wav2Vec2Model
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from pipeline.diffusion.audio_encoder import normalize_loudness
from pipeline.diffusion.clip_loop import Prompts
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.crowd import draw_masks, is_crowded, join_waveforms
from pipeline.diffusion.latents import frames_to_tensor
from pipeline.diffusion.seats import (
    NUM_SEATS,
    SILENCE,
    SeatPlan,
    find_latent_frames,
    find_voices,
    plan_seats,
    seat_tracks,
)
from pipeline.diffusion.text_encoder import embed_prompt
from pipeline.engine import Reporter
from pipeline.longcat.models import Models
from pipeline.longcat.sampler import VideoInputs
from pipeline.longcat.speech import encode_with_wav2vec2, encode_with_whisper
from pipeline.longcat.transformer import People
from pipeline.scene import Scene
from pipeline.types import SPEECH_SAMPLING_RATE, Floats, Progress

NUM_ENCODERS = 2
# Speech features of a video frame that wav2vec2 is asked for; Whisper gives one.
WAV2VEC2_STRIDE = 2
PROMPT = "A person is talking to the camera."
# The original's demonstration has it.
NEGATIVE_PROMPT = (
    "Close-up, Bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, images, static, "
    "overall gray, worst quality, low quality, JPEG compression residue, ugly, incomplete, extra fingers, poorly drawn "
    "hands, poorly drawn faces, deformed, disfigured, misshapen limbs, fused fingers, still picture, messy background, "
    "three legs, many people in the background, walking backwards"
)


def encode_scene(models: Models, scene: Scene, plan: ClipPlan, report: Reporter) -> VideoInputs:
    """Encode prompts and voices.

    Raises:
        EngineError: The voices are not equally long.
        GenerationCancelledError: `report` said so.
    """
    report(Progress("conditioning", 0, NUM_ENCODERS, 0.0))
    prompts = Prompts(_embed_prompt(models, scene.prompt or PROMPT), _embed_prompt(models, NEGATIVE_PROMPT))
    report(Progress("conditioning", 1, NUM_ENCODERS, 0.0))
    speech, people = Listener(models, scene, plan).hear()
    report(Progress("conditioning", NUM_ENCODERS, NUM_ENCODERS, 0.0))
    photo = frames_to_tensor(scene.source.read_frames(0, 1)[0], models.device)
    return VideoInputs(prompts, speech, scene.source.size, photo, people)


def _embed_prompt(models: Models, prompt: str) -> torch.Tensor:
    return embed_prompt(models.text_encoder, models.tokenizer, prompt, models.device)


class Listener:
    """Encodes the voices of a scene, and says whose they are.

    Args:
        models: That hear them.
        scene: Whose voices.
        plan: The segments of the video, all of whose frames hear something: silence after the voices' end.
    """

    def __init__(self, models: Models, scene: Scene, plan: ClipPlan) -> None:
        self._models = models
        self._scene = scene
        self._num_frames = plan.starts[-1] + plan.clip_frames

    def hear(self) -> tuple[tuple[torch.Tensor, ...], People | None]:
        """Return the speech features of each voice, and who is in the picture where there are several faces."""
        scene = self._scene
        waveforms = join_waveforms(scene)
        if not is_crowded(scene):
            return (self._encode(waveforms[0]),), None
        masks = draw_masks(scene, self._models.token_side, self._models.device)
        if len(scene.speakers) == NUM_SEATS:
            return self._hear_pair(waveforms, masks)
        return self._hear_in_seats(waveforms, masks)

    def _hear_pair(self, waveforms: Floats, masks: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], People]:
        """Hear the two whom the model was trained with, and the silence of those who keep still beside them."""
        has_still = bool(self._scene.bystanders)
        heard = [*waveforms, *([np.zeros_like(waveforms[0])] if has_still else [])]
        return tuple(map(self._encode, heard)), People(masks, has_still=has_still)

    def _hear_in_seats(self, waveforms: Floats, masks: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], People]:
        """Let one and those beside him, or three and more, take turns in the two seats that the model knows."""
        voices = find_voices(waveforms, np.stack([speaker.activity for speaker in self._scene.speakers]))
        plan = self._lengthen(plan_seats(voices, has_bystanders=bool(self._scene.bystanders)))

        def encode(speaker: int) -> torch.Tensor:
            features = self._encode(np.zeros_like(waveforms[0]) if speaker == SILENCE else waveforms[speaker])
            return features.reshape(self._num_frames, -1, *features.shape[1:])

        speech = seat_tracks(plan, self._num_frames, encode)
        seats = torch.from_numpy(plan.seats).to(self._models.device)
        return tuple(track.flatten(0, 1) for track in speech), People(masks, seats)

    def _lengthen(self, plan: SeatPlan) -> SeatPlan:
        """Return the plan of all segments: nobody changes seats in the silence after the end."""
        num_more = int(find_latent_frames(self._num_frames)[-1]) + 1 - len(plan.seats)
        more = ((0, num_more), (0, 0))
        return SeatPlan(np.pad(plan.seats, more, mode="edge"), np.pad(plan.voices, more, mode="edge"))

    def _encode(self, waveform: Floats) -> torch.Tensor:
        num_samples = -(-self._num_frames * SPEECH_SAMPLING_RATE // self._scene.frame_rate)
        # Measured together with the silence after it, as the original does.
        samples = normalize_loudness(np.pad(waveform, (0, max(0, num_samples - len(waveform)))))
        encoder = self._models.audio_encoder
        if self._models.hears_whisper:
            return encode_with_whisper(cast("WhisperEncoder", encoder), samples, self._num_frames)
        return encode_with_wav2vec2(cast("Wav2Vec2Model", encoder), samples, WAV2VEC2_STRIDE * self._num_frames)
