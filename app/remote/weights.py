"""Whether the weights are where the GPU will look for them."""

import threading
from collections.abc import Callable
from pathlib import Path

from pipeline.engine import Availability
from pipeline.profiles import Profile
from pipeline.weights import is_prepared


class WeightsWatch:
    """Knows whether the weights are there. While they are not, it looks again and again: no restart is needed."""

    def __init__(self, folder: Path, look_again: Callable[[], None], command: str, seconds: float = 10.0) -> None:
        """Begin to look.

        Args:
            folder: Of the prepared weights.
            look_again: Makes what others wrote to the folder visible here.
            command: Fetches them.
            seconds: Between two looks.
        """
        self._folder = folder
        self._look_again = look_again
        self._command = command
        self._seconds = seconds
        threading.Thread(target=self._look, daemon=True).start()

    def find_availability(self, profile: Profile) -> Availability:
        """Say whether a GPU could make a video of the profile."""
        del profile
        if is_prepared(self._folder):
            return Availability(available=True)
        return Availability(available=False, reason=f"The model's weights are missing. Fetch them: {self._command}")

    def _look(self) -> None:
        pause = threading.Event()
        while not is_prepared(self._folder):
            pause.wait(self._seconds)
            self._look_again()
