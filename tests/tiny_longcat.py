"""A tiny LongCat with random weights, in the layout in which the real one is released.

`python -m tests.tiny_longcat FOLDER [1.5 | 1.5-int8 | 1.0]` writes it, `python -m pipeline.weights TARGET --engine
longcat --released FOLDER` prepares it. It makes videos of noise, at the real sizes, on any CPU.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import WhisperConfig, WhisperModel

from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.components import TRANSFORMER
from pipeline.weights.loading import Component
from tests.tiny_checkpoint import (
    TEXT_DIM,
    Tensors,
    draw,
    text_encoder_shapes,
    write_audio_encoder,
    write_model,
    write_text_encoder,
    write_tokenizer,
    write_vae,
)
from tests.tiny_checkpoint import TRANSFORMER as INFINITETALK

RELEASES = ("1.5", "1.5-int8", "1.0")
WHISPER_CHANNELS, WHISPER_LAYERS, NUM_MEL_BINS = 16, 8, 80
ARCHITECTURE = LongCatArchitecture(
    dim=24,
    num_layers=2,
    num_heads=2,
    text_dim=TEXT_DIM,
    time_dim=16,
    freq_dim=16,
    audio_layers=2,
    audio_channels=WHISPER_CHANNELS,
    audio_intermediate_dim=8,
    audio_dim=16,
    audio_tokens=4,
)
LORA_RANK, LORA_SCALE = 2, 0.5
# How many layers are one, of those that the LoRA changes.
LORA_LAYERS = {
    "attn.qkv": 3,
    "attn.proj": 1,
    "cross_attn.q_linear": 1,
    "cross_attn.kv_linear": 2,
    "ffn.w1": 1,
    "ffn.w2": 1,
    "ffn.w3": 1,
}
LORA_FILE = Path("loras/dmd/lora/dmd_lora.safetensors")


def write_tiny_longcat(folder: Path, release: str = "1.5") -> Path:
    """Write all released files into `folder`, which `prepare` and the engine take; return it."""
    generator = torch.Generator().manual_seed(0)
    base, avatar = folder / "base", folder / "avatar"
    base.mkdir(parents=True)
    write_text_encoder(base / "text_encoder", draw(text_encoder_shapes(), generator))
    write_vae(base / "vae")
    write_tokenizer(base / "tokenizer")
    if release == "1.0":
        write_audio_encoder(avatar / "chinese-wav2vec2-base")
        for name in ("avatar_single", "avatar_multi"):
            _write_transformer(avatar / name, draw_transformer(generator))
        return folder
    _write_whisper(avatar / "whisper-large-v3")
    transformer = draw_transformer(generator)
    if release == "1.5":
        _write_transformer(avatar / "base_model", transformer)
    else:
        _write_transformer(avatar / "base_model_int8", quantize(transformer))
    lora = draw_lora(transformer, generator)
    (folder / LORA_FILE).parent.mkdir(parents=True)
    save_file(lora, folder / LORA_FILE)
    return folder


def draw_transformer(generator: torch.Generator) -> Tensors:
    """Draw the transformer's weights, under the names of the released files."""
    empty = Component(TRANSFORMER, ARCHITECTURE.to_config(), ()).empty_tensors
    assert INFINITETALK.audio_layers == ARCHITECTURE.audio_layers, "wav2vec2 serves both"
    return draw({name: tuple(tensor.shape) for name, tensor in empty.items()}, generator)


def quantize(tensors: Tensors) -> Tensors:
    """Turn linear layers into the released 8-bit form: rows of int8, a scale for each, the rest in bf16."""
    stored: Tensors = {}
    for name, tensor in tensors.items():
        module, _, leaf = name.rpartition(".")
        if leaf == "weight" and tensor.ndim == 2 and module != "final_layer.linear":
            scale = tensor.abs().amax(dim=1) / 127
            stored[f"{module}.weight_int8"] = (tensor / scale[:, None]).round().to(torch.int8)
            stored[f"{module}.weight_scale"] = scale
        else:
            stored[name] = tensor.bfloat16()
    return stored


def draw_lora(transformer: Tensors, generator: torch.Generator) -> Tensors:
    """Draw a LoRA under the names of the released one, whose layers that are several in one have factors for each."""
    tensors: Tensors = {}
    for index in range(ARCHITECTURE.num_layers):
        for layer, num_parts in LORA_LAYERS.items():
            outputs, inputs = transformer[f"blocks.{index}.{layer}.weight"].shape
            name = f"lora.blocks.{index}.{layer}".replace(".", "___lorahyphen___")
            ups = (
                ["lora_up.weight"] if num_parts == 1 else [f"lora_up.blocks.{part}.weight" for part in range(num_parts)]
            )
            shapes = {f"{name}.{up}": (outputs // num_parts, LORA_RANK) for up in ups}
            tensors |= draw(shapes | {f"{name}.lora_down.weight": (num_parts * LORA_RANK, inputs)}, generator)
            tensors[f"{name}.alpha_scale"] = torch.tensor(LORA_SCALE)
    return tensors


def _write_transformer(folder: Path, tensors: Tensors) -> None:
    write_model(folder, {"_class_name": "LongCatVideoAvatarTransformer3DModel", "audio_prenorm": False}, tensors)


def _write_whisper(folder: Path) -> None:
    """Write the whole of Whisper, as it is released, in half precision."""
    config = WhisperConfig(
        d_model=WHISPER_CHANNELS,
        encoder_layers=WHISPER_LAYERS,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=32,
        num_mel_bins=NUM_MEL_BINS,
        vocab_size=8,
        pad_token_id=0,
        max_target_positions=8,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = WhisperModel(config)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict() | {"architectures": ["WhisperModel"]}))
    tensors = {f"model.{name}": tensor.half().clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")


if __name__ == "__main__":
    write_tiny_longcat(Path(sys.argv[1]), *sys.argv[2:])
