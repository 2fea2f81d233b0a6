"""Watches whether a worker lives."""

import time

PATIENCE_SECONDS = 60.0
"""How long a worker may give no sign of life. Its signs come from a thread of its own, whatever its run computes."""

_IDLE_SECONDS = 1800.0
"""How long a run may neither move on nor use the processor. A step of a large model on a GPU takes minutes."""
_LEAST_PROCESSOR_SECONDS = 1.0


class Vigil:
    """The signs that one worker gives while it has a job.

    Args:
        patience_seconds: How long it may give none.
    """

    def __init__(self, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self._seen_at: float | None = None
        self._moved_at = 0.0
        self._processor_seconds = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether signs have been missing."""
        return self._seen_at is not None and time.monotonic() - self._seen_at > self.patience_seconds / 2

    @property
    def is_stuck(self) -> bool:
        """Whether it lives, but does nothing."""
        return time.monotonic() - self._moved_at > _IDLE_SECONDS

    def begin(self) -> None:
        """Begin to watch: it gets a job."""
        self.see_word()

    def end(self) -> None:
        """Expect no more signs: it has no job."""
        self._seen_at = None

    def see_word(self) -> None:
        """Take note of a word about the job."""
        self._seen_at = self._moved_at = time.monotonic()

    def see_pulse(self, processor_seconds: float) -> None:
        """Take note of a sign of life; one that has used the processor has moved on.

        Args:
            processor_seconds: What its process has used so far.
        """
        self._seen_at = time.monotonic()
        if processor_seconds - self._processor_seconds >= _LEAST_PROCESSOR_SECONDS:
            self._processor_seconds, self._moved_at = processor_seconds, self._seen_at
