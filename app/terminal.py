"""What the command line of `deploy.py` prints. Needs nothing but Python itself."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from app.deployment import Deployment
from pipeline.casting import assign_voices
from pipeline.devices import DEFAULT_DEVICE, DeviceKind, find_device
from pipeline.dialogue import SpeakerRequest, parse_speakers
from pipeline.engines import GPU_PROFILES, get_engine_spec, get_profile
from pipeline.errors import InputError
from pipeline.estimate import Estimate, estimate, find_better
from pipeline.notices import Notice
from pipeline.profiles import Profile
from pipeline.request import Role

_HINT_SECONDS = 5.0


class Call(Protocol):
    """A run on Modal."""

    def get(self, timeout: float) -> tuple[str, bytes]:
        """Return how it ended, as JSON, and the mp4.

        Raises:
            TimeoutError: It is not over.
        """
        ...


def say(text: str) -> None:
    """Print a line immediately."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def require_lock(settings: Deployment, password: str, ask: Callable[[str], str] | None) -> None:
    """Exit if anybody could use the app, unless that is what the operator wants.

    Args:
        settings: Of the deployment.
        password: That the app will ask for; empty if it will ask for none.
        ask: Puts a question to the person at the terminal; None where nobody is there.
    """
    if password or settings.proxy_auth:
        return
    spending = f"${settings.dollars_per_day} a day" if settings.dollars_per_day else "as much as Modal bills"
    say(f"WARNING: without a password, anybody who finds the address can spend {spending} on your account.")
    if settings.open:
        return
    ways = (
        "Set VIDEO_LAB_PASSWORD to at least 8 characters, or VIDEO_LAB_MODAL_PROXY_AUTH=1; VIDEO_LAB_MODAL_OPEN=1 "
        "deploys it open."
    )
    if ask is None:
        sys.exit(ways)
    if ask("Deploy it open to everybody? [y/N] ").strip().lower() not in {"y", "yes"}:
        sys.exit(f"Not deployed. {ways}")


def tell_spending(settings: Deployment) -> None:
    """Print what the app may spend, and which GPUs would be faster and cheaper."""
    limit = f"${settings.dollars_per_day} in 24 hours" if settings.dollars_per_day else "none"
    say(f"Spending limit of the web app (VIDEO_LAB_MODAL_DOLLARS_PER_DAY): {limit}")
    if settings.wake:
        say(f"A GPU that is woken for a job that does not come (VIDEO_LAB_MODAL_WAKE): ${settings.wake_dollars:.2f}")
    for line in _find_hints(settings):
        say(line)


def _find_hints(settings: Deployment) -> Iterator[str]:
    for name in GPU_PROFILES:
        profile, kind = get_profile(name), find_device(settings.find_gpus(name)[0]) or DEFAULT_DEVICE

        def calculate(kind: DeviceKind, profile: Profile = profile) -> Estimate:
            num_gpus = settings.count_gpus(profile.name)
            return estimate(profile, profile.sampling, _HINT_SECONDS, kind, None, num_gpus)

        own = calculate(kind)
        if better := find_better(own, kind, calculate).better:
            yield (
                f"{_HINT_SECONDS:g} s of {name} take {_tell_run(own.seconds, own.dollars)} on an {kind}, "
                f"{_tell_run(better.seconds, better.dollars)} on an {better.gpu}: "
                f"{settings.name_gpu_setting(name)}={better.gpu}"
            )


def _tell_run(seconds: float, dollars: float) -> str:
    return f"{seconds / 60:.1f} minutes (${dollars:.2f})"


def check_pair(profile: str, model: str | None) -> None:
    """End the program unless the profile needs a GPU and is one of the model's; no model is any."""
    try:
        own = get_profile(profile).model
    except InputError as error:
        sys.exit(str(error))
    if not get_engine_spec(own).needs_gpu:
        sys.exit(f"The profile {profile} needs no cloud: video-lab PHOTO VOICE -o out.mp4 --profile {profile}")
    if model and own != model:
        sys.exit(f"The profile {profile} belongs to the model {own}, not to {model}. Name a matching pair.")


def read_file(name: str, option: str) -> bytes:
    """Read a file of this machine; exit if it cannot be read."""
    if not name:
        sys.exit(f"{option} is missing. Give {option} FILE, or --download-weights.")
    try:
        return Path(name).read_bytes()
    except OSError as error:
        sys.exit(f"{option} {name} cannot be read: {error.strerror}. Name another file.")


def read_voices(request: dict[str, Any], audio: str) -> tuple[dict[str, Any], dict[Role, bytes]]:
    """Read the recordings of this machine that a request names as paths; exit if they do not fit one another.

    Args:
        request: Fields of `VideoRequest`.
        audio: The one recording; empty where each of the speakers has one of his own.

    Returns:
        The request, whose speakers name roles, and the recordings by these.
    """
    speakers = parse_speakers(request["speakers"], SpeakerRequest)
    named = {speaker.audio for speaker in speakers if speaker.audio is not None}
    paths = {name: name for name in named if Path(name).is_file()}
    if audio or not speakers:
        paths["audio"] = audio
    try:
        cast, voices = assign_voices(speakers, paths)
    except InputError as error:
        sys.exit(str(error))
    asked = request | {"speakers": tuple(map(asdict, cast))}
    return asked, {role: read_file(path, "--audio") for role, path in voices.items()}


def follow(call: Call, read_progress: Callable[[], str | None]) -> tuple[dict[str, Any], bytes]:
    """Print a run's progress until it has ended.

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
        sys.exit(_explain_end(end))
    return end["result"], video


def keep(result: dict[str, Any], video: bytes, output: str) -> None:
    """Write the video, and print its facts and its cost."""
    Path(output).write_bytes(video)
    say(f"{output}: {result['num_frames']} frames; {_tell_cost(result['cost'])}")


def _explain_end(end: dict[str, Any]) -> str:
    """Print why there is no video, and what has to be paid nevertheless."""
    reason = Notice(**end["error"]).text if end.get("error") else "The run was cancelled."
    return f"{reason}\n{_tell_cost(end['cost'])}" if end.get("cost") else reason


def _tell_cost(cost: dict[str, Any]) -> str:
    price = "" if cost["dollars"] is None else f", ${cost['dollars']}"
    return f"{cost['seconds']} s on {cost['gpu']}{price}"


def _describe(progress: str | None) -> str:
    if progress is None:
        return "waiting for a GPU"
    told = json.loads(progress)["progress"]
    return f"{told['percent']:3.0f} %  {told['stage']}"
