"""A queue with its parts; tests of jobs that are coroutines run in asyncio."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.jobs.rig import Rig


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.store.close()
