"""A GPU that is woken by the first photo or voice."""

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient

from app.errors import BudgetError
from app.main import create_app
from app.remote import RemoteRunner, WakeMiddleware, Waker
from app.settings import Settings
from pipeline.engine import Availability
from tests.app.remote.test_runner import MemoryCloud


class Gpu:
    """Counts how often it is woken."""

    def __init__(self) -> None:
        self.now, self.num_woken, self.reserved = 0.0, 0, 0.0
        self.may_wake, self.is_broken, self.most_dollars = True, False, 1.0

    async def wake(self) -> None:
        self.num_woken += 1
        if self.is_broken:
            raise ConnectionError

    def reserve(self, name: str) -> None:
        assert name.startswith("wake-")
        if self.reserved + 0.13 > self.most_dollars:
            raise BudgetError(0.13, self.reserved, self.most_dollars, None)
        self.reserved += 0.13

    def serve(self) -> TestClient:
        app = FastAPI()
        app.add_middleware(
            WakeMiddleware, waker=Waker(self.wake, self.reserve, lambda: self.may_wake, lambda: self.now)
        )

        @app.post("/{path:path}")
        def answer(path: str, status: int = 200) -> Response:
            del path
            return Response(status_code=status)

        return TestClient(app)


@pytest.fixture
def gpu() -> Gpu:
    return Gpu()


@pytest.mark.parametrize("path", ["/face-crop", "/uploads", "/gradio_api/upload"])
def test_the_first_photo_wakes_it_once(gpu: Gpu, path: str) -> None:
    http = gpu.serve()
    for _ in range(3):
        assert http.post(path).status_code == 200
    assert gpu.num_woken == 1
    gpu.now = 601.0
    http.post(path)
    assert gpu.num_woken == 2


@pytest.mark.parametrize("path", ["/verify", "/face-crop?status=401", "/face-crop?status=400"])
def test_nothing_else_wakes_it(gpu: Gpu, path: str) -> None:
    gpu.serve().post(path)
    assert gpu.num_woken == 0


def test_wakes_none_until_it_may(gpu: Gpu) -> None:
    gpu.may_wake = False
    http = gpu.serve()
    http.post("/uploads")
    assert (gpu.num_woken, gpu.reserved) == (0, 0.0)
    gpu.may_wake = True  # as when the first key is made, or a run ends
    http.post("/uploads")
    assert gpu.num_woken == 1


def test_spends_no_more_than_the_day_has(gpu: Gpu) -> None:
    gpu.most_dollars = 0.3
    http = gpu.serve()
    for gpu.now in (0.0, 1000.0, 2000.0, 3000.0):
        assert http.post("/uploads").status_code == 200
    assert gpu.num_woken == 2


def test_answers_the_request_though_nothing_can_be_woken(gpu: Gpu) -> None:
    gpu.is_broken = True
    assert gpu.serve().post("/uploads").status_code == 200
    assert gpu.num_woken == 1


def test_counts_towards_the_day_s_money(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> None:
    folder = tmp_path_factory.mktemp("data")
    runner = RemoteRunner(MemoryCloud(), lambda _: Availability(available=True), capacity=1)
    gpu = Gpu()
    app = create_app(Settings(data_dir=folder, page=False, live="off"), runner, dollars_per_day=1.0)
    waker = Waker(gpu.wake, lambda name: app.state.jobs.reserve(name, 0.7), lambda: not runner.is_busy, lambda: gpu.now)
    app.add_middleware(WakeMiddleware, waker=waker)
    with TestClient(app) as http:
        answers: list[httpx.Response] = []
        for gpu.now in (0.0, 700.0):
            answers.append(http.post("/face-crop", files={"image": photo}))
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert gpu.num_woken == 1
    assert "wake-" in (folder / "spending.json").read_text()
