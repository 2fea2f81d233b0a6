"""How long a run may take: as long as it is expected to, with room, and never longer than the deployment lets it."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.records import JobRequest
from pipeline.estimate import estimate
from pipeline.profiles import get_profile
from pipeline.types import DeviceKind

MARGIN = 2.5  # a run that takes this much longer than expected hangs
ALLOWANCE_SECONDS = 15 * 60.0  # for what is no part of an estimate, such as compiling for a new size
ROOM = 1.25  # what is taken may take this much longer than expected and still fits


@dataclass(frozen=True)
class TimeLimits:
    """Knows how long runs may take.

    Attributes:
        bounds: Seconds that no run of a profile may exceed, by profile.
    """

    bounds: Mapping[str, float]

    def find(
        self,
        request: JobRequest,
        speech_seconds: float,
        device: DeviceKind | None,
        num_gpus: int = 1,
        seconds_per_second: float | None = None,
    ) -> float:
        """Return the seconds that a run may take.

        Args:
            request: What is made.
            speech_seconds: Length of the voice; where it is not known, 0, only the bound counts.
            device: The GPU; where it is of no known kind, None, only the bound counts.
            num_gpus: How many of it make the video together.
            seconds_per_second: As earlier runs took them; None where there were none.
        """
        bound = self.bounds[request.profile]
        if device is None or not speech_seconds:
            return bound
        profile = get_profile(request.profile)
        expected = [
            estimate(profile, request.sampling, speech_seconds, device, measured, num_gpus).seconds
            for measured in {None, seconds_per_second}
        ]
        return min(bound, MARGIN * max(expected) + ALLOWANCE_SECONDS)

    def find_most(self, profile: str) -> float:
        """Return how long a run may be expected to take so that it is begun at all."""
        return self.bounds[profile] / ROOM
