"""Generate a video of any length, clip by clip."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import torch
from diffusers import AutoencoderKLWan

from pipeline.diffusion.clip_loop import Clip, ClipReporter, HandedOver, NoiseSource, Prompts
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.color import match_colors
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.decoding import decode_latents
from pipeline.diffusion.guidance import GuidanceBranch
from pipeline.diffusion.latents import NUM_MASK_CHANNELS, encode_frames, photo_condition
from pipeline.diffusion.seats import clip_seats
from pipeline.diffusion.speech_windows import clip_windows
from pipeline.distributed.guidance_parallel import ONE_RANK, GuidanceParallel
from pipeline.infinitetalk.sampler import ClipInputs, SamplerSettings, denoise
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel


@dataclass(frozen=True)
class VideoInputs:
    """What a video is made from, all on the device.

    Attributes:
        photo: (1, 3, 1, height, width) in [-1, 1].
        image_embeds: (1, 257, channels).
        prompts: The prompt and the negative prompt, of 512 tokens, zeros after the last.
        speech: Features (frames, layers, channels) of the one person, or of what each of the two seats hears.
        speaker_masks: (people, H, W) at any size, positive where the person is; None for one person alone.
        seats: (latent frames of the video, people), where each sits, as in `pipeline.diffusion.people`; None for two
            people, the first in the first seat and the second in the second.
    """

    photo: torch.Tensor
    image_embeds: torch.Tensor
    prompts: Prompts
    speech: tuple[torch.Tensor, ...]
    speaker_masks: torch.Tensor | None = None
    seats: torch.Tensor | None = None


@dataclass(frozen=True)
class ClipGenerator:
    """Makes the clips of videos.

    Attributes:
        transformer: Predicts the flow.
        vae: Between frames and latents.
        settings: How to denoise.
        color_strength: How far to match each clip's colours to the photo's, 0 to 1.
        parallel: What this rank computes of each step, where several make the clips.
    """

    transformer: InfiniteTalkTransformer3DModel
    vae: AutoencoderKLWan
    settings: SamplerSettings
    color_strength: float = 1.0
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
        """Yield the clips of a video, or those that are left after what was handed over.

        The photo's condition is made once; memory does not grow with the number of clips.
        """
        # The photo never changes, while the original encodes it again for each clip.
        condition = photo_condition(self.vae, inputs.photo, plan.clip_frames)
        photo_latents = condition[:, NUM_MASK_CHANNELS:]
        # The first clip continues a still: the photo is its only motion frame.
        motion_latents = photo_latents[:, :, :1] if handed is None else handed.tensors["motion_latents"]
        clips = enumerate(zip(plan.starts, plan.new_frames(), strict=True))
        for index, (start, new_frames) in islice(clips, 0 if handed is None else handed.index, None):
            windows = clip_windows(inputs.speech, start, plan.clip_frames)
            seats = None if inputs.seats is None else clip_seats(inputs.seats, start, photo_latents.shape[2])
            clip = ClipInputs(motion_latents, condition, self._condition(replace(inputs, seats=seats), windows))
            # Drawn on the generator's device, so that a seed means the same video on every device.
            noise = draw_noise(index, photo_latents.shape).to(condition.device)
            report_step = partial(report.report_step, index)
            latents = denoise(self.transformer, noise, clip, self.settings, report_step, self.parallel)
            decoded = decode_latents(self.vae, latents, partial(report.report_decoding, index))
            frames = match_colors(decoded, inputs.photo, self.color_strength)
            handed = None
            if index + 1 < len(plan.starts):
                # Encoded after the colours were matched: otherwise each clip would pass its drift on to the next.
                motion_latents = encode_frames(self.vae, frames[:, :, -plan.motion_frames :]).contiguous()
                handed = HandedOver(index + 1, {"motion_latents": motion_latents})
            yield Clip(latents, frames[:, :, new_frames], handed)

    def _condition(self, inputs: VideoInputs, windows: torch.Tensor) -> dict[GuidanceBranch, Conditioning]:
        """Share what is the same between the branches of a clip, so that it is projected once; seats are the clip's."""
        dtype = self.transformer.compute_dtype
        prompts = inputs.prompts
        texts = {
            prompted: AttentionContext(embeds.to(dtype))
            for prompted, embeds in ((True, prompts.prompt_embeds), (False, prompts.negative_prompt_embeds))
        }
        image = AttentionContext(inputs.image_embeds.to(dtype))
        heard = AttentionContext(windows.to(dtype))
        # Without audio, the model hears one silent person even where there are two.
        silence = AttentionContext(torch.zeros_like(windows[:, :1], dtype=dtype))
        return {
            branch: Conditioning(
                texts[branch.prompted],
                image,
                heard if branch.audible else silence,
                inputs.speaker_masks if branch.audible else None,
                inputs.seats if branch.audible else None,
            )
            for branch in self.settings.scales.branches
        }
