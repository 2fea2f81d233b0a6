"""LoRA against changes made by hand to the dense weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_wan_lora_to_diffusers
from safetensors.torch import save_file
from torch import nn

from pipeline.errors import WeightsError
from pipeline.infinitetalk.lora_names import LORA_NAMES
from pipeline.weights.lora import fuse_lora, parse_lora, read_lora
from pipeline.weights.quantization import Precision, quantize_blocks

RANK = 4

# The released names of everything that a LoRA of Wan 2.1 changes in one block and outside of them, and diffusers'.
MODULES = {
    "blocks.1.self_attn.q": "blocks.1.attn1.to_q",
    "blocks.1.self_attn.k": "blocks.1.attn1.to_k",
    "blocks.1.self_attn.v": "blocks.1.attn1.to_v",
    "blocks.1.self_attn.o": "blocks.1.attn1.to_out.0",
    "blocks.1.cross_attn.q": "blocks.1.attn2.to_q",
    "blocks.1.cross_attn.k": "blocks.1.attn2.to_k",
    "blocks.1.cross_attn.v": "blocks.1.attn2.to_v",
    "blocks.1.cross_attn.o": "blocks.1.attn2.to_out.0",
    "blocks.1.cross_attn.k_img": "blocks.1.attn2.add_k_proj",
    "blocks.1.cross_attn.v_img": "blocks.1.attn2.add_v_proj",
    "blocks.1.ffn.0": "blocks.1.ffn.net.0.proj",
    "blocks.1.ffn.2": "blocks.1.ffn.net.2",
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_projection.1": "condition_embedder.time_proj",
    "img_emb.proj.1": "condition_embedder.image_embedder.ff.net.0.proj",
    "head.head": "proj_out",
    "patch_embedding": "patch_embedding",
}
# What is not low-rank in the published files: key, the parameter that it is added to.
DIFFS = {
    "blocks.0.self_attn.norm_q.diff": "blocks.0.attn1.norm_q.weight",
    "blocks.0.cross_attn.norm_k_img.diff": "blocks.0.attn2.norm_added_k.weight",
    "blocks.0.norm3.diff": "blocks.0.norm2.weight",
    "blocks.0.norm3.diff_b": "blocks.0.norm2.bias",
    "blocks.0.ffn.0.diff_b": "blocks.0.ffn.net.0.proj.bias",
    "blocks.0.diff_m": "blocks.0.scale_shift_table",
    "img_emb.proj.0.diff": "condition_embedder.image_embedder.norm1.weight",
    "head.head.diff": "proj_out.weight",
    "patch_embedding.diff": "patch_embedding.weight",
}

Name = Callable[[str], str]
FORMATS: dict[str, tuple[Name, str, str]] = {
    "released, down and up": (lambda key: f"diffusion_model.{key}", "lora_down.weight", "lora_up.weight"),
    "released, A and B": (lambda key: f"diffusion_model.{key}", "lora_A.weight", "lora_B.weight"),
    "bare": (lambda key: key, "lora_down.weight", "lora_up.weight"),
    "peft": (lambda key: f"base_model.model.{key}", "lora_A.default.weight", "lora_B.default.weight"),
    "underscored": (lambda key: f"lora_unet_{key.replace('.', '_')}", "lora_down.weight", "lora_up.weight"),
    "diffusers": (lambda key: f"transformer.{MODULES[key]}", "lora_A.weight", "lora_B.weight"),
}


@pytest.fixture
def transformer() -> WanTransformer3DModel:
    torch.manual_seed(0)
    model = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=36,
        out_channels=16,
        text_dim=20,
        freq_dim=16,
        ffn_dim=64,
        num_layers=2,
        image_dim=28,
        added_kv_proj_dim=48,
    )
    return model.requires_grad_(requires_grad=False)


def make_factors(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    kernel = weight.shape[2:]
    down = torch.randn(RANK, weight.shape[1], *kernel)
    return down, torch.randn(len(weight), RANK, *[1] * len(kernel))


def make_lora(
    transformer: nn.Module, form: str, alpha: float | None = None
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return a LoRA of every module, and what it adds to the weights."""
    name, down_ending, up_ending = FORMATS[form]
    state_dict, deltas = {}, {}
    for module, ours in MODULES.items():
        weight = transformer.get_parameter(f"{ours}.weight")
        down, up = make_factors(weight)
        state_dict |= {f"{name(module)}.{down_ending}": down, f"{name(module)}.{up_ending}": up}
        if alpha is not None:
            state_dict[f"{name(module)}.alpha"] = torch.tensor(alpha)
        scale = 1.0 if alpha is None else alpha / RANK
        deltas[f"{ours}.weight"] = scale * torch.einsum("or,r...->o...", up.flatten(1), down)
    return state_dict, deltas


def copy_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.clone() for name, parameter in model.named_parameters()}


def assert_changed_by(model: nn.Module, before: dict[str, torch.Tensor], deltas: dict[str, torch.Tensor]) -> None:
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(
            parameter, before[name] + deltas.get(name, 0), msg=lambda text, name=name: name + text
        )


@pytest.mark.parametrize("alpha", [None, 1.0, 16.0])
@pytest.mark.parametrize("form", FORMATS)
def test_adds_the_product_of_the_factors(transformer: WanTransformer3DModel, form: str, alpha: float | None) -> None:
    before = copy_weights(transformer)
    state_dict, deltas = make_lora(transformer, form, alpha)
    fuse_lora(transformer, parse_lora(state_dict, "file", LORA_NAMES))
    assert_changed_by(transformer, before, deltas)


@pytest.mark.parametrize(("key", "parameter"), DIFFS.items())
def test_adds_whole_changes(transformer: WanTransformer3DModel, key: str, parameter: str) -> None:
    before = copy_weights(transformer)
    diff = torch.randn_like(before[parameter])
    fuse_lora(transformer, parse_lora({f"diffusion_model.{key}": diff}, "file", LORA_NAMES))
    assert_changed_by(transformer, before, {parameter: diff})


def test_adds_factors_and_whole_changes_of_one_module_scaled(transformer: WanTransformer3DModel) -> None:
    before = copy_weights(transformer)
    state_dict, deltas = make_lora(transformer, "released, down and up", alpha=2.0)
    weight, bias = "blocks.1.ffn.net.2.weight", "blocks.1.ffn.net.2.bias"
    diff, diff_b = torch.randn_like(before[weight]), torch.randn_like(before[bias])
    state_dict |= {"diffusion_model.blocks.1.ffn.2.diff": diff, "diffusion_model.blocks.1.ffn.2.diff_b": diff_b}
    fuse_lora(transformer, parse_lora(state_dict, "file", LORA_NAMES), scale=1.2)
    deltas |= {weight: deltas[weight] + diff, bias: diff_b}
    assert_changed_by(transformer, before, {name: 1.2 * delta for name, delta in deltas.items()})


def test_agrees_with_the_loader_of_diffusers(transformer: WanTransformer3DModel) -> None:
    state_dict, _ = make_lora(transformer, "released, down and up", alpha=2.0)
    # diffusers knows no changes of the patch embedding, and of the embedders only both layers together, without alpha.
    known = {key: tensor for key, tensor in state_dict.items() if ".blocks." in key}
    ours = parse_lora(known, "file", LORA_NAMES).changes
    copies = {key: tensor.clone() for key, tensor in known.items()}
    theirs = parse_lora(_convert_non_diffusers_wan_lora_to_diffusers(copies), "file", LORA_NAMES).changes
    assert ours.keys() == theirs.keys()
    for name, change in theirs.items():
        weight = transformer.get_parameter(name)
        expected = change.compute(weight.shape, weight.device)
        torch.testing.assert_close(ours[name].compute(weight.shape, weight.device), expected)


@pytest.mark.parametrize(
    "keys",
    [
        ["diffusion_model.blocks.0.self_attn.q.dora_scale"],
        ["diffusion_model.blocks.0.self_attn.q.lora_down.weight"],
        ["diffusion_model.blocks.0.self_attn.q.alpha"],
        ["diffusion_model.blocks.7.self_attn.q.diff"],
        ["diffusion_model.blocks.0.ffn.1.lora_A.weight", "diffusion_model.blocks.0.ffn.1.lora_B.weight"],
    ],
)
def test_names_keys_that_it_cannot_use(transformer: WanTransformer3DModel, keys: list[str]) -> None:
    with pytest.raises(WeightsError, match=r"some\.safetensors has .*blocks\.[07]\."):
        fuse_lora(transformer, parse_lora({key: torch.ones(RANK, 48) for key in keys}, "some.safetensors", LORA_NAMES))


def test_changes_nothing_when_one_weight_does_not_fit(transformer: WanTransformer3DModel) -> None:
    before = copy_weights(transformer)
    state_dict, _ = make_lora(transformer, "bare")
    state_dict["patch_embedding.lora_down.weight"] = torch.randn(RANK, 16, 1, 2, 2)
    with pytest.raises(WeightsError, match=r"another shape than the weights: patch_embedding\.weight"):
        fuse_lora(transformer, parse_lora(state_dict, "text-to-video.safetensors", LORA_NAMES))
    assert_changed_by(transformer, before, {})


@pytest.mark.parametrize(("precision", "error"), [("fp8", 0.04), ("int8", 0.01)])
def test_reaches_quantised_weights(transformer: WanTransformer3DModel, precision: Precision, error: float) -> None:
    before = copy_weights(transformer)
    state_dict, deltas = make_lora(transformer, "released, A and B", alpha=1.0)
    quantize_blocks(transformer.blocks, precision, torch.device("cpu"))
    fuse_lora(transformer, parse_lora(state_dict, "file", LORA_NAMES))
    for name, delta in deltas.items():
        weight = transformer.get_parameter(name)
        assert (type(weight) is not nn.Parameter) == name.startswith("blocks.")
        values = weight if type(weight) is nn.Parameter else weight.dequantize()
        assert (values - before[name] - delta).norm() < error * (before[name] + delta).norm()


def test_reads_a_file(transformer: WanTransformer3DModel, tmp_path: Path) -> None:
    before = copy_weights(transformer)
    state_dict, deltas = make_lora(transformer, "released, down and up")
    save_file({key: tensor.contiguous() for key, tensor in state_dict.items()}, tmp_path / "lora.safetensors")
    fuse_lora(transformer, read_lora(tmp_path / "lora.safetensors", LORA_NAMES))
    assert_changed_by(transformer, before, deltas)


MODULE = "blocks.1.attn1.to_q"
OTHER = "blocks.1.attn2.to_q"


def write_factors(path: Path, transformer: nn.Module, header: dict[str, str], **more: float) -> dict[str, torch.Tensor]:
    """Write a LoRA of two modules with this header, and alphas beside the first one's factors; return the products."""
    tensors, products = {}, {}
    for module in (MODULE, OTHER):
        down, up = make_factors(transformer.get_parameter(f"{module}.weight"))
        tensors |= {f"transformer.{module}.lora_A.weight": down, f"transformer.{module}.lora_B.weight": up}
        products[f"{module}.weight"] = up @ down
    tensors |= {f"transformer.{MODULE}.{name}": torch.tensor(value) for name, value in more.items()}
    save_file(tensors, path, header)
    return products


HEADERS: dict[str, tuple[dict[str, str], float, float]] = {
    "diffusers": (
        {"format": "pt", "lora_adapter_metadata": '{"transformer.r": 4, "transformer.lora_alpha": 1}'},
        0.25,
        0.25,
    ),
    "diffusers, without a prefix": ({"lora_adapter_metadata": '{"r": 4, "lora_alpha": 2}'}, 0.5, 0.5),
    "one module apart": (
        {
            "lora_adapter_metadata": json.dumps(
                {
                    "transformer.lora_alpha": 2,
                    "transformer.alpha_pattern": {"attn1.to_q": 8},
                    "transformer.rank_pattern": {},
                }
            )
        },
        2.0,
        0.5,
    ),
    "a pattern": (
        {"lora_adapter_metadata": json.dumps({"lora_alpha": 4, "alpha_pattern": {r"^.*attn\d.to_q": 1}})},
        0.25,
        0.25,
    ),
    "by the root of the rank": ({"lora_adapter_metadata": '{"lora_alpha": 4, "use_rslora": true}'}, 2.0, 2.0),
    "another trainer's table": ({"lora_config": '{"r": 4, "lora_alpha": 1, "target_modules": "to_q"}'}, 0.25, 0.25),
    "a text encoder's": ({"lora_adapter_metadata": '{"text_encoder.lora_alpha": 1}'}, 1.0, 1.0),
    "kohya": ({"ss_network_dim": "4", "ss_network_alpha": "1.0"}, 0.25, 0.25),
    "kohya, as the rank": ({"ss_network_dim": "4", "ss_network_alpha": "None"}, 1.0, 1.0),
    "plain": ({"rank": "4", "alpha": "2"}, 0.5, 0.5),
    "nothing": ({"format": "pt", "note": "{lora}"}, 1.0, 1.0),
}


@pytest.mark.parametrize(("header", "first", "second"), HEADERS.values(), ids=HEADERS)
def test_reads_the_alpha_of_the_header(
    transformer: WanTransformer3DModel, tmp_path: Path, header: dict[str, str], first: float, second: float
) -> None:
    before = copy_weights(transformer)
    products = write_factors(tmp_path / "lora.safetensors", transformer, header)
    fuse_lora(transformer, read_lora(tmp_path / "lora.safetensors", LORA_NAMES))
    deltas = {name: products[name] * scale for name, scale in zip(products, (first, second), strict=True)}
    assert_changed_by(transformer, before, deltas)


def test_a_module_s_own_alpha_counts_more_than_the_header_s(transformer: WanTransformer3DModel, tmp_path: Path) -> None:
    before = copy_weights(transformer)
    products = write_factors(tmp_path / "lora.safetensors", transformer, HEADERS["diffusers"][0], alpha=8.0)
    fuse_lora(transformer, read_lora(tmp_path / "lora.safetensors", LORA_NAMES))
    deltas = {name: products[name] * scale for name, scale in zip(products, (2.0, 0.25), strict=True)}
    assert_changed_by(transformer, before, deltas)


def test_reads_the_alpha_of_the_settings_beside_the_file(transformer: WanTransformer3DModel, tmp_path: Path) -> None:
    before = copy_weights(transformer)
    products = write_factors(tmp_path / "adapter_model.safetensors", transformer, {"format": "pt"})
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "lora_alpha": 1}')
    fuse_lora(transformer, read_lora(tmp_path / "adapter_model.safetensors", LORA_NAMES))
    assert_changed_by(transformer, before, {name: product / 4 for name, product in products.items()})


@pytest.mark.parametrize(
    "table", ['{"lora_alpha": 1', '{"lora_alpha": "much"}', '{"lora_alpha": NaN}', '{"lora_alpha": [1]}']
)
def test_a_strength_that_cannot_be_read_is_no_strength(
    transformer: WanTransformer3DModel, tmp_path: Path, table: str
) -> None:
    write_factors(tmp_path / "lora.safetensors", transformer, {"lora_adapter_metadata": table})
    with pytest.raises(WeightsError, match=r"alpha in the header of .*lora\.safetensors"):
        read_lora(tmp_path / "lora.safetensors", LORA_NAMES)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("ending", ["alpha", "diff", "lora_B.weight"])
def test_refuses_numbers_that_would_spoil_the_weights(ending: str, value: float) -> None:
    factors = {f"blocks.0.ffn.0.{name}.weight": torch.ones(RANK, RANK) for name in ("lora_A", "lora_B")}
    with pytest.raises(WeightsError, match=rf"broken numbers in: blocks\.0\.ffn\.0\.{ending}"):
        parse_lora(factors | {f"blocks.0.ffn.0.{ending}": torch.tensor(value)}, "file", LORA_NAMES)


@pytest.mark.parametrize("content", [b"", b"not tensors", None])
def test_says_which_file_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.safetensors"):
        read_lora(path, LORA_NAMES)
