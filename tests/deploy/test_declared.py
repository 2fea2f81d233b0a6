"""What the deployment declares to Modal."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.deployment import Deployment
from tests.deploy.conftest import ROOT
from tests.deploy.loopback.declared import Declared
from tests.deploy.loopback.plane import Loopback

MODAL_NAMES = {
    "App", "CloudBucketMount", "Dict", "FunctionCall", "Image", "Secret", "Volume", "asgi_app", "concurrent", "enter",
    "exception", "Period", "is_local", "method",
}  # fmt: skip
"""All that deploy.py may use of Modal: stable, documented names."""

MODELS = ("InfiniteTalk", "LongCat")
SINGLES, TEAMS = ([f"{model}{kind}.*" for model in MODELS] for kind in ("Generator", "TeamGenerator"))


@pytest.fixture(scope="module")
def declared(loopback: Loopback) -> dict[str, Declared]:
    loopback.modal("deploy", "deploy.py")
    return loopback.declared()


@pytest.fixture
def gpu(declared: dict[str, Declared]) -> Declared:
    return declared["InfiniteTalkGenerator.*"]


@pytest.fixture
def web(declared: dict[str, Declared]) -> Declared:
    return declared["web"]


def test_has_no_other_functions(declared: dict[str, Declared]) -> None:
    assert set(declared) == {
        *SINGLES,
        *TEAMS,
        "web",
        "sweep",
        "fetch_weights",
        "check",
        "mark",
        "sign",
        "look_at_keys",
        "look_at_reports",
    }


def test_prefers_an_a100_and_falls_back_to_an_h100(gpu: Declared) -> None:
    assert gpu.gpus == ["A100-80GB:1", "H100:1"]


def test_pays_for_a_gpu_in_no_other_function(declared: dict[str, Declared]) -> None:
    assert {name for name, function in declared.items() if function.gpus} == {*SINGLES, *TEAMS}


@pytest.mark.parametrize("name", [*SINGLES, *TEAMS])
def test_runs_one_job_at_a_time_on_a_gpu(declared: dict[str, Declared], name: str) -> None:
    assert declared[name].max_concurrent_inputs in {0, 1}


def test_keeps_no_several_gpus_running(declared: dict[str, Declared]) -> None:
    team = declared["InfiniteTalkTeamGenerator.*"]
    assert (team.gpus, team.min_containers, team.max_containers) == (["A100-80GB:1", "H100:1"], 0, 1)
    assert (team.buffer_containers, team.scaledown) == (0, 120)


def test_gives_the_gpu_back_when_nothing_is_to_do(gpu: Declared) -> None:
    assert (gpu.min_containers, gpu.max_containers, gpu.buffer_containers, gpu.scaledown) == (0, 1, 0, 120)


@pytest.mark.parametrize("name", [*SINGLES, *TEAMS])
def test_lets_a_gpu_run_longer_than_any_profile_may_take(declared: dict[str, Declared], name: str) -> None:
    assert max(Deployment().time_limits.values()) < declared[name].timeout <= 24 * 60 * 60


@pytest.mark.parametrize("name", [*SINGLES, *TEAMS])
def test_gives_loading_half_an_hour(declared: dict[str, Declared], name: str) -> None:
    assert declared[name].startup_timeout == 30 * 60


@pytest.mark.parametrize("name", [*SINGLES, *TEAMS])
def test_repeats_no_failed_run_by_itself(declared: dict[str, Declared], name: str) -> None:
    assert declared[name].retries == 0


def test_takes_no_snapshot_unless_it_is_asked_for(gpu: Declared) -> None:
    assert not gpu.snapshot
    assert gpu.experiments == {}


def test_serves_the_page_from_one_container(web: Declared) -> None:
    assert (web.web, web.min_containers, web.max_containers, web.max_concurrent_inputs) == (True, 0, 1, 500)


def test_lets_a_request_be_held_as_long_as_a_run_may_take(declared: dict[str, Declared], web: Declared) -> None:
    assert web.timeout >= declared["InfiniteTalkGenerator.*"].timeout


def test_sweeps_twice_an_hour_without_a_visitor(declared: dict[str, Declared], volumes: Path) -> None:
    sweep = declared["sweep"]
    assert (sweep.period_minutes, sweep.gpus, sweep.max_containers) == (30, [], 1)
    assert sweep.volumes == {
        f"{volumes}/data": ("video-lab-data", False),
        f"{volumes}/trust": ("video-lab-trust", False),
    }


def test_gives_signing_keys_and_accounts_to_no_gpu(declared: dict[str, Declared], volumes: Path) -> None:
    mounting = {
        name: one.volumes[f"{volumes}/trust"] for name, one in declared.items() if f"{volumes}/trust" in one.volumes
    }
    assert mounting == dict.fromkeys(("web", "sweep", "mark", "sign", "look_at_keys"), ("video-lab-trust", False))


def test_asks_for_no_proxy_token_unless_it_is_set(web: Declared) -> None:
    assert not web.proxy_auth


def test_mounts_the_weights_for_reading_only(declared: dict[str, Declared], volumes: Path) -> None:
    for function in (declared[name] for name in ("InfiniteTalkGenerator.*", "InfiniteTalkTeamGenerator.*", "web")):
        mounted = {
            path: volume for path, volume in function.volumes.items() if path.rpartition("/")[2] in {"data", "weights"}
        }
        assert mounted == {
            f"{volumes}/data": ("video-lab-data", False),
            f"{volumes}/weights": ("video-lab-weights", True),
        }


def test_keeps_what_was_compiled_for_the_next_gpu(declared: dict[str, Declared], volumes: Path) -> None:
    path = f"{volumes}/compiled"
    mounting = {name: one.volumes[path] for name, one in declared.items() if path in one.volumes}
    assert mounting == dict.fromkeys(SINGLES, ("video-lab-compiled", False))


def test_has_a_compiler_where_the_model_is_compiled(gpu: Declared, web: Declared) -> None:
    assert any("apt-get install" in step and "g++" in step for step in gpu.image)
    assert not any("g++" in step for step in web.image)


def test_writes_the_weights_in_one_function_only(declared: dict[str, Declared], volumes: Path) -> None:
    assert declared["fetch_weights"].volumes == {f"{volumes}/weights": ("video-lab-weights", False)}
    assert declared["check"].volumes == {}


def test_shows_the_hub_s_token_to_the_download_only(declared: dict[str, Declared]) -> None:
    assert [name for name, function in declared.items() if "st-HF_SECRET" in function.secrets] == ["fetch_weights"]


def test_builds_the_web_s_image_without_torch(web: Declared) -> None:
    names = list_packages(web)
    assert "gradio" in names
    assert not {"torch", "diffusers"} & names


def test_brings_the_model_s_libraries_into_the_gpu_s_image(gpu: Declared) -> None:
    assert {"torch", "diffusers", "transformers", "flash-attn-4", "nvidia-cutlass-dsl"} <= list_packages(gpu)


def test_installs_nothing_that_is_not_locked_with_hashes(web: Declared, gpu: Declared) -> None:
    steps = [step for step in (*web.image, *gpu.image) if "/uv pip install" in step]
    assert len(steps) == 3
    assert all("--require-hashes --no-deps --requirements" in step for step in steps)


def list_packages(function: Declared) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", function.requirements, re.MULTILINE))


@pytest.mark.parametrize(
    "file",
    [
        "/root/deploy.py",
        "/root/app/main.py",
        "/root/app/ui/assets/page.css",
        "/root/pipeline/generate.py",
        "/root/assets/models/face_landmarks_detector.tflite",
    ],
)
def test_brings_the_project_s_own_files(web: Declared, gpu: Declared, file: str) -> None:
    assert file in web.files
    assert file in gpu.files


def test_brings_nothing_else(web: Declared) -> None:
    parts = {Path(file).relative_to("/root").parts[0] for file in web.files}
    assert parts == {"app", "assets", "pipeline", "deploy.py"}


def test_uses_only_names_of_modal_that_are_on_the_list() -> None:
    assert set(find_modal_names(ROOT / "deploy.py")) <= MODAL_NAMES


def test_imports_modal_nowhere_else() -> None:
    files = [*(ROOT / "app").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")]
    assert [str(file) for file in files if "import modal" in file.read_text()] == []


def find_modal_names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "modal":
            yield node.attr


def test_follows_the_settings(loopback: Loopback) -> None:
    loopback.plane.secrets["KEYS"] = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    settings = {
        "APP": "talking",
        "GPU": "H100",
        "MIN_GPUS": "1",
        "BUFFER_GPUS": "2",
        "MAX_GPUS": "3",
        "ROUTING_REGION": "eu-west",
        "GPU_IDLE_SECONDS": "600",
        "MAX_MINUTES": "900",
        "GPU_SNAPSHOT": "1",
        "WAKE": "fast",
        "BUCKET": "videos",
        "BUCKET_SECRET": "KEYS",
        "MIN_WEBS": "1",
        "PROXY_AUTH": "1",
        "TEAM_GPUS": "4",
    }
    printed = loopback.modal(
        "deploy", "deploy.py", **{f"VIDEO_LAB_MODAL_{name}": value for name, value in settings.items()}
    )
    gpu, web = loopback.declared()["InfiniteTalkGenerator.*"], loopback.declared()["web"]
    team = loopback.declared()["InfiniteTalkTeamGenerator.*"]
    assert "talking" in loopback.plane.deployed
    assert (gpu.gpus, gpu.min_containers, gpu.max_containers, gpu.scaledown) == (["H100:1"], 1, 3, 600)
    other = loopback.declared()["LongCatGenerator.*"]
    assert (gpu.buffer_containers, gpu.experiments) == (2, {"enable_gpu_snapshot": "True"})
    assert (gpu.routing_region, web.routing_region) == ("eu-west", "eu-west")
    assert (other.min_containers, other.buffer_containers, other.max_containers) == (0, 0, 3)
    buckets = {name: one.buckets for name, one in loopback.declared().items() if one.buckets}
    assert buckets == {key: {"/bucket": ("videos", "talking/")} for key in ("web", "sweep", "look_at_reports")}
    assert (team.snapshot, team.experiments) == (False, {})
    assert "woken for a job that does not come (VIDEO_LAB_MODAL_WAKE): $0.72" in printed
    assert (team.gpus, team.min_containers, team.max_containers) == (["H100:4"], 0, 1)
    assert (team.cpu_milli, team.scaledown) == (16_000, 600)
    assert (gpu.timeout, gpu.snapshot, web.min_containers, web.proxy_auth) == (930 * 60, True, 1, True)


def test_says_which_gpu_would_be_quicker_and_cheaper(loopback: Loopback) -> None:
    printed = loopback.modal("deploy", "deploy.py", VIDEO_LAB_MODAL_GPU_FAST="H100")
    assert "5 s of quality take 147.4 minutes ($6.14) on an A100-80GB, 44.1 minutes ($2.90) on an H100" in printed
    assert "VIDEO_LAB_MODAL_GPU_QUALITY=H100" in printed
    assert "VIDEO_LAB_MODAL_GPU_FAST=H100" not in printed
    assert "Spending limit of the web app (VIDEO_LAB_MODAL_DOLLARS_PER_DAY): $20 in 24 hours" in printed


def test_says_which_value_a_setting_may_have(loopback: Loopback) -> None:
    printed = loopback.modal("deploy", "deploy.py", check=False, VIDEO_LAB_MODAL_WAKE="preview")
    assert "VIDEO_LAB_MODAL_WAKE is 'preview'. Allowed: one of turbo, " in printed
    printed = loopback.modal("deploy", "deploy.py", check=False, VIDEO_LAB_MODAL_MAX_GPUS="many")
    assert "VIDEO_LAB_MODAL_MAX_GPUS is 'many'. Allowed: a whole number from 1 to 50." in printed


def test_tells_where_the_app_is_and_what_to_try(loopback: Loopback) -> None:
    printed = loopback.modal("deploy", "deploy.py")
    assert "The app is at http://127.0.0.1/web" in printed
    assert "modal run deploy.py --download-weights" in printed


def test_says_how_to_make_a_missing_secret(loopback: Loopback) -> None:
    printed = loopback.modal("deploy", "deploy.py", check=False, VIDEO_LAB_MODAL_SECRET="OTHER")
    assert "Secret 'OTHER' not found" in printed
    assert "modal secret create OTHER HF_TOKEN=hf_..." in printed


def test_says_which_key_a_secret_lacks(loopback: Loopback) -> None:
    loopback.plane.secrets["EMPTY"] = {"TOKEN": "hf_test"}
    printed = loopback.modal("deploy", "deploy.py", check=False, VIDEO_LAB_MODAL_SECRET="EMPTY")
    assert "modal secret create EMPTY HF_TOKEN=hf_..." in printed


def test_can_be_imported_without_a_token(loopback: Loopback) -> None:
    printed = loopback.modal("run", "deploy.py", "--help", MODAL_TOKEN_ID="", MODAL_TOKEN_SECRET="")
    assert "--download-weights" in printed
