"""What a worker does with a job: read it from its folder, make the video and put it there."""

import logging
from collections.abc import Callable
from pathlib import Path

from app.jobs.runners.protocol import RunEnd
from app.records import JobRecord, JobResult, SpokenTime
from app.scene_file import SceneFileError, read_scene
from app.storage import JobFolder, sync
from pipeline.casting import find_field
from pipeline.checkpoint import ClipPlace, open_clips
from pipeline.engine import Engine, Reporter
from pipeline.errors import EngineError, EngineUnavailableError, GenerationCancelledError, InputError, OutputError
from pipeline.generate import generate, make_video
from pipeline.notices import Notice
from pipeline.profiles import Model
from pipeline.request import Inputs, Role
from pipeline.scene import Scene
from pipeline.types import GenerationResult, Progress
from pipeline.video import write_poster
from pipeline.watermark import Payload

_log = logging.getLogger(__name__)


def attempt(
    folder: JobFolder,
    find_engine: Callable[[Model], Engine],
    report: Reporter,
    *,
    live: bool = False,
    place: ClipPlace | None = None,
) -> RunEnd:
    """Make the video of the job in the folder, and return how that ended, whatever happens.

    Args:
        folder: With record, voice and scene.
        find_engine: Returns the engine of the job's model.
        report: Takes progress.
        live: Write segments that can be watched while the video is being made.
        place: As of `perform`.
    """
    try:
        engine = find_engine(folder.read().model)
        return RunEnd("done", perform(folder, engine, report, live=live, place=place))
    except GenerationCancelledError:
        return RunEnd("cancelled")
    except InputError as error:
        return RunEnd("failed", error=error.notice)
    except (EngineError, EngineUnavailableError, OutputError) as error:
        _log.warning("job %.6s failed", folder.path.name, exc_info=True)
        return RunEnd("failed", error=Notice("job.engine_failed", "request", {"reason": str(error)}))
    except MemoryError:
        return RunEnd("failed", error=Notice("job.out_of_memory", "request"))
    except Exception:  # noqa: BLE001 - the job ends with a reason, whatever a library raises
        _log.exception("job %.6s failed", folder.path.name)
        return RunEnd("failed", error=Notice("job.unexpected", "request"))


def perform(
    folder: JobFolder, engine: Engine, report: Reporter, *, live: bool = False, place: ClipPlace | None = None
) -> JobResult:
    """Make the video of the job in the folder. Safe to repeat: a second run goes on from the first, or replaces it.

    Args:
        folder: With record, voice and scene; the video and its poster appear in it, whole.
        engine: Of the job's model.
        report: Takes progress.
        live: Write segments that can be watched while the video is being made.
        place: Where clips are kept as they are finished, for a run that takes over; None keeps none.

    Raises:
        PipelineError: The video cannot be made, or was cancelled.
    """
    partial = folder.path / "part.mp4"
    text = folder.read().watermark
    watermark = None if text is None else Payload.of(text)
    live_folder = folder.live if live else None
    result = _generate(folder, engine, partial, report, live=live_folder, watermark=watermark, place=place)
    write_poster(partial, folder.poster)
    sync(partial)
    partial.replace(folder.video)
    return JobResult(
        num_frames=result.num_frames,
        speech_seconds=result.speech_seconds,
        compute_seconds=result.compute_seconds,
        width=result.size.width,
        height=result.size.height,
        frame_rate=result.frame_rate,
        seed=result.seed,
        timings=result.timings,
        notices=result.notices,
        watermark=watermark is not None,
        speakers=tuple(
            SpokenTime(face=face, seconds=round(seconds, 2))
            for face, seconds in zip(folder.read().request.talking_faces, result.spoken_seconds, strict=True)
        ),
    )


def _generate(
    folder: JobFolder,
    engine: Engine,
    output: Path,
    report: Reporter,
    *,
    live: Path | None,
    watermark: Payload | None,
    place: ClipPlace | None,
) -> GenerationResult:
    """Run the scene that was checked; where an older version took the job, make it anew."""
    inputs = folder.inputs
    for role in inputs.keys() - {"image"}:
        _require(inputs, role)
    scene = read_scene(folder.scene, *folder.voices)
    if scene is None:
        _require(inputs, "image")
        folder.delete_live_segments()
        return make_video(folder.read_request(), inputs, engine, output, report, live=live, watermark=watermark)
    _compare(scene, folder.read())
    labelled = folder.read().request.label == "on"
    report(Progress("loading", 0, 0, 0.0))  # it takes minutes to check what another run has left
    clips = None if place is None else open_clips(place, scene, engine)
    if clips is None or not clips.num_clips:
        folder.delete_live_segments()  # those of finished clips are made again to the same bytes, and may be watched
    return generate(scene, engine, output, report, live, watermark=watermark, labelled=labelled, clips=clips)


def _require(inputs: Inputs, role: Role) -> None:
    if not inputs[role].exists():
        raise InputError("request.file_gone", find_field(role))


def _compare(scene: Scene, record: JobRecord) -> None:
    """Refuse a scene that is another job's, or takes more than what the job was let in for."""
    promised = record.request.profile, record.speech_seconds, record.resolved and record.resolved.seed
    num_speakers = len(record.request.talking_faces)
    found = scene.profile.name, scene.sound.duration_seconds, scene.seed
    if promised != found or num_speakers != len(scene.speakers):
        raise SceneFileError("The scene is another than the record's.")
