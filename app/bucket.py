"""Finished videos in a bucket, mounted as a folder that takes whole new files and neither renames nor changes any."""

import asyncio
import errno
import logging
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from app.records import JobRecord
from app.storage import BUCKET_MARK, JobFolder, require_bucket

Seal = Callable[[JobRecord, JobFolder], Awaitable[bool]]

_log = logging.getLogger(__name__)


def keep_in_bucket(seal: Seal, bucket: Path | None, jobs: Path) -> Seal:
    """Return what seals a video, then moves it to the bucket; None moves nothing.

    Args:
        seal: Signs a video.
        bucket: Is marked, unless it ought to be already.
        jobs: The folder of jobs, some of which may have videos there.
    """
    if bucket is None:
        return seal
    try:
        mark_bucket(bucket, jobs)
    except OSError as error:
        _log.error("Videos stay in their folders: the bucket cannot be used: %s", error.strerror)

    async def seal_and_move(record: JobRecord, folder: JobFolder) -> bool:
        is_signed = await seal(record, folder)
        try:
            await asyncio.to_thread(move_to_bucket, folder, bucket)
        except OSError as error:
            _log.error("job %.6s: its video stays in its folder: %s", record.id, error.strerror)
        return is_signed

    return seal_and_move


def mark_bucket(bucket: Path, jobs: Path) -> None:
    """Put a file into the bucket by which it is known: a folder below a mount point looks the same without the mount.

    Raises:
        OSError: It cannot be used; or videos were moved to it and it has no such file, so that this is another folder.
    """
    mark = bucket / BUCKET_MARK
    if mark.exists():
        return
    links = (path for job in jobs.iterdir() for path in (job / "video.mp4", job / "poster.jpg") if path.is_symlink())
    if not bucket.is_mount() and any(path.readlink().parent == bucket for path in links):
        raise OSError(errno.ENOTCONN, "videos were moved to it, and it is not there now")
    with suppress(FileExistsError), mark.open("xb") as file:
        file.write(b"Videos of Video Lab: as long as this file is here, they are, too.\n")


def move_to_bucket(folder: JobFolder, bucket: Path) -> None:
    """Leave links in the job's folder in place of video and poster.

    Raises:
        OSError: The bucket does not take them; those that it has not taken whole stay where they are.
    """
    for path in (folder.poster, folder.video):
        if path.is_file() and not path.is_symlink():
            _move(path, bucket / f"{folder.path.name}-{path.name}")


def _copy(path: Path, target: Path) -> None:
    with path.open("rb") as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    if target.stat().st_size != path.stat().st_size:  # of a job that was deleted meanwhile, there is none
        raise OSError(0, "the bucket has another size")


def _move(path: Path, target: Path) -> None:
    require_bucket(target.parent)
    target.unlink(missing_ok=True)  # half of it, of an attempt that was broken off
    try:
        _copy(path, target)
        link = path.with_name(f"{path.name}.part")
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        link.replace(path)
    except BaseException:
        with suppress(OSError):
            target.unlink(missing_ok=True)  # nothing would ever delete what no link leads to
        raise
