"""A server whose decoders are killed and stopped while they work."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import httpx
import psutil
import pytest

from tests.app.server import Server


def crop(server: Server, photo: bytes, timeout: float = 60) -> httpx.Response:
    return server.client.post("/face-crop", files={"image": photo}, timeout=timeout)


@pytest.fixture
def stopped(server: Server, photo: bytes) -> psutil.Process:
    """The only decoder, stopped; the next order is its."""
    for decoder in server.find_decoders():
        decoder.kill()
        decoder.wait()
    assert crop(server, photo).status_code == 200
    (decoder,) = server.find_decoders()
    decoder.suspend()
    return decoder


def test_others_are_answered_while_a_decoder_hangs(server: Server, photo: bytes, stopped: psutil.Process) -> None:
    with ThreadPoolExecutor(2) as pool:
        crops = {pool.submit(crop, server, photo) for _ in range(2)}
        answered, waiting = wait(crops, return_when=FIRST_COMPLETED)
        assert [answer.result().status_code for answer in answered] == [200]
        assert server.client.get("/health").status_code == 200
        stopped.kill()
        assert [answer.result().status_code for answer in waiting] == [200], "it is begun again"


def test_a_client_that_has_gone_gives_its_decoder_free(server: Server, photo: bytes, stopped: psutil.Process) -> None:
    with pytest.raises(httpx.ReadTimeout):
        crop(server, photo, timeout=1)
    stopped.wait(timeout=60)
    assert crop(server, photo).status_code == 200
