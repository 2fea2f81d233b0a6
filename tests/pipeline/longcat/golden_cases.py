"""The golden cases, built from the rows of `cases.json`."""

import os
from pathlib import Path

import torch

from pipeline.diffusion.clip_loop import Clip, HandedOver, Prompts
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.latents import frames_to_tensor
from pipeline.longcat.guidance import LongCatGuidance
from pipeline.longcat.sampler import ClipGenerator, HandOver, SamplerSettings, VideoInputs
from pipeline.longcat.schedule import Schedule
from pipeline.longcat.transformer import Conditioning, Continuation, LongCatTransformer, People
from pipeline.types import FrameSize
from tests.golden_files import GoldenFolder, Row
from tests.golden_rule import make_vae, rule
from tests.pipeline.longcat.golden_models import AUDIO, TEXT_DIM, make_transformer

GOLDEN = GoldenFolder(Path(os.environ.get("GOLDEN_LONGCAT_DIR", Path(__file__).parents[2] / "golden_longcat")))
read_cases, read_rows, read_units, read_loop = GOLDEN.read_cases, GOLDEN.read_rows, GOLDEN.read_units, GOLDEN.read_loop
NOISE_AMPLITUDE = 3**0.5

# What is read of the rows of each list.
KEYS = {
    "forward": {
        *("name", "version", "latents", "timestep", "prompt_tokens", "known_frames", "reference", "people", "masks"),
        *("bystanders", "ref_img_index", "mask_frame_range", "lora", "int8"),
    },
    "audio": {"name", "version", "samples", "features"},
    "loops": {
        *("name", "version", "stage", "segments", "num_frames", "num_cond_frames", "distilled", "steps", "shift"),
        *("text_scale", "audio_scale", "ref_img_index", "mask_frame_range", "people", "photo_size", "boxes", "int8"),
        *("lora", "every", "features", "frames", "sigmas"),
    },
}


def run_forward(transformer: LongCatTransformer, row: Row) -> torch.Tensor:
    """Predict the flow (16, latent frames, h, w) once, of the known frames too."""
    latents = rule(f"{row['name']}/latents", row["latents"], 1.7)[None]
    num_known = row["known_frames"] + row["reference"]
    known = None
    if num_known:
        index = row["ref_img_index"] if row["reference"] else None
        continuation = Continuation(row["known_frames"], index, row["mask_frame_range"] or 0)
        known = transformer.remember(latents[:, :, :num_known], continuation)
    timestep = torch.tensor([row["timestep"]])
    flow = transformer(latents[:, :, num_known:], timestep, _make_conditioning(transformer, row), known)
    return (flow if known is None else torch.cat([known.flow, flow], dim=2))[0]


def _make_conditioning(transformer: LongCatTransformer, row: Row) -> Conditioning:
    name, dtype = row["name"], transformer.compute_dtype
    num_frames = 4 * (row["latents"][1] - row["reference"] - 1) + 1
    num_voices = row["people"] + row["bystanders"]
    windows = rule(f"{name}/audio_windows", (num_voices, num_frames, 5, *AUDIO[row["version"]]))[None]
    text = rule(f"{name}/prompt_embeds", (row["prompt_tokens"], TEXT_DIM))[None]
    people = None
    if row["masks"] is not None:
        people = People(draw_boxes(row["masks"], row["latents"][2:]), has_still=row["bystanders"])
    return Conditioning(AttentionContext(text.to(dtype)), AttentionContext(windows.to(dtype)), people)


def draw_boxes(boxes: list[list[int]], size: list[int]) -> torch.Tensor:
    """Return a mask of each box [row from, row to, column from, column to)."""
    masks = torch.zeros(len(boxes), *size)
    for mask, (top, bottom, left, right) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = 1
    return masks


def split_in_halves(height: int, width: int) -> torch.Tensor:
    """Return the masks (2, height, width) of people in the left and the right half, less a tenth at every side."""
    half, rows = width // 2, (int(0.1 * height), int(0.9 * height))
    left, right = int(0.1 * half), int(0.9 * half)
    boxes = [[*rows, left, right], [*rows, int(0.1 * half + half), int(0.9 * half + half)]]
    return draw_boxes(boxes, [height, width])


def make_schedule(row: Row) -> Schedule:
    return Schedule(row["shift"], row["steps"], row["distilled"])


def make_settings(row: Row) -> SamplerSettings:
    is_first_version = row["version"] == "1.0"
    hand_over = HandOver(row["ref_img_index"], row["mask_frame_range"], as_latents=is_first_version, in_8_bits=True)
    return SamplerSettings(
        LongCatGuidance(row["text_scale"], row["audio_scale"]),
        make_schedule(row),
        hand_over,
        feature_stride=2 if is_first_version else 1,
    )


def make_inputs(row: Row) -> VideoInputs:
    """Build what a loop's video is made from."""
    name, (height, width) = row["name"], row["photo_size"]
    photo = None
    if row["stage"] == "ai2v":
        pixels = GOLDEN.read_photo(name)
        photo = frames_to_tensor(pixels, torch.device("cpu"))
    voices = [str(person + 1) for person in range(row["people"])]
    people = None if row["people"] == 1 else People(split_in_halves(height, width))
    if row["boxes"] is not None:
        has_still = len(row["boxes"]) > row["people"]
        voices += ["silent"] * has_still
        boxes = [[top, bottom, left, right] for top, left, bottom, right in row["boxes"]]
        people = People(draw_boxes(boxes, [height, width]), has_still=has_still)
    shape = (row["features"], *AUDIO[row["version"]])
    return VideoInputs(
        Prompts(
            rule(f"{name}/prompt_embeds", (23, TEXT_DIM))[None],
            rule(f"{name}/negative_prompt_embeds", (31, TEXT_DIM))[None],
        ),
        tuple(rule(f"{name}/audio_features_{voice}", shape) for voice in voices),
        FrameSize(width, height),
        photo,
        people,
    )


class NoReporter:
    """Takes how far a clip is, and tells nobody."""

    def report_step(self, clip: int, step: int) -> None: ...

    def report_decoding(self, clip: int, share: float) -> None: ...


def run_loop(row: Row, transformer: LongCatTransformer | None = None, handed: HandedOver | None = None) -> list[Clip]:
    """Generate a loop's whole video, or what is left of it after what was handed over, with the golden noise."""
    if transformer is None:
        transformer = make_transformer(row["version"], int8=row["int8"], lora=1.0 if row["lora"] else None)
    plan = ClipPlan(row["frames"], row["num_frames"], row["num_cond_frames"])

    def draw_noise(index: int, shape: torch.Size) -> torch.Tensor:
        return rule(f"{row['name']}/noise_{index}", shape, NOISE_AMPLITUDE)

    generator = ClipGenerator(transformer, make_vae(), make_settings(row))
    return list(generator.generate(make_inputs(row), plan, draw_noise, NoReporter(), handed))
