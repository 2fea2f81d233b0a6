"""How far a video is, clip by clip: so much of its time goes into each step, so much into decoding."""

from dataclasses import dataclass

from pipeline.diffusion.clips import ClipPlan
from pipeline.engine import Reporter
from pipeline.types import Progress


@dataclass(frozen=True)
class ClipPace:
    """What the parts of a clip are likely to take.

    Attributes:
        step_seconds: Of each step.
        decode_seconds: Of its latents, until the next clip begins.
    """

    step_seconds: tuple[float, ...]
    decode_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole clip."""
        return sum(self.step_seconds) + self.decode_seconds

    def share(self, num_steps: int, decoded: float = 0.0) -> float:
        """Return how much of a clip is done, 0 to 1.

        Args:
            num_steps: Steps that are done.
            decoded: How much of it is decoded, 0 to 1.
        """
        done = sum(self.step_seconds[:num_steps]) + decoded * self.decode_seconds
        return done / self.seconds


@dataclass(frozen=True)
class VideoProgress:
    """Turns what is done of clips into progress of the whole video, in which all seconds are as long.

    Attributes:
        sink: Takes the progress.
        plan: The video's clips.
        paces: Of each clip.
    """

    sink: Reporter
    plan: ClipPlan
    paces: tuple[ClipPace, ...]

    def report_step(self, clip: int, step: int) -> None:
        """Report a step of a clip; a clip's last step begins its frames."""
        if step == len(self.paces[clip].step_seconds):
            self.report_decoding(clip, 0.0)
            return
        num_done = self._count_steps(clip) + step
        percent = self._percent(clip, self.paces[clip].share(step))
        self.sink(Progress("denoising", num_done, self._count_steps(len(self.paces)), percent))

    def report_decoding(self, clip: int, share: float) -> None:
        """Report how much of a clip is decoded."""
        new, pace = list(self.plan.new_frames())[clip], self.paces[clip]
        num_done = self.plan.starts[clip] + new.start + int(share * (new.stop - new.start))
        percent = self._percent(clip, pace.share(len(pace.step_seconds), share))
        is_last = clip == len(self.plan.starts) - 1
        self.sink(Progress("frames", num_done, self.plan.num_frames, percent, is_ending=is_last))

    def _count_steps(self, num_clips: int) -> int:
        return sum(len(pace.step_seconds) for pace in self.paces[:num_clips])

    def _percent(self, clip: int, share: float) -> float:
        seconds = [pace.seconds for pace in self.paces]
        return min(100.0, 100.0 * (sum(seconds[:clip]) + share * seconds[clip]) / sum(seconds))
