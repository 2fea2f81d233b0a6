"""Jobs on a GPU elsewhere: the runner on the web's side, the worker on the GPU's side. No cloud is named here."""

from app.remote.cloud import Cloud, Delivery, RunExpiredError, RunLostError, RunTimeoutError
from app.remote.command import check_files
from app.remote.limits import TimeLimits
from app.remote.presence import keep_telling
from app.remote.runner import RemoteRunner
from app.remote.sweep import Sweeper
from app.remote.weights import WeightsWatch
from app.remote.worker import Desk, RemoteWorker

__all__ = [
    "Cloud",
    "Delivery",
    "Desk",
    "RemoteRunner",
    "RemoteWorker",
    "RunExpiredError",
    "RunLostError",
    "RunTimeoutError",
    "Sweeper",
    "TimeLimits",
    "WeightsWatch",
    "check_files",
    "keep_telling",
]
