"""Where the tensors of LongCat's models are in the released files.

A release is known by its keys: whether its linear layers have 8 bits, which speech features it takes, how large it is.
So newer weights of the same architecture need no code, only their place in `pipeline.longcat.weights`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.diffusion.audio_projection import read_audio_sizes
from pipeline.diffusion.components import TEXT_ENCODER, VAE, convert_wav2vec2
from pipeline.longcat.architecture import CONFIG_NAMES, LongCatArchitecture
from pipeline.longcat.availability import AUDIO_OF_1_0, CLASS_NAME, RELEASED_FOLDERS
from pipeline.longcat.components import AUDIO_ENCODER, COMPONENTS, TRANSFORMER, is_whisper
from pipeline.longcat.lora import read_lora
from pipeline.longcat.profiles import PEOPLE_OVERLAY
from pipeline.longcat.speech import count_groups
from pipeline.weights.checkpoint import (
    Checkpoint,
    CheckpointLayout,
    find_folder,
    find_shards,
    make_checkpoint,
    open_component,
    read_config,
)
from pipeline.weights.loading import Component
from pipeline.weights.sizes import Sizes
from pipeline.weights.tensor_files import NamedTensor, read_shapes

# The folder of what is not the avatar's own, by the names that it may have.
BASE = ("base", "LongCat-Video")
# In the avatar's folder. Of two forms of the same weights, the one with more bits.
TRANSFORMERS = ("base_model", "base_model_int8", "avatar_single")
PEOPLE_TRANSFORMER = "avatar_multi"
AUDIO = ("whisper-large-v3", AUDIO_OF_1_0)
AUDIO_FILE = "model.safetensors"
TOKENIZER = "tokenizer"

INT8_WEIGHT = "weight_int8"
WHISPER_ENCODER = ("model.encoder.", "encoder.")


def open_released(folder: Path, transformers: tuple[str, ...] = TRANSFORMERS) -> Checkpoint:
    """Find the models in a folder of released files, without reading weights.

    Args:
        folder: Of the released files.
        transformers: Folders of the transformer, the preferred one first.

    Raises:
        WeightsError: Something is missing, cut off or does not fit.
    """
    avatar, base = find_folder(folder, RELEASED_FOLDERS), find_folder(folder, BASE)
    audio_encoder = _find_audio_encoder(find_folder(avatar, AUDIO))
    transformer = _find_transformer(find_folder(avatar, transformers), audio_encoder.config)
    text_encoder, vae = (open_component(base / spec.name, spec) for spec in (TEXT_ENCODER, VAE))
    return make_checkpoint([transformer, text_encoder, vae, audio_encoder], {TOKENIZER: base / TOKENIZER})


def find_overlays(folder: Path, transformer: Component) -> dict[str, Component]:
    """Find the transformer for several people, of a release where one does not serve for any number.

    Args:
        folder: Of the released files.
        transformer: Whose place it is to take.
    """
    found = [path for name in RELEASED_FOLDERS if (path := folder / name / PEOPLE_TRANSFORMER).is_dir()]
    if not found:
        return {}
    return {PEOPLE_OVERLAY: Component(TRANSFORMER, transformer.config, find_shards(found[0]))}


def _find_transformer(folder: Path, audio_config: Mapping[str, Any]) -> Component:
    shards = find_shards(folder)
    shapes = {name: shape for path in shards for name, shape in read_shapes(path).items()}
    is_int8 = any(name.endswith(INT8_WEIGHT) for name in shapes)
    sizes = read_sizes(Sizes(shapes, folder), INT8_WEIGHT if is_int8 else "weight", audio_config)
    architecture = LongCatArchitecture.from_config(read_config(folder) | sizes | {"int8": is_int8})
    return Component(TRANSFORMER, architecture.to_config() | {"_class_name": CLASS_NAME}, shards)


def read_sizes(sizes: Sizes, weight: str, audio_encoder: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shapes of a transformer's tensors say of it, under the names of a released `config.json`.

    Args:
        sizes: Of its tensors.
        weight: What linear layers call their weights.
        audio_encoder: Config of the encoder whose features it takes.

    Raises:
        WeightsError: A tensor is missing, or the audio encoder is not the one that it was trained with.
    """
    dim, in_channels, *patch_size = sizes.of("x_embedder.proj.weight")
    (head_dim,) = sizes.of("blocks.0.attn.q_norm.weight")
    time_dim, freq_dim = sizes.of(f"t_embedder.mlp.0.{weight}")
    patch_volume = patch_size[0] * patch_size[1] * patch_size[2]
    layers, channels = _describe_features(audio_encoder)
    audio_sizes = read_audio_sizes(sizes, layers, channels, "a transformer", weight=weight)
    return {
        "hidden_size": dim,
        "in_channels": in_channels,
        "out_channels": sizes.of("final_layer.linear.weight")[0] // patch_volume,
        "patch_size": patch_size,
        "depth": sizes.count("blocks."),
        "num_heads": dim // head_dim,
        "caption_channels": sizes.of(f"y_embedder.y_proj.0.{weight}")[1],
        "adaln_tembed_dim": time_dim,
        "frequency_embedding_size": freq_dim,
        **{CONFIG_NAMES[name]: size for name, size in audio_sizes.items()},
    }


def _describe_features(audio_encoder: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many features a frame has, and how wide they are."""
    if is_whisper(audio_encoder):
        return count_groups(audio_encoder["encoder_layers"]), audio_encoder["d_model"]
    return audio_encoder["num_hidden_layers"], audio_encoder["hidden_size"]


def _find_audio_encoder(folder: Path) -> Component:
    config = read_config(folder)
    convert = convert_whisper if is_whisper(config) else convert_wav2vec2
    return Component(AUDIO_ENCODER, config, (folder / AUDIO_FILE,), convert)


def convert_whisper(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of Whisper, of which only the encoder is used."""
    for prefix in WHISPER_ENCODER:
        if name.startswith(prefix):
            return [(name.removeprefix(prefix), tensor)]
    return []


LAYOUT = CheckpointLayout(COMPONENTS, (TOKENIZER,), TRANSFORMER, open_released, read_lora, find_overlays)
