"""A tiny model for the tests of this folder, written, prepared and loaded once."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.engine import EngineSettings
from pipeline.longcat.checkpoint import LAYOUT
from pipeline.longcat.engine import LongCatEngine
from pipeline.scene import Scene
from pipeline.weights.prepare import prepare
from tests.pipeline.infinitetalk.conftest import _make_scene
from tests.pipeline.weights.conftest import (
    api,  # noqa: F401 - a fixture
    hub,  # noqa: F401 - a fixture
)
from tests.tiny_longcat import RELEASES, write_tiny_longcat


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of released files, by release."""
    folder = tmp_path_factory.mktemp("released")
    return {release: write_tiny_longcat(folder / release, release) for release in RELEASES}


@pytest.fixture(scope="session")
def prepared(released: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of prepared weights, by release."""
    folder = tmp_path_factory.mktemp("prepared")
    for release, source in released.items():
        prepare(source, folder / release, LAYOUT)
    return {release: folder / release for release in released}


@pytest.fixture(scope="session")
def load_engine(prepared: dict[str, Path]) -> Callable[..., LongCatEngine]:
    def load(release: str = "1.5", **settings: object) -> LongCatEngine:
        engine = LongCatEngine(EngineSettings(prepared[release], "cpu", **settings))
        engine.load(lambda _: None)
        return engine

    return load


@pytest.fixture(scope="session")
def engine(load_engine: Callable[..., LongCatEngine]) -> LongCatEngine:
    return load_engine()


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    return partial(_make_scene, profile="longcat", side=128)
