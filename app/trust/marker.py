"""Chooses what the mark in a job's video says, and tells whose a mark is that was found."""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import OriginError
from app.settings import Settings
from app.trust.sealer import open_trust_folder
from pipeline.credentials import Credentials
from pipeline.errors import CertificateError
from pipeline.watermark import Payload

_REPORTED_SECONDS = 3600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundWatermark:
    """What the mark that is not seen says.

    Attributes:
        job: The short id of the job.
        confidence: 0 to 1.
        made_here: It is this deployment's.
    """

    job: str
    confidence: float
    made_here: bool


@dataclass(frozen=True)
class FoundMarks:
    """What a file says of how it was made; None where it says nothing.

    Attributes:
        credentials: What is signed.
        watermark: What the picture says.
        is_mark_sought: There were frames in which a mark was looked for.
    """

    credentials: Credentials | None
    watermark: FoundWatermark | None
    is_mark_sought: bool = True

    @property
    def made_here(self) -> bool | None:
        """Whether the file is signed or marked by this deployment; None if nobody can tell.

        A mark can be copied, and whoever edits a marked video may sign it: proof is that the credentials are made here.
        """
        if self.watermark is not None and self.watermark.made_here:
            return True
        credentials = self.credentials
        return credentials.made_here if credentials is not None and credentials.valid else None


class Marker:
    """Has the key of the marks. Whoever makes a video gets what its mark says, and never the key."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is read or made yet.

        Args:
            settings: Of the app.
        """
        self._is_on = settings.watermark
        self._folder = open_trust_folder(settings)
        self._trouble, self._troubled_at = "", -float("inf")

    async def choose(self, job_id: str) -> str | None:
        """Return what the mark of a job's video says, as text.

        Returns:
            None for a video without: because of the settings, or because there is no key, which `find_troubles` tells.
        """
        if not self._is_on:
            return None
        try:
            key = await asyncio.to_thread(self._folder.find_mark_key)
        except CertificateError as error:
            self._note(f"A video has no watermark: {error}")
            _log.warning("job %.6s has no watermark: %s", job_id, error)
            return None
        return Payload.for_job(job_id, key).text

    async def tell(self, text: str | None, confidence: float) -> FoundWatermark | None:
        """Explain a mark that was found.

        Args:
            text: What it says; None if there is none.
            confidence: 0 to 1.

        Raises:
            OriginError: The keys cannot be read; `find_troubles` tells why.
        """
        if text is None:
            return None
        try:
            keys = await asyncio.to_thread(self._folder.read_mark_keys)
        except CertificateError as error:
            self._note(str(error))
            raise OriginError from None
        payload = Payload.of(text)
        return FoundWatermark(payload.short_id, confidence, any(map(payload.is_made_with, keys)))

    def find_troubles(self) -> Iterator[str]:
        """Yield what is wrong with the key, in a sentence."""
        if time.monotonic() - self._troubled_at < _REPORTED_SECONDS:
            yield self._trouble

    def _note(self, trouble: str) -> None:
        self._trouble, self._troubled_at = trouble, time.monotonic()
