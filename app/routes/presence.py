"""Work that goes on only while the client is waiting for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

_Result = TypeVar("_Result")


async def while_present(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do the work, but stop it if the client disconnects: others are waiting for its place.

    Args:
        request: Its body has been read.
        work: What to do.

    Raises:
        ClientDisconnect: The client has gone.
    """
    task, absence = asyncio.ensure_future(work), asyncio.ensure_future(_wait_for_absence(request))
    try:
        await asyncio.wait({task, absence}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and absence.exception() is None:
            raise ClientDisconnect
        return await task
    finally:
        for ended in (task, absence):
            ended.cancel()
        await asyncio.gather(task, absence, return_exceptions=True)


async def _wait_for_absence(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
