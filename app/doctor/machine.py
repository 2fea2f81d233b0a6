"""Looks over what the app needs of this machine."""

import fcntl
import importlib.util
import os
import resource
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from app.accounts.database import FILE_NAME, VERSION
from app.accounts.keys import find_seal
from app.doctor.findings import Finding, Grade
from app.settings import MEGABYTE, Settings, SettingsError, find_warnings, load_settings
from pipeline.engines import ENGINES, find_availability

_GIGABYTE = 1000 * MEGABYTE
_LITTLE_DISK_GB, _LITTLE_MEMORY_GB, _FEW_FILES = 5.0, 4.0, 4096
_LOCK = "lock"
_BUSY_SECONDS = 5.0


def look_over() -> Iterator[Finding]:
    """Yield how everything is that can be seen without a server."""
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding("fault", "settings", str(error))
        return
    yield Finding("well", "settings", "All can be used.")
    for warning in find_warnings(settings):
        yield Finding("note", "settings", warning)
    yield from _check_data(settings)
    yield from _check_bucket(settings.bucket_dir)
    yield from _check_machine()
    yield _check_address(settings)
    yield from _check_engines(settings)
    yield _check_modal()


def _check_data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    about = f"data folder '{folder.absolute()}'"
    place = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "fault", about, "It cannot be written to. Set VIDEO_LAB_DATA_DIR, or run as the user who owns it."
        )
        return
    free = shutil.disk_usage(place).free / _GIGABYTE
    grade: Grade = "well" if free >= _LITTLE_DISK_GB else "fault"
    advice = "" if grade == "well" else " Make room: jobs are refused when the disk is full."
    yield Finding(grade, about, f"{free:.0f} GB are free.{advice}")
    if folder.is_dir():
        yield Finding("note" if _is_locked(folder) else "well", about, _tell_user(folder))
        yield _check_database(settings)


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _tell_user(folder: Path) -> str:
    return "A server is using it." if _is_locked(folder) else "No server is using it."


def _check_database(settings: Settings) -> Finding:
    """Say who can get in. Nothing is written: an older server may be using the file."""
    path = settings.data_dir / FILE_NAME
    is_sealed = find_seal(path).exists()
    if not path.exists():
        if is_sealed:
            return _say_closed(f"{path.name} is gone, though there were keys: nobody gets in")
        return Finding("well", "keys", "There are none: nobody is asked for one.")
    try:
        count = _count_keys(path)
    except (OSError, sqlite3.Error, ValueError) as error:
        return Finding("fault", "keys", f"{path.name} cannot be used: {error}. Put back a copy (docs/operate.md).")
    if count == 0 and is_sealed and settings.password is None:
        return _say_closed("All were revoked, and there is no password: nobody gets in")
    return Finding("well", "keys", f"{count} can be used.")


def _say_closed(told: str) -> Finding:
    advice = "Put back a copy (docs/operate.md), create a key, or set VIDEO_LAB_PASSWORD."
    return Finding("fault", "keys", f"{told}. {advice}")


def _count_keys(path: Path) -> int:
    """Return how many keys can be used.

    Raises:
        sqlite3.Error: The file cannot be read.
        ValueError: It is damaged, or of a newer version.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as database:
        [version] = database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise ValueError(f"it has version {version}, and this app knows those up to {VERSION}")
        [problem] = database.execute("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            raise ValueError(f"it is damaged ({problem})")
        if version == 0:  # a server ended before it had made it
            return 0
        return int(database.execute("SELECT count(*) FROM keys WHERE revoked_at IS NULL").fetchone()[0])


def _check_bucket(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        return
    about = f"bucket '{folder}'"
    if not folder.is_dir():
        told = "It is not mounted: videos stay in the data folder, and those that are there cannot be had."
        yield Finding("fault", about, f"{told} Mount it, or unset VIDEO_LAB_BUCKET_DIR.")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            "fault", about, "It cannot be written to: videos stay in the data folder. Mount it for this user."
        )
    elif not os.path.ismount(folder):
        yield Finding("note", about, "It is no mount of its own. If the bucket is mounted further up, all is well.")
    else:
        yield Finding("well", about, "It is mounted.")


def _check_machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    is_known = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "well" if is_known else "note", "Python", version + ("" if is_known else ": tested with 3.11 to 3.13.")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIGABYTE
    grade: Grade = "well" if memory >= _LITTLE_MEMORY_GB else "note"
    yield Finding(grade, "memory", f"{memory:.0f} GB, {os.cpu_count()} cores. The largest photos take 1.5 GB each.")
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = files == resource.RLIM_INFINITY or files >= _FEW_FILES
    told = "as many as there is memory for" if files == resource.RLIM_INFINITY else str(files)
    advice = "" if many else " Each connection is one: raise the limit (ulimit -Hn)."
    yield Finding("well" if many else "note", "open files", f"{told}.{advice}")


def _check_address(settings: Settings) -> Finding:
    about = "address"
    if settings.public_url is None:
        return Finding(
            "note", about, f"{settings.address}; links to share name it. Set VIDEO_LAB_PUBLIC_URL to another."
        )
    if settings.public_url.scheme != "https":
        return Finding("note", about, f"{settings.address} is not https: browsers give its page no microphone.")
    return Finding("well", about, settings.address)


def _check_engines(settings: Settings) -> Iterator[Finding]:
    num_usable = 0
    for spec in ENGINES:
        found = [find_availability(profile, settings.engine_settings) for profile in spec.profiles]
        is_usable = any(one.available for one in found)
        num_usable += spec.needs_gpu and is_usable
        yield Finding("well" if is_usable else "note", spec.title, "It runs here." if is_usable else found[0].reason)
    if settings.weights_dir is not None and not num_usable:
        told = "VIDEO_LAB_WEIGHTS_DIR is set, but no model runs here that has weights; the notes say why. Or unset it."
        yield Finding("fault", "weights", told)


def _check_modal() -> Finding:
    """Say whether `modal deploy` could work. Nothing is asked of Modal."""
    if importlib.util.find_spec("modal") is None:
        return Finding("note", "Modal", "Not installed here: needed by the machine that deploys (docs/deploy.md).")
    kept = Path(os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml").expanduser()
    if os.environ.get("MODAL_TOKEN_ID") or kept.is_file():
        return Finding("well", "Modal", "There is a token; `modal profile current` names its account.")
    return Finding("note", "Modal", "Nobody is signed in on this machine. To deploy from here: `modal setup`.")
