"""Low-rank changes to a transformer's weights (LoRA), in every form in which they are published.

diffusers' own loader drops what is not low-rank (`.diff`, the changes of norms and modulations) and needs another
package.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from pipeline.errors import WeightsError
from pipeline.weights.lora_alpha import AlphaTable, read_alphas
from pipeline.weights.quantization import read_weight, write_weight

PREFIXES = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.")
UNDERSCORED_PREFIX = "lora_unet_"

# The end of a key: which parameter of the module it changes, and what it is in that change.
ENDINGS = {
    ".lora_down.weight": ("weight", "down"),
    ".lora_up.weight": ("weight", "up"),
    ".lora_A.weight": ("weight", "down"),
    ".lora_B.weight": ("weight", "up"),
    ".lora_A.default.weight": ("weight", "down"),
    ".lora_B.default.weight": ("weight", "up"),
    ".alpha": ("weight", "alpha"),
    ".diff": ("weight", "diff"),
    ".diff_b": ("bias", "diff"),
    ".lora_B.bias": ("bias", "diff"),
    ".diff_m": ("modulation", "diff"),
}

NUM_KEYS_NAMED = 5


@dataclass(frozen=True)
class LoraNames:
    """How the LoRAs for a transformer name what they change.

    Attributes:
        model: What they are made for, in words.
        restore_dots: From a module's path that has underscores for dots, to the path.
        rename: From the names of parameters in a file to the transformer's own, each with the name it came under.
    """

    model: str
    restore_dots: Callable[[str], str]
    rename: Callable[[Iterable[str]], Mapping[str, str]]


@dataclass(frozen=True)
class WeightChange:
    """What is added to one parameter.

    Attributes:
        down: First factor (rank, inputs, ...), applied to the input.
        up: Second factor (outputs, rank, ...).
        alpha: The product's scale times its rank; None is a scale of 1.
        diff: Added whole.
    """

    down: torch.Tensor | None = None
    up: torch.Tensor | None = None
    alpha: float | None = None
    diff: torch.Tensor | None = None

    @property
    def complete(self) -> bool:
        """Whether there is something to add, and no factor without the other."""
        if (self.down is None) != (self.up is None):
            return False
        return self.down is not None or (self.diff is not None and self.alpha is None)

    def fits(self, shape: torch.Size) -> bool:
        """Say whether a parameter of that shape can be changed by this."""
        if self.diff is not None and self.diff.shape != shape:
            return False
        if self.down is None or self.up is None:
            return True
        rank, (outputs, *_) = len(self.down), shape
        return self.up.numel() == outputs * rank and self.down.numel() * outputs == rank * shape.numel()

    def compute(self, shape: torch.Size, device: torch.device) -> torch.Tensor:
        """Return the sum of all parts, in fp32."""
        total = torch.zeros(shape, device=device)
        if self.diff is not None:
            total += self.diff.to(device, torch.float32)
        if self.down is not None and self.up is not None:
            down, up = (factor.to(device, torch.float32).flatten(1) for factor in (self.down, self.up))
            scale = 1.0 if self.alpha is None else self.alpha / len(down)
            total += (scale * up @ down).view(shape)
        return total


@dataclass(frozen=True)
class Lora:
    """The changes of one LoRA.

    Attributes:
        name: Of its file, for messages.
        model: What it is made for, in words, for messages.
        changes: By the parameter's own name in the transformer.
    """

    name: str
    model: str
    changes: Mapping[str, WeightChange]


def read_lora(path: Path, names: LoraNames) -> Lora:
    """Read a LoRA file.

    Args:
        path: Of the file.
        names: How it names what it changes.

    Raises:
        WeightsError: It cannot be read, has keys that are not understood, or numbers that are none.
    """
    state_dict, alphas = read_tensors(path)
    return parse_lora(state_dict, path.name, names, alphas)


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], AlphaTable]:
    """Read a LoRA file's tensors by their keys, and what it says of the modules that bring no alpha of their own.

    Raises:
        WeightsError: It cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            header, state_dict = file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"Expected a LoRA in the safetensors format at {path}, but it cannot be read: {error}. Download it again."
        ) from error
    return state_dict, read_alphas(header, path)


def parse_lora(
    state_dict: Mapping[str, torch.Tensor], name: str, names: LoraNames, alphas: AlphaTable | None = None
) -> Lora:
    """Sort the tensors of a LoRA by the parameter that they change.

    Args:
        state_dict: The file's tensors, with its own keys.
        name: Of the file, for messages.
        names: How it names what it changes.
        alphas: What the file says of the modules that bring no alpha of their own.

    Raises:
        WeightsError: A key is not understood, a factor lacks the other, or a number is none.
    """
    broken = [key for key, tensor in state_dict.items() if not tensor.float().isfinite().all()]
    _refuse(broken, name, names.model, "broken numbers in")
    parts: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    unknown = []
    for key, tensor in state_dict.items():
        target = _find_target(key, names)
        if target is None:
            unknown.append(key)
            continue
        parameter, role = target
        if role == "alpha" and tensor.numel() != 1:
            unknown.append(key)
        parts[parameter][role] = tensor
    _refuse(unknown, name, names.model, "keys that are not understood")
    changes = {parameter: _make_change(parameter, roles, alphas or AlphaTable()) for parameter, roles in parts.items()}
    incomplete = [key for key, change in changes.items() if not change.complete]
    _refuse(incomplete, name, names.model, "incomplete changes of")
    return Lora(name, names.model, {ours: changes[theirs] for ours, theirs in names.rename(changes).items()})


def fuse_lora(transformer: nn.Module, lora: Lora, scale: float = 1.0) -> None:
    """Add a LoRA to the weights, quantised ones included.

    Args:
        transformer: With the names that the LoRA has.
        lora: What to add.
        scale: How much of it.

    Raises:
        WeightsError: It does not fit; nothing is changed then.
    """
    check_lora(transformer, lora)
    for name, change in lora.changes.items():
        values = read_weight(transformer.get_parameter(name))
        write_weight(transformer, name, values + scale * change.compute(values.shape, values.device))


def check_lora(transformer: nn.Module, lora: Lora) -> None:
    """Check that a LoRA fits.

    Raises:
        WeightsError: It changes parameters that the transformer lacks, or that have another shape.
    """
    parameters = dict(transformer.named_parameters())
    unknown = [key for key in lora.changes if key not in parameters]
    _refuse(unknown, lora.name, lora.model, "changes of unknown weights")
    misfits = [key for key, change in lora.changes.items() if not change.fits(parameters[key].shape)]
    _refuse(misfits, lora.name, lora.model, "changes of another shape than the weights")


def _make_change(parameter: str, roles: dict[str, torch.Tensor], alphas: AlphaTable) -> WeightChange:
    """Put the parts of a change together; a module's own alpha counts more than the file's."""
    down, up = roles.get("down"), roles.get("up")
    if "alpha" in roles:
        alpha: float | None = roles["alpha"].item()
    else:
        alpha = None if down is None else alphas.find(parameter.rpartition(".")[0], len(down))
    return WeightChange(down, up, alpha, roles.get("diff"))


def _find_target(key: str, names: LoraNames) -> tuple[str, str] | None:
    """Return the parameter that a key changes and its role in the change; None where the ending is unknown."""
    for ending, (parameter, role) in ENDINGS.items():
        if key.endswith(ending):
            return f"{_find_module(key.removesuffix(ending), names)}.{parameter}", role
    return None


def _find_module(path: str, names: LoraNames) -> str:
    if path.startswith(UNDERSCORED_PREFIX):
        return names.restore_dots(path.removeprefix(UNDERSCORED_PREFIX))
    for prefix in PREFIXES:
        path = path.removeprefix(prefix)
    return path


def _refuse(keys: list[str], name: str, model: str, what: str) -> None:
    if not keys:
        return
    listed = ", ".join(keys[:NUM_KEYS_NAMED])
    more = f" and {len(keys) - NUM_KEYS_NAMED} more" if len(keys) > NUM_KEYS_NAMED else ""
    raise WeightsError(f"Expected a LoRA for {model}, but {name} has {what}: {listed}{more}. Use one made for it.")
