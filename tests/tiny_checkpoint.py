"""A tiny InfiniteTalk with random weights, in the layouts in which the real one is released.

`python -m tests.tiny_checkpoint FOLDER` writes it in diffusers' layout, which is the one that is downloaded. It makes
videos of noise, at the real sizes, on any CPU: its VAE packs 4 x 4 pixels into channels, as Wan 2.2's does with 2 x 2.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Literal

import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, Wav2Vec2Config, Wav2Vec2Model

from pipeline.infinitetalk.architecture import read_base_config, read_image_encoder_config, read_text_encoder_config
from pipeline.infinitetalk.checkpoint import (
    ADAPTER_FILE,
    IMAGE_ENCODER_FILE,
    ORIGINAL_TOKENIZER,
    PEOPLE_ADAPTER_FILE,
    TEXT_ENCODER_FILE,
    VAE_FILE,
)
from pipeline.infinitetalk.key_names import (
    convert_image_encoder,
    convert_text_encoder,
    convert_transformer,
    convert_vae,
)
from pipeline.weights.loading import Convert
from pipeline.weights.sizes import Sizes
from tests.released_keys import Shapes, TransformerSizes, adapter_shapes, base_shapes, linear, norm

Layout = Literal["diffusers", "original"]
Tensors = dict[str, torch.Tensor]

NUM_HEADS = 2
TEXT_DIM, TEXT_FFN_DIM, TEXT_HEADS, VOCABULARY = 32, 48, 2, 200
IMAGE_DIM, IMAGE_PATCH, NUM_IMAGE_PATCHES, NUM_IMAGE_LAYERS = 80, 14, 4, 3
TRANSFORMER = TransformerSizes(
    dim=24,
    ffn_dim=32,
    num_layers=2,
    freq_dim=16,
    text_dim=TEXT_DIM,
    image_dim=IMAGE_DIM,
    audio_layers=2,
    audio_channels=16,
    audio_intermediate=8,
    audio_dim=16,
    audio_tokens=4,
)
VAE_BASE_DIM, VAE_PATCH_SIZE = 4, 4
NUM_SHARDS = 2

SENTENCES = [
    "A person is talking to the camera.",
    "A woman speaks in a quiet room, looking straight ahead.",
    "An old man laughs on a bench in the park while the wind moves the trees.",
    "bright tones, overexposed, static, blurred details, subtitles, worst quality, low quality",
]


def write_tiny_checkpoint(folder: Path, layout: Layout = "diffusers") -> Path:
    """Write all released files into `folder`, which `prepare` and the engine take; return it."""
    generator = torch.Generator().manual_seed(0)
    base = folder / "base"
    base.mkdir(parents=True)
    transformer = draw(base_shapes(TRANSFORMER), generator)
    text_encoder = draw(text_encoder_shapes(), generator)
    image_encoder = draw(image_encoder_shapes(), generator) | {"log_scale": torch.tensor(2.6)}
    if layout == "diffusers":
        _write_diffusers_layout(base, transformer, text_encoder, image_encoder)
    else:
        _write_original_layout(base, transformer, text_encoder, image_encoder)
    write_audio_encoder(folder / "audio_encoder")
    for file in (ADAPTER_FILE, PEOPLE_ADAPTER_FILE):
        adapter = folder / "adapter" / file
        adapter.parent.mkdir(parents=True)
        save_file(draw(adapter_shapes(TRANSFORMER), generator), adapter)
    return folder


def _write_original_layout(base: Path, transformer: Tensors, text_encoder: Tensors, image_encoder: Tensors) -> None:
    config = {"_class_name": "WanModel", "num_heads": NUM_HEADS, "dim": TRANSFORMER.dim}
    write_model(base, config, transformer)
    torch.save(text_encoder, base / TEXT_ENCODER_FILE)
    torch.save(image_encoder, base / IMAGE_ENCODER_FILE)
    torch.save(_with_original_names(_make_vae().state_dict()), base / VAE_FILE)
    write_tokenizer(base / ORIGINAL_TOKENIZER)


def _write_diffusers_layout(base: Path, transformer: Tensors, text_encoder: Tensors, image_encoder: Tensors) -> None:
    config = read_base_config(_sizes(transformer), NUM_HEADS) | {"_class_name": "WanTransformer3DModel"}
    write_model(base / "transformer", config, _convert(transformer, convert_transformer))
    write_text_encoder(base / "text_encoder", text_encoder)
    config = read_image_encoder_config(_sizes(image_encoder))
    image_encoder = _convert(image_encoder, convert_image_encoder)
    write_model(base / "image_encoder", config, {f"vision_model.{name}": one for name, one in image_encoder.items()})
    write_vae(base / "vae")
    write_tokenizer(base / "tokenizer")


def write_text_encoder(folder: Path, tensors: Tensors) -> None:
    """Write the text encoder in transformers' layout, from its tensors in the original one."""
    write_model(folder, read_text_encoder_config(_sizes(tensors)), _convert(tensors, convert_text_encoder))


def write_vae(folder: Path) -> None:
    """Write the VAE that makes few latents of many pixels, in diffusers' layout."""
    channels = 3 * VAE_PATCH_SIZE**2
    vae = _make_vae(
        patch_size=VAE_PATCH_SIZE,
        in_channels=channels,
        out_channels=channels,
        scale_factor_spatial=8 * VAE_PATCH_SIZE,
        num_res_blocks=1,
    )
    write_model(folder, dict(vae.config), vae.state_dict())


def _convert(tensors: Tensors, convert: Convert) -> Tensors:
    return {name: tensor for stored in tensors.items() for name, tensor in convert(*stored)}


def _sizes(tensors: Tensors) -> Sizes:
    return Sizes({name: tuple(tensor.shape) for name, tensor in tensors.items()}, Path("tiny"))


def _make_vae(**config: int) -> AutoencoderKLWan:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoencoderKLWan(base_dim=VAE_BASE_DIM, **config)


def draw(shapes: Shapes, generator: torch.Generator) -> Tensors:
    """Draw weights that keep the size of what passes through them."""
    tensors = {}
    for name, shape in shapes.items():
        fan_in = torch.Size(shape[1:]).numel()
        noise = torch.randn(shape, generator=generator)
        is_scale = len(shape) == 1 and name.endswith("weight")
        tensors[name] = 1 + 0.1 * noise if is_scale else noise * (0.1 if len(shape) == 1 else fan_in**-0.5)
    return tensors


def write_model(folder: Path, config: dict[str, object], tensors: Tensors) -> None:
    """Write a model in shards, with the index that says which tensor is where."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    names = sorted(tensors)
    weight_map = {}
    for index in range(NUM_SHARDS):
        file = f"diffusion_pytorch_model-{index + 1:05}-of-{NUM_SHARDS:05}.safetensors"
        shard = {name: tensors[name].contiguous() for name in names[index::NUM_SHARDS]}
        save_file(shard, folder / file)
        weight_map |= dict.fromkeys(shard, file)
    index_file = folder / "diffusion_pytorch_model.safetensors.index.json"
    index_file.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def text_encoder_shapes() -> Shapes:
    """Return the names and shapes of the original text encoder."""
    shapes: Shapes = {"token_embedding.weight": (VOCABULARY, TEXT_DIM), "norm.weight": (TEXT_DIM,)}
    block = "blocks.0"
    shapes |= {f"{block}.{name}.weight": (TEXT_DIM,) for name in ("norm1", "norm2")}
    shapes |= {f"{block}.attn.{name}.weight": (TEXT_DIM, TEXT_DIM) for name in "qkvo"}
    shapes |= {f"{block}.ffn.{name}.weight": (TEXT_FFN_DIM, TEXT_DIM) for name in ("gate.0", "fc1")}
    return shapes | {
        f"{block}.ffn.fc2.weight": (TEXT_DIM, TEXT_FFN_DIM),
        f"{block}.pos_embedding.embedding.weight": (32, TEXT_HEADS),
    }


def image_encoder_shapes() -> Shapes:
    """Return the names and shapes of the original image encoder, with a piece of what it came with."""
    shapes: Shapes = {
        "visual.cls_embedding": (1, 1, IMAGE_DIM),
        "visual.pos_embedding": (1, NUM_IMAGE_PATCHES + 1, IMAGE_DIM),
        "visual.patch_embedding.weight": (IMAGE_DIM, 3, IMAGE_PATCH, IMAGE_PATCH),
        "visual.head": (IMAGE_DIM, 16),
        "textual.token_embedding.weight": (8, 16),
    }
    shapes |= norm("visual.pre_norm", IMAGE_DIM) | norm("visual.post_norm", IMAGE_DIM)
    for index in range(NUM_IMAGE_LAYERS):
        layer = f"visual.transformer.{index}"
        shapes |= norm(f"{layer}.norm1", IMAGE_DIM) | norm(f"{layer}.norm2", IMAGE_DIM)
        shapes |= linear(f"{layer}.attn.to_qkv", 3 * IMAGE_DIM, IMAGE_DIM)
        shapes |= linear(f"{layer}.attn.proj", IMAGE_DIM, IMAGE_DIM)
        shapes |= linear(f"{layer}.mlp.0", 2 * IMAGE_DIM, IMAGE_DIM)
        shapes |= linear(f"{layer}.mlp.2", IMAGE_DIM, 2 * IMAGE_DIM)
    return shapes


def _with_original_names(vae: Tensors) -> Tensors:
    """Find the original name of each of the VAE's tensors by trying all names that there are."""
    originals = {}
    for name in _original_vae_names():
        ((converted, _),) = convert_vae(name, torch.empty(0))
        if converted in vae:
            originals[name] = vae[converted]
    assert len(originals) == len(vae)
    return originals


def _original_vae_names() -> Iterator[str]:
    blocks = [f"encoder.downsamples.{index}" for index in range(11)]
    blocks += [f"decoder.upsamples.{index}" for index in range(15)]
    blocks += [f"{part}.middle.{index}" for part in ("encoder", "decoder") for index in range(3)]
    leaves = ["residual.0.gamma", "residual.3.gamma", "norm.gamma"]
    leaves += _leaves("residual.2", "residual.6", "shortcut", "resample.1", "time_conv", "to_qkv", "proj")
    yield from (f"{block}.{leaf}" for block, leaf in product(blocks, leaves))
    yield from _leaves(
        "conv1", "conv2", *(f"{part}.{name}" for part in ("encoder", "decoder") for name in ("conv1", "head.2"))
    )
    yield from ("encoder.head.0.gamma", "decoder.head.0.gamma")


def _leaves(*names: str) -> list[str]:
    return [f"{name}.{leaf}" for name in names for leaf in ("weight", "bias")]


def write_audio_encoder(folder: Path) -> None:
    """Write wav2vec2 as it is released."""
    config = Wav2Vec2Config(
        hidden_size=TRANSFORMER.audio_channels,
        num_hidden_layers=TRANSFORMER.audio_layers,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=False,
        feat_extract_norm="group",
        conv_bias=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Wav2Vec2Model(config)
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    save_file(dict(_with_released_names(encoder.state_dict().items())), folder / "model.safetensors")


def _with_released_names(tensors: Iterable[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, torch.Tensor]]:
    """Name the tensors as the release does, and add one of those that are of no use here."""
    for name, tensor in tensors:
        first = name.replace("parametrizations.weight.original0", "weight_g")
        released = first.replace("parametrizations.weight.original1", "weight_v")
        yield f"wav2vec2.{released}", tensor.clone()
    yield "quantizer.codevectors", torch.zeros(1, 4, 2)


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer that was trained with a few sentences."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


if __name__ == "__main__":
    write_tiny_checkpoint(Path(sys.argv[1]))
