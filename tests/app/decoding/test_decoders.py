"""A decoder that crashes, hangs or takes too much ends, and nothing else does."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from app.decoding import Decoders, DecoderSettings
from app.decoding.decoder import Decoder, _choose_environment
from app.decoding.limits import limit_order
from app.decoding.messages import CheckOrder, FrameOrder, ListenOrder
from app.errors import DecodingError
from app.jobs import Jobs
from app.lifetime import kill, wait_for_end
from app.scene_file import read_scene
from app.settings import Settings
from app.storage import JobStore
from pipeline.errors import InputError
from pipeline.image import prepare_portrait
from pipeline.image.load import load_photo
from pipeline.request import Framing, Inputs, Role, VideoRequest
from pipeline.types import FrameSize, Portrait
from pipeline.watermark import Embedder, Payload
from tests.photos import HOPPER, encode, open_hopper, save
from tests.voices import KINDS, SPEAKER, make_tone, write_voice

LIES = (
    "",
    "{}",
    "[" * 99,
    '{"kind": "ready"}',
    '{"kind": "answer", "result": {"kind": "written"}}',
    '{"kind": "answer", "result": {"kind": "written"}, "arrays": [{"dtype": "uint8", "shape": [999999999]}]}',
    '{"kind": "answer", "result": {"kind": "refused", "notice": {"code": "x", "about": "image"}, "too_large": true}}',
)
Try = Callable[[Decoders], Coroutine[Any, Any, object]]

INPUTS: Inputs = {"image": HOPPER, "audio": SPEAKER}


def run(attempt: Try, **settings: int) -> None:
    """Make decoders, try something with them, and leave no process behind."""

    async def use() -> None:
        decoders = Decoders(DecoderSettings(server_pid=os.getpid(), **settings))
        try:
            async with asyncio.timeout(120):
                await attempt(decoders)
        finally:
            await decoders.close()
        assert not any(decoder.is_alive for decoder in decoders._all)

    asyncio.run(use())


def frame(decoders: Decoders, photo: Path = HOPPER) -> Coroutine[Any, Any, Portrait]:
    return decoders.frame(photo, Framing(), "480p")


async def refuse(work: Coroutine[Any, Any, object]) -> str:
    with pytest.raises(InputError) as caught:
        await work
    return caught.value.notice.code


@asynccontextmanager
async def halfway(decoders: Decoders) -> AsyncIterator[tuple[Decoder, asyncio.Task[Portrait]]]:
    """Lend a decoder in the middle of an order, stopped."""
    await decoders.listen(SPEAKER)
    (decoder,) = decoders._idle
    os.kill(decoder.pid, signal.SIGSTOP)
    task = asyncio.create_task(frame(decoders))
    while decoder in decoders._idle:  # noqa: ASYNC110 - the next step of the task takes it
        await asyncio.sleep(0)
    yield decoder, task


def test_finds_what_the_run_will_find(tmp_path: Path) -> None:
    async def attempt(decoders: Decoders) -> None:
        framing = Framing("9:16", zoom=1.3)
        there, here = await decoders.frame(HOPPER, framing, "480p"), prepare_portrait(HOPPER, framing, "480p")
        np.testing.assert_array_equal(there.frame, here.frame)
        np.testing.assert_array_equal(there.faces[0].landmarks, here.faces[0].landmarks)
        np.testing.assert_array_equal(there.face.landmarks, here.face.landmarks)
        assert (there.crop, there.photo_size, there.notices) == (here.crop, here.photo_size, here.notices)
        request = VideoRequest(max_duration_sec=2, seed=5)
        checked = await decoders.check(request, INPUTS, tmp_path / "scene")
        assert (checked.resolved.seed, checked.speech_seconds, checked.notices) == (5, 2, ())
        written = read_scene(tmp_path / "scene", SPEAKER)
        np.testing.assert_array_equal(written.source.frame, prepare_portrait(HOPPER, Framing(), "480p").frame)

    run(attempt)


def test_converts_a_photo_turned_and_extracts_the_sound_of_a_video(tmp_path: Path) -> None:
    async def attempt(decoders: Decoders) -> None:
        heic = save(tmp_path, encode(open_hopper((300, 200)), "HEIF"))
        jpeg = save(tmp_path, await decoders.convert(heic, 1), "photo.jpg")
        turned = np.rot90(load_photo(heic).pixels).astype(int)
        assert np.abs(load_photo(jpeg).pixels - turned).mean() < 2
        video = write_voice(tmp_path / "film.mkv", make_tone(2.0, 48_000, num_channels=2), KINDS["mkv"])
        heard = await decoders.listen(video)
        assert (heard.container, heard.codec) == ("matroska", "aac")
        await decoders.extract(video, tmp_path / "voice.wav", heard.total_seconds)
        extracted = await decoders.listen(tmp_path / "voice.wav")
        assert extracted.codec == "pcm_s16le"
        assert extracted.total_seconds == pytest.approx(heard.total_seconds, abs=0.01)

    run(attempt)


def test_begins_again_where_a_decoder_was_killed() -> None:
    async def attempt(decoders: Decoders) -> None:
        async with halfway(decoders) as (decoder, framing):
            os.kill(decoder.pid, signal.SIGSEGV)
            os.kill(decoder.pid, signal.SIGCONT)
            assert (await framing).faces
            assert not decoder.is_alive

    run(attempt)


def test_answers_others_while_a_decoder_hangs_and_ends_it_once_nobody_waits_for_it() -> None:
    async def attempt(decoders: Decoders) -> None:
        async with halfway(decoders) as (decoder, framing):
            assert (await frame(decoders)).faces
            assert not framing.done()
            framing.cancel()
            await decoder.wait()
            assert (await frame(decoders)).faces

    run(attempt)


def test_ends_a_decoder_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attempt(decoders: Decoders) -> None:
        await decoders.listen(SPEAKER)
        (decoder,) = decoders._idle
        os.kill(decoder.pid, signal.SIGSTOP)
        monkeypatch.setattr("app.decoding.decoders.ORDER_SECONDS", 0.2)
        assert await refuse(frame(decoders)) == "photo.undecodable"
        await decoder.wait()

    run(attempt)


@pytest.fixture(scope="module")
def large_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (7_900, 8_000), np.uint8)
    return save(tmp_path_factory.mktemp("large"), encode(Image.fromarray(noise), "JPEG", quality=20))


def test_refuses_what_takes_too_much_memory(large_photo: Path) -> None:
    async def attempt(decoders: Decoders) -> None:
        assert await refuse(frame(decoders, large_photo)) == "photo.undecodable"
        assert (await frame(decoders)).faces

    run(attempt, memory_bytes=150_000_000)


def test_refuses_what_takes_too_much_time(large_photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def attempt(decoders: Decoders) -> None:
        inputs: Inputs = {"image": large_photo, "audio": SPEAKER}
        assert await refuse(decoders.check(VideoRequest(), inputs, tmp_path / "scene")) == "photo.undecodable"
        assert [record.message for record in caplog.records] == ["A decoder has died (SIGXCPU)."], "tried once"

    run(attempt, cpu_seconds=1)


def test_a_mark_that_was_not_looked_for_is_not_said_to_be_missing(large_photo: Path, tmp_path: Path) -> None:
    """Who fakes a video need only make it heavy, or damage its end."""
    nothing = save(tmp_path, b"no picture", "nothing.mp4")
    mark, damaged = Payload.for_job("a job", b"a key"), tmp_path / "damaged.mp4"
    write_damaged(damaged, mark)

    async def attempt(decoders: Decoders) -> None:
        assert await refuse(decoders.read_watermark(large_photo)) == "verify.undecodable"
        found = [await decoders.read_watermark(file) for file in (nothing, damaged)]
        assert [(one.is_sought, one.text) for one in found] == [(False, None), (True, mark.text)]

    run(attempt, memory_bytes=150_000_000)


def write_damaged(path: Path, mark: Payload) -> None:
    """Write a video with a mark whose later frames cannot be read."""
    frames = Embedder(FrameSize(400, 500), mark).mark(np.asarray(open_hopper((400, 500)))[None])
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=5, width=400, height=500, pix_fmt="yuv420p", options={"g": "1"})
        for _ in range(6):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frames[0], format="rgb24")))
        file.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    later = slice(len(content) // 2, len(content) * 8 // 10)
    content[later] = b"x" * len(content[later])
    path.write_bytes(content)


def test_several_recordings_may_take_so_many_times_as_long(tmp_path: Path) -> None:
    inputs: dict[Role, Path] = {"image": HOPPER, "audio_0": SPEAKER, "audio_1": SPEAKER}
    order = CheckOrder(request=VideoRequest(), inputs=inputs, scene=tmp_path)
    assert (order.effort, FrameOrder(photo=HOPPER, framing=Framing(), resolution="480p").effort) == (2, 1)


def test_asks_none_that_were_killed_while_they_had_nothing_to_do() -> None:
    async def attempt(decoders: Decoders) -> None:
        await asyncio.gather(*(decoders.listen(SPEAKER) for _ in range(2)))
        for decoder in list(decoders._idle):
            os.kill(decoder.pid, signal.SIGKILL)
            await decoder.wait()
        assert (await frame(decoders)).faces

    run(attempt)


def test_the_service_ends_its_decoders(tmp_path: Path) -> None:
    async def serve() -> None:
        jobs = Jobs(Settings(data_dir=tmp_path), JobStore(tmp_path))
        assert (await jobs.media.frame_photo(HOPPER, Framing(), "480p")).faces
        (decoder,) = jobs.media._decoders._all
        await jobs.close()
        assert not decoder.is_alive

    asyncio.run(serve())


def test_ends_decoders_that_have_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.decoding.decoders.IDLE_SECONDS", 0.01)

    async def attempt(decoders: Decoders) -> None:
        await decoders.listen(SPEAKER)
        (decoder,) = decoders._all
        await decoder.wait()
        assert not decoders._idle

    run(attempt)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with another")
def test_a_decoder_dies_with_its_server_even_in_the_middle() -> None:
    code = """
import asyncio, os
from pathlib import Path
from app.decoding import Decoders, DecoderSettings

async def serve():
    decoders = Decoders(DecoderSettings(server_pid=os.getpid()))
    await decoders.listen(Path("assets/voices/joe.wav"))
    print(*(decoder.pid for decoder in decoders._all), flush=True)
    await asyncio.sleep(60)

asyncio.run(serve())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        decoder = psutil.Process(int(server.stdout.readline()))
        decoder.suspend()
        server.kill()
        decoder.wait(timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts ticks")
def test_an_order_has_its_time_however_long_its_decoder_has_worked() -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    try:
        limit_order(DecoderSettings(server_pid=0, cpu_seconds=900), ListenOrder(recording=HOPPER))
        left = resource.getrlimit(resource.RLIMIT_CPU)[0] - time.clock_gettime(-8)
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, before)
    assert 898 < left <= 900


def test_says_that_no_decoder_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    async def attempt(decoders: Decoders) -> None:
        with pytest.raises(DecodingError, match="Try again in 30 seconds"):
            await frame(decoders)

    run(attempt)


def test_tells_a_decoder_what_is_no_number(tmp_path: Path) -> None:
    async def attempt(decoders: Decoders) -> None:
        for value in (float("nan"), float("inf")):
            request = VideoRequest(max_duration_sec=value)
            assert await refuse(decoders.check(request, INPUTS, tmp_path / "scene")) == "audio.length_invalid"
            assert await refuse(decoders.frame(HOPPER, Framing(zoom=value), "480p")) == "crop.zoom"

    run(attempt)


def test_tells_a_decoder_no_secrets() -> None:
    names = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "VIDEO_LAB_PASSWORD", "MODAL_TOKEN_SECRET", "HF_TOKEN")
    assert set(_choose_environment(dict.fromkeys(names, "x"))) == {*names[:3], "OPENBLAS_NUM_THREADS"}


@pytest.fixture
def dumped_cores() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
def test_a_decoder_gives_up_what_it_does_not_need(dumped_cores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_LAB_PASSWORD", "correct horse")

    async def attempt(decoders: Decoders) -> None:
        await decoders.listen(SPEAKER)
        (decoder,) = decoders._all
        about = Path(f"/proc/{decoder.pid}")
        limits = {line[:26].strip(): line[26:47].strip() for line in (about / "limits").read_text().splitlines()}
        assert (limits["Max core file size"], limits["Max file size"]) == ("0", "256000000")
        assert int(limits["Max open files"]) <= 256
        assert int(limits["Max data size"]) < 3e9
        assert int(limits["Max cpu time"]) <= 70
        assert b"correct horse" not in (about / "environ").read_bytes()
        assert "NoNewPrivs:\t1" in (about / "status").read_text()
        assert (about / "oom_score_adj").read_text().strip() == "1000"

    run(attempt)


def test_believes_no_decoder_that_answers_something_else() -> None:
    """A file may have taken it over."""

    async def attempt(decoders: Decoders) -> None:
        code = (
            'import sys; print(\'{"kind": "ready"}\', flush=True); [print(sys.argv[1], flush=True) for _ in sys.stdin]'
        )
        for answer in LIES:
            command, pipe = (sys.executable, "-c", code, answer), asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
            assert process.stdout is not None
            await process.stdout.readline()
            decoders._lay_aside(Decoder(process))
            decoders._all |= set(decoders._idle)
            with suppress(InputError):
                assert (await frame(decoders)).faces
            kill(process)
            await wait_for_end(process)

    run(attempt)
