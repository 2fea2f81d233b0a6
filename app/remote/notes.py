"""What both sides note about a job while it runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NoteKeys:
    """The keys of one job's notes.

    Attributes:
        job_id: Whose.
    """

    job_id: str

    @property
    def call(self) -> str:
        """The call that was begun for it."""
        return f"{self.job_id}/call"

    @property
    def progress(self) -> str:
        """How far it is, as JSON."""
        return f"{self.job_id}/progress"

    @property
    def attempts(self) -> str:
        """How often a worker has begun with it, and the seconds that those took which were lost."""
        return f"{self.job_id}/attempts"

    @property
    def cancelled(self) -> str:
        """Whether it should end."""
        return f"{self.job_id}/cancelled"


@dataclass(frozen=True)
class Attempts:
    """How often a worker has begun with a job.

    Attributes:
        count: How often.
        lost_seconds: What those took that ended without an end, as far as they told.
    """

    count: int = 0
    lost_seconds: float = 0.0

    @classmethod
    def read(cls, note: str | None) -> "Attempts":
        """Take what was noted; a version before noted the count alone."""
        count, _, seconds = (note or "0").partition(" ")
        return cls(int(count), float(seconds or 0))

    def __str__(self) -> str:
        """Return the note."""
        return f"{self.count} {self.lost_seconds:.1f}"
