"""A server whose GPU profiles run on a quick runner of its own, as a cloud's would; the data folder is its argument."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn

from app.jobs import RunEnd, RunUpdate
from app.main import create_app
from app.records import JobResult
from app.settings import load_settings
from app.storage import JobFolder
from pipeline.engine import Availability
from pipeline.profiles import Model, Profile
from pipeline.types import Progress

RUN_SECONDS = 0.2


class QuickRunner:
    """Copies the voice where a video should be, and writes down each run; while there is `.hold`, none ends."""

    capacity = num_parallel = 4
    durable = False

    def __init__(self, runs: Path) -> None:
        self._runs = runs

    def serves(self, model: Model) -> bool:
        return model == "infinitetalk"

    def availability(self, profile: Profile) -> Availability:
        return Availability(available=profile.model == "infinitetalk")

    async def persist(self, folder: JobFolder) -> None:
        """The folder is on a disk already."""

    async def start(self, folder: JobFolder) -> str:
        del folder
        return secrets.token_hex(4)

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd]:
        del handle
        yield RunUpdate(Progress("denoising", 1, 2, 50.0))
        await asyncio.sleep(RUN_SECONDS)
        while self._runs.with_suffix(".hold").exists():  # noqa: ASYNC110 - a test makes and removes it
            await asyncio.sleep(RUN_SECONDS)
        shutil.copyfile(folder.voice, folder.video)
        with self._runs.open("a") as runs:
            runs.write(f"{folder.path.name}\n")
        result = JobResult(num_frames=1, speech_seconds=1, compute_seconds=1, width=8, height=8, frame_rate=25, seed=1)
        yield RunEnd("done", result)

    async def cancel(self, handle: str) -> None:
        """Runs are too short to be cancelled."""

    async def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    settings = load_settings()
    app = create_app(settings, QuickRunner(Path(sys.argv[1])))
    uvicorn.run(app, host=settings.host, port=settings.port, log_config=None, access_log=False, proxy_headers=False)


if __name__ == "__main__":
    main()
