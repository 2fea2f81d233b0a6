"""The preview as an engine: no weights, no GPU, any machine."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from pipeline.engine import Availability, Reporter
from pipeline.preview.performance import Pose, perform_all
from pipeline.preview.render import Renderer
from pipeline.profiles import Profile
from pipeline.scene import Scene
from pipeline.types import Pixels, Progress

BATCH = 10
_BATCHES_AHEAD = 2
_LISTENING_PERCENT = 20.0


class PreviewEngine:
    """Warps the photo in time with the voices."""

    name = "preview"

    def availability(self, profile: Profile) -> Availability:
        """Say yes to its own profile: it runs everywhere."""
        if profile.model != self.name:
            return Availability(available=False, reason="The preview engine serves the preview profile only.")
        return Availability(available=True)

    def load(self, report: Reporter) -> None:
        """Do nothing: what it needs is small and made for each photo."""

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3), the same for the same scene and seed.

        It warps the first frame: each speaker's face in time with its voice.
        """
        report(Progress("conditioning", 0, 100, 0.0))
        num_frames = scene.num_frames
        poses = perform_all(scene.speakers, scene.frame_rate, scene.seed, lambda share: report(_listening(share)))
        faces = [speaker.face for speaker in scene.speakers]
        renderer = Renderer(scene.source.read_frames(0, 1)[0], faces, scene.bystanders)
        num_done = 0
        for batch in _render_ahead(renderer, poses):
            yield batch
            num_done += len(batch)
            percent = _LISTENING_PERCENT + (100 - _LISTENING_PERCENT) * num_done / num_frames
            report(Progress("frames", num_done, num_frames, percent))


def _render_ahead(renderer: Renderer, poses: Sequence[tuple[Pose, ...]]) -> Iterator[Pixels]:
    """Yield batches of frames; while one is encoded, the next ones are drawn on every core that is free."""

    def render(first: int) -> Pixels:
        return np.stack([renderer.render(pose) for pose in poses[first : first + BATCH]])

    with ThreadPoolExecutor(_BATCHES_AHEAD, thread_name_prefix="preview") as pool:
        upcoming: deque[Future[Pixels]] = deque()
        for first in range(0, len(poses), BATCH):
            upcoming.append(pool.submit(render, first))
            if len(upcoming) > _BATCHES_AHEAD:
                yield upcoming.popleft().result()
        while upcoming:
            yield upcoming.popleft().result()


def _listening(share: float) -> Progress:
    return Progress("conditioning", round(100 * share), 100, _LISTENING_PERCENT * share)
