"""What a worker does with a job: read it from its folder, make the video, put it there."""

import logging
from collections.abc import Callable

from app.jobs.runner import RunEnd
from app.records import JobResult
from app.storage import JobFolder, sync
from pipeline.engine import Engine, Reporter
from pipeline.errors import EngineError, EngineUnavailableError, GenerationCancelledError, InputError, OutputError
from pipeline.generate import generate
from pipeline.notices import Notice
from pipeline.profiles import Model
from pipeline.types import FRAME_RATE
from pipeline.video import write_poster

_log = logging.getLogger(__name__)


def attempt(
    folder: JobFolder, find_engine: Callable[[Model], Engine], report: Reporter, *, live: bool = False
) -> RunEnd:
    """Perform the job in the folder, and say how it ended whatever happens.

    Args:
        folder: With record, photo and voice.
        find_engine: Returns the engine of the job's model.
        report: Takes progress.
        live: Write clips that can be watched while the video is made.
    """
    try:
        engine = find_engine(folder.read().model)
        return RunEnd("done", perform(folder, engine, report, live=live))
    except GenerationCancelledError:
        return RunEnd("cancelled")
    except InputError as error:
        return RunEnd("failed", error=error.notice)
    except (EngineError, EngineUnavailableError, OutputError) as error:
        _log.warning("job %.6s failed", folder.path.name, exc_info=True)
        return RunEnd("failed", error=Notice("job.engine_failed", "request", {"reason": str(error)}))
    except MemoryError:
        return RunEnd("failed", error=Notice("job.out_of_memory", "request"))
    except Exception:  # noqa: BLE001 - whatever a library raises, the job ends with a reason
        _log.exception("job %.6s failed", folder.path.name)
        return RunEnd("failed", error=Notice("job.unexpected", "request"))


def perform(folder: JobFolder, engine: Engine, report: Reporter, *, live: bool = False) -> JobResult:
    """Make the video of the job in the folder. It may run twice: the second run replaces the first.

    Args:
        folder: With record, photo and voice; the video and its poster appear in it, whole.
        engine: Of the job's model.
        report: Takes progress.
        live: Write clips that can be watched while the video is made.

    Raises:
        PipelineError: It cannot be made, or was cancelled.
    """
    _check_inputs(folder)
    partial = folder.path / "part.mp4"
    folder.delete_live_clips()
    result = generate(folder.generation_request(), engine, partial, report, live=folder.live if live else None)
    write_poster(partial, folder.poster)
    sync(partial)
    partial.replace(folder.video)
    return JobResult(
        num_frames=result.num_frames,
        speech_seconds=result.speech_seconds,
        compute_seconds=result.compute_seconds,
        width=result.size.width,
        height=result.size.height,
        frame_rate=FRAME_RATE,
        seed=result.seed,
        timings=result.timings,
        notices=result.notices,
    )


def _check_inputs(folder: JobFolder) -> None:
    if not folder.photo.exists():
        raise InputError("request.file_gone", "image")
    if not folder.voice.exists():
        raise InputError("request.file_gone", "audio")
