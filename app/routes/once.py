"""A request that is sent twice makes one job: the header `Idempotency-Key`."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Header, Request

from app.accounts.answers import Answer, AnswerBook, Claim
from app.errors import IdempotencyKeyError
from app.problems import Responses, describe_problems
from app.routes.dependencies import CallerOfRequest
from app.storage import explain_full_disk

_KEY = re.compile(r'(?P<quote>"?)(?P<key>[A-Za-z0-9._~-]{1,128})(?P=quote)')
_REPLAYED = {"Idempotency-Replayed": "true"}
_OPEN = "open"
"""Whose keys those are that come without a key of the app: an address changes on the way home."""

ONCE: Responses = describe_problems(409, 422)


@dataclass
class Attempt:
    """A request that may have come before.

    Attributes:
        claim: None for one that does not say whether it has.
        first: What was answered when it came first; None if it comes for the first time.
        subject: What it is about to make, or has made.
        is_taken: Whether that is there: from now on, the request must not be let through once more.
    """

    book: AnswerBook = field(repr=False)
    claim: Claim | None = None
    first: Answer | None = None
    subject: str | None = None
    is_taken: bool = False

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of an answer that is given again."""
        return {} if self.first is None else _REPLAYED

    def begin(self, body_hash: bytes, subject: str) -> None:
        """Write down what the request is about to make; on disk before this returns, so call it in a thread."""
        if self.claim is not None:
            self.book.begin(self.claim, body_hash, subject)
            self.subject = subject

    def keep(self) -> None:
        """Note that what the request was about to make is there; asked for again, it is described anew."""
        self.is_taken = True
        if self.claim is not None and self.first is None:
            self.book.keep(self.claim)

    def forget(self) -> None:
        """Let the request be sent again: what it made has failed."""
        if self.claim is not None:
            self.book.forget(self.claim, self.subject if self.first is None else self.first.subject)


@contextmanager
def once(book: AnswerBook, claim: Claim | None) -> Iterator[Attempt]:
    """Take a request for which this is the first time, or lend the first one's answer.

    Args:
        book: Has the answers.
        claim: None lets the request through.

    Raises:
        StillTakenError: The first one has no answer yet.
        StorageError: The disk is full.
    """
    with explain_full_disk():
        attempt = Attempt(book, claim, None if claim is None else book.claim(claim))
    try:
        yield attempt
    except BaseException:
        if attempt.first is None and not attempt.is_taken:
            attempt.forget()
        raise


def hash_body(path: str, said: object, files: Mapping[str, Path]) -> bytes:
    """Return the hash of what a request asks for, however it is written: files of any size take little memory.

    Args:
        path: Of the route.
        said: What it says besides its files, as JSON can have it.
        files: By their roles.
    """
    told = hashlib.sha256(json.dumps([path, said], sort_keys=True, default=vars).encode())
    for role in sorted(files):
        with files[role].open("rb") as file:
            told.update(f"\n{role} ".encode() + hashlib.file_digest(file, "sha256").digest())
    return told.digest()


def _read_claim(
    request: Request,
    caller: CallerOfRequest,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="1 to 128 of `A-Za-z0-9._~-`, such as a random UUID: sent again with the same body within 24 "
            "hours, the request gets the first one's answer and makes nothing.",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> Claim | None:
    if idempotency_key is None:
        return None
    found = _KEY.fullmatch(idempotency_key.strip())
    if found is None or len(request.headers.getlist("idempotency-key")) > 1:
        raise IdempotencyKeyError
    return Claim(_OPEN if caller.key_id is None else f"key {caller.key_id}", found["key"])


ClaimOfRequest = Annotated[Claim | None, Depends(_read_claim)]
