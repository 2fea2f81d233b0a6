"""Has the videos of jobs signed. No job fails for it: its video is then unsigned, and whoever runs the app is told."""

import asyncio
import logging
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from app.errors import OriginError
from app.lifetime import kill, wait_for_end
from app.records import JobRecord
from app.settings import Settings, SettingsError, read_certificate
from app.storage import JobFolder
from app.trust.messages import Sealed, SealOrder
from pipeline.credentials import Identity, Known, Making, TrustFolder, find_partial
from pipeline.engines import get_engine_spec
from pipeline.errors import CertificateError

SEAL_SECONDS = 30.0
"""How long signing may take, with a time stamp; without one it takes a tenth of a second."""
_AT_ONCE = 2
_REPORTED_SECONDS = 3600.0
_WARNED = timedelta(days=30)
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHON", "LC_", "LD_", "DYLD_", "SSL_CERT_")
_log = logging.getLogger(__name__)


class SealError(Exception):
    """The process that signs has died, or took too long."""


class Sealer:
    """Has files signed by processes of their own. For use in one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is read or made yet.

        Args:
            settings: Of the app.
        """
        self._settings = settings
        self._folder = open_trust_folder(settings)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._trouble, self._troubled_at = "", -float("inf")
        self._given_until: datetime | None = None

    async def prepare(self) -> None:
        """Make the keys at the first start; what is in the way is told by `find_troubles`."""
        if self._settings.content_credentials:
            try:
                await asyncio.to_thread(self._find_identity)
            except (CertificateError, SettingsError) as error:
                self._note(_explain(error))

    async def seal(self, record: JobRecord, folder: JobFolder) -> bool:
        """Sign the video and the poster of a job that is done. Returns whether they are signed."""
        if not self._settings.content_credentials:
            return False
        try:
            async with self._turns:
                sealed = await self._attempt(await self._make_order(record, folder))
        except (CertificateError, SettingsError, SealError, OSError) as error:
            sealed = Sealed(trouble=_explain(error))
        if sealed.trouble:
            self._note(f"A video was not signed: {sealed.trouble}")
            _log.warning("job %.6s was not signed: %s", record.id, sealed.trouble)
        elif sealed.lacks_time_stamp:
            self._note("A video was signed without a time stamp: the service of VIDEO_LAB_TIME_STAMP_URL gave none.")
        return not sealed.trouble

    async def find_known(self) -> Known:
        """Return the certificates by which what was signed here is known.

        Raises:
            OriginError: They cannot be read; `find_troubles` tells why.
        """
        try:
            return await asyncio.to_thread(self._folder.read_known)
        except CertificateError as error:
            self._note(str(error))
            raise OriginError from None

    def find_troubles(self) -> Iterator[str]:
        """Yield what is wrong with signing, one sentence each."""
        if time.monotonic() - self._troubled_at < _REPORTED_SECONDS:
            yield self._trouble
        until = self._given_until
        if until is not None and until - datetime.now(UTC) < _WARNED:
            yield (
                f"The certificate that videos are signed with is valid until {until:%Y-%m-%d} only. Renew it "
                "(docs/trust.md); after that day, the app signs with one of its own."
            )

    async def _make_order(self, record: JobRecord, folder: JobFolder) -> SealOrder:
        spec = get_engine_spec(record.model)
        making = Making(spec.title, record.request.profile, spec.source_type, datetime.now(UTC))
        url = self._settings.time_stamp_url
        return SealOrder(
            files=(folder.video, *([folder.poster] if folder.poster.exists() else ())),
            archive=folder.credentials if folder.credentials.exists() else None,
            making=making,
            identity=await asyncio.to_thread(self._find_identity),
            time_stamp_url=None if url is None else str(url),
        )

    async def _attempt(self, order: SealOrder) -> Sealed:
        """Sign; where the process ends, by whatever killed it, once more without what comes from outside."""
        with suppress(SealError):
            return await _run(order)
        sealed = await _run(order.model_copy(update={"archive": None, "time_stamp_url": None}))
        return sealed.model_copy(update={"lacks_time_stamp": order.time_stamp_url is not None})

    def _find_identity(self) -> Identity:
        given = read_certificate(self._settings) or self._folder.read_imported()
        self._given_until = None if given is None else given.expires_at
        return find_identity(self._settings)

    def _note(self, trouble: str) -> None:
        self._trouble, self._troubled_at = trouble, time.monotonic()


def find_identity(settings: Settings) -> Identity:
    """Return what signs now: the certificate of the settings or one that was imported; else one of the app's own.

    Raises:
        CertificateError: None can be used, and none made.
    """
    folder, now = open_trust_folder(settings), datetime.now(UTC)
    given = read_certificate(settings)
    if given is None or not given.is_valid(now):
        return folder.find_signer(now)
    folder.remember(given)
    return given


def open_trust_folder(settings: Settings) -> TrustFolder:
    """Return the folder of keys and certificates."""
    return TrustFolder(settings.data_dir / "trust")


def _explain(error: Exception) -> str:
    """Explain a trouble, which is shown to everyone, without naming a path."""
    if isinstance(error, CertificateError | SealError):
        return str(error)
    _log.warning("Signing: %s", error)
    return "The certificate or another file cannot be read; the log has the details."


async def _run(order: SealOrder) -> Sealed:
    """Have one process carry out the order.

    Raises:
        SealError: It has not.
    """
    command = (sys.executable, "-m", "app.trust.process", str(os.getpid()))
    environment = {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, start_new_session=True, env=environment
    )
    try:
        async with asyncio.timeout(SEAL_SECONDS):
            answer, _ = await process.communicate(order.model_dump_json().encode())
        return Sealed.model_validate_json(answer)
    except TimeoutError:
        raise SealError(f"signing took more than {SEAL_SECONDS:g} seconds.") from None
    except (ValidationError, ConnectionError):
        raise SealError("the process that signs has died.") from None
    finally:
        kill(process)
        await wait_for_end(process)
        for file in order.files:
            find_partial(file).unlink(missing_ok=True)
