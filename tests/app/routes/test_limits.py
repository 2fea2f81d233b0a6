"""Each limit is its own, and no answer about a job is kept by anyone."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.decoding import Decoders, DecoderSettings
from app.jobs.checks import accept
from app.records import JobRecord
from app.settings import Settings
from app.storage import JobFolder
from pipeline.errors import InputTooLargeError
from pipeline.types import GenerationRequest
from tests.app.routes.test_bad_input import as_json, as_text, read_problem
from tests.app.server import Server
from tests.photos import HOPPER
from tests.voices import SPEAKER


def take(folder: Path, photo_mb: float, voice_mb: float) -> JobRecord:
    """Accept the example photo, of about 0.1 MB, and the example voice, of about 0.5 MB."""

    async def use() -> JobRecord:
        decoders = Decoders(DecoderSettings(server_pid=os.getpid()))
        settings = Settings(max_photo_mb=photo_mb, max_voice_mb=voice_mb)
        request = GenerationRequest(HOPPER, SPEAKER)
        try:
            job = "preview", "id", JobFolder(folder), datetime.now(UTC)
            return await accept(request, *job, settings=settings, decoders=decoders)
        finally:
            await decoders.close()

    return asyncio.run(use())


def test_photo_and_voice_have_limits_of_their_own(tmp_path: Path) -> None:
    photo_mb, voice_mb = HOPPER.stat().st_size / 1e6, SPEAKER.stat().st_size / 1e6
    assert photo_mb + 0.1 < voice_mb
    assert take(tmp_path, photo_mb + 0.01, voice_mb + 0.01).speech_seconds > 1
    with pytest.raises(InputTooLargeError) as voice:
        take(tmp_path, 50, voice_mb - 0.01)
    with pytest.raises(InputTooLargeError) as photo:
        take(tmp_path, photo_mb - 0.01, 50)
    assert (photo.value.notice.about, voice.value.notice.about) == ("image", "audio")


def test_json_of_countless_parts_is_not_even_parsed(server: Server) -> None:
    make = as_text(f'{{"prompt": [{"{}," * 20_000}{{}}]}}')
    problem = read_problem(server.client.post("/jobs", **make(b"", b"")), 400)
    assert "too many parts" in problem["detail"]


def test_a_photo_alone_has_the_limit_of_a_photo(server: Server) -> None:
    answer = server.client.post("/face-crop", files={"image": bytes(5_300_000)})
    assert "5.1 MB" in read_problem(answer, 413)["detail"]


def test_nobody_keeps_what_a_job_answers(server: Server, photo: bytes, voice: bytes) -> None:
    job_id = server.submit(photo, voice)["job_id"]
    assert server.client.get(f"/jobs/{job_id}").headers["cache-control"] == "no-store"
    assert server.client.delete(f"/jobs/{job_id}").json()["status"] == "cancelled"
    assert server.client.get(f"/jobs/{job_id}/video").headers["cache-control"] == "no-store"
    made = server.client.post("/generate", **as_json(max_duration_sec=1)(photo, voice))
    assert made.headers["cache-control"] == "no-store"
