"""The pool of a server's decoders."""

import asyncio
import errno
import logging
import os
from contextvars import Context
from pathlib import Path
from typing import TypeVar

from app.decoding.decoder import Decoder, DecoderDiedError
from app.decoding.messages import (
    AnyOrder,
    Array,
    CheckedRequest,
    CheckOrder,
    ConvertOrder,
    DecoderSettings,
    ExtractOrder,
    Failed,
    FoundCredentials,
    FoundTurns,
    FoundWatermark,
    FramedPhoto,
    FrameOrder,
    HeardVoice,
    IdentifiedFile,
    IdentifyOrder,
    ListenOrder,
    Refused,
    Result,
    TurnsOrder,
    VerifyOrder,
    WatermarkOrder,
    Written,
)
from app.errors import DecodingError
from pipeline.credentials import Credentials, Known
from pipeline.errors import InputError
from pipeline.notices import Field as About
from pipeline.profiles import Resolution
from pipeline.request import Framing, Inputs, Turn, VideoRequest
from pipeline.types import Portrait

ORDER_SECONDS = 90.0
"""How long an order may take, however busy the machine is; one with several recordings, so many times as long."""
IDLE_SECONDS = 180.0
_START_SECONDS = 60.0
_ATTEMPTS = 2
"""A process that was killed from outside says nothing about the file, so its order is tried again."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_UNDECODABLE: dict[About, str] = {
    "image": "photo.undecodable",
    "audio": "audio.undecodable",
    "request": "verify.undecodable",
}

_Wanted = TypeVar(
    "_Wanted",
    CheckedRequest,
    HeardVoice,
    IdentifiedFile,
    FoundTurns,
    FramedPhoto,
    Written,
    FoundCredentials,
    FoundWatermark,
)
_log = logging.getLogger(__name__)


class Decoders:
    """Opens files in processes, each of which carries out one order at a time. For use in one event loop.

    A process is started if none is free, so there are as many as there are concurrent orders: limiting these is up to
    the caller. One that dies, hangs or fails is replaced; one that is idle for a while is ended.
    """

    def __init__(self, settings: DecoderSettings) -> None:
        """Prepare the pool; no process is started yet.

        Args:
            settings: Of the processes.
        """
        self._settings = settings
        self._all: set[Decoder] = set()
        self._idle: dict[Decoder, asyncio.TimerHandle] = {}

    async def check(self, request: VideoRequest, inputs: Inputs, scene: Path) -> CheckedRequest:
        """Read and check everything that a person gave, and write the scene, which is what will run.

        Raises:
            InputError: Something cannot be used.
            DecodingError: Nothing can be read at the moment.
        """
        return (await self._order(CheckOrder(request=request, inputs=dict(inputs), scene=scene), CheckedRequest))[0]

    async def frame(self, photo: Path, framing: Framing, resolution: Resolution) -> Portrait:
        """Crop a photo exactly as a job would; raises as `check` does."""
        order = FrameOrder(photo=photo, framing=framing, resolution=resolution)
        framed, arrays = await self._order(order, FramedPhoto)
        return framed.assemble(arrays)

    async def convert(self, photo: Path, quarter_turns: int = 0) -> bytes:
        """Return a photo as JPEG, upright, and turned by 90 degrees counterclockwise so many times more.

        Raises as `check` does.
        """
        _, arrays = await self._order(ConvertOrder(photo=photo, quarter_turns=quarter_turns), Written)
        return b"".join(array.tobytes() for array in arrays)

    async def listen(self, recording: Path) -> HeardVoice:
        """Listen to a recording; raises as `check` does."""
        return (await self._order(ListenOrder(recording=recording), HeardVoice))[0]

    async def identify(self, file: Path) -> IdentifiedFile:
        """Find out whether a file is a photo, a recording or a video; raises as `check` does."""
        return (await self._order(IdentifyOrder(file=file), IdentifiedFile))[0]

    async def find_turns(self, recording: Path, num_speakers: int | None) -> tuple[Turn, ...]:
        """Find who speaks when in a recording; raises as `check` does."""
        order = TurnsOrder(recording=recording, num_speakers=num_speakers)
        found, _ = await self._order(order, FoundTurns)
        return tuple(Turn(turn.speaker, turn.start_sec, turn.end_sec) for turn in found.turns)

    async def extract(self, recording: Path, target: Path, total_seconds: float) -> None:
        """Write the sound of a recording as WAV; raises as `check` does."""
        await self._order(ExtractOrder(recording=recording, target=target, total_seconds=total_seconds), Written)

    async def read_credentials(self, file: Path, known: Known, trust_list: str) -> Credentials | None:
        """Find out what a picture or a video says of how it was made; raises as `check` does."""
        order = VerifyOrder(file=file, known=known, trust_list=trust_list)
        return (await self._order(order, FoundCredentials))[0].credentials

    async def read_watermark(self, file: Path) -> FoundWatermark:
        """Look for the mark that is not seen; raises as `check` does, but for a file that has no frames to be read."""
        return (await self._order(WatermarkOrder(file=file), FoundWatermark))[0]

    async def close(self) -> None:
        """End all processes."""
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        for decoder in self._all:
            decoder.kill()
        await asyncio.gather(*(decoder.wait() for decoder in self._all))

    async def _order(self, order: AnyOrder, wanted: type[_Wanted]) -> tuple[_Wanted, list[Array]]:
        for _ in range(_ATTEMPTS):
            decoder = await self._take()
            try:
                async with asyncio.timeout(order.effort * ORDER_SECONDS):
                    answer, arrays = await decoder.ask(order)
            except TimeoutError:
                _log.warning("A decoder was ended: it took more than %g seconds.", order.effort * ORDER_SECONDS)
                break
            except DecoderDiedError:
                await decoder.wait()
                _log.warning("A decoder has died (%s).", decoder.end)
                if decoder.has_used_its_time:
                    break
            else:
                if isinstance(answer.result, wanted | Refused):
                    self._lay_aside(decoder)
                return _unwrap(answer.result, wanted, decoder.about), arrays
            finally:
                if decoder not in self._idle:  # also if nobody waits for it any more
                    decoder.kill()
        raise InputError(_UNDECODABLE[decoder.about], decoder.about)

    async def _take(self) -> Decoder:
        while self._idle:
            decoder, timer = self._idle.popitem()
            timer.cancel()
            if decoder.is_alive:
                return decoder
        self._all = {decoder for decoder in self._all if decoder.is_alive}
        try:
            async with asyncio.timeout(_START_SECONDS):
                decoder = await Decoder.start(self._settings)
        except (OSError, DecoderDiedError, TimeoutError) as error:
            _log.error("No decoder can be started (%s).", type(error).__name__)
            raise DecodingError from error
        self._all.add(decoder)
        return decoder

    def _lay_aside(self, decoder: Decoder) -> None:
        loop = asyncio.get_running_loop()
        self._idle[decoder] = loop.call_later(IDLE_SECONDS, self._retire, decoder, context=Context())

    def _retire(self, decoder: Decoder) -> None:
        del self._idle[decoder]
        decoder.kill()


def _unwrap(result: Result, wanted: type[_Wanted], about: About) -> _Wanted:
    if isinstance(result, Refused):
        raise result.error
    if isinstance(result, Failed) and result.errno in _NO_ROOM:
        raise OSError(result.errno, os.strerror(result.errno))
    if not isinstance(result, wanted):
        raise InputError(_UNDECODABLE[about], about)
    return result
