"""Generate a video of any length, segment by segment, each of which goes on from frames that are known."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, pairwise

import torch
from diffusers import AutoencoderKLWan

from pipeline.diffusion.clip_loop import Clip, ClipReporter, HandedOver, NoiseSource, Prompts, StepReporter
from pipeline.diffusion.clips import FRAMES_PER_LATENT, ClipPlan
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.decoding import decode_latents
from pipeline.diffusion.flow import NUM_TRAIN_TIMESTEPS
from pipeline.diffusion.guidance import GuidanceBranch
from pipeline.diffusion.latents import encode_frames
from pipeline.diffusion.seats import clip_seats
from pipeline.diffusion.speech_windows import cut_windows
from pipeline.distributed.guidance_parallel import ONE_RANK, GuidanceParallel
from pipeline.longcat.guidance import LongCatGuidance
from pipeline.longcat.schedule import Schedule, follow_flow
from pipeline.longcat.transformer import Conditioning, Continuation, LongCatTransformer, People
from pipeline.types import FrameSize

LEVELS = 255


@dataclass(frozen=True)
class HandOver:
    """What a segment takes over from those before.

    Attributes:
        reference_index: Where the video's first latent frame stands in time as a reference for what everything looks
            like; None for no reference.
        mask_frame_range: Latent frames within so many of it do not see it, so that they move.
        as_latents: Whether the known frames are the last latents as they are, not the last frames encoded again.
        in_8_bits: Whether the frames are rounded down to 8 bits, as the reference code hands them over; each segment is
            then darker by half a level.
    """

    reference_index: int | None = 10
    mask_frame_range: int = 3
    as_latents: bool = False
    in_8_bits: bool = False


@dataclass(frozen=True)
class SamplerSettings:
    """How to make segments.

    Attributes:
        guidance: How strongly to follow the text and the voices.
        schedule: The steps.
        hand_over: What a segment takes over.
        feature_stride: Speech features a video frame.
    """

    guidance: LongCatGuidance
    schedule: Schedule
    hand_over: HandOver = field(default_factory=HandOver)
    feature_stride: int = 1


@dataclass(frozen=True)
class VideoInputs:
    """What a video is made from, all on the device.

    Attributes:
        prompts: The prompt and the negative prompt, real tokens only.
        speech: Features (features, layers, channels) of each voice; a silent one comes last where people keep still.
        size: Of the frames.
        photo: The first frame (1, 3, 1, height, width) in [-1, 1]; None for a video made from text and voices alone.
        people: Who is in the picture, with seats of all latent frames of the video; None for one person alone.
    """

    prompts: Prompts
    speech: tuple[torch.Tensor, ...]
    size: FrameSize
    photo: torch.Tensor | None = None
    people: People | None = None


@dataclass(frozen=True)
class Known:
    """What of a segment is known before it begins.

    Attributes:
        latents: Clean (1, 16, frames, h, w), of the reference first, if there is one.
        continuation: Where they are.
    """

    latents: torch.Tensor
    continuation: Continuation

    @property
    def beginning(self) -> torch.Tensor:
        """The segment's own first latents, without the reference."""
        return self.latents[:, :, self.latents.shape[2] - self.continuation.num_known :]


def denoise(
    transformer: LongCatTransformer,
    noise: torch.Tensor,
    known: Known | None,
    *,
    conditionings: dict[GuidanceBranch, Conditioning],
    settings: SamplerSettings,
    report_step: StepReporter,
    continues: bool,
    parallel: GuidanceParallel = ONE_RANK,
) -> torch.Tensor:
    """Turn noise into the latents of a segment's frames that are not known.

    Args:
        transformer: Predicts the flow.
        noise: (1, 16, noise frames, h, w), the same in all ranks, where several make the clip.
        known: What is known.
        conditionings: What each guidance branch attends to.
        settings: How to denoise.
        report_step: Is told each step.
        continues: Whether the segment continues another.
        parallel: What this rank computes of each step.
    """
    sigmas = settings.schedule.find_sigmas(continues=continues).to(noise.device)
    remembered = None if known is None else transformer.remember(known.latents, known.continuation)
    branches, latents = tuple(conditionings), noise
    for step, (sigma, next_sigma) in enumerate(pairwise(sigmas)):
        report_step(step)
        own_preds = {
            branch: transformer(latents, NUM_TRAIN_TIMESTEPS * sigma[None], conditionings[branch], remembered).float()
            for branch in parallel.choose(branches)
        }
        flow = settings.guidance.combine(parallel.exchange(own_preds, branches))
        latents = follow_flow(latents, flow, sigma, next_sigma)
    report_step(len(sigmas) - 1)
    return latents


@dataclass(frozen=True)
class ClipGenerator:
    """Makes the segments of videos.

    Attributes:
        transformer: Predicts the flow.
        vae: Between frames and latents.
        settings: How to denoise.
        parallel: What this rank computes of each step, where several make the clips.
    """

    transformer: LongCatTransformer
    vae: AutoencoderKLWan
    settings: SamplerSettings
    parallel: GuidanceParallel = ONE_RANK

    @torch.no_grad()
    def generate(
        self,
        inputs: VideoInputs,
        plan: ClipPlan,
        draw_noise: NoiseSource,
        report: ClipReporter,
        handed: HandedOver | None = None,
    ) -> Iterator[Clip]:
        """Yield the segments of a video, or those that are left; memory does not grow with their number."""
        known = self._find_known(inputs, handed)
        shape = self._find_shape(inputs.size, plan)
        segments = enumerate(zip(plan.starts, plan.new_frames(), strict=True))
        for index, (start, new_frames) in islice(segments, 0 if handed is None else handed.index, None):
            # Drawn on the generator's device, so that a seed means the same video on every device.
            noise = draw_noise(index, shape).to(inputs.prompts.prompt_embeds.device)
            latents = self._make_latents(inputs, start, noise, known, partial(report.report_step, index))
            if handed is not None:
                # As the reference code: decoded from what the last frames look like, even if begun from their latents.
                encoded = handed.tensors["encoded"]
                latents = torch.cat([encoded, latents[:, :, encoded.shape[2] :]], dim=2)
            frames = decode_latents(self.vae, latents, partial(report.report_decoding, index))
            if index + 1 < len(plan.starts):
                encoded = self._encode(frames[:, :, -plan.motion_frames :])
                reference = latents[:, :, :1] if handed is None else handed.tensors["reference"]
                handed = self._hand_over(index + 1, latents, encoded, reference)
                known = self._find_known(inputs, handed)
            else:
                handed = None
            yield Clip(latents, frames[:, :, new_frames], handed)

    def _find_known(self, inputs: VideoInputs, handed: HandedOver | None) -> Known | None:
        """Return what of a segment is known: of the first, the photo, if there is one."""
        if handed is None:
            return None if inputs.photo is None else Known(encode_frames(self.vae, inputs.photo), Continuation(1))
        hand_over = self.settings.hand_over
        beginning = handed.tensors["beginning" if hand_over.as_latents else "encoded"]
        continuation = Continuation(beginning.shape[2], hand_over.reference_index, hand_over.mask_frame_range)
        if hand_over.reference_index is None:
            return Known(beginning, continuation)
        return Known(torch.cat([handed.tensors["reference"], beginning], dim=2), continuation)

    def _find_shape(self, size: FrameSize, plan: ClipPlan) -> torch.Size:
        side: int = self.vae.config.scale_factor_spatial
        num_frames = (plan.clip_frames - 1) // FRAMES_PER_LATENT + 1
        channels = self.transformer.architecture.in_channels
        return torch.Size((1, channels, num_frames, size.height // side, size.width // side))

    def _make_latents(
        self, inputs: VideoInputs, start: int, noise: torch.Tensor, known: Known | None, report_step: StepReporter
    ) -> torch.Tensor:
        """Return a segment's latents (1, 16, latent frames, h, w), known ones included."""
        num_known = 0 if known is None else known.continuation.num_known
        latents = denoise(
            self.transformer,
            noise[:, :, num_known:],
            known,
            conditionings=self._condition(inputs, start, noise.shape[2], num_known),
            settings=self.settings,
            report_step=report_step,
            continues=start > 0,
            parallel=self.parallel,
        )
        return latents if known is None else torch.cat([known.beginning, latents], dim=2)

    def _condition(
        self, inputs: VideoInputs, start: int, num_latent_frames: int, num_known: int
    ) -> dict[GuidanceBranch, Conditioning]:
        """Share what is the same between the branches of a segment, so that it is projected once."""
        dtype, stride = self.transformer.compute_dtype, self.settings.feature_stride
        num_frames = FRAMES_PER_LATENT * (num_latent_frames - 1) + 1
        centers = stride * torch.arange(start, start + num_frames)
        windows = torch.stack([cut_windows(track, centers) for track in inputs.speech])[None].to(dtype)
        prompts = inputs.prompts
        texts = {
            prompted: AttentionContext(embeds.to(dtype))
            for prompted, embeds in ((True, prompts.prompt_embeds), (False, prompts.negative_prompt_embeds))
        }
        audio = {True: AttentionContext(windows), False: AttentionContext(torch.zeros_like(windows))}
        people = _find_people(inputs.people, start, num_latent_frames, num_known)
        return {
            branch: Conditioning(texts[branch.prompted], audio[branch.audible], people)
            for branch in self.settings.guidance.branches
        }

    def _encode(self, frames: torch.Tensor) -> torch.Tensor:
        if self.settings.hand_over.in_8_bits:
            frames = (LEVELS / 2 * (frames + 1)).floor() / (LEVELS / 2) - 1
        return encode_frames(self.vae, frames)

    def _hand_over(
        self, index: int, latents: torch.Tensor, encoded: torch.Tensor, reference: torch.Tensor
    ) -> HandedOver:
        parts = {"encoded": encoded, "reference": reference}
        if self.settings.hand_over.as_latents:
            parts["beginning"] = latents[:, :, -encoded.shape[2] :]
        return HandedOver(index, {name: part.contiguous() for name, part in parts.items()})


def _find_people(people: People | None, start: int, num_latent_frames: int, num_known: int) -> People | None:
    """Return who sits where in a segment's noise frames."""
    if people is None or people.seats is None:
        return people
    return replace(people, seats=clip_seats(people.seats, start, num_latent_frames)[num_known:])
