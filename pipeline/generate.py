"""The one story: a scene, an engine, frames, an mp4."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pipeline.audio import count_speech_seconds, read_sound
from pipeline.casting import check_speakers
from pipeline.checkpoint import ClipStore
from pipeline.engine import Engine, Reporter, ResumableEngine, Resumption
from pipeline.engine_spec import EngineSpec
from pipeline.engines import get_engine_spec
from pipeline.errors import EngineError, EngineUnavailableError, PipelineError
from pipeline.image import check_model, prepare_portrait
from pipeline.notices import Notice
from pipeline.progress import RunProgress, plan_run
from pipeline.request import Inputs, VideoRequest
from pipeline.sampling import check_options, choose_sampling, choose_seed, find_profile
from pipeline.scene import Scene, Speaker, Still
from pipeline.types import GenerationResult, Pixels, Progress, SoundMix
from pipeline.version import VERSION
from pipeline.video import BackgroundWriter, Label, VideoWriter, make_label
from pipeline.voices import load_voices
from pipeline.watermark import Payload

_RECORDINGS = ("one voice recording", "two voice recordings", "three voice recordings", "four voice recordings")


def prepare_scene(request: VideoRequest, inputs: Inputs, enter: Callable[[str], None] = lambda _: None) -> Scene:
    """Read and check everything that a person gave.

    Args:
        request: What to make.
        inputs: The files to make it of.
        enter: Told the stages, `photo` and `voice`, when they begin.

    Raises:
        InputError: The photo, the voice or a setting cannot be used.
    """
    profile = find_profile(request)
    spec = get_engine_spec(profile.model)
    frame_rate = spec.frame_rate
    check_options(request)
    check_speakers(request, inputs)
    sampling = choose_sampling(request, profile)
    seed = choose_seed(request.seed)
    enter("photo")
    portrait = prepare_portrait(inputs["image"], request.framing, profile.resolution)
    check_model(portrait.notices, spec.refused_notices)
    enter("voice")
    heard = load_voices(request, inputs, frame_rate)
    pairs = zip(portrait.speakers, heard.voices, strict=True)
    speakers = tuple(Speaker(face, voice.waveform, voice.activity) for face, voice in pairs)
    return Scene(
        source=Still(portrait.frame),
        speakers=speakers,
        sound=heard.sound,
        frame_rate=frame_rate,
        num_frames=len(speakers[0].activity),
        prompt=request.prompt.strip(),
        seed=seed,
        profile=profile,
        sampling=sampling,
        notices=portrait.notices + heard.notices + _warn_of_crowd(spec, len(speakers), len(portrait.bystanders)),
        bystanders=portrait.bystanders,
    )


def _warn_of_crowd(spec: EngineSpec, num_speakers: int, num_bystanders: int) -> tuple[Notice, ...]:
    """Warn where several talk among more people than the model was made for; one among others is told apart as two."""
    num_people = num_speakers + num_bystanders
    if num_speakers == 1 or spec.trained_people is None or num_people <= spec.trained_people:
        return ()
    return (Notice("people.untried", "speakers", {"count": num_people}),)


def make_video(
    request: VideoRequest,
    inputs: Inputs,
    engine: Engine,
    output: Path,
    report: Reporter,
    *,
    live: Path | None = None,
    watermark: Payload | None = None,
) -> GenerationResult:
    """Prepare the scene that was asked for, and generate its video.

    Args:
        request: What to make.
        inputs: The files to make it of.
        engine: Serves the request's profile.
        output: As of `generate`.
        report: As of `generate`.
        live: As of `generate`.
        watermark: As of `generate`.

    Raises:
        InputError: The photo, the voice or a setting cannot be used.
        PipelineError: As of `generate`.
    """
    run = RunProgress(report)
    scene, labelled = prepare_scene(request, inputs, run.enter), request.label == "on"
    return _generate(scene, engine, output, run, live, watermark=watermark, labelled=labelled)


def generate(
    scene: Scene,
    engine: Engine,
    output: Path,
    report: Reporter,
    live: Path | None = None,
    *,
    watermark: Payload | None = None,
    labelled: bool = False,
    clips: ClipStore | None = None,
) -> GenerationResult:
    """Make the video of a scene.

    Args:
        scene: What to make.
        engine: Serves the scene's profile.
        output: The mp4; it appears when it is complete, and not at all if something fails.
        report: Takes progress; may raise `GenerationCancelledError`.
        live: Folder for segments that can be watched before the video is complete; None makes none.
        watermark: What the mark in every frame says, which is not seen; None makes none.
        labelled: Say visibly in every frame that it is made by a computer.
        clips: Those of the scene's video that are finished, which are not made again, and the place for further ones;
            the file is the same as one that is made in one go. None keeps none.

    Raises:
        InputError: The scene's sound cannot be read any more.
        EngineUnavailableError: The profile cannot run on this machine.
        EngineError: The engine failed.
        OutputError: The video cannot be written.
        GenerationCancelledError: `report` said so.
    """
    run = RunProgress(report)
    return _generate(scene, engine, output, run, live, watermark=watermark, labelled=labelled, clips=clips)


def _generate(
    scene: Scene,
    engine: Engine,
    output: Path,
    run: RunProgress,
    live: Path | None,
    *,
    watermark: Payload | None,
    labelled: bool,
    clips: ClipStore | None = None,
) -> GenerationResult:
    _check_available(engine, scene)
    run.plan(plan_run(scene))
    size, sound = scene.source.size, read_sound(scene.sound)
    label = _make_label(scene) if labelled else None
    with VideoWriter(output, size, sound, _describe(scene), live, watermark=watermark, label=label) as writer:
        run.enter("loading")
        with _explain_accidents(engine):
            engine.load(run.report)
        _write_frames(engine, scene, writer, run, clips)
    run.stop_clock()
    return GenerationResult(
        path=output,
        size=size,
        num_frames=scene.num_frames,
        frame_rate=scene.frame_rate,
        speech_seconds=scene.sound.duration_seconds,
        compute_seconds=run.seconds,
        seed=scene.seed,
        timings=dict(run.timings),
        notices=scene.notices,
        spoken_seconds=tuple(count_speech_seconds(one.activity, scene.frame_rate) for one in scene.speakers),
    )


def _check_available(engine: Engine, scene: Scene) -> None:
    availability = engine.availability(scene.profile)
    if not availability.available:
        raise EngineUnavailableError(availability.reason)
    spec = get_engine_spec(scene.profile.model)
    if len(scene.speakers) > spec.max_speakers:
        raise EngineError(f"Expected at most {spec.max_speakers} speakers for {spec.title}, got {len(scene.speakers)}.")
    if not (spec.takes_video or isinstance(scene.source, Still)):
        raise EngineError(f"Expected a photo for {spec.title}, got a video.")


def _make_label(scene: Scene) -> Label:
    faces = [*(speaker.face for speaker in scene.speakers), *scene.bystanders]
    return make_label(scene.source.size, faces, draft=get_engine_spec(scene.profile.model).draft)


def _describe(scene: Scene) -> dict[str, str]:
    """Return the mp4's tags: whoever finds the file can see that it was made, and with what."""
    num_recordings = len(scene.sound.parts) if isinstance(scene.sound, SoundMix) else 1
    recordings = _RECORDINGS[num_recordings - 1]
    made = f"Made by a computer from one photo and {recordings}."
    profile = scene.profile
    return {
        "title": f"Talking video ({profile.name})",
        "comment": f"{made} {profile.summary} Seed {scene.seed}.",
        "description": f"Video Lab {VERSION}",  # `encoder` would say it better, but FFmpeg writes itself there
    }


def _write_frames(engine: Engine, scene: Scene, writer: VideoWriter, run: RunProgress, clips: ClipStore | None) -> None:
    """Write each batch while the engine makes the next one; what is there already comes first."""
    with BackgroundWriter(writer) as background:
        num_made, make = 0, engine.generate
        if clips is not None and isinstance(engine, ResumableEngine):
            num_made = clips.num_frames
            make = partial(engine.generate, resumption=_resume(clips, run))
            background.replay(clips.read_frames())

        def report(progress: Progress) -> None:
            background.check()
            run.report(progress)

        for frames in _check_frames(engine, make(scene, report), scene, num_made):
            background.write(frames)
        run.enter("finishing")


def _resume(clips: ClipStore, run: RunProgress) -> Resumption:
    """Go on after the clips that are kept, and keep further ones."""
    run.go_on(clips.timings)

    def keep(frames: Pixels, state: bytes) -> None:
        run.stop_clock()
        clips.keep(frames, state, run.timings)

    return Resumption(clips.read_state(), keep)


def _check_frames(engine: Engine, batches: Iterator[Pixels], scene: Scene, num_frames: int) -> Iterator[Pixels]:
    """Yield the engine's batches, checked; so many frames are there already."""
    size = scene.source.size
    shape = (size.height, size.width, 3)
    while True:
        with _explain_accidents(engine):
            frames = next(batches, None)
        if frames is None:
            break
        if frames.shape[1:] != shape:
            raise EngineError(f"Expected frames of {shape}, got {frames.shape[1:]}.")
        num_frames += len(frames)
        yield frames
    if num_frames != scene.num_frames:
        raise EngineError(f"Expected {scene.num_frames} frames from the {engine.name} engine, got {num_frames}.")


@contextmanager
def _explain_accidents(engine: Engine) -> Iterator[None]:
    """Turn what an engine raises by accident into an `EngineError`, without a message that may hold anything."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        raise EngineError(f"The {engine.name} engine stopped unexpectedly. Try again.") from error
