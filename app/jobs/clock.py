"""The clock that decides when jobs expire, unaffected by anyone who sets the computer's clock."""

import json
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TOLERANCE_SECONDS = 2.0
"""Smaller jumps are followed: clocks are corrected by milliseconds all the time."""
_SAVED_EVERY_SECONDS = 60.0
_DOUBTED_GAP_SECONDS = 86_400.0
_DOUBT_SECONDS = 600.0
"""How long nothing is erased after a start that seems to be days after the last one: a clock that is wrong when the
computer is switched on gets set within minutes."""
_REPORTED_SECONDS = 3600.0
_log = logging.getLogger(__name__)


def read_steady() -> float:
    """Return the seconds of a monotonic clock; on systems that have one, it goes on while the computer sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """Keeps the time of the records.

    It starts with the computer's time and goes on steadily. When the computer's clock is set, the difference is added
    to the times that are shown, while this clock goes on as before: what is to be kept for a day is kept for a day.
    """

    def __init__(
        self,
        path: Path,
        read_wall: Callable[[], float] = time.time,
        read_steady: Callable[[], float] = read_steady,
        boot: str | None = None,
    ) -> None:
        """Continue the clock of an earlier server.

        Args:
            path: File in which the time is saved.
            read_wall: Returns the computer's time, in seconds since the epoch.
            read_steady: Returns the seconds of a monotonic clock.
            boot: Id of this boot of the computer, during which the monotonic clock goes on; None asks the system.
        """
        self._path = path
        self._read_wall = read_wall
        self._read_steady = read_steady
        self._boot = _read_boot() if boot is None else boot
        self._time, self._at = read_wall(), read_steady()
        self._shown_ahead = 0.0
        self._gap = self._doubt_ends = 0.0
        self._saved_at = -math.inf
        self._jump_seconds = 0.0
        self._jumped_at = -math.inf
        self._go_on(_read(path))

    @property
    def steady(self) -> float:
        """Seconds of a monotonic clock, for measuring durations."""
        return self._read_steady()

    @property
    def may_erase(self) -> bool:
        """Whether expired files may be deleted: not while the computer's clock may be wrong."""
        return self.steady >= self._doubt_ends

    @property
    def trouble(self) -> str:
        """What the server's operator should know about the computer's clock; "" if all is well."""
        if self.steady - self._jumped_at < _REPORTED_SECONDS:
            return f"The computer's clock was set by {self._jump_seconds:+.0f} s."
        return "" if self.may_erase else "By the computer's clock, the server was off for days."

    def now(self) -> datetime:
        """Return the time, for records."""
        return datetime.fromtimestamp(self._time + self.steady - self._at, UTC)

    def show(self, when: datetime | None) -> datetime | None:
        """Convert a time of a record to the computer's clock."""
        return None if when is None else when + timedelta(seconds=self._shown_ahead)

    def take(self, when: datetime | None) -> datetime | None:
        """Convert a time on the computer's clock to one for records."""
        return None if when is None else when - timedelta(seconds=self._shown_ahead)

    def check(self) -> None:
        """Notice if the computer's clock was set. Call this every few seconds."""
        wall, steady = self._read_wall(), self.steady
        self._time, self._at = self._time + steady - self._at, steady
        jump = wall - self._time - self._shown_ahead
        if abs(jump) < _TOLERANCE_SECONDS:
            self._time += jump
        else:
            self._take_jump(jump)
        if steady - self._saved_at >= _SAVED_EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        """Save the time for the next server."""
        self._saved_at = self.steady
        time_now = self._time + self._saved_at - self._at
        kept = {"time": time_now, "wall": self._read_wall(), "steady": self._saved_at}
        with suppress(OSError):  # the disk is full; it is saved again a minute later
            partial = self._path.with_suffix(".part")
            partial.write_text(json.dumps(kept | {"boot": self._boot}))
            partial.replace(self._path)

    def _take_jump(self, jump: float) -> None:
        self._jump_seconds, self._jumped_at = jump, self._at
        _log.warning("The computer's clock was set by %+.0f s; no job expires because of that.", jump)
        if not self.may_erase and jump < 0:  # it was wrong when the computer was switched on
            undone = max(jump, -self._gap)
            self._time, self._gap, jump = self._time + undone, self._gap + undone, jump - undone
        self._shown_ahead += jump
        self.save()

    def _go_on(self, kept: dict[str, float | str]) -> None:
        if not kept:
            return
        since = self._at - float(kept["steady"])
        if kept["boot"] == self._boot != "" and since >= 0:
            gap = since
        else:
            gap = self._gap = max(self._time - float(kept["wall"]), 0.0)
            self._doubt(gap)
        wall, self._time = self._time, float(kept["time"]) + gap
        self._shown_ahead = wall - self._time
        if abs(self._shown_ahead) < _TOLERANCE_SECONDS:
            self._time, self._shown_ahead = wall, 0.0

    def _doubt(self, gap: float) -> None:
        if gap > _DOUBTED_GAP_SECONDS:
            self._doubt_ends = self._at + _DOUBT_SECONDS
            _log.warning(
                "By the computer's clock, the server was off for %.1f days. If that is wrong, set the clock within "
                "%.0f minutes: then expired files are deleted.",
                gap / 86_400,
                _DOUBT_SECONDS / 60,
            )


def _read_boot() -> str:
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


def _read(path: Path) -> dict[str, float | str]:
    """Return what an earlier server saved; nothing if there is no file, or it is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(path.read_bytes())
        numbers = {name: float(kept[name]) for name in ("time", "wall", "steady")}
        if all(0 <= number < 1e11 for number in numbers.values()):
            return numbers | {"boot": str(kept["boot"])}
    return {}
