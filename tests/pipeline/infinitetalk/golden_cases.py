"""The golden cases, built from the rows of `cases.json`."""

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from pipeline.diffusion.clip_loop import Clip, Prompts
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.guidance import GuidanceScales
from pipeline.diffusion.latents import frames_to_tensor
from pipeline.diffusion.people import query_positions
from pipeline.diffusion.tea_cache import COEFFICIENTS, TeaCacheConfig, apply_tea_cache
from pipeline.diffusion.text_encoder import pad_prompt
from pipeline.infinitetalk.sampler import SamplerSettings
from pipeline.infinitetalk.streaming import ClipGenerator, VideoInputs
from pipeline.infinitetalk.transformer import Conditioning
from tests.golden_files import GoldenFolder, Row
from tests.golden_rule import make_vae, rule, to_bf16
from tests.pipeline.infinitetalk.golden_models import SIZES, make_transformer

GOLDEN = GoldenFolder(Path(os.environ.get("GOLDEN_DIR", Path(__file__).parents[2] / "golden")))
read_cases, read_rows, read_units, read_loop = GOLDEN.read_cases, GOLDEN.read_rows, GOLDEN.read_units, GOLDEN.read_loop

Output = TypeVar("Output")

# What is read of the rows of each list.
KEYS = {
    "transformer": {"name", "latents", "timestep", "prompt_tokens", "people", "masks"},
    "tea_cache": {
        *("name", "inputs", "latents", "prompt_tokens", "num_inference_steps", "shift", "resolution", "threshold"),
        *("time_projection_factor", "pattern", "outputs", "outputs_every"),
    },
    "audio": {"name", "waveform", "samples", "frames"},
    "loops": {
        *("name", "people", "audio_frames", "clip_frames", "motion_frames", "max_frames", "num_inference_steps"),
        *("shift", "guidance_scale", "audio_guidance_scale", "apg", "tea_cache", "time_projection_factor"),
        *("color_correction", "clips", "video_shape"),
    },
}


def name_units() -> set[str]:
    """Return the names of the tensors in `units.safetensors` that rows ask for."""
    with_outputs = [row for row in read_rows("tea_cache") if row["outputs"]]
    return (
        {row["name"] for kind in ("transformer", "audio") for row in read_rows(kind)}
        | {row["outputs"] for row in with_outputs}
        | {f"{row['name']}_timesteps" for row in with_outputs}
    )


def name_loop(row: Row) -> set[str]:
    """Return the names of the tensors in a loop's file."""
    return {"video"} | {f"{kind}_{index}" for kind in ("noise", "latents") for index in range(row["clips"])}


def forward_inputs(name: str, row: Row, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, Conditioning]:
    """Build what one forward gets besides the timestep."""
    _, frames, height, width = row["latents"]
    latents = rule(f"{name}/latents", row["latents"], 1.7)[None]
    condition = rule(f"{name}/condition", (1, 20, frames, height, width))
    prompt_embeds = pad_prompt(rule(f"{name}/prompt_embeds", (row["prompt_tokens"], SIZES.text_dim)))
    windows = rule(f"{name}/audio_windows", (row.get("people", 1), 4 * (frames - 1) + 1, 5, 12, 768))[None]
    context = Conditioning(
        AttentionContext(prompt_embeds.to(dtype)),
        AttentionContext(rule(f"{name}/image_embeds", (1, 257, SIZES.image_dim)).to(dtype)),
        AttentionContext(windows.to(dtype)),
        _draw_boxes(row),
    )
    return torch.cat([latents, condition], dim=1).to(dtype), context


def _draw_boxes(row: Row) -> torch.Tensor | None:
    if row.get("people", 1) == 1:
        return None
    masks = torch.zeros(row["people"], *row["latents"][2:])
    for mask, (top, bottom, left, right) in zip(masks, row["masks"], strict=True):
        mask[top:bottom, left:right] = 1
    return masks


def split_in_halves(height: int, width: int) -> torch.Tensor:
    """Return the masks (2, height, width) of people in the left and the right half, less a margin of 5 %."""
    half = width // 2
    rows = slice(int(0.05 * height), int(0.95 * height))
    left, right = int(0.05 * half), int(0.95 * half)
    masks = torch.zeros(2, height, width)
    masks[0, rows, left:right] = 1
    masks[1, rows, left + half : right + half] = 1
    return masks


def loop_inputs(row: Row) -> VideoInputs:
    """Build what a loop's video is made from."""
    name = row["name"]
    pixels = GOLDEN.read_photo(name)
    return VideoInputs(
        photo=frames_to_tensor(pixels, torch.device("cpu")),
        image_embeds=rule(f"{name}/image_embeds", (1, 257, SIZES.image_dim)),
        prompts=Prompts(
            pad_prompt(rule(f"{name}/prompt_embeds", (23, SIZES.text_dim))),
            pad_prompt(rule(f"{name}/negative_prompt_embeds", (31, SIZES.text_dim))),
        ),
        speech=tuple(
            rule(f"{name}/audio_features_{person + 1}", (row["audio_frames"], 12, 768))
            for person in range(row["people"])
        ),
        speaker_masks=split_in_halves(*pixels.shape[:2]) if row["people"] == 2 else None,
    )


def loop_generator(row: Row, dtype: torch.dtype) -> ClipGenerator:
    """Build the models and the settings of a loop."""
    transformer, vae = make_transformer(row["time_projection_factor"]), make_vae()
    if dtype == torch.bfloat16:
        to_bf16(transformer)
    if row["tea_cache"]:
        apply_tea_cache(transformer, TeaCacheConfig(COEFFICIENTS["480p"]))
    scales = GuidanceScales(row["guidance_scale"], row["audio_guidance_scale"])
    settings = SamplerSettings(scales, row["num_inference_steps"], row["shift"], projected=row["apg"])
    return ClipGenerator(transformer, vae, settings, row["color_correction"])


class NoReporter:
    """Takes how far a clip is, and tells nobody."""

    def report_step(self, clip: int, step: int) -> None: ...

    def report_decoding(self, clip: int, share: float) -> None: ...


def run_loop(row: Row, dtype: torch.dtype = torch.float32, num_clips: int | None = None) -> list[Clip]:
    """Generate a loop's video, with the golden noise: whole, or its first clips."""
    golden = read_loop(row)
    num_frames = min(row["max_frames"], row["audio_frames"])
    plan = ClipPlan(num_frames, row["clip_frames"], row["motion_frames"])
    clips = loop_generator(row, dtype).generate(
        loop_inputs(row), plan, lambda index, shape: golden[f"noise_{index}"].view(shape), NoReporter()
    )
    return list(islice(clips, num_clips))


def keep_people(monkeypatch: pytest.MonkeyPatch, run: Callable[[], Output]) -> Output:
    """Return what `run` does, and let the next run give every token to the person to whom this one gave it.

    With random weights, one token in a hundred looks at both faces alike within bf16's step. To whom it belongs is then
    chance, which guidance multiplies by nine; the rounding of the weights alone is enough for that.
    """
    kept: list[torch.Tensor] = []

    def keep(attention: torch.Tensor, *others: object) -> torch.Tensor:
        kept.append(query_positions(attention, *others))
        return kept[-1]

    monkeypatch.setattr("pipeline.infinitetalk.self_attention.query_positions", keep)
    output = run()
    monkeypatch.setattr("pipeline.infinitetalk.self_attention.query_positions", lambda *_: kept.pop(0))
    return output
