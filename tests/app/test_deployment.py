"""The deployment's settings."""

import subprocess
import sys

import pytest

from app.deployment import Deployment, DeploymentSettingsError, passed_on, read_deployment
from app.settings import Settings
from pipeline.engines import GPU_PROFILES


def test_has_defaults_for_everything() -> None:
    assert read_deployment({}) == Deployment()


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("APP", "talking", "app", "talking"),
        ("MAX_GPUS", "4", "max_gpus", 4),
        ("SNAPSHOT", "1", "snapshot", True),
        ("PROXY_AUTH", "false", "proxy_auth", False),
        ("GPU", "", "gpu", "A100-80GB,H100"),
        ("GPU_FAST_LORA", "H100", "profile_gpus", {"fast_lora": "H100"}),
        ("QUALITY_MINUTES", "90", "profile_minutes", {"quality": 90}),
    ],
)
def test_reads_a_variable(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(read_deployment({f"VIDEO_LAB_MODAL_{name}": value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_GPUS", "many", "VIDEO_LAB_MODAL_MAX_GPUS is 'many'. Allowed: a whole number from 1 to 50."),
        ("GPU_IDLE_SECONDS", "1", "VIDEO_LAB_MODAL_GPU_IDLE_SECONDS is '1'. Allowed: a whole number from 2 to 3600."),
        ("SNAPSHOT", "maybe", "VIDEO_LAB_MODAL_SNAPSHOT is 'maybe'. Allowed: 1 or 0."),
        (
            "GPU_FAST",
            "H100,A100-80GB",
            "VIDEO_LAB_MODAL_GPU_FAST is 'H100,A100-80GB'. Allowed: one kind, such as H100.",
        ),
        ("DOLLARS_PER_DAY", "-1", "VIDEO_LAB_MODAL_DOLLARS_PER_DAY is '-1'. Allowed: a whole number from 0 to 100000."),
        ("GPUS", "H100", "There is no setting VIDEO_LAB_MODAL_GPUS. There are: VIDEO_LAB_MODAL_APP,"),
    ],
)
def test_says_which_value_is_allowed(name: str, value: str, message: str) -> None:
    with pytest.raises(DeploymentSettingsError) as caught:
        read_deployment({f"VIDEO_LAB_MODAL_{name}": value})
    assert message in str(caught.value)


def test_names_the_gpus_in_order() -> None:
    assert read_deployment({"VIDEO_LAB_MODAL_GPU": "H100, A100-80GB"}).gpus == ["H100", "A100-80GB"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"quality": 1, "balanced": 1}),
        ({"TEAM_GPUS": "4"}, {"quality": 4, "balanced": 1}),
        ({"TEAM_GPUS": "2", "TEAM_PROFILES": "balanced, fast"}, {"quality": 1, "balanced": 2, "fast": 2}),
    ],
)
def test_counts_the_gpus_of_a_video(settings: dict[str, str], expected: dict[str, int]) -> None:
    deployment = read_deployment({f"VIDEO_LAB_MODAL_{name}": value for name, value in settings.items()})
    assert {profile: deployment.count_gpus(profile) for profile in expected} == expected


@pytest.mark.parametrize("profile", GPU_PROFILES)
def test_bounds_each_profile_that_needs_a_gpu_by_its_own_minutes(profile: str) -> None:
    limits = Deployment(max_minutes=100, profile_minutes={profile: 2}).time_limits
    assert limits == dict.fromkeys(GPU_PROFILES, 6000.0) | {profile: 120.0}


def test_bounds_what_is_not_set_or_set_higher_by_the_longest_run() -> None:
    deployment = Deployment(max_minutes=60, profile_minutes={"quality": 720})
    assert set(deployment.time_limits.values()) == {3600.0}
    assert deployment.run_timeout == 90 * 60


def test_leaves_modal_s_day_as_the_last_limit() -> None:
    assert Deployment().run_timeout == 24 * 3600


def test_gives_a_profile_a_gpu_of_its_own() -> None:
    deployment = read_deployment({"VIDEO_LAB_MODAL_GPU_QUALITY": "H100"})
    assert deployment.find_gpus("quality") == ["H100"]
    assert deployment.find_gpus("fast") == ["A100-80GB", "H100"]
    assert deployment.name_gpu_setting("quality") == "VIDEO_LAB_MODAL_GPU_QUALITY"


def test_passes_settings_on_to_containers() -> None:
    environment = {"VIDEO_LAB_MODAL_APP": "talking", "VIDEO_LAB_RESULT_HOURS": "5", "HOME": "/root"}
    assert passed_on(environment) == {"VIDEO_LAB_MODAL_APP": "talking", "VIDEO_LAB_RESULT_HOURS": "5"}


def test_keeps_to_itself_what_containers_decide_and_what_is_secret() -> None:
    decided = {
        "PASSWORD", "HOST", "PORT", "TRUSTED_PROXIES", "DATA_DIR", "BUCKET_DIR", "WEIGHTS_DIR", "DEVICE", "NUM_GPUS",
        "WORKERS", "LIVE",
    }  # fmt: skip
    names = {name.upper() for name in Settings.model_fields}
    passed = passed_on({f"VIDEO_LAB_{name}": "x" for name in {*names, "KEY", "OF_ANOTHER_VERSION"}})
    assert set(passed) == {f"VIDEO_LAB_{name}" for name in names - decided}


def test_needs_nothing_but_python() -> None:
    program = (
        "import app.deployment, sys; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'__main__'}))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['app', 'pipeline']"
