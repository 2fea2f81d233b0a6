"""How a run ended, kept beside its video: whoever finds it knows that the video is whole."""

from app.jobs.messages import EVENTS
from app.jobs.runner import RunEnd
from app.storage import JobFolder, write_whole


def read_end(folder: JobFolder) -> RunEnd | None:
    """Return how the job's run ended; None where none has ended."""
    try:
        end = EVENTS.validate_json(folder.end.read_bytes())
    except (OSError, ValueError):
        return None
    return end if isinstance(end, RunEnd) else None


def write_end(folder: JobFolder, end: RunEnd) -> None:
    """Keep how the job's run ended; write the video first."""
    write_whole(folder.end, EVENTS.dump_json(end).decode())


def find_video(folder: JobFolder) -> RunEnd | None:
    """Return the end of a run that made its video, though nobody heard of it; None where there is no such video."""
    end = read_end(folder)
    return end if end is not None and end.status == "done" and folder.video.is_file() else None
