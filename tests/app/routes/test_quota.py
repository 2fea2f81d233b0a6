"""The bodies of requests are counted, of all clients and of each, together with the uploads of the page."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from app.accounts.limits import NO_LIMITS, name_turn
from app.main import create_app
from app.quota import ByteQuota, make_verify_quota
from app.settings import Settings
from tests.app.accounts.conftest import add_key
from tests.app.as_key import take_key_ids

OWN, OTHER = "testclient", "10.0.0.2"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=folder, page=False, live="off", max_uploads_mb=1, content_credentials=False)
    with TestClient(take_key_ids(create_app(settings))) as client:
        client.app.state.jobs.quota.client_bytes = 600_000
        yield client


def send(client: TestClient, path: str = "/jobs", num_bytes: int = 50_000, kind: str = "form") -> object:
    """Send a photo and a voice that cannot be read: what is taken is answered with 400."""
    if kind == "form":
        return client.post(path, files={"image": bytes(num_bytes), "audio": b"x"})
    text = base64.b64encode(bytes(num_bytes)).decode()
    return client.post(path, json={"image_b64": text, "audio_b64": "eA=="})


@contextmanager
def hold(client: TestClient, owner: str, num_bytes: int) -> Iterator[ByteQuota]:
    """Have bytes of a client on the disk for a while."""
    quota = client.app.state.jobs.quota
    with client.app.state.jobs.receive() as folder:
        quota.add(folder, owner, num_bytes)
        yield quota


@pytest.mark.parametrize("kind", ["form", "json"])
@pytest.mark.parametrize("path", ["/jobs", "/generate"])
@pytest.mark.parametrize(
    ("owner", "num_bytes", "limit"), [(OWN, 580_000, "0.6 MB"), (OTHER, 980_000, "1 MB")], ids=["own", "all"]
)
def test_refuses_more_bytes_than_fit_until_there_is_room(
    client: TestClient, path: str, kind: str, owner: str, num_bytes: int, limit: str
) -> None:
    with hold(client, owner, num_bytes):
        refused = send(client, path, kind=kind)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:video-lab:problem:queue-full")
    assert limit in refused.json()["detail"]
    assert refused.headers["retry-after"] == "5"
    assert send(client, path, kind=kind).status_code == 400


def test_a_key_has_its_share_wherever_it_is_used(client: TestClient) -> None:
    files = {"image": bytes(50_000), "audio": b"x"}
    for key in "ab":
        add_key(client.app.state.database, key, NO_LIMITS)
    with hold(client, name_turn("a"), 580_000):
        answers = [client.post("/jobs", files=files, headers={"key": key}).status_code for key in "ab"]
    assert answers == [503, 400]


@pytest.mark.parametrize("megabytes", [1, 200, 4000, 40_000])
def test_two_clients_cannot_take_all_room_to_verify_and_each_has_room_for_a_file(megabytes: float) -> None:
    settings = Settings(max_uploads_mb=megabytes)
    quota = make_verify_quota(settings)
    largest = max(settings.max_voice_bytes, settings.max_photo_bytes)
    assert largest < quota.client_bytes <= quota.total_bytes / 4
    assert quota.total_bytes >= settings.max_uploads_bytes / 4


def test_another_client_still_has_room(client: TestClient) -> None:
    with hold(client, OTHER, 700_000):
        assert send(client).status_code == 400


def test_a_client_with_too_much_is_refused_before_its_body_is_read(client: TestClient) -> None:
    with hold(client, OWN, 600_001) as quota:
        assert send(client).status_code == 503
        assert quota.find_excess(OWN) == "client"


def test_what_is_answered_counts_no_longer(client: TestClient) -> None:
    for _ in range(30):
        assert send(client, num_bytes=40_000).status_code == 400
    assert client.app.state.jobs.quota._clients == {}
