"""What the app itself raises on purpose. What status each becomes is told in `app.problems`."""


class AppError(Exception):
    """Anything that the app raises on purpose; the message says what to do."""


class DataFolderError(AppError):
    """The data folder cannot be used: another server has it, or it cannot be written to."""


class QueueFullError(AppError):
    """No more jobs can wait.

    Attributes:
        retry_after_seconds: When a place is likely to be free.
    """

    def __init__(self, num_waiting: int, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"{num_waiting} jobs are waiting, which is all that fit. Try again in {retry_after_seconds} seconds."
        )


class JobNotFoundError(AppError):
    """There is no job of that id."""

    def __init__(self) -> None:
        super().__init__("There is no such job. Check the id; a job is forgotten some days after it has ended.")


class JobNotFinishedError(AppError):
    """The job has no video yet, or will never have one."""

    def __init__(self, status: str) -> None:
        text = {"failed": "The job has failed", "cancelled": "The job was cancelled"}.get(
            status, "The job is not done yet. Wait until its status is 'done'"
        )
        super().__init__(f"{text}; there is no video." if status in {"failed", "cancelled"} else f"{text}.")


class JobExpiredError(AppError):
    """The job's files have been deleted."""

    def __init__(self) -> None:
        super().__init__("The video has been deleted. Results are kept for a limited time; make it again.")
