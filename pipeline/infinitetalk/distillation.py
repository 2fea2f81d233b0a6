"""Change the loaded model from one LoRA to another, always from the stored weights, so that nothing adds up."""

from pathlib import Path

from pipeline.diffusion.loading import Component
from pipeline.diffusion.lora import check_lora, fuse_lora, read_lora
from pipeline.diffusion.quantization import write_weight
from pipeline.infinitetalk.lora_files import find_lora
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.profiles import LoraName, Profile


class Distillation:
    """Keeps the transformer's weights as a profile needs them.

    Args:
        transformer: As it was loaded.
        component: Its stored weights.
        weights: The folder that has the LoRAs.
    """

    def __init__(self, transformer: InfiniteTalkTransformer3DModel, component: Component, weights: Path) -> None:
        self._transformer = transformer
        self._component = component
        self._weights = weights
        self._fused: tuple[LoraName, float] | None = None
        self._changed: frozenset[str] = frozenset()

    def choose(self, profile: Profile) -> None:
        """Let the weights hold the profile's LoRA, or none.

        Raises:
            WeightsError: Its file is missing, broken or made for another model; the weights are then without a LoRA.
        """
        wanted = None if profile.lora is None else (profile.lora, profile.lora_scale)
        if wanted == self._fused:
            return
        self._restore()
        if wanted is not None:
            name, scale = wanted
            lora = read_lora(find_lora(self._weights, name))
            check_lora(self._transformer, lora)
            # From here on, whatever happens, these are to be restored.
            self._changed = frozenset(lora.changes)
            fuse_lora(self._transformer, lora, scale)
            self._fused = wanted

    def _restore(self) -> None:
        self._fused = None
        if not self._changed:
            return
        for name, tensor in self._component.tensors():
            if name in self._changed:
                write_weight(self._transformer, name, tensor)
        self._changed = frozenset()
