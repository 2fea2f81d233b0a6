"""The engine: LongCat behind the protocol. Importing it brings in no torch."""

from pipeline.diffusion.availability import check_machine
from pipeline.distributed.engine import GpuEngine
from pipeline.engine import Availability
from pipeline.longcat.availability import has_profiles, has_weights
from pipeline.longcat.profiles import MODEL, get_options
from pipeline.profiles import Profile


class LongCatEngine(GpuEngine):
    """Makes videos with LongCat."""

    name = MODEL
    runtime = "pipeline.longcat.runtime"

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run here, without loading anything heavy."""
        weights = self._settings.find_weights(MODEL)
        found = weights if weights is not None and has_weights(weights) else None
        if found is not None and not has_profiles(found):
            return Availability(
                available=False,
                reason="The weights are those of LongCat 1.0, for which there is no profile. "
                f"Fetch those of 1.5: python -m pipeline.weights FOLDER --engine {MODEL}.",
            )
        return check_machine(self._settings, found, get_options(profile).lora)
