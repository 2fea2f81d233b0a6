"""The errors that the app raises on purpose. `app.problems` maps each to an HTTP status."""


class AppError(Exception):
    """Base of all errors that the app raises on purpose; the message says what to do."""


class DataFolderError(AppError):
    """The data folder cannot be used: another server is using it, or it cannot be written to."""


class StorageError(AppError):
    """The disk is full."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The server cannot store anything at the moment ({reason}). Try again later; whoever runs it has to make "
            "room on its disk."
        )


class UploadNotFoundError(AppError):
    """A request names a file that its sender did not upload, or that has been deleted."""

    def __init__(self) -> None:
        super().__init__(
            "This file was not uploaded here by you, or it is gone: uploads are kept for an hour. Upload it again."
        )


class UploadLimitError(AppError):
    """A client has uploaded as much as it may.

    Attributes:
        retry_after_seconds: When some of it is likely to have been deleted.
    """

    retry_after_seconds = 600

    def __init__(self, reason: str) -> None:
        super().__init__(f"No more can be uploaded now: {reason}. Try again later.")


class BodyError(AppError):
    """The request's body cannot be read.

    Attributes:
        field: The field at fault; None if it is the body as a whole.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class BodyTooLargeError(BodyError):
    """The request's body is too large."""


class BodyStalledError(BodyError):
    """The request's body arrives too slowly, or not at all."""

    def __init__(self, num_bytes: int) -> None:
        super().__init__(f"The request arrived too slowly: {num_bytes} bytes so far. Send it again.")


class CrossSiteError(AppError):
    """A page of another site sent the request, which browsers allow without asking their users."""

    def __init__(self) -> None:
        super().__init__(
            "A page of another site sent this request. Send it from the app's own page, or from a program that is "
            "not a browser."
        )


class HostError(AppError):
    """The request names a host that is not the app's."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The app is not reached as {host[:100]!r}. Use its address, or let whoever runs it add the name to "
            "VIDEO_LAB_ALLOWED_HOSTS or set VIDEO_LAB_PUBLIC_URL."
        )


class MediaTypeError(BodyError):
    """The request's content type is not accepted."""


class PasswordError(AppError):
    """The password is missing or wrong."""

    def __init__(self) -> None:
        super().__init__("A password is needed. Send it with HTTP Basic authentication, under any user name.")


class GuessesError(AppError):
    """The client has sent too many wrong passwords.

    Attributes:
        retry_after_seconds: When its password is checked again.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            "Too many wrong passwords came from this address, so none is checked at the moment. Send the right one "
            f"in {retry_after_seconds} seconds."
        )


class RangeError(AppError):
    """The requested range lies outside of the video.

    Attributes:
        num_bytes: Size of the video.
    """

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        super().__init__(f"The requested range lies outside of the video, which has {num_bytes} bytes.")


class QueueFullError(AppError):
    """The queue is full.

    Attributes:
        retry_after_seconds: When a place is likely to be free.
    """

    def __init__(
        self, num_waiting: int, retry_after_seconds: int, what: str = "jobs", *, is_share: bool = False
    ) -> None:
        """Name the number that is waiting.

        Args:
            num_waiting: In total, or of the client.
            retry_after_seconds: When a place is likely to be free.
            what: What is waiting.
            is_share: Whether only this client is refused, because it has its share.
        """
        self.retry_after_seconds = retry_after_seconds
        which = f"{what} of yours are waiting as one client may have" if is_share else f"{what} are waiting as fit"
        super().__init__(f"As many {which} ({num_waiting}). Try again in {retry_after_seconds} seconds.")


class UploadsFullError(QueueFullError):
    """The bodies that are being received have as many bytes as fit."""

    def __init__(self, limit_bytes: int, *, is_share: bool) -> None:
        """Name the limit.

        Args:
            limit_bytes: The limit that is exceeded.
            is_share: Whether it is the limit of one client, so that others may still send.
        """
        self.retry_after_seconds = 5
        whose = "uploads of yours that are being received or kept" if is_share else "all uploads together"
        AppError.__init__(
            self,
            f"Too many bytes at a time: {whose} may have {limit_bytes / 1_000_000:g} MB. Try again in "
            f"{self.retry_after_seconds} seconds.",
        )


class DecodingError(AppError):
    """Photos and recordings cannot be read at the moment.

    Attributes:
        retry_after_seconds: When to try again.
    """

    retry_after_seconds = 30

    def __init__(self) -> None:
        super().__init__(
            "The server has no room at the moment for the process that reads photos and recordings. Try again in "
            f"{self.retry_after_seconds} seconds."
        )


class OriginError(AppError):
    """What was made here cannot be told from what others made: the folder of keys cannot be read."""

    def __init__(self) -> None:
        super().__init__(
            "The server cannot tell at the moment what was made here: its keys cannot be read. GET /health tells "
            "whoever runs it what to do."
        )


class BudgetError(AppError):
    """The video would cost more than may be spent.

    Attributes:
        code: Of the reason.
        retry_after_seconds: When the budget has room for it again; None if waiting does not help.
    """

    code = "limit.budget"

    def __init__(self, dollars: float, spent: float, limit: float, retry_after_seconds: int | None) -> None:
        self.retry_after_seconds = retry_after_seconds
        way_out = (
            "Use a shorter voice or a quicker profile"
            if retry_after_seconds is None
            else f"Try again in {_format_wait(retry_after_seconds)}"
        )
        super().__init__(
            f"This video is likely to cost ${dollars:.2f}. Of the ${limit:.2f} that may be spent in 24 hours, "
            f"${spent:.2f} is spent or promised. {way_out}, or ask whoever runs the app for a higher limit."
        )


class JobError(AppError):
    """Something is wrong with a job.

    Attributes:
        job_id: The job's id.
        code: Of the reason; None if there is none.
    """

    def __init__(self, message: str, job_id: str | None = None, code: str | None = None) -> None:
        self.job_id = job_id
        self.code = code
        super().__init__(message)


class JobNotFoundError(JobError):
    """There is no job with that id."""

    def __init__(self) -> None:
        super().__init__("There is no such job. Check its id; a job is forgotten a week after its files were deleted.")


class JobSetAsideError(JobNotFoundError):
    """There is a job with that id, but its record cannot be read."""

    def __init__(self, job_id: str) -> None:
        super(JobNotFoundError, self).__init__(
            "This version of the app cannot read the job's record. Nothing was deleted: the server's log has the "
            "reason for whoever runs it.",
            job_id,
        )


class JobNotFinishedError(JobError):
    """The job has no video yet, or will never have one."""

    def __init__(self, job_id: str, status: str) -> None:
        texts = {
            "failed": "The job has failed, so there is no video. Its 'error' says why.",
            "cancelled": "The job was cancelled, so there is no video.",
        }
        super().__init__(texts.get(status, f"The job is {status}. Wait until its status is 'done'."), job_id)


class JobExpiredError(JobError):
    """The job's files have been deleted."""

    def __init__(self, job_id: str) -> None:
        super().__init__("The job's files have been deleted: they are kept for a limited time. Make it again.", job_id)


class JobHiddenError(JobError):
    """Somebody has reported the job's video."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            "Somebody has reported this video. Nobody can see it until whoever runs the app has looked at it.", job_id
        )


class JobFailedError(JobError):
    """The job that a request waited for has failed."""


class JobCancelledError(JobError):
    """The job that a request waited for was cancelled."""

    def __init__(self, job_id: str) -> None:
        super().__init__("The job was cancelled.", job_id)


class ServerStoppingError(JobError):
    """The server is stopping; the jobs that it has accepted go on when it is back.

    Attributes:
        retry_after_seconds: When it is likely to be back.
    """

    retry_after_seconds = 10

    def __init__(self, job_id: str | None = None) -> None:
        goes_on = f"The job goes on when it is back: follow it at /jobs/{job_id}."
        super().__init__(f"The server is stopping. {goes_on if job_id else 'Try again when it is back.'}", job_id)


class RequestLimitError(JobError):
    """The job takes longer than a request may; it goes on."""

    def __init__(self, job_id: str, limit_seconds: float) -> None:
        super().__init__(
            f"The video is not done after {limit_seconds:g} seconds, the most that a request may take. The job goes "
            f"on: follow it at /jobs/{job_id} and fetch /jobs/{job_id}/video when it is done.",
            job_id,
        )


class JobTimeLimitError(JobError):
    """The job that a request waited for was stopped because it took too long."""


def _format_wait(seconds: int) -> str:
    return f"{seconds // 3600} hours" if seconds >= 2 * 3600 else f"{max(1, round(seconds / 60))} minutes"
