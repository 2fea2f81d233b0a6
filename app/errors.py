"""The errors that the app raises on purpose. `app.problems` maps each to an HTTP status."""

from collections.abc import Mapping
from types import MappingProxyType


class AppError(Exception):
    """Base of all errors that the app raises on purpose; the message says what to do."""


class DataFolderError(AppError):
    """The data folder cannot be used: another server is using it, or it cannot be written to."""


class NothingNewError(AppError):
    """There is nothing to tell that the client does not know. No error to people: answered with 204 and no words."""


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
            "This file was not uploaded here by you, or it is gone: uploads are kept for a limited time. Upload it "
            "again."
        )


class BatchNotFoundError(AppError):
    """A request names a batch that its sender did not ask for, or that is forgotten."""

    def __init__(self) -> None:
        super().__init__("There is no such batch. Check its id; a batch is forgotten with the last of its jobs.")


class BatchRowError(AppError):
    """A row of a batch cannot be used, so none was taken.

    Attributes:
        number: Of the row, from 0.
        field: The row and its field.
        code: Of the reason; None if there is none.
    """

    def __init__(self, number: int, error: Exception) -> None:
        notice = getattr(error, "notice", None)
        self.number = number
        self.code = notice.code if notice else getattr(error, "code", None)
        place = notice.about if notice else getattr(error, "field", None)
        self.field = f"jobs[{number}]" + (f".{place}" if place and place != "request" else "")
        names_place = bool(place) and str(error).startswith((f"{place}:", f"{place}."))
        told = f"jobs[{number}].{error}" if names_place else f"{self.field}: {error}"
        super().__init__(f"{told} No job of the batch was taken.")


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


class GuestError(CrossSiteError):
    """A page of an origin that may use the REST API asks without a key."""

    def __init__(self) -> None:
        super(CrossSiteError, self).__init__(
            "Pages of other sites need a key: send it as `Authorization: Bearer vl_...` or as `X-API-Key`. Cookies and "
            "passwords do not count."
        )


class HostError(AppError):
    """The request names a host that is not the app's."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The app is not reached as {host[:100]!r}. Use its address, or let whoever runs it add the name to "
            "VIDEO_LAB_ALLOWED_HOSTS or set VIDEO_LAB_PUBLIC_URL."
        )


class BatchTooLargeError(BodyTooLargeError):
    """The jobs of a batch need more room for their files than one batch may have."""

    def __init__(self, num_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"The files of all rows have {num_bytes / 1e9:.1f} GB, and this server copies them for each row: a batch "
            f"may have {limit_bytes / 1e9:g} GB. Send fewer rows at a time, or cut the recordings.",
            "jobs",
        )


class MediaTypeError(BodyError):
    """The request's content type is not accepted."""


class PasswordError(AppError):
    """The key or the password is missing or wrong.

    Attributes:
        is_browser: Whether a browser asks, which would show a dialogue of its own at a challenge that it knows.
    """

    def __init__(self, *, is_browser: bool = False, is_wrong: bool = False, has_password: bool = True) -> None:
        """Say what is wrong.

        Args:
            is_browser: As the attribute.
            is_wrong: Whether a key or a password came.
            has_password: Whether there is a password besides keys.
        """
        self.is_browser = is_browser
        what = "key or password" if has_password else "key"
        told = f"A {'key or the password' if has_password else what} is needed."
        if is_wrong:
            told = f"The {what} that came is wrong, or was revoked. Check that it is whole, and of this deployment."
        super().__init__(
            f"{told} Send a key as 'Authorization: Bearer vl_...', or {'either' if has_password else 'as the password'}"
            " with HTTP Basic authentication, under any user name."
        )


class GuessesError(AppError):
    """The client has sent too many wrong keys or passwords.

    Attributes:
        retry_after_seconds: When its password is checked again.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            "Too many wrong keys or passwords came from this address, so none is checked at the moment. Send the right "
            f"one in {retry_after_seconds} seconds."
        )


class AccountsError(AppError):
    """The keys, and what is kept beside them, cannot be read or written at the moment.

    Attributes:
        retry_after_seconds: When to try again.
    """

    retry_after_seconds = 10

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The server cannot use its file of keys at the moment ({reason}), so it lets nobody in by them. Try again "
            "later; whoever runs it finds what to do in docs/service.md."
        )


class AccountsFullError(StorageError, AccountsError):
    """There is no room on the disk for what is kept beside the keys. Whoever can go on without it may."""


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
        whose = "uploads of yours that are being received" if is_share else "all uploads together"
        AppError.__init__(
            self,
            f"Too many bytes at a time: {whose} may have {limit_bytes / 1_000_000:g} MB. Try again in "
            f"{self.retry_after_seconds} seconds.",
        )


class ShelfFullError(QueueFullError):
    """The files that are kept for later requests have as many bytes as fit."""

    def __init__(self, limit_bytes: int, *, is_share: bool) -> None:
        """Name the limit; see `UploadsFullError`."""
        self.retry_after_seconds = UploadLimitError.retry_after_seconds
        whose = "the uploads that are kept for you" if is_share else "all uploads that are kept"
        AppError.__init__(
            self,
            f"Too many bytes are kept: {whose} may have {limit_bytes / 1_000_000:g} MB. Delete those that no later "
            "request names; otherwise they go at their expires_at.",
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


class LimitError(AppError):
    """What was asked for exceeds a limit.

    Attributes:
        code: Of the reason.
        retry_after_seconds: When there is likely to be room; None if waiting does not help.
        headers: Of the answer.
    """

    code: str
    retry_after_seconds: int | None
    headers: Mapping[str, str] = MappingProxyType({})


class BudgetError(LimitError):
    """The video would cost more than may be spent."""

    code = "limit.budget"

    def __init__(
        self,
        dollars: float,
        spent: float,
        limit: float,
        retry_after_seconds: int | None,
        *,
        whose: str = "",
        num_videos: int = 1,
    ) -> None:
        """Name the sums.

        Args:
            dollars: What it is likely to cost.
            spent: What is spent or promised.
            limit: What may be spent in 24 hours.
            retry_after_seconds: When there is room for it; None if never.
            whose: Who may spend it; "" for everyone together.
            num_videos: How many are asked for, all or none.
        """
        self.retry_after_seconds = retry_after_seconds
        way_out = (
            "Use a shorter voice or a quicker profile"
            if retry_after_seconds is None
            else f"Try again in {_format_wait(retry_after_seconds)}"
        )
        what = "This video is" if num_videos == 1 else f"These {num_videos} videos are together"
        may_spend = f"{whose} may spend" if whose else "may be spent"
        super().__init__(
            f"{what} likely to cost ${dollars:.2f}. Of the ${limit:.2f} that {may_spend} in 24 hours, "
            f"${spent:.2f} is spent or promised. {way_out}, or ask whoever runs the app for a higher limit."
        )


class RateLimitError(LimitError):
    """The key has asked for as many jobs as it may in an hour."""

    code = "limit.rate"

    def __init__(self, num_asked: int, num_accepted: int, limit: int, retry_after_seconds: int | None) -> None:
        """Name the numbers.

        Args:
            num_asked: Jobs that are asked for at once.
            num_accepted: In the last hour.
            limit: Jobs an hour.
            retry_after_seconds: When so many may be asked for; None if never.
        """
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"This key may have {_count_jobs(limit)} an hour, and was granted {num_accepted} in the last one"
            f"{_name_asked(num_asked)}. {_name_way_out(retry_after_seconds)}"
        )


class ConcurrencyLimitError(LimitError):
    """As many jobs of the key wait or run as may at a time."""

    code = "limit.concurrency"

    def __init__(self, num_asked: int, num_open: int, limit: int, retry_after_seconds: int | None) -> None:
        """Name the numbers.

        Args:
            num_asked: Jobs that are asked for at once.
            num_open: Jobs that wait or run.
            limit: Of those.
            retry_after_seconds: When one is likely to have ended; None if so many never fit.
        """
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"This key may have {_count_jobs(limit)} at a time, waiting or running, and has {num_open}"
            f"{_name_asked(num_asked)}. "
            f"{_name_way_out(retry_after_seconds)}"
        )


class KeyBudgetError(BudgetError):
    """The video would cost more than the key may spend."""


class IdempotencyKeyError(AppError):
    """The header `Idempotency-Key` cannot be read."""

    code = "idempotency.invalid"

    def __init__(self) -> None:
        super().__init__(
            "The header Idempotency-Key cannot be read. Expected 1 to 128 letters, digits, or characters of -._~, with "
            "or without quotes, such as a random UUID; once."
        )


class StillTakenError(AppError):
    """The first request with the same `Idempotency-Key` is still being taken.

    Attributes:
        retry_after_seconds: When to ask again.
    """

    code = "idempotency.in_progress"
    retry_after_seconds = 2

    def __init__(self) -> None:
        super().__init__(
            "A request with the same Idempotency-Key is still being taken. Send it again in "
            f"{self.retry_after_seconds} seconds for the first one's answer."
        )


class OtherBodyError(AppError):
    """The `Idempotency-Key` belongs to another request."""

    code = "idempotency.other_body"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was sent with another body, or to another route. Send what was sent first, or choose "
            "a new key: one for each job."
        )


class AnonymousListError(AppError):
    """Jobs are asked for where nobody says who asks."""

    def __init__(self) -> None:
        super().__init__(
            "Anybody may use this server, so it does not say who asked for which job. Keep the ids that POST /jobs "
            "answers; whoever runs the server can make keys, or set a password, and then jobs are listed."
        )


class CursorError(AppError):
    """A cursor is not one that this list has given."""

    field = "cursor"

    def __init__(self) -> None:
        super().__init__(
            "The cursor is none that this list has given. Send `next_cursor` as it came, with the same filters, or "
            "begin without a cursor."
        )


class PeriodError(AppError):
    """A period cannot be read."""

    def __init__(self, field: str, expected: str) -> None:
        self.field = field
        super().__init__(f"{field} cannot be read. Expected {expected}.")


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


class NoDeliveryError(JobError):
    """There is nothing to send of a job."""

    def __init__(self, job_id: str, *, has_url: bool) -> None:
        super().__init__(
            "The job has not ended; word of its end is sent by itself."
            if has_url
            else "Nobody asked for word of this job's end. Send a callback_url with the next one.",
            job_id,
        )


class ResendTooSoonError(JobError):
    """Word of a job's end was sent a moment ago.

    Attributes:
        retry_after_seconds: When it may be sent again.
    """

    def __init__(self, job_id: str, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"Word of this job's end was sent a moment ago. Send it again in {retry_after_seconds} seconds.", job_id
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


def _count_jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _name_asked(number: int) -> str:
    return f"; {number} more are asked for" if number > 1 else ""


def _name_way_out(retry_after_seconds: int | None) -> str:
    if retry_after_seconds is None:
        return "Ask for fewer at a time, or ask whoever runs the app for a higher limit."
    return f"Try again in {retry_after_seconds} seconds."
