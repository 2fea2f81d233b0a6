"""Jobs on a GPU elsewhere: the runner on the web side, the worker on the GPU side. Names no cloud."""

from app.remote.accounts import AccountsCopy, command_keys, keep_accounts
from app.remote.cloud import Cloud, ResultPayload, RunExpiredError, RunLostError, RunTimeoutError
from app.remote.command import check_files, choose_mark, sign_video
from app.remote.limits import TimeLimits
from app.remote.places import find_place, link_data, link_keys, make_keys
from app.remote.runner import RemoteRunner
from app.remote.store import announce_presence, claim
from app.remote.sweep import SweepContext, Sweeper
from app.remote.wake import WakeMiddleware, Waker
from app.remote.weights import WeightsWatch
from app.remote.worker import RemoteWorker, WorkerContext

__all__ = [
    "AccountsCopy",
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
    "WakeMiddleware",
    "Waker",
    "WeightsWatch",
    "WorkerContext",
    "announce_presence",
    "check_files",
    "choose_mark",
    "claim",
    "command_keys",
    "find_place",
    "keep_accounts",
    "link_data",
    "link_keys",
    "make_keys",
    "sign_video",
]
