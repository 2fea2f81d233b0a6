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
        """How often a worker has begun with it."""
        return f"{self.job_id}/attempts"

    @property
    def cancelled(self) -> str:
        """Whether it should end."""
        return f"{self.job_id}/cancelled"
