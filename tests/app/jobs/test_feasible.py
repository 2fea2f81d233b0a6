"""What takes longer than it may is refused before anything is paid for."""

import pytest

from app.jobs.budget import check_feasible
from pipeline.errors import InputError
from pipeline.request import VideoRequest

HOUR = 3600.0
SPEEDS = {"turbo": 10.0, "fast": 60.0, "quality": 1800.0}


def predict(request: VideoRequest, speech_seconds: float) -> float:
    return speech_seconds * SPEEDS.get(request.profile, 120.0)


def refuse(profile: str, speech_seconds: float, hours: float = 18.0) -> InputError:
    with pytest.raises(InputError) as caught:
        check_feasible(VideoRequest(profile=profile), speech_seconds, predict, lambda _: hours * HOUR)
    return caught.value


@pytest.mark.parametrize("speech_seconds", [1.0, 36.0])
def test_takes_what_fits(speech_seconds: float) -> None:
    check_feasible(VideoRequest(profile="quality"), speech_seconds, predict, lambda _: 18.0 * HOUR)


def test_says_how_long_it_would_take_and_what_would_fit() -> None:
    notice = refuse("quality", 60.0).notice
    assert (notice.code, notice.about) == ("request.takes_too_long", "max_duration_sec")
    assert notice.values["hours"] == 30.0
    assert notice.values["most"] == 18.0
    assert notice.values["fitting"] == 36
    assert notice.values["quicker"] == "turbo, fast_lora, fast, low_vram, balanced, longcat, longcat_quality, preview"


def test_names_no_profile_that_does_not_fit_either() -> None:
    assert refuse("quality", 600.0, hours=8.0).notice.values["quicker"] == "turbo, preview"


def test_says_that_no_length_would_fit() -> None:
    notice = refuse("quality", 10.0, hours=0.4).notice
    assert (notice.code, notice.about) == ("request.takes_too_long_always", "profile")


def test_refuses_nothing_where_time_does_not_matter() -> None:
    check_feasible(VideoRequest(profile="quality"), 600.0, predict, lambda _: None)
