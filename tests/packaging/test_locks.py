"""What is installed is locked: in requirements/, from what pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path("requirements")
LOCKS = ["build", "deploy", "dev", "fast", "gpu", "model", "web"]
PROJECT = tomllib.loads(Path("pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WEB = PROJECT["project"]["dependencies"]
# A name, its extras, and its version: `flash-attn-4[cu13]==4.0.0b36`. A marker may follow.
_PIN = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)")


def read_lock(name: str) -> dict[str, tuple[str, ...]]:
    """Return the versions of each package: several where they depend on the Python."""
    versions: dict[str, tuple[str, ...]] = {}
    for entry in read_entries(name):
        package, version = read_pin(entry)
        versions[package] = (*versions.get(package, ()), version)
    return versions


def read_entries(name: str) -> list[str]:
    """Return each package's lines as one."""
    text = re.sub(r"\\\n\s+", " ", (FOLDER / f"{name}.txt").read_text())
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def read_pin(requirement: str) -> tuple[str, str]:
    pin = _PIN.match(requirement)
    assert pin is not None, requirement
    return re.sub(r"[-_.]+", "-", pin[1]).lower(), pin[2]


def list_group(name: str) -> Iterator[str]:
    """Yield a dependency group's packages, and those of the groups that it includes."""
    entries: list[Any] = PROJECT["dependency-groups"][name]
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            yield from list_group(entry["include-group"])


def list_asked_for(lock: str) -> list[str]:
    model = [*WEB, *EXTRAS["model"]]
    asked = {
        "build": [*list_group("build")],
        "deploy": [*list_group("deploy")],
        "dev": [*model, *list_group("dev")],
        "fast": [*WEB, *list_group("fast")],
        "gpu": [*model, *EXTRAS["gpu"]],
        "model": model,
        "web": WEB,
    }[lock]
    return [requirement for requirement in asked if not requirement.startswith("video-lab[")]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_what_the_project_asks_for(lock: str) -> None:
    asked = dict(map(read_pin, list_asked_for(lock)))
    if lock == "dev":
        assert asked.pop("torch") == read_pin(read_entries("torch")[0])[1]
    locked = read_lock(lock)
    assert {package: locked.get(package) for package in asked} == {
        package: (version,) for package, version in asked.items()
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_hashes(lock: str) -> None:
    assert [entry for entry in read_entries(lock) if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_package_has_one_version_in_all_locks(lock: str) -> None:
    everything = read_lock("dev") | read_lock("gpu")
    assert {package: everything[package] for package in read_lock(lock)} == read_lock(lock)


def test_the_web_app_needs_no_torch() -> None:
    assert {"torch", "diffusers", "transformers"} & set(read_lock("web")) == set()


def test_the_tests_need_no_gpu() -> None:
    assert [package for package in read_lock("dev") if package.startswith(("torch-", "nvidia-", "cuda-"))] == []


def test_the_lock_of_the_tests_is_made_for_the_torch_that_they_use() -> None:
    override = tomllib.loads((FOLDER / "uv.toml").read_text())["dependency-metadata"][0]
    assert (override["name"], override["version"]) == read_pin(read_entries("torch")[0])


def test_no_lock_names_where_packages_come_from() -> None:
    assert [path.name for path in FOLDER.glob("*.txt") if "://" in path.read_text()] == []


def test_the_build_takes_the_backend_that_is_locked() -> None:
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]
