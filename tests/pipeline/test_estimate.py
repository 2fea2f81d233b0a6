"""Time and cost are known before a run."""

from dataclasses import replace

import pytest

from pipeline.devices import DEVICES, DeviceKind, find_device
from pipeline.diffusion.speed import SPEEDS
from pipeline.engines import PROFILES
from pipeline.estimate import Estimate, estimate
from pipeline.infinitetalk.profiles import get_options
from pipeline.profiles import Sampling

WINDOW_SECONDS = 81 / 25


def estimate_steps(
    name: str, seconds: float, steps: int, text: float = 5.0, audio: float = 4.0, device: DeviceKind = "A100-80GB"
) -> Estimate:
    profile = PROFILES[name]
    uncached = replace(profile, options=replace(get_options(profile), tea_cache=False))
    return estimate(uncached, Sampling(steps, text, audio), seconds, device)


def test_preview_is_free_and_quicker_than_the_video() -> None:
    preview = estimate(PROFILES["preview"], Sampling(0, 1.0, 1.0), 60.0)
    assert (preview.dollars, preview.loading_seconds, preview.basis) == (0.0, 0.0, "measured")
    assert preview.seconds < 60.0


@pytest.mark.parametrize(("device", "seconds"), [("A100-80GB", 30.3), ("H100", 9.06)])
def test_a_step_of_three_passes_takes_what_was_measured_or_published(device: DeviceKind, seconds: float) -> None:
    first, second = (estimate_steps("balanced", WINDOW_SECONDS, steps, device=device) for steps in (1, 2))
    assert first.basis == "calculated"
    assert second.seconds - first.seconds == pytest.approx(seconds, rel=0.02)


def test_turbo_on_an_h100_takes_what_its_parts_were_measured_to_take() -> None:
    window = estimate(PROFILES["turbo"], Sampling(4, 1.0, 1.0), WINDOW_SECONDS, "H100")
    assert window.seconds == pytest.approx(4 * 3.02 + 3.7, rel=0.02)


@pytest.mark.parametrize(("text", "audio", "passes"), [(5.0, 4.0, 3), (5.0, 1.0, 3), (1.0, 4.0, 2), (1.0, 1.0, 1)])
def test_each_pass_counts(text: float, audio: float, passes: int) -> None:
    decode_seconds = SPEEDS["A100-80GB"].decode_seconds
    one = estimate_steps("balanced", WINDOW_SECONDS, 10, 1.0, 1.0).seconds - decode_seconds
    several = estimate_steps("balanced", WINDOW_SECONDS, 10, text, audio).seconds - decode_seconds
    assert several == pytest.approx(passes * one)


@pytest.mark.parametrize(("frames", "clips"), [(25, 1), (81, 1), (82, 2), (153, 2), (154, 3), (15_000, 209)])
def test_each_overlapping_clip_counts(frames: int, clips: int) -> None:
    one = estimate_steps("balanced", WINDOW_SECONDS, 10)
    assert estimate_steps("balanced", frames / 25, 10).seconds == pytest.approx(clips * one.seconds)


def test_a_single_clip_is_as_long_as_the_speech() -> None:
    assert estimate_steps("fast", 1.0, 8).seconds < 0.4 * estimate_steps("fast", WINDOW_SECONDS, 8).seconds


def test_720p_costs_more_than_its_pixels() -> None:
    ratio = (
        estimate_steps("quality", WINDOW_SECONDS, 40).seconds / estimate_steps("balanced", WINDOW_SECONDS, 40).seconds
    )
    assert 3.5 < ratio < 3.8


def test_cached_steps_cost_nothing() -> None:
    sampling = Sampling(40, 5.0, 4.0)
    cached = estimate(PROFILES["balanced"], sampling, 10.0)
    assert cached.seconds == pytest.approx(estimate_steps("balanced", 10.0, 40).seconds * 22.5 / 40, rel=0.01)


def test_several_gpus_are_quicker_and_cost_more() -> None:
    sampling = Sampling(40, 5.0, 4.0)
    one, four = (estimate(PROFILES["quality"], sampling, 10.0, "H100", num_gpus=count) for count in (1, 4))
    assert one.seconds / four.seconds == pytest.approx(4 * 0.8, rel=0.02)
    assert four.dollars / four.seconds == pytest.approx(4 * one.dollars / one.seconds)
    assert four.basis == "calculated"


def test_measured_seconds_are_paid_for_on_each_of_several_gpus() -> None:
    measured = estimate(PROFILES["quality"], Sampling(40, 5.0, 4.0), 10.0, seconds_per_second=12.0, num_gpus=4)
    assert measured.seconds == 120.0
    assert measured.dollars == pytest.approx(4 * 120.0 * DEVICES["A100-80GB"].dollars_per_second)


def test_what_was_measured_here_wins() -> None:
    profile = PROFILES["balanced"]
    measured = estimate(profile, Sampling(20, 5.0, 4.0), 10.0, "H100", seconds_per_second=12.0)
    assert (measured.seconds, measured.basis) == (120.0, "measured")
    assert measured.dollars == pytest.approx(120.0 * DEVICES["H100"].dollars_per_second)
    assert measured.loading_seconds > 0


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("A100", "A100-80GB"),
        ("H100!", "H100"),
        ("H100:4", "H100"),
        ("L4", None),
    ],
)
def test_knows_a_gpu_by_the_names_of_drivers_and_of_modal(name: str, device: DeviceKind | None) -> None:
    assert find_device(name) == device
