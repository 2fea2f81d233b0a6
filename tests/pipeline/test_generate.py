"""A photo and a voice become a video, or a reason why not."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.engine import Availability, Reporter
from pipeline.errors import (
    EngineError,
    EngineUnavailableError,
    GenerationCancelledError,
    InputError,
    OutputError,
    PipelineError,
)
from pipeline.footage import Footage
from pipeline.generate import generate, make_video, prepare_scene
from pipeline.preview.engine import PreviewEngine
from pipeline.preview.spec import PREVIEW
from pipeline.profiles import Profile
from pipeline.request import Inputs, Role, VideoRequest
from pipeline.scene import Scene
from pipeline.types import Box, GenerationResult, Pixels, Progress
from pipeline.version import VERSION
from tests.photos import TURNED
from tests.voices import KINDS, SPEAKER, make_tone, write_voice

PHOTO = Path("assets/photos/grace_hopper.jpg").resolve()
REQUEST = VideoRequest(max_duration_sec=1.2, seed=7, aspect="1:1")
INPUTS: dict[Role, Path] = {"image": PHOTO, "audio": SPEAKER}
NUM_FRAMES = 30


class StillEngine:
    """Shows the photo unmoved; fast, and it can be told to fail."""

    name = "preview"

    def __init__(self, failure: BaseException | None = None, num_frames: int = NUM_FRAMES, batch: int = 10) -> None:
        self._failure = failure
        self._num_frames = num_frames
        self._batch = batch

    def availability(self, profile: Profile) -> Availability:  # noqa: ARG002 - the protocol's
        return Availability(available=True)

    def load(self, report: Reporter) -> None:
        report(Progress("loading", 1, 1, 100.0))

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        for first in range(0, self._num_frames, self._batch):
            yield np.stack([*scene.source.read_frames(first, self._batch)])
            done = first + self._batch
            report(Progress("frames", done, self._num_frames, 100.0 * done / self._num_frames))
            if self._failure:
                raise self._failure


class AbsentEngine(StillEngine):
    """Cannot run here."""

    def availability(self, profile: Profile) -> Availability:  # noqa: ARG002 - the protocol's
        return Availability(available=False, reason="It needs a GPU.")


class Watcher:
    """Keeps the progress; cancels at a percent."""

    def __init__(self, cancel_at: float = 101.0) -> None:
        self.seen: list[Progress] = []
        self._cancel_at = cancel_at

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)
        if progress.percent >= self._cancel_at:
            raise GenerationCancelledError


def make_still(
    folder: Path, watcher: Watcher, request: VideoRequest = REQUEST, inputs: Inputs = INPUTS
) -> GenerationResult:
    return make_video(request, inputs, StillEngine(), folder / "video.mp4", watcher)


def test_preview_makes_a_whole_video(tmp_path: Path) -> None:
    result = make_video(REQUEST, INPUTS, PreviewEngine(), tmp_path / "video.mp4", Watcher())
    assert (result.num_frames, result.seed, result.size.width, result.size.height) == (NUM_FRAMES, 7, 640, 640)
    with av.open(result.path) as container:
        assert container.streams.video[0].frames == NUM_FRAMES
        assert container.streams.audio[0].codec_context.sample_rate == 22_050
        assert "Seed 7" in container.metadata["comment"]
        assert container.metadata["description"] == f"Video Lab {VERSION}"


def test_preview_repeats_byte_for_byte(tmp_path: Path) -> None:
    for name in ("1.mp4", "2.mp4"):
        make_video(REQUEST, INPUTS, PreviewEngine(), tmp_path / name, Watcher())
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_progress_rises_through_all_stages(tmp_path: Path) -> None:
    watcher = Watcher()
    result = make_still(tmp_path, watcher)
    stages = list(dict.fromkeys(progress.stage for progress in watcher.seen))
    percents = [progress.percent for progress in watcher.seen]
    assert stages == ["photo", "voice", "loading", "frames", "finishing"]
    assert percents == sorted(percents)
    assert set(result.timings) == set(stages)
    assert sum(map(float, result.timings.values())) == pytest.approx(result.compute_seconds, abs=0.1)


def test_a_scene_that_is_ready_begins_with_the_engine(tmp_path: Path) -> None:
    watcher = Watcher()
    generate(prepare_scene(REQUEST, INPUTS), StillEngine(), tmp_path / "video.mp4", watcher)
    percents = [progress.percent for progress in watcher.seen]
    assert list(dict.fromkeys(progress.stage for progress in watcher.seen)) == ["loading", "frames", "finishing"]
    assert (percents[0], percents) == (0.0, sorted(percents))


@pytest.mark.parametrize("percent", [0.0, 1.0, 3.0, 10.0, 50.0, 92.0])
def test_cancelling_leaves_nothing(percent: float, tmp_path: Path) -> None:
    with pytest.raises(GenerationCancelledError):
        make_still(tmp_path, Watcher(cancel_at=percent))
    assert not list(tmp_path.iterdir())


def test_segments_appear_where_they_are_wanted(tmp_path: Path) -> None:
    live = tmp_path / "live"
    make_video(REQUEST, INPUTS, StillEngine(batch=30), tmp_path / "video.mp4", Watcher(), live=live)
    assert {path.name for path in live.iterdir()} == {"live.m3u8", "init.mp4", "0.m4s", "1.m4s"}


class SabotageEngine(StillEngine):
    """Spoils the folder of the segments, and goes on until its report stops it."""

    def __init__(self, live: Path) -> None:
        super().__init__(batch=25)
        self._live = live

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        self._live.rmdir()
        yield from super().generate(scene, report)
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            report(Progress("denoising", 0, 1, 50.0))
            time.sleep(0.01)


def test_engine_stops_as_soon_as_a_batch_cannot_be_written(tmp_path: Path) -> None:
    live = tmp_path / "live"
    started = time.monotonic()
    with pytest.raises(OutputError, match=r"video\.mp4 could not be written"):
        make_video(REQUEST, INPUTS, SabotageEngine(live), tmp_path / "video.mp4", Watcher(), live=live)
    assert time.monotonic() - started < 15.0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("engine", "error", "message"),
    [
        (StillEngine(failure=ZeroDivisionError("a secret")), EngineError, "stopped unexpectedly"),
        (StillEngine(failure=EngineError("Out of memory.")), EngineError, "Out of memory"),
        (StillEngine(num_frames=20), EngineError, "Expected 30 frames"),
        (StillEngine(num_frames=40), EngineError, "Expected 30 frames"),
        (AbsentEngine(), EngineUnavailableError, "It needs a GPU"),
    ],
)
def test_failing_engine_gives_a_reason(
    engine: StillEngine, error: type[PipelineError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message) as caught:
        make_video(REQUEST, INPUTS, engine, tmp_path / "video.mp4", Watcher())
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_refuses_a_folder_that_is_missing_before_it_starts(tmp_path: Path) -> None:
    watcher = Watcher()
    with pytest.raises(OutputError):
        make_still(tmp_path / "missing", watcher)
    assert watcher.seen[-1].stage == "voice"


@pytest.mark.parametrize(
    ("request_", "about"),
    [
        (replace(REQUEST, profile="best"), "profile"),
        (replace(REQUEST, prompt="x" * 2_001), "prompt"),
        (replace(REQUEST, seed=-1), "seed"),
        (replace(REQUEST, seed=2**31), "seed"),
        (replace(REQUEST, num_inference_steps=0), "num_inference_steps"),
        (replace(REQUEST, num_inference_steps=101), "num_inference_steps"),
        (replace(REQUEST, guidance_scale=0.5), "guidance_scale"),
        (replace(REQUEST, audio_guidance_scale=float("nan")), "audio_guidance_scale"),
        (replace(REQUEST, start_sec=60.0), "start_sec"),
        (replace(REQUEST, max_duration_sec=0.1), "max_duration_sec"),
    ],
)
def test_refuses_what_cannot_be_asked_for(request_: VideoRequest, about: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare_scene(request_, INPUTS)
    assert caught.value.notice.about == about


@pytest.mark.parametrize("role", ["image", "audio"])
def test_refuses_files_that_are_something_else(role: Role) -> None:
    with pytest.raises(InputError) as caught:
        prepare_scene(REQUEST, INPUTS | {role: Path("README.md")})
    assert caught.value.notice.about == role


def test_settings_replace_the_profiles(tmp_path: Path) -> None:
    scene = prepare_scene(
        replace(REQUEST, profile="balanced", num_inference_steps=12, audio_guidance_scale=3.0), INPUTS
    )
    assert scene.sampling.num_inference_steps == 12
    assert (scene.sampling.guidance_scale, scene.sampling.audio_guidance_scale) == (5.0, 3.0)


def test_draws_a_seed_and_tells_it(tmp_path: Path) -> None:
    seeds = {make_still(tmp_path, Watcher(), replace(REQUEST, seed=None)).seed for _ in range(2)}
    assert len(seeds) == 2
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_passes_warnings_on(tmp_path: Path) -> None:
    voice = write_voice(tmp_path / "voice.flac", make_tone(1.2, 44_100), KINDS["flac"])
    result = make_still(tmp_path, Watcher(), inputs=INPUTS | {"audio": voice})
    assert "audio.no_speech" in {notice.code for notice in result.notices}


def test_a_face_turned_far_is_refused_for_the_preview_alone() -> None:
    inputs: Inputs = INPUTS | {"image": TURNED}
    scene = prepare_scene(replace(REQUEST, profile="fast"), inputs)
    assert [notice.code for notice in scene.notices] == ["photo.face_turned_far"]
    with pytest.raises(InputError) as caught:
        prepare_scene(REQUEST, inputs)
    assert caught.value.notice.code == "photo.face_turned_error"


def test_more_people_than_the_engine_knows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = prepare_scene(REQUEST, INPUTS)
    monkeypatch.setitem(vars(PREVIEW), "max_speakers", 1)
    crowd = replace(scene, speakers=scene.speakers * 2)
    monkeypatch.setattr("pipeline.generate.get_engine_spec", lambda _: replace(PREVIEW, max_speakers=1))
    with pytest.raises(EngineError, match="at most 1 speakers for Preview, got 2"):
        generate(crowd, StillEngine(), tmp_path / "video.mp4", Watcher())


def test_footage_is_refused_by_an_engine_that_takes_photos(tmp_path: Path) -> None:
    scene = prepare_scene(REQUEST, INPUTS)
    size = scene.source.size
    footage = Footage(PHOTO, Box(0, 0, size.width, size.height), size, scene.frame_rate, NUM_FRAMES)
    with pytest.raises(EngineError, match="Expected a photo for Preview, got a video"):
        generate(replace(scene, source=footage), StillEngine(), tmp_path / "video.mp4", Watcher())
