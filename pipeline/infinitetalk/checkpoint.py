"""Where the tensors of InfiniteTalk's models are: the released files, or a folder that was prepared from them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.diffusion.loading import Component, Convert, Kind, keep_name
from pipeline.diffusion.tensor_files import read_shapes
from pipeline.errors import WeightsError
from pipeline.infinitetalk.architecture import (
    Sizes,
    read_audio_config,
    read_base_config,
    read_image_encoder_config,
    read_text_encoder_config,
    read_vae_config,
)
from pipeline.infinitetalk.key_names import (
    convert_adapter,
    convert_audio_encoder,
    convert_diffusers_image_encoder,
    convert_image_encoder,
    convert_text_encoder,
    convert_transformer,
    convert_vae,
)
from pipeline.infinitetalk.kinds import AUDIO_ENCODER, IMAGE_ENCODER, KINDS, TEXT_ENCODER, TRANSFORMER, VAE
from pipeline.infinitetalk.manifest import check_files, is_prepared

# Folders of the released repositories, by the names that they may have.
BASE = ("base", "Wan2.1-I2V-14B-480P", "Wan2.1-I2V-14B-480P-Diffusers")
AUDIO = ("audio_encoder", "chinese-wav2vec2-base")
ADAPTER = ("adapter", "InfiniteTalk")

ADAPTER_FILE = "single/infinitetalk.safetensors"
TEXT_ENCODER_FILE = "models_t5_umt5-xxl-enc-bf16.pth"
IMAGE_ENCODER_FILE = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
VAE_FILE = "Wan2.1_VAE.pth"
ORIGINAL_TOKENIZER = "google/umt5-xxl"


@dataclass(frozen=True)
class Checkpoint:
    """All that InfiniteTalk is made from.

    Attributes:
        components: The five models, by name.
        tokenizer: Folder of the text encoder's tokenizer.
    """

    components: Mapping[str, Component]
    tokenizer: Path

    def with_transformer(self, transformer: Component) -> "Checkpoint":
        """Return the same with another transformer."""
        return replace(self, components={**self.components, TRANSFORMER.name: transformer})


def open_checkpoint(folder: Path) -> Checkpoint:
    """Find the models in a prepared folder or in one of released files, without reading weights.

    Raises:
        WeightsError: Something is missing, cut off or does not fit.
    """
    if is_prepared(folder):
        return _open_prepared(folder)
    return _open_released(folder)


def _open_prepared(folder: Path) -> Checkpoint:
    check_files(folder)
    components = (Component(kind, read_config(folder / kind.name), find_shards(folder / kind.name)) for kind in KINDS)
    return Checkpoint({component.kind.name: component for component in components}, folder / "tokenizer")


def _open_released(folder: Path) -> Checkpoint:
    base = _find_folder(folder, BASE)
    audio_encoder = _find_folder(folder, AUDIO)
    adapter = _find_folder(folder, ADAPTER) / ADAPTER_FILE
    audio_config = read_config(audio_encoder)
    is_original = not (base / TRANSFORMER.name).is_dir()
    find = _find_original_encoders if is_original else _find_diffusers_encoders
    components = [
        (_find_original_transformer if is_original else _find_diffusers_transformer)(base, adapter, audio_config),
        *find(base),
        Component(AUDIO_ENCODER, audio_config, (audio_encoder / "model.safetensors",), convert_audio_encoder),
    ]
    tokenizer = base / (ORIGINAL_TOKENIZER if is_original else "tokenizer")
    if not tokenizer.is_dir():
        raise WeightsError(f"Expected the text encoder's tokenizer at {tokenizer}. Fetch the weights again.")
    return Checkpoint({component.kind.name: component for component in components}, tokenizer)


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
    converts: tuple[tuple[Kind, Convert], ...] = (
        (TEXT_ENCODER, keep_name),
        (IMAGE_ENCODER, convert_diffusers_image_encoder),
        (VAE, keep_name),
    )
    return [
        Component(kind, read_config(base / kind.name), find_shards(base / kind.name), convert)
        for kind, convert in converts
    ]


def _sizes(path: Path) -> Sizes:
    return Sizes(read_shapes(path), path)


def _find_folder(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise WeightsError(f"Expected a folder {' or '.join(names)} in {folder}, but there is none. Fetch the weights.")


def find_shards(folder: Path) -> tuple[Path, ...]:
    """Return the weights' files.

    Raises:
        WeightsError: There are none, or an index names one that is not there.
    """
    shards = tuple(sorted(folder.glob("*.safetensors")))
    expected = {
        folder / name
        for index in folder.glob("*.safetensors.index.json")
        for name in json.loads(index.read_text())["weight_map"].values()
    }
    missing = sorted(expected - set(shards)) or ([] if shards else [folder / "*.safetensors"])
    if missing:
        raise WeightsError(f"Expected weights at {missing[0]}, but there is no such file. Fetch the weights again.")
    return shards


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model's architecture.

    Raises:
        WeightsError: It is not there.
    """
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise WeightsError(f"Expected the model's architecture at {path}. Fetch the weights again.") from error
    return config


def _read_number(folder: Path, key: str) -> int:
    config = read_config(folder)
    if not isinstance(config.get(key), int):
        raise WeightsError(f"Expected a number '{key}' in {folder / 'config.json'}. Fetch the weights again.")
    return int(config[key])
