"""Jobs on a GPU elsewhere: the runner on the web side, the worker on the GPU side. Names no cloud."""

from app.remote.cloud import Cloud, ResultPayload, RunExpiredError, RunLostError, RunTimeoutError
from app.remote.command import check_files, choose_mark, sign_video
from app.remote.limits import TimeLimits
from app.remote.runner import RemoteRunner
from app.remote.store import announce_presence
from app.remote.sweep import SweepContext, Sweeper
from app.remote.weights import WeightsWatch
from app.remote.worker import RemoteWorker, WorkerContext

__all__ = [
    "Cloud",
    "RemoteRunner",
    "RemoteWorker",
    "ResultPayload",
    "RunExpiredError",
    "RunLostError",
    "RunTimeoutError",
    "SweepContext",
    "Sweeper",
    "TimeLimits",
    "WeightsWatch",
    "WorkerContext",
    "announce_presence",
    "check_files",
    "choose_mark",
    "sign_video",
]
