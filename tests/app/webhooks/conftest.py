"""Jobs that have ended, and a receiver that is told."""

from collections.abc import Iterator

import pytest

from tests.app.outbound.receiver import Receiver, run_receiver


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as running:
        yield running
