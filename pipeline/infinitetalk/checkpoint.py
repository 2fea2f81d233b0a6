"""Where the tensors of InfiniteTalk's models are in the released files, and how they are stored when prepared."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.diffusion.components import TEXT_ENCODER, VAE, convert_wav2vec2
from pipeline.errors import WeightsError
from pipeline.infinitetalk.architecture import (
    read_audio_config,
    read_base_config,
    read_image_encoder_config,
    read_text_encoder_config,
    read_vae_config,
)
from pipeline.infinitetalk.components import AUDIO_ENCODER, COMPONENTS, IMAGE_ENCODER, TRANSFORMER
from pipeline.infinitetalk.key_names import (
    convert_adapter,
    convert_diffusers_image_encoder,
    convert_image_encoder,
    convert_text_encoder,
    convert_transformer,
    convert_vae,
    is_adapter_name,
)
from pipeline.infinitetalk.lora_names import LORA_NAMES
from pipeline.infinitetalk.profiles import PEOPLE_OVERLAY
from pipeline.weights.checkpoint import (
    Checkpoint,
    CheckpointLayout,
    find_folder,
    find_shards,
    make_checkpoint,
    open_component,
    read_config,
)
from pipeline.weights.loading import Component, ComponentSpec, Convert, keep_name
from pipeline.weights.lora import read_lora
from pipeline.weights.sizes import Sizes
from pipeline.weights.tensor_files import read_shapes

# Folders of the released repositories, by the names that they may have.
BASE = ("base", "Wan2.1-I2V-14B-480P", "Wan2.1-I2V-14B-480P-Diffusers")
AUDIO = ("audio_encoder", "chinese-wav2vec2-base")
ADAPTER = ("adapter", "InfiniteTalk")

ADAPTER_FILE = "single/infinitetalk.safetensors"
PEOPLE_ADAPTER_FILE = "multi/infinitetalk.safetensors"
TEXT_ENCODER_FILE = "models_t5_umt5-xxl-enc-bf16.pth"
IMAGE_ENCODER_FILE = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
VAE_FILE = "Wan2.1_VAE.pth"
ORIGINAL_TOKENIZER = "google/umt5-xxl"
TOKENIZER = "tokenizer"


def open_released(folder: Path) -> Checkpoint:
    """Find the models in a folder of released files, without reading weights.

    Raises:
        WeightsError: Something is missing, cut off or does not fit.
    """
    base = find_folder(folder, BASE)
    audio_encoder = find_folder(folder, AUDIO)
    adapter = find_folder(folder, ADAPTER) / ADAPTER_FILE
    audio_config = read_config(audio_encoder)
    is_original = not (base / TRANSFORMER.name).is_dir()
    find = _find_original_encoders if is_original else _find_diffusers_encoders
    components = [
        (_find_original_transformer if is_original else _find_diffusers_transformer)(base, adapter, audio_config),
        *find(base),
        Component(AUDIO_ENCODER, audio_config, (audio_encoder / "model.safetensors",), convert_wav2vec2),
    ]
    tokenizer = base / (ORIGINAL_TOKENIZER if is_original else TOKENIZER)
    return make_checkpoint(components, {TOKENIZER: tokenizer})


def find_overlays(folder: Path, transformer: Component) -> dict[str, Component]:
    """Find the adapter for several people in a folder of released files; an older one has none.

    Args:
        folder: Of the released files.
        transformer: Whose tensors it is to take the place of.
    """
    found = [path for name in ADAPTER if (path := folder / name / PEOPLE_ADAPTER_FILE).is_file()]
    if not found:
        return {}
    required = frozenset(filter(is_adapter_name, transformer.empty_tensors))
    return {PEOPLE_OVERLAY: Component(TRANSFORMER, transformer.config, (found[0],), convert_adapter, required)}


def _find_original_transformer(base: Path, adapter: Path, audio_config: Mapping[str, Any]) -> Component:
    shards = find_shards(base)
    shapes = {name: shape for path in shards for name, shape in read_shapes(path).items()}
    config = read_base_config(Sizes(shapes, base), num_heads=_read_number(base, "num_heads"))
    config |= read_audio_config(Sizes(read_shapes(adapter), adapter), audio_config)
    return Component(TRANSFORMER, config, (*shards, adapter), convert_transformer)


def _find_diffusers_transformer(base: Path, adapter: Path, audio_config: Mapping[str, Any]) -> Component:
    folder = base / TRANSFORMER.name
    config = {key: value for key, value in read_config(folder).items() if not key.startswith("_")}
    config |= read_audio_config(Sizes(read_shapes(adapter), adapter), audio_config)
    return Component(TRANSFORMER, config, (*find_shards(folder), adapter), convert_adapter)


def _find_original_encoders(base: Path) -> list[Component]:
    text, image, vae = (base / name for name in (TEXT_ENCODER_FILE, IMAGE_ENCODER_FILE, VAE_FILE))
    return [
        Component(TEXT_ENCODER, read_text_encoder_config(_sizes(text)), (text,), convert_text_encoder),
        Component(IMAGE_ENCODER, read_image_encoder_config(_sizes(image)), (image,), convert_image_encoder),
        Component(VAE, read_vae_config(_sizes(vae)), (vae,), convert_vae),
    ]


def _find_diffusers_encoders(base: Path) -> list[Component]:
    converts: tuple[tuple[ComponentSpec, Convert], ...] = (
        (TEXT_ENCODER, keep_name),
        (IMAGE_ENCODER, convert_diffusers_image_encoder),
        (VAE, keep_name),
    )
    return [replace(open_component(base / spec.name, spec), convert=convert) for spec, convert in converts]


def _sizes(path: Path) -> Sizes:
    return Sizes(read_shapes(path), path)


def _read_number(folder: Path, key: str) -> int:
    config = read_config(folder)
    if not isinstance(config.get(key), int):
        raise WeightsError(f"Expected a number '{key}' in {folder / 'config.json'}. Fetch the weights again.")
    return int(config[key])


LAYOUT = CheckpointLayout(
    COMPONENTS,
    (TOKENIZER,),
    TRANSFORMER,
    open_released,
    read_lora=partial(read_lora, names=LORA_NAMES),
    find_overlays=find_overlays,
)
