"""The adapter for several people takes turns with the one for a single person, whatever the weights are kept in."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.engine import EngineSettings
from pipeline.errors import GenerationCancelledError, WeightsError
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.runtime import Runtime, load_runtime
from pipeline.infinitetalk.weights import WEIGHTS
from pipeline.types import Progress
from pipeline.weights.checkpoint import open_checkpoint
from pipeline.weights.spec import AddedLora
from pipeline.weights.variants import prepare_variant
from tests.pipeline.infinitetalk.test_lora_switcher import WEIGHT, write_lora

ADAPTER_WEIGHT = "blocks.1.audio_attn.to_kv.weight"
LORA = AddedLora("lightx2v")

Values = dict[str, torch.Tensor]


def read(runtime: Runtime) -> Values:
    parameters = runtime.models.transformer.named_parameters()
    plain = ((name, one if type(one) is torch.nn.Parameter else one.dequantize()) for name, one in parameters)
    return {name: one.detach().clone() for name, one in plain}


def choose(runtime: Runtime, lora: AddedLora | None, *, overlaid: bool) -> Values:
    runtime.lora_switcher.choose(lora, lambda _: None, overlaid=overlaid)
    return read(runtime)


def assert_same(one: Values, other: Values) -> None:
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("precision", ["bf16", "fp8", "int8"])
def test_takes_turns_with_the_models_own_and_with_loras(own_weights: Path, precision: str) -> None:
    runtime = load_runtime(EngineSettings(own_weights, "cpu", precision), lambda _: None)
    write_lora(own_weights, "lightx2v", runtime.models.transformer, seed=1)
    single = read(runtime)
    multi = choose(runtime, None, overlaid=True)
    stored = dict(open_checkpoint(own_weights, LAYOUT).overlays["multi"].tensors())
    assert stored.keys() == {name for name in single if not torch.equal(multi[name], single[name])}
    if precision == "bf16":
        assert all(torch.equal(multi[name], tensor) for name, tensor in stored.items())
    multi_lora = choose(runtime, LORA, overlaid=True)
    assert not torch.equal(multi_lora[WEIGHT], multi[WEIGHT])
    assert torch.equal(multi_lora[ADAPTER_WEIGHT], multi[ADAPTER_WEIGHT])
    single_lora = choose(runtime, LORA, overlaid=False)
    assert torch.equal(single_lora[ADAPTER_WEIGHT], single[ADAPTER_WEIGHT])
    assert_same(choose(runtime, None, overlaid=True), multi)
    if precision == "bf16":
        # From now on, all weights are read with the LoRA in them, those of the single person's adapter too.
        prepare_variant(own_weights, WEIGHTS.get_variant("lightx2v"), LAYOUT)
        assert_same(choose(runtime, LORA, overlaid=True), multi_lora)
    assert_same(choose(runtime, None, overlaid=False), single)


def test_what_was_cancelled_while_it_was_read_changes_nothing(prepared: Path) -> None:
    runtime = load_runtime(EngineSettings(prepared, "cpu"), lambda _: None)
    single = read(runtime)
    told: list[Progress] = []

    def cancel(progress: Progress) -> None:
        told.append(progress)
        if len(told) == 5:
            raise GenerationCancelledError

    with pytest.raises(GenerationCancelledError):
        runtime.lora_switcher.choose(None, cancel, overlaid=True)
    assert_same(read(runtime), single)
    told.clear()
    runtime.lora_switcher.choose(None, told.append, overlaid=True)
    assert told[-1].percent == pytest.approx(100)


@pytest.mark.parametrize("damage", [lambda values: values.pop("blocks.1.norm_x.bias"), lambda values: values.clear()])
def test_an_adapter_that_lacks_something_is_named(
    released: Path, tmp_path: Path, damage: Callable[[Values], object]
) -> None:
    file = Path("adapter/multi/infinitetalk.safetensors")
    values = load_file(released / file)
    damage(values)
    (tmp_path / file).parent.mkdir(parents=True)
    save_file(values, tmp_path / file)
    transformer = open_checkpoint(released, LAYOUT).components["transformer"]
    component = LAYOUT.find_overlays(tmp_path, transformer)["multi"]
    with pytest.raises(WeightsError, match=r"Expected \S+ in .*multi/infinitetalk\.safetensors"):
        list(component.tensors())
