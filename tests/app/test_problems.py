"""Every error is in the one table, and every kind is documented."""

from pathlib import Path

import pytest

from app import errors
from app.problems import PROBLEM_TYPES, UNEXPECTED, ProblemType, answer_error, find_problem_type
from pipeline.errors import GenerationCancelledError, InputTooLargeError
from pipeline.notices import TEXTS

DOCUMENTED = Path("docs/errors.md").read_text()


@pytest.mark.parametrize("kind", PROBLEM_TYPES.values(), ids=lambda kind: kind.name)
def test_every_kind_is_documented(kind: ProblemType) -> None:
    assert f"| {kind.status} | `{kind.name}` |" in DOCUMENTED


@pytest.mark.parametrize("code", [code for code in TEXTS if code.startswith("job.")])
def test_every_reason_of_a_failed_job_is_documented(code: str) -> None:
    assert f"| `{code}` |" in DOCUMENTED


def test_tells_nothing_of_an_exception_that_is_not_in_the_table() -> None:
    answer = answer_error(ValueError("a secret path"))
    assert answer.status_code == 500
    assert b"secret" not in answer.body
    assert find_problem_type(GenerationCancelledError()) == UNEXPECTED


def test_a_large_input_is_told_from_other_bad_input() -> None:
    error = InputTooLargeError("request.large_file", "image", megabytes=60, limit=50)
    assert find_problem_type(error).status == 413
    assert find_problem_type(errors.BodyTooLargeError("x")).status == 413
