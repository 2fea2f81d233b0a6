"""What the app itself raises on purpose. What status each becomes is told in `app.problems`."""


class AppError(Exception):
    """Anything that the app raises on purpose; the message says what to do."""


class DataFolderError(AppError):
    """The data folder cannot be used: another server has it, or it cannot be written to."""


class StorageError(AppError):
    """The disk takes nothing more."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The server cannot store anything at the moment ({reason}). Try again later; whoever runs it has to make "
            "room on its disk."
        )


class UploadNotFoundError(AppError):
    """A request names a file that its sender has not uploaded, or that is gone."""

    def __init__(self) -> None:
        super().__init__(
            "This file was not uploaded here by you, or it is gone: uploads are kept for an hour. Upload it again."
        )


class UploadLimitError(AppError):
    """One client has uploaded as much as it may.

    Attributes:
        retry_after_seconds: When some of it is likely to be gone.
    """

    retry_after_seconds = 600

    def __init__(self, reason: str) -> None:
        super().__init__(f"No more can be uploaded now: {reason}. Try again later.")


class BodyError(AppError):
    """The request's body cannot be read.

    Attributes:
        field: What it is about; None where it is the whole body.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class BodyTooLargeError(BodyError):
    """The request's body has more bytes than are accepted."""


class BodyStalledError(BodyError):
    """The request's body comes too slowly, or not at all."""

    def __init__(self, num_bytes: int) -> None:
        super().__init__(f"The request came too slowly: {num_bytes} bytes until now. Send it again.")


class CrossSiteError(AppError):
    """A page of another site asked for something, which browsers do without asking anyone."""

    def __init__(self) -> None:
        super().__init__(
            "A page of another site sent this request. Send it from the app's own page, or from a program that is no "
            "browser."
        )


class HostError(AppError):
    """The request came under a name that is not the app's."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The app is not reached as {host[:100]!r}. Use its address, or let whoever runs it add the name to "
            "VIDEO_LAB_ALLOWED_HOSTS or set VIDEO_LAB_PUBLIC_URL."
        )


class MediaTypeError(BodyError):
    """The request's body is of a kind that is not accepted."""


class PasswordError(AppError):
    """The password is missing or wrong."""

    def __init__(self) -> None:
        super().__init__("A password is needed. Send it with HTTP Basic authentication, under any user name.")


class GuessesError(AppError):
    """Too many wrong passwords came from the client.

    Attributes:
        retry_after_seconds: When its password is looked at again.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            "Too many wrong passwords came from this address, so none is looked at for the moment. Send the right one "
            f"in {retry_after_seconds} seconds."
        )


class RangeError(AppError):
    """The part of the video that was asked for lies outside of it.

    Attributes:
        num_bytes: How many bytes there are.
    """

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        super().__init__(f"The range asked for lies outside of the video, which has {num_bytes} bytes.")


class QueueFullError(AppError):
    """No more jobs can wait.

    Attributes:
        retry_after_seconds: When a place is likely to be free.
    """

    def __init__(
        self, num_waiting: int, retry_after_seconds: int, what: str = "jobs", *, is_share: bool = False
    ) -> None:
        """Say how many wait.

        Args:
            num_waiting: In all, or of one client.
            retry_after_seconds: When a place is likely to be free.
            what: Is waiting.
            is_share: Others may still come, but not the client that has these.
        """
        self.retry_after_seconds = retry_after_seconds
        which = f"{what} of yours are waiting as one client may have" if is_share else f"{what} are waiting as fit"
        super().__init__(f"As many {which} ({num_waiting}). Try again in {retry_after_seconds} seconds.")


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


class BudgetError(AppError):
    """More would be spent than is allowed.

    Attributes:
        code: Of the reason.
        retry_after_seconds: When there is room for it again; None where waiting does not help.
    """

    code = "limit.budget"

    def __init__(self, dollars: float, spent: float, limit: float, retry_after_seconds: int | None) -> None:
        self.retry_after_seconds = retry_after_seconds
        way_out = (
            "Use a shorter voice or a quicker profile"
            if retry_after_seconds is None
            else f"Try again in {_tell_time(retry_after_seconds)}"
        )
        super().__init__(
            f"This video is likely to cost ${dollars:.2f}. Of the ${limit:.2f} that may be spent in 24 hours, "
            f"${spent:.2f} is spent or promised. {way_out}, or ask whoever runs the app for a higher limit."
        )


class JobError(AppError):
    """Something about one job.

    Attributes:
        job_id: Which.
        code: Of the reason; None where there is none.
    """

    def __init__(self, message: str, job_id: str | None = None, code: str | None = None) -> None:
        self.job_id = job_id
        self.code = code
        super().__init__(message)


class JobNotFoundError(JobError):
    """There is no job of that id."""

    def __init__(self) -> None:
        super().__init__("There is no such job. Check its id; a job is forgotten a week after its files were deleted.")


class JobSetAsideError(JobNotFoundError):
    """There is a job of that id, but its record cannot be read."""

    def __init__(self, job_id: str) -> None:
        super(JobNotFoundError, self).__init__(
            "What is known of the job cannot be read by this version of the app. Nothing of it was deleted: whoever "
            "runs the server finds the reason in its log.",
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


class JobFailedError(JobError):
    """The job that a request waited for has failed."""


class JobCancelledError(JobError):
    """The job that a request waited for was cancelled."""

    def __init__(self, job_id: str) -> None:
        super().__init__("The job was cancelled.", job_id)


class ServerStoppingError(JobError):
    """The server stops; jobs that it has taken go on when it is back.

    Attributes:
        retry_after_seconds: When it is likely to be back.
    """

    retry_after_seconds = 10

    def __init__(self, job_id: str | None = None) -> None:
        goes_on = f"The job goes on when it is back: follow it at /jobs/{job_id}."
        super().__init__(f"The server is stopping. {goes_on if job_id else 'Try again when it is back.'}", job_id)


class RequestLimitError(JobError):
    """The job took longer than the request may; it goes on."""

    def __init__(self, job_id: str, limit_seconds: float) -> None:
        super().__init__(
            f"The video is not done after {limit_seconds:g} seconds, the most that a request may take. The job goes "
            f"on: follow it at /jobs/{job_id} and fetch /jobs/{job_id}/video when it is done.",
            job_id,
        )


class JobTimeLimitError(JobError):
    """The job that a request waited for was ended because it took too long."""


def _tell_time(seconds: int) -> str:
    return f"{seconds // 3600} hours" if seconds >= 2 * 3600 else f"{max(1, round(seconds / 60))} minutes"
