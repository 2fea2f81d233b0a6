"""The preview as an engine: no weights, no GPU, any machine."""

from collections.abc import Iterator

import numpy as np

from pipeline.engine import Availability, Reporter
from pipeline.preview.performance import perform
from pipeline.preview.render import Renderer
from pipeline.profiles import Profile
from pipeline.types import Pixels, Progress, Scene

BATCH = 10
_LISTENING_PERCENT = 20.0


class PreviewEngine:
    """Warps the photo in time with the voice."""

    name = "preview"

    def availability(self, profile: Profile) -> Availability:
        """Say yes to its own profile: it runs everywhere."""
        if profile.model != self.name:
            return Availability(available=False, reason="The preview engine serves the preview profile only.")
        return Availability(available=True)

    def load(self, report: Reporter) -> None:
        """Do nothing: what it needs is small and made for each photo."""

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3), the same for the same scene and seed."""
        report(Progress("conditioning", 0, 100, 0.0))
        performance = perform(scene.speech, scene.seed, lambda share: report(_listening(share)))
        renderer = Renderer(scene.portrait)
        num_frames = scene.speech.num_frames
        for first in range(0, num_frames, BATCH):
            last = min(first + BATCH, num_frames)
            yield np.stack([renderer.render(performance.at(index)) for index in range(first, last)])
            percent = _LISTENING_PERCENT + (100 - _LISTENING_PERCENT) * last / num_frames
            report(Progress("frames", last, num_frames, percent))


def _listening(share: float) -> Progress:
    return Progress("conditioning", round(100 * share), 100, _LISTENING_PERCENT * share)
