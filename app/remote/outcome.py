"""How a run ended, kept beside its video: a second run of the same job finds it and does nothing."""

from app.jobs import RunEnd
from app.jobs.messages import EVENTS
from app.storage import JobFolder

_FILE = "end.json"


def read_end(folder: JobFolder) -> RunEnd | None:
    """Return how the job's run ended; None where none has ended."""
    path = folder.path / _FILE
    if not path.is_file():
        return None
    end = EVENTS.validate_json(path.read_bytes())
    return end if isinstance(end, RunEnd) else None


def write_end(folder: JobFolder, end: RunEnd) -> None:
    """Keep how the job's run ended; write the video first."""
    partial = folder.path / f"{_FILE}.part"
    partial.write_bytes(EVENTS.dump_json(end))
    partial.replace(folder.path / _FILE)
