"""The loaded model at work: a scene becomes clips of frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from pipeline.diffusion.attention import AttentionShape, set_attention
from pipeline.diffusion.clips import ClipPlan, plan_clips
from pipeline.diffusion.crowd import is_crowded
from pipeline.diffusion.decoding import halve_decoder
from pipeline.diffusion.guidance import GuidanceScales
from pipeline.diffusion.latents import check_sides, order_for_gpu
from pipeline.diffusion.loading import open_weights
from pipeline.diffusion.memory import explain_short_memory, place_models
from pipeline.diffusion.progress import ClipPace, VideoProgress
from pipeline.diffusion.resumption import make_clips
from pipeline.diffusion.tea_cache import COEFFICIENTS, TeaCacheConfig, apply_tea_cache, remove_tea_cache
from pipeline.distributed.guidance_parallel import ONE_RANK, Parallelism
from pipeline.distributed.rank import holds_everywhere
from pipeline.engine import EngineSettings, MadeClip, Reporter
from pipeline.errors import EngineError
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.compilation import compile_transformer
from pipeline.infinitetalk.components import TRANSFORMER
from pipeline.infinitetalk.conditioning import encode_scene
from pipeline.infinitetalk.models import Models, load_models
from pipeline.infinitetalk.pace import find_pace
from pipeline.infinitetalk.profiles import MODEL, PEOPLE_OVERLAY, get_options
from pipeline.infinitetalk.sampler import SamplerSettings
from pipeline.infinitetalk.streaming import ClipGenerator
from pipeline.profiles import Profile
from pipeline.scene import Scene
from pipeline.weights.lora_switcher import LoraSwitcher
from pipeline.weights.overlay import Overlay
from pipeline.weights.spec import AddedLora

# For activations and remembered keys and values, at 720p.
RESERVED_BYTES = 16_000_000_000
# A window at 480p: what the choice of the attention is measured with.
MEASURED_TOKENS = 33_600


@dataclass(frozen=True)
class Runtime:
    """The models in memory.

    Attributes:
        models: All that a video is made with.
        lora_switcher: Keeps the transformer's weights as a profile needs them.
        fits: Whether the device holds all weights at once.
        parallelism: How ranks share out the work; None where this process works alone.
    """

    models: Models
    lora_switcher: LoraSwitcher
    fits: bool
    parallelism: Parallelism | None = None

    def generate(self, scene: Scene, report: Reporter, state: bytes | None = None) -> Iterator[MadeClip]:
        """Yield the clips of the scene's video, or those that are left after one that left this state.

        Raises:
            EngineError: The frame or the voices do not suit the model, or memory is short, or the weights lack what is
                needed for several people.
            GenerationCancelledError: `report` said so.
        """
        self._check_scene(scene)
        models = self.models
        with explain_short_memory("for this. Use the profile low_vram."):
            self.lora_switcher.choose(_choose_lora(scene.profile), report, overlaid=is_crowded(scene))
            place_models(models, offloaded=get_options(scene.profile).offloaded or not self.fits)
            _choose_caching(models, scene.profile)
            inputs = encode_scene(models, scene, report)
            plan = plan_clips(scene.num_frames, scene.profile.mode)
            settings = _choose_settings(scene)
            parallel = ONE_RANK if self.parallelism is None else self.parallelism.apply(len(settings.scales.branches))
            # Every rank draws the same noise from the same seed; only the denoising is shared out.
            generator = ClipGenerator(models.transformer, models.vae, settings, parallel=parallel)
            pace = _find_pace(scene, plan, settings, models.device)
            progress = VideoProgress(report, plan, (pace,) * len(plan.starts))
            yield from make_clips(
                lambda noise, handed: generator.generate(inputs, plan, noise, progress, handed),
                scene.seed,
                state,
                models.device,
            )

    def _check_scene(self, scene: Scene) -> None:
        if is_crowded(scene) and not self.lora_switcher.has_overlay:
            raise EngineError(
                "Two faces and more need a part of the model's weights that is not on this machine (multi). Fetch the "
                "weights again, with the same command as before (python -m pipeline.weights FOLDER): it only fetches "
                "what is missing, about 5 GB. Or use a picture of one person."
            )
        check_sides(scene.source.size, self.models.token_side)


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
    opened.quantize(models.transformer.blocks, settings.precision)
    people = checkpoint.overlays.get(PEOPLE_OVERLAY)
    _speed_up(models, settings, fits=fits, with_people=people is not None)
    switcher = LoraSwitcher(
        models.transformer,
        checkpoint.components[TRANSFORMER.name],
        opened.variants.weights,
        LAYOUT.read_lora,
        opened.variants.open_fused,
        overlay=None if people is None else Overlay(models.transformer, people),
    )
    return Runtime(models, switcher, fits)


def load_rank(settings: EngineSettings, report: Reporter) -> Runtime:
    """Read the weights into the memory of one GPU among several, whose ranks all call this.

    Raises:
        EngineError: See `load_runtime`.
        EngineUnavailableError: See there.
        GenerationCancelledError: See there.
    """
    runtime = load_runtime(settings, report, agree=holds_everywhere)
    return replace(runtime, parallelism=Parallelism(runtime.models.transformer, runtime.models.device))


def _speed_up(models: Models, settings: EngineSettings, *, fits: bool, with_people: bool) -> None:
    """Apply what the settings say about how to compute."""
    transformer, device = models.transformer, models.device
    config = transformer.config
    shape = AttentionShape(MEASURED_TOKENS, config.num_attention_heads, config.attention_head_dim)
    set_attention(transformer, settings.attention, shape, device, transformer.compute_dtype)
    if device.type != "cuda":
        return
    # Before halving, which copies the decoder with the order of its weights.
    order_for_gpu(models.vae)
    halve_decoder(models.vae)
    # Weights that wait in CPU memory are what such a pass waits for: compiled, it would not be faster.
    if settings.compiled and fits:
        compile_transformer(transformer, device, with_people=with_people)


def _choose_lora(profile: Profile) -> AddedLora | None:
    options = get_options(profile)
    return None if options.lora is None else AddedLora(options.lora, options.lora_scale)


def _choose_caching(models: Models, profile: Profile) -> None:
    remove_tea_cache(models.transformer)
    if get_options(profile).tea_cache:
        apply_tea_cache(models.transformer, TeaCacheConfig(COEFFICIENTS[profile.resolution]))


def _find_pace(scene: Scene, plan: ClipPlan, settings: SamplerSettings, device: torch.device) -> ClipPace:
    return find_pace(
        scene.source.size,
        plan.clip_frames,
        settings.num_inference_steps,
        len(settings.scales.branches),
        tea_cache=get_options(scene.profile).tea_cache,
        gpu=torch.cuda.get_device_name(device) if device.type == "cuda" else "",
    )


def _choose_settings(scene: Scene) -> SamplerSettings:
    sampling = scene.sampling
    return SamplerSettings(
        GuidanceScales(sampling.guidance_scale, sampling.audio_guidance_scale),
        sampling.num_inference_steps,
        get_options(scene.profile).shift,
    )
