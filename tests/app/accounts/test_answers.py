"""What is answered to a request that is sent again."""

import pytest

from app.accounts.answers import KEPT_SECONDS, AnswerBook, Claim
from app.accounts.database import Database
from app.errors import OtherBodyError, StillTakenError
from tests.app.accounts.conftest import Time

MINE, THEIRS = Claim("key a", "1"), Claim("open", "1")


def test_the_first_answer_is_given_for_a_day(answers: AnswerBook, time: Time) -> None:
    assert answers.claim(MINE) is None
    with pytest.raises(StillTakenError):
        answers.claim(MINE)
    answers.begin(MINE, b"hash", "job")
    answers.keep(MINE)
    time.now += KEPT_SECONDS - 1
    first = answers.claim(MINE)
    assert first is not None
    assert first.subject == "job"
    first.check(b"hash")
    with pytest.raises(OtherBodyError):
        first.check(b"other")
    time.now += 1
    assert answers.claim(MINE) is None


def test_callers_have_keys_of_their_own(answers: AnswerBook) -> None:
    assert answers.claim(MINE) is None
    assert answers.claim(THEIRS) is None
    answers.forget(MINE, None)
    assert answers.claim(MINE) is None


def test_after_a_crash_a_job_that_exists_is_answered_and_none_is_lost(answers: AnswerBook) -> None:
    for key in ("exists", "never", "unread"):
        answers.claim(Claim("open", key))
    answers.begin(Claim("open", "exists"), b"hash", "job")
    answers.begin(Claim("open", "never"), b"hash", "other job")
    answers.reconcile(["job"])
    found = answers.claim(Claim("open", "exists"))
    assert found is not None
    assert found.subject == "job"
    assert answers.claim(Claim("open", "never")) is None
    assert answers.claim(Claim("open", "unread")) is None


def test_a_job_that_is_there_answers_though_nobody_could_keep_that(database: Database, time: Time) -> None:
    accepted: set[str] = set()
    answers = AnswerBook(database, time, accepted.__contains__)
    answers.claim(MINE)
    answers.begin(MINE, b"hash", "job")
    with pytest.raises(StillTakenError):
        answers.claim(MINE)
    accepted.add("job")
    found = answers.claim(MINE)
    assert found is not None
    assert found.subject == "job"


def test_who_waited_for_a_failed_job_frees_no_later_requests_key(answers: AnswerBook) -> None:
    for subject in ("failed", "later"):
        answers.claim(MINE)
        answers.begin(MINE, b"hash", subject)
        answers.forget(MINE, "failed")
    with pytest.raises(StillTakenError):
        answers.claim(MINE)


def test_what_is_a_day_old_is_deleted_though_nobody_asks(answers: AnswerBook, database: Database, time: Time) -> None:
    answers.claim(MINE)
    time.now += KEPT_SECONDS
    answers.purge()
    assert database.read("SELECT * FROM answers") == []
