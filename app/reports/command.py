"""`python -m app reports`: look at what was reported, and decide. A running server takes note at once."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.errors import AppError
from app.reports.book import Report, Verdict, decide, find_standing, read_reports
from app.settings import load_settings
from app.storage import JobFolder, is_id

_USAGE = """Usage: python -m app reports [COMMAND]

  list        what was reported, newest first
  show ID     all that was reported of a video, and where it lies
  release ID  show the video again, for good: later reports are listed, and hide it no more
  remove ID   delete the video for good, and the rest of its job"""
_LINE_CHARACTERS = 100
_DONE: dict[Verdict, str] = {
    "released": "The video is shown again. Later reports of it are listed, and hide it no more.",
    "removed": "The video is deleted.",
}


class ReportCommandError(AppError):
    """The command cannot be carried out."""


def run(arguments: Sequence[str]) -> int:
    """Carry out a command; return the exit code.

    Raises:
        SettingsError: A setting cannot be used.
    """
    try:
        for line in carry_out(arguments, load_settings().data_dir / "jobs"):
            sys.stdout.write(f"{line}\n")
    except ReportCommandError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def carry_out(arguments: Sequence[str], jobs: Path) -> Iterator[str]:
    """Yield what a command says, line by line.

    Args:
        arguments: The command, and the id of a job.
        jobs: The folder with all jobs.

    Raises:
        ReportCommandError: There is no such command, no such video, or no such folder, or it may not be used.
    """
    try:
        yield from _carry_out(arguments, jobs)
    except OSError as error:
        advice = " Run the command as the user who runs the app." if isinstance(error, PermissionError) else ""
        raise ReportCommandError(f"'{error.filename or jobs}' cannot be used ({error.strerror}).{advice}") from None


def _carry_out(arguments: Sequence[str], jobs: Path) -> Iterator[str]:
    match arguments:
        case [] | ["list"]:
            yield from _list(jobs)
        case ["show", job_id]:
            yield from _show(_find(jobs, job_id))
        case ["release", job_id]:
            yield from _decide(_find(jobs, job_id), "released")
        case ["remove", job_id]:
            yield from _decide(_find(jobs, job_id), "removed")
        case _:
            raise ReportCommandError(_USAGE)


def _list(jobs: Path) -> Iterator[str]:
    folders = [JobFolder(path) for path in _require(jobs).iterdir() if is_id(path.name)]
    reported = [(folder, _read(folder)) for folder in folders if find_standing(folder) is not None]
    if not reported:
        yield f"Nothing was reported of the videos in '{jobs.absolute()}'."
    for folder, reports in sorted(reported, key=_find_latest, reverse=True):
        standing = find_standing(folder)
        for report in reversed(reports):
            yield f"{folder.path.name}  {_tell(report)[:_LINE_CHARACTERS]}  [{standing}]"
        if not reports:
            yield f"{folder.path.name}  cannot be read  [{standing}]"


def _read(folder: JobFolder) -> tuple[Report, ...]:
    """Return what was reported; nothing where it cannot be read, so that the others are listed all the same."""
    try:
        return read_reports(folder)
    except PermissionError:
        raise  # of all of them, and there is something to do about it
    except OSError:
        return ()


def _find_latest(reported: tuple[JobFolder, tuple[Report, ...]]) -> datetime:
    return max((report.at for report in reported[1]), default=datetime.min.replace(tzinfo=UTC))


def _show(folder: JobFolder) -> Iterator[str]:
    yield f"Video: {folder.video.resolve() if folder.video.exists() else 'deleted'}"
    yield f"Standing: {find_standing(folder) or 'not reported'}"
    for report in read_reports(folder):
        yield _tell(report)


def _decide(folder: JobFolder, verdict: Verdict) -> Iterator[str]:
    """Decide, and tell about what: reports may have come since somebody looked."""
    if verdict == "released" and find_standing(folder) is None:
        raise ReportCommandError("Nobody has reported this video: it is shown.")
    yield from map(_tell, decide(folder, verdict, datetime.now(UTC)))
    yield _DONE[verdict]


def _require(jobs: Path) -> Path:
    if not jobs.is_dir():
        raise ReportCommandError(f"There is no folder '{jobs.absolute()}'. Set VIDEO_LAB_DATA_DIR as for the app.")
    return jobs


def _find(jobs: Path, job_id: str) -> JobFolder:
    if not is_id(job_id) or not JobFolder(_require(jobs) / job_id).video.exists():
        raise ReportCommandError("There is no video of this id, or it is deleted. `python -m app reports` lists ids.")
    return JobFolder(jobs / job_id)


def _tell(report: Report) -> str:
    """Return a report as one line: what people write must not steer the terminal, nor look like other reports."""
    text = " ".join("".join(char if char.isprintable() else " " for char in report.text).split())
    return f"{report.at:%Y-%m-%d %H:%M}  {report.reason}" + (f": {text}" if text else "")
