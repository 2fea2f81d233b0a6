"""How long runs may take, against what they are expected to take."""

import subprocess
import sys

import pytest

from app.deployment import Deployment
from app.remote import TimeLimits
from app.remote.limits import MARGIN, ROOM
from pipeline.devices import DEVICES, DeviceKind
from pipeline.engines import GPU_PROFILES, get_profile
from pipeline.estimate import estimate
from pipeline.request import VideoRequest
from pipeline.sampling import choose_sampling

LIMITS = TimeLimits(Deployment().time_limits)
DAY = 24 * 3600.0


def expect(request: VideoRequest, speech_seconds: float, device: DeviceKind) -> float:
    profile = get_profile(request.profile)
    return estimate(profile, choose_sampling(request, profile), speech_seconds, device).seconds


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", GPU_PROFILES)
def test_gives_room_to_everything_that_is_taken(name: str, device: DeviceKind) -> None:
    request = VideoRequest(profile=name)
    for speech_seconds in (1, 5, 23.5, 26, 29, 49, 104, 107, 300, 600):
        expected = expect(request, speech_seconds, device)
        limit = LIMITS.find(request, speech_seconds, device)
        is_taken = expected <= LIMITS.find_most(name)
        assert limit < DAY
        assert limit >= ROOM * expected if is_taken else expected > 18 * 3600


def test_follows_steps_and_guidance() -> None:
    plain, slow = (
        VideoRequest(profile="turbo"),
        VideoRequest(profile="turbo", num_inference_steps=40, guidance_scale=5.0),
    )
    assert LIMITS.find(slow, 30.0, "A100-80GB") > MARGIN * expect(slow, 30.0, "A100-80GB")
    assert expect(slow, 30.0, "A100-80GB") > 20 * expect(plain, 30.0, "A100-80GB")


def test_follows_what_earlier_runs_took() -> None:
    request = VideoRequest(profile="fast")
    limit = LIMITS.find(request, 10.0, "H100", 1, 300.0)
    assert limit > MARGIN * 3000.0
    assert LIMITS.find(request, 10.0, "H100", 1, 0.1) == LIMITS.find(request, 10.0, "H100")


def test_gives_less_to_several_gpus() -> None:
    request = VideoRequest(profile="balanced")
    assert LIMITS.find(request, 60.0, "H100", 4) < LIMITS.find(request, 60.0, "H100")


@pytest.mark.parametrize(("speech_seconds", "device"), [(5.0, None), (0.0, "H100")])
def test_knows_the_bound_alone_where_nothing_can_be_expected(speech_seconds: float, device: DeviceKind | None) -> None:
    limits = TimeLimits({"fast": 77.0})
    assert limits.find(VideoRequest(profile="fast"), speech_seconds, device) == 77.0


def test_keeps_to_the_minutes_that_are_set() -> None:
    limits = TimeLimits(Deployment(profile_minutes={"fast": 30, "low_vram": 60}).time_limits)
    assert limits.find(VideoRequest(profile="fast"), 60.0, "A100-80GB") == 1800.0
    assert limits.find(VideoRequest(profile="low_vram"), 60.0, "A100-80GB") == 3600.0


def test_prints_the_table() -> None:
    command = [sys.executable, "-W", "error", "-m", "app.remote.table"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "| `quality` | A100-80GB | 2.5 h, $6.14; 6.4 h | 13.5 h, $33.75; 23.5 h | refused (25.8 h) |" in table
    assert len(table.splitlines()) == 3 + len(GPU_PROFILES) * len(DEVICES)
