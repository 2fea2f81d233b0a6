"""The loaded model at work: a scene becomes segments of frames."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from pipeline.diffusion.attention import AttentionShape, set_attention
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.crowd import is_crowded
from pipeline.diffusion.decoding import halve_decoder
from pipeline.diffusion.latents import check_sides, order_for_gpu
from pipeline.diffusion.loading import open_weights
from pipeline.diffusion.memory import explain_short_memory, place_models
from pipeline.diffusion.progress import VideoProgress
from pipeline.diffusion.resumption import make_clips
from pipeline.distributed.guidance_parallel import ONE_RANK, Parallelism
from pipeline.distributed.rank import holds_everywhere
from pipeline.engine import EngineSettings, MadeClip, Reporter
from pipeline.errors import EngineError
from pipeline.longcat.checkpoint import LAYOUT
from pipeline.longcat.compilation import compile_transformer
from pipeline.longcat.components import TRANSFORMER
from pipeline.longcat.conditioning import WAV2VEC2_STRIDE, encode_scene
from pipeline.longcat.guidance import LongCatGuidance
from pipeline.longcat.lora import RuntimeLora
from pipeline.longcat.models import Models, load_models
from pipeline.longcat.pace import find_paces
from pipeline.longcat.profiles import MODEL, PEOPLE_OVERLAY, PROFILES, get_options
from pipeline.longcat.sampler import ClipGenerator, HandOver, SamplerSettings
from pipeline.longcat.schedule import Schedule
from pipeline.longcat.segments import plan_segments
from pipeline.longcat.weights import WEIGHTS
from pipeline.profiles import Profile
from pipeline.scene import Scene
from pipeline.weights.checkpoint import Checkpoint
from pipeline.weights.lora_switcher import LoraSwitcher
from pipeline.weights.overlay import Overlay
from pipeline.weights.spec import AddedLora
from pipeline.weights.variants import Variants

# For activations, and for what is remembered of known frames: 15 GB at 720p.
RESERVED_BYTES = 31_000_000_000
# The noise of a segment at 480p: what the choice of the attention is measured with.
MEASURED_TOKENS = 32_000
# Version 1.0, whose videos have fewer frames a second, was released without a LoRA for few steps.
FRAME_RATE_OF_1_0 = 16
SHIFT_OF_1_0 = 12.0

_log = logging.getLogger(__name__)


class LoraChooser(Protocol):
    """Keeps the LoRA that the next video needs."""

    def choose(self, lora: AddedLora | None, report: Reporter, *, overlaid: bool = False) -> None:
        """Have this LoRA, or none."""
        ...


@dataclass(frozen=True)
class Runtime:
    """The models in memory.

    Attributes:
        models: All that a video is made with.
        lora: Keeps the transformer's weights as a profile needs them.
        lora_scale: How much of a profile's LoRA, over what the profile says.
        fits: Whether the device holds all weights at once.
        has_overlay: Whether there are other weights for several people.
        parallelism: How ranks share out the work; None where this process works alone.
    """

    models: Models
    lora: LoraChooser
    lora_scale: float
    fits: bool
    has_overlay: bool = False
    parallelism: Parallelism | None = None

    def generate(self, scene: Scene, report: Reporter, state: bytes | None = None) -> Iterator[MadeClip]:
        """Yield the segments of the scene's video, or those that are left after one that left this state.

        Raises:
            EngineError: The frame or the voices do not suit the model, or memory is short.
            GenerationCancelledError: `report` said so.
        """
        self._check_scene(scene)
        models = self.models
        with explain_short_memory("for this. Use the profile longcat, or the release 1.5-int8."):
            lora = choose_lora(scene.profile, self.lora_scale) if models.hears_whisper else None
            self.lora.choose(lora, report, overlaid=self.has_overlay and is_crowded(scene))
            place_models(models, offloaded=not self.fits)
            plan = plan_segments(scene.num_frames)
            inputs = encode_scene(models, scene, plan, report)
            settings = _choose_settings(scene, hears_whisper=models.hears_whisper)
            num_passes = len(settings.guidance.branches)
            parallel = ONE_RANK if self.parallelism is None else self.parallelism.apply(num_passes)
            # Every rank draws the same noise from the same seed; only the denoising is shared out.
            generator = ClipGenerator(models.transformer, models.vae, settings, parallel)
            progress = self._follow(scene, plan, settings, report)
            yield from make_clips(
                lambda noise, handed: generator.generate(inputs, plan, noise, progress, handed),
                scene.seed,
                state,
                models.device,
            )

    def _check_scene(self, scene: Scene) -> None:
        if not self.models.hears_whisper and scene.frame_rate != FRAME_RATE_OF_1_0:
            raise EngineError(
                f"The weights are those of LongCat 1.0, which makes {FRAME_RATE_OF_1_0} frames a second, not "
                f"{scene.frame_rate}. Fetch those of 1.5: python -m pipeline.weights FOLDER --engine longcat."
            )
        check_sides(scene.source.size, self.models.token_side)

    def _follow(self, scene: Scene, plan: ClipPlan, settings: SamplerSettings, report: Reporter) -> VideoProgress:
        device = self.models.device
        gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
        num_steps = [settings.schedule.count_steps(continues=start > 0) for start in plan.starts]
        paces = find_paces(scene.source.size, plan, num_steps, len(settings.guidance.branches), gpu)
        return VideoProgress(report, plan, tuple(paces))


@explain_short_memory("for the model. Use another precision or GPU.")
def load_runtime(settings: EngineSettings, report: Reporter, agree: Callable[[bool], bool] = bool) -> Runtime:
    """Read the weights into memory.

    Args:
        settings: Where they are, and the device.
        report: Takes progress.
        agree: Says whether the weights fit into the memory of all devices, given whether they fit into this one's.

    Raises:
        WeightsError: A file is missing, broken or does not fit.
        EngineError: Memory is short.
        EngineUnavailableError: There are no weights, or the device is not there.
        GenerationCancelledError: `report` said so.
    """
    opened = open_weights(settings, MODEL, LAYOUT, RESERVED_BYTES, agree)
    checkpoint, fits = opened.checkpoint, opened.fits
    models = load_models(checkpoint, opened.device, offloaded=not fits, report=opened.follow(report))
    if _is_int8(models):
        _log.info("Weights: int8, as released; %s.", opened.describe_place())
    else:
        opened.quantize(models.transformer.blocks, settings.precision)
    lora = _keep_lora(models, checkpoint, opened.variants)
    if _is_int8(models):
        # It is part of what is compiled.
        lora.choose(choose_lora(PROFILES[0], settings.dmd_scale), report)
    _speed_up(models, settings, fits=fits)
    return Runtime(models, lora, settings.dmd_scale, fits, has_overlay=PEOPLE_OVERLAY in checkpoint.overlays)


def load_rank(settings: EngineSettings, report: Reporter) -> Runtime:
    """Read the weights into the memory of one GPU among several, whose ranks all call this.

    Raises:
        EngineError: See `load_runtime`.
        EngineUnavailableError: See there.
        GenerationCancelledError: See there.
    """
    runtime = load_runtime(settings, report, agree=holds_everywhere)
    return replace(runtime, parallelism=Parallelism(runtime.models.transformer, runtime.models.device))


def choose_lora(profile: Profile, scale: float) -> AddedLora:
    """Return the LoRA of a profile, in so much of the strength that the profile gives it."""
    options = get_options(profile)
    return AddedLora(options.lora, scale * options.lora_scale)


def _is_int8(models: Models) -> bool:
    return models.transformer.architecture.int8


def _keep_lora(models: Models, checkpoint: Checkpoint, prepared: Variants) -> LoraChooser:
    if _is_int8(models):
        return RuntimeLora(models.transformer, prepared.weights)
    people = checkpoint.overlays.get(PEOPLE_OVERLAY)
    return LoraSwitcher(
        models.transformer,
        checkpoint.components[TRANSFORMER.name],
        prepared.weights,
        LAYOUT.read_lora,
        # A folder tells the LoRA by its name alone: it was made with the usual strength.
        lambda lora: prepared.open_fused(lora) if lora in WEIGHTS.loras else None,
        overlay=None if people is None else Overlay(models.transformer, people),
    )


def _speed_up(models: Models, settings: EngineSettings, *, fits: bool) -> None:
    """Apply what the settings say about how to compute."""
    transformer, device = models.transformer, models.device
    sizes = transformer.architecture
    shape = AttentionShape(MEASURED_TOKENS, sizes.num_heads, sizes.head_dim)
    set_attention(transformer, settings.attention, shape, device, transformer.compute_dtype)
    if device.type != "cuda":
        return
    # Before halving, which copies the decoder with the order of its weights.
    order_for_gpu(models.vae)
    halve_decoder(models.vae)
    # Weights that wait in CPU memory are what such a pass waits for: compiled, it would not be faster.
    if settings.compiled and fits:
        compile_transformer(transformer, device)


def _choose_settings(scene: Scene, *, hears_whisper: bool) -> SamplerSettings:
    sampling = scene.sampling
    guidance = LongCatGuidance(sampling.guidance_scale, sampling.audio_guidance_scale)
    if not hears_whisper:
        schedule = Schedule(SHIFT_OF_1_0, sampling.num_inference_steps, distilled=False)
        return SamplerSettings(guidance, schedule, HandOver(as_latents=True), WAV2VEC2_STRIDE)
    return SamplerSettings(guidance, Schedule(get_options(scene.profile).shift, sampling.num_inference_steps))
