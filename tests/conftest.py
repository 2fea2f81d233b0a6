"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# Before torch and OpenCV are imported, here and in every process that a test starts: at the tests' sizes, threads spend
# their time waiting for one another, and the tests themselves run side by side.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENCV_FOR_THREADS_NUM"] = "1"

# By itself, Hypothesis fails an example that once takes 200 ms: on a busy machine any does.
settings.register_profile("patient", deadline=None, max_examples=50)
settings.load_profile("patient")

FOLDER = Path(__file__).parent
# What `--fast` leaves out. Everything else is for every day, and runs without torch, Modal and a browser.
SLOW = (
    # They need torch.
    "pipeline/diffusion",
    "pipeline/distributed",
    "pipeline/infinitetalk",
    "pipeline/longcat",
    "pipeline/test_profiles.py",
    "pipeline/weights/test_any_engine.py",
    "pipeline/weights/test_install.py",
    "pipeline/weights/test_lora.py",
    # They need Modal.
    "deploy",
    # They need a browser.
    "app/test_dialogue_views.py",
    "app/test_page_views.py",
    "app/ui",
    # They need what builds the package.
    "packaging/test_wheel.py",
    # They start servers, or take five seconds or more.
    "app/accounts/test_doors.py",
    "app/attack",
    "app/clients",
    "app/decoding",
    "app/jobs/test_lives.py",
    "app/jobs/test_local.py",
    "app/jobs/test_runners.py",
    "app/jobs/test_work.py",
    "app/remote/test_app.py",
    "app/remote/test_wake.py",
    "app/remote/test_worker.py",
    "app/routes",
    "app/test_access.py",
    "app/test_batch_command.py",
    "app/test_batch_trouble.py",
    "app/test_batches.py",
    "app/test_bucket.py",
    "app/test_consent.py",
    "app/test_kills.py",
    "app/test_engines.py",
    "app/test_main.py",
    "app/test_mcp.py",
    "app/test_operation.py",
    "app/test_options.py",
    "app/test_origins.py",
    "app/test_password.py",
    "app/test_readme.py",
    "app/test_sealer.py",
    "app/test_settings.py",
    "app/test_trust.py",
    "app/outbound/test_fetch.py",
    "app/webhooks/test_sender.py",
    "app/webhooks/test_server.py",
    "pipeline/audio/test_hearing.py",
    "pipeline/audio/test_load.py",
    "pipeline/image/test_load.py",
    "pipeline/image/test_mouth.py",
    "pipeline/image/test_portrait.py",
    "pipeline/preview/test_bytes.py",
    "pipeline/preview/test_engine.py",
    "pipeline/preview/test_render.py",
    "pipeline/preview/test_people.py",
    "pipeline/test_command.py",
    "pipeline/test_footage.py",
    "pipeline/test_generate.py",
    "pipeline/test_memory.py",
    "pipeline/test_same_bytes.py",
    "pipeline/turns",
    "pipeline/video/test_label.py",
    "pipeline/watermark/test_read.py",
)
# What runs with `--thorough` alone, before a release and after changes of what these are about: each takes long for
# what it shows beyond others. The toy engine goes the same way through Modal's loopback in `deploy/test_toy.py`, the
# tiny models are compared with the originals in their golden cases, and the page in `ui/test_journey.py`.
THOROUGH = (
    "app/test_kills.py",
    "app/ui/test_dialogue.py",
    "app/ui/test_heard.py",
    "app/ui/test_live.py",
    "app/ui/test_lost_and_found.py",
    "deploy/test_command_line.py",
    "deploy/test_gpu.py",
    "packaging/test_wheel.py",
    "pipeline/infinitetalk/test_compilation.py",
    "pipeline/infinitetalk/test_loading_memory.py",
    "pipeline/infinitetalk/test_process_group.py",
    "pipeline/infinitetalk/test_through_the_product.py",
)
# Folders and files that share what is slow to start, a browser or a server: each group stays on one process.
GROUPS = {
    "page": (*(f"app/ui/test_{letter}" for letter in "cdeghj"), "app/ui/test_looks"),
    "life": ("app/ui/test_live", "app/ui/test_lost", *(f"app/ui/test_{letter}" for letter in "oprstv")),
    "server": (
        "app/clients/",
        "app/routes/",
        "app/test_consent.py",
        "app/test_main.py",
        "app/test_origins.py",
        "app/test_readme.py",
        "app/ui/gate/",
    ),
}


class GroupScheduling(LoadScopeScheduling):
    """Gives a process whole files, or whole groups of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return find_group(file) or file


def find_group(file: str) -> str | None:
    inside = file.removeprefix("tests/")
    return next((name for name, starts in GROUPS.items() if inside.startswith(starts)), None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GroupScheduling:
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups, which take the longest and cannot be spread."""
    items.sort(key=lambda item: find_group(item.nodeid) is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what is slow or needs torch, Modal or a browser")

    parser.addoption("--thorough", action="store_true", help="run what takes long for what it shows, too")


def pytest_configure() -> None:
    if missing := [name for name in (*SLOW, *THOROUGH) if not (FOLDER / name).exists()]:
        raise pytest.UsageError(f"tests/conftest.py names what is not there: {', '.join(missing)}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    left_out = (*(SLOW if config.getoption("--fast") else ()), *(() if config.getoption("--thorough") else THOROUGH))
    return True if any(collection_path == FOLDER / name for name in left_out) else None
