"""What a person sees who makes a video from the command line of `deploy.py`. Needs nothing but Python itself."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import InputError
from pipeline.notices import Notice
from pipeline.profiles import get_profile


class Call(Protocol):
    """A run elsewhere."""

    def get(self, timeout: float) -> tuple[str, bytes]:
        """Return how it ended, as JSON, and the mp4.

        Raises:
            TimeoutError: It is not over.
        """
        ...


def say(text: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def check_pair(profile: str, model: str) -> None:
    """End the program if the profile is none, or not one of the model's."""
    try:
        own = get_profile(profile).model
    except InputError as error:
        sys.exit(str(error))
    if own == "preview":
        sys.exit(f"A preview needs no cloud: python -m pipeline PHOTO VOICE -o out.mp4 --profile {profile}")
    if own != model:
        sys.exit(f"The profile {profile} belongs to the model {own}, not to {model}. Name a matching pair.")


def read_file(name: str, option: str) -> bytes:
    """Read a file of this machine; end the program if it cannot be read."""
    if not name:
        sys.exit(f"{option} is missing. Give {option} FILE, or --download-weights.")
    try:
        return Path(name).read_bytes()
    except OSError as error:
        sys.exit(f"{option} {name} cannot be read: {error.strerror}. Name another file.")


def follow(call: Call, read_progress: Callable[[], str | None]) -> tuple[dict[str, Any], bytes]:
    """Show a run's progress until it is over.

    Args:
        call: The run.
        read_progress: Returns how far it is, as JSON; None before it has begun.

    Returns:
        What is known of the video, and the mp4. If there is none, the program ends and says why.
    """
    shown = ""
    while True:
        try:
            text, video = call.get(timeout=1)
        except TimeoutError:
            line = _describe(read_progress())
            if line != shown:
                say(shown := line)
        else:
            break
    end = json.loads(text)
    if end["status"] != "done":
        sys.exit(Notice(**end["error"]).text)
    return end["result"], video


def keep(result: dict[str, Any], video: bytes, output: str) -> None:
    """Write the video, and say what it is and what it cost."""
    Path(output).write_bytes(video)
    cost = result["cost"]
    price = "" if cost["dollars"] is None else f", ${cost['dollars']}"
    say(f"{output}: {result['num_frames']} frames; {cost['seconds']} s on {cost['gpu']}{price}")


def _describe(progress: str | None) -> str:
    if progress is None:
        return "waiting for a GPU"
    told = json.loads(progress)["progress"]
    return f"{told['percent']:3.0f} %  {told['stage']}"
