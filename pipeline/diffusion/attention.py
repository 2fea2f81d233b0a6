"""Choose the attention that is fastest on this GPU, among those that are installed and right."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend, dispatch_attention_fn
from diffusers.models.modeling_utils import ModelMixin

from pipeline.diffusion.flash_attention import FLASH_4, offer_flash_attention_4
from pipeline.errors import EngineUnavailableError

# By the names that diffusers gives them; the first is torch's own choice and the measure of what is right.
TORCH_BACKEND = "native"
CUDA_BACKENDS = ("_native_cudnn", "_native_flash", "flash", "_flash_3", FLASH_4.value, "xformers", "sage")

# bf16 itself is off by 4e-3. Attention that multiplies in 8 bits is off by more: it is used only when asked for.
ERROR_BOUND = 1e-2
NUM_RUNS = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttentionShape:
    """The shape of a self-attention.

    Attributes:
        num_tokens: Queries, and as many keys.
        num_heads: Heads.
        head_dim: Channels of a head.
    """

    num_tokens: int
    num_heads: int
    head_dim: int


@dataclass(frozen=True)
class Measurement:
    """How one attention did.

    Attributes:
        backend: Its name in diffusers.
        seconds: One call, the fastest of several.
        error: Relative to torch's own.
    """

    backend: str
    seconds: float
    error: float


def set_attention(
    transformer: ModelMixin, setting: str, shape: AttentionShape, device: torch.device, dtype: torch.dtype
) -> str:
    """Let the transformer's self-attention use the attention of the setting, and say which in the log.

    The attention to prompt, photo and audio stays torch's own, the fastest one where there are few keys.

    Args:
        transformer: Gets the attention.
        setting: A name in diffusers, or `auto` for the fastest one that is installed and right.
        shape: What is to be attended to, to measure with.
        device: Where.
        dtype: In which precision.

    Returns:
        The name of the attention.

    Raises:
        EngineUnavailableError: The attention of the setting is unknown, not installed, or cannot run here.
    """
    if setting == "auto":
        backend = choose_backend(shape, device, dtype)
    else:
        backend = setting
        _check_runs(backend, device, dtype)
    use_backend(transformer, None if backend == TORCH_BACKEND else AttentionBackendName(backend))
    return backend


def use_backend(transformer: ModelMixin, backend: AttentionBackendName | None) -> None:
    """Let the transformer's self-attention use this one, which runs here; None is torch's own choice."""
    for block in transformer.blocks:
        block.self_attention._attention_backend = backend  # noqa: SLF001  # diffusers can only set all attentions


def choose_backend(shape: AttentionShape, device: torch.device, dtype: torch.dtype) -> str:
    """Return the fastest attention that is installed and right, measuring only where there is a choice."""
    if device.type != "cuda":
        return TORCH_BACKEND
    measurements = measure_backends((TORCH_BACKEND, *CUDA_BACKENDS), shape, device, dtype)
    right = [measurement for measurement in measurements if measurement.error < ERROR_BOUND]
    best = min(right, key=lambda measurement: measurement.seconds)
    listed = ", ".join(f"{m.backend} {1000 * m.seconds:.1f} ms, error {m.error:.1e}" for m in measurements)
    _log.info("Attention: %s, the fastest right one at %d tokens (%s).", best.backend, shape.num_tokens, listed)
    return best.backend


def measure_backends(
    backends: tuple[str, ...], shape: AttentionShape, device: torch.device, dtype: torch.dtype
) -> list[Measurement]:
    """Measure those of the attentions that run here, at the real shape, against torch's own."""
    generator = torch.Generator(device).manual_seed(0)
    size = (3, 1, shape.num_tokens, shape.num_heads, shape.head_dim)
    query, key, value = torch.randn(size, generator=generator, device=device, dtype=dtype)
    expected = _attend(TORCH_BACKEND, query, key, value)
    measurements = []
    for backend in backends:
        try:
            error = (_attend(backend, query, key, value) - expected).norm() / expected.norm()
        except Exception as reason:  # noqa: BLE001  # kernels fail in ways of their own; one that does is no choice
            _log.debug("Attention %s does not run here: %s", backend, reason)
            continue
        seconds = measure_seconds(partial(_attend, backend, query, key, value), device)
        measurements.append(Measurement(backend, seconds, float(error)))
    return measurements


def measure_seconds(call: Callable[[], object], device: torch.device, num_runs: int = NUM_RUNS) -> float:
    """Return what the fastest of several calls took, until the device was done."""
    durations = []
    for _ in range(num_runs):
        _wait_for(device)
        started = time.perf_counter()
        call()
        _wait_for(device)
        durations.append(time.perf_counter() - started)
    return min(durations)


def _attend(backend: str, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    attended: torch.Tensor
    if backend == FLASH_4:
        # diffusers would insist on the hub's client.
        offer_flash_attention_4()
        attended = dispatch_attention_fn(query, key, value, backend=FLASH_4)
        return attended
    with attention_backend(backend):
        attended = dispatch_attention_fn(query, key, value)
    return attended


def _check_runs(backend: str, device: torch.device, dtype: torch.dtype) -> None:
    query = torch.ones(1, 128, 2, 128, device=device, dtype=dtype)
    try:
        _attend(backend, query, query, query)
    except Exception as error:
        raise EngineUnavailableError(
            f"Expected an attention that runs on {device}, got {backend!r}: {error} Use `auto`, or install it."
        ) from error


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
