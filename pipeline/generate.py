"""The one story: load, check, engine, frames, mp4."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.audio import load_speech, read_sound
from pipeline.engine import Engine, Reporter
from pipeline.errors import EngineError, EngineUnavailableError, PipelineError
from pipeline.image import check_model, prepare_portrait
from pipeline.profiles import get_profile
from pipeline.progress import RunProgress, plan_run
from pipeline.sampling import check_prompt, choose_sampling, choose_seed
from pipeline.types import FrameSize, GenerationRequest, GenerationResult, Pixels, Progress, Scene
from pipeline.video import BackgroundWriter, LiveWriter, VideoWriter


def prepare_scene(request: GenerationRequest, enter: Callable[[str], None] = lambda _: None) -> Scene:
    """Read and check everything that a person gave.

    Args:
        request: What to make.
        enter: Told the stages, `photo` and `voice`, when they begin.

    Raises:
        InputError: The photo, the voice or a setting cannot be used.
    """
    profile = get_profile(request.profile)
    sampling = choose_sampling(request, profile)
    seed = choose_seed(request.seed)
    prompt = check_prompt(request.prompt)
    enter("photo")
    portrait = prepare_portrait(request.photo, request.framing, profile.resolution)
    check_model(portrait.notices, profile.model)
    enter("voice")
    speech = load_speech(request.voice, request.start_seconds, request.max_duration_seconds)
    return Scene(portrait, speech, prompt, seed, profile, sampling)


def generate(
    request: GenerationRequest, engine: Engine, output: Path, report: Reporter, live: Path | None = None
) -> GenerationResult:
    """Make the video that was asked for.

    Args:
        request: What to make.
        engine: Serves the request's profile.
        output: The mp4; it appears when it is complete, and not at all if something fails.
        report: Takes progress; may raise `GenerationCancelledError`.
        live: Folder for pieces that can be played before the video is complete; None makes none.

    Raises:
        InputError: The photo, the voice or a setting cannot be used.
        EngineUnavailableError: The profile cannot run on this machine.
        EngineError: The engine failed.
        OutputError: The video cannot be written.
        GenerationCancelledError: `report` said so.
    """
    started = time.perf_counter()
    run = RunProgress(report)
    scene = prepare_scene(request, run.enter)
    _check_available(engine, scene)
    run.plan(plan_run(scene))
    with _open_writers(scene, output, live) as writers:
        run.enter("loading")
        with _explain_accidents(engine):
            engine.load(run.report)
        _write_frames(engine, scene, writers, run)
    run.stop_clock()
    return GenerationResult(
        path=output,
        size=_measure_frame(scene),
        num_frames=scene.speech.num_frames,
        speech_seconds=scene.speech.sound.duration_seconds,
        compute_seconds=time.perf_counter() - started,
        seed=scene.seed,
        timings=dict(run.timings),
        notices=(*scene.portrait.notices, *scene.speech.notices),
    )


def _check_available(engine: Engine, scene: Scene) -> None:
    availability = engine.availability(scene.profile)
    if not availability.available:
        raise EngineUnavailableError(availability.reason)


def _measure_frame(scene: Scene) -> FrameSize:
    height, width = scene.portrait.frame.shape[:2]
    return FrameSize(width, height)


def _describe(scene: Scene) -> dict[str, str]:
    """Return the mp4's tags: whoever finds the file can see that it was made."""
    made = "Made by a computer from one photo and one voice recording."
    profile = scene.profile
    return {"title": f"Talking video ({profile.name})", "comment": f"{made} {profile.summary} Seed {scene.seed}."}


@contextmanager
def _open_writers(scene: Scene, output: Path, live: Path | None) -> Iterator[list[VideoWriter | LiveWriter]]:
    """Open what takes the frames: the video, and where it is wanted its pieces."""
    size, sound = _measure_frame(scene), scene.speech.sound
    with ExitStack() as stack:
        writers: list[VideoWriter | LiveWriter] = []
        if live is not None:
            writers.append(stack.enter_context(LiveWriter(live, size, read_sound(sound))))
        writers.append(stack.enter_context(VideoWriter(output, size, read_sound(sound), _describe(scene))))
        yield writers


def _write_frames(engine: Engine, scene: Scene, writers: list[VideoWriter | LiveWriter], run: RunProgress) -> None:
    """Write each batch while the engine makes the next one."""
    with BackgroundWriter(writers) as background:

        def report(progress: Progress) -> None:
            background.check()
            run.report(progress)

        for frames in _make_frames(engine, scene, report):
            background.write(frames)
        run.enter("finishing")


def _make_frames(engine: Engine, scene: Scene, report: Reporter) -> Iterator[Pixels]:
    """Yield the engine's batches, checked."""
    num_frames = 0
    batches = engine.generate(scene, report)
    while True:
        with _explain_accidents(engine):
            frames = next(batches, None)
        if frames is None:
            break
        if frames.shape[1:] != scene.portrait.frame.shape:
            raise EngineError(f"Expected frames of {scene.portrait.frame.shape}, got {frames.shape[1:]}.")
        num_frames += len(frames)
        yield frames
    if num_frames != scene.speech.num_frames:
        raise EngineError(f"Expected {scene.speech.num_frames} frames from the {engine.name} engine, got {num_frames}.")


@contextmanager
def _explain_accidents(engine: Engine) -> Iterator[None]:
    """Turn what an engine raises by accident into an `EngineError`, without a message that may hold anything."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        raise EngineError(f"The {engine.name} engine stopped unexpectedly. Try again.") from error
