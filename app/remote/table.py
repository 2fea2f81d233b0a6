"""The table of what videos take and cost, and when their runs are ended: `python -m app.remote.table`.

It follows the deployment's settings.
"""

from collections.abc import Iterator

from app.deployment import read_deployment
from app.records import JobRequest
from app.remote.limits import TimeLimits
from app.terminal import say
from pipeline.estimate import DEVICES, estimate
from pipeline.profiles import PROFILES
from pipeline.types import DeviceKind

_LENGTHS = (5, 30, 60, 120, 300, 600)
_HOUR = 3600.0


def describe_limits(limits: TimeLimits) -> Iterator[str]:
    """Yield a table, in Markdown, of what videos take and cost, and when their runs are ended."""
    lengths = " | ".join(f"{seconds} s" for seconds in _LENGTHS)
    yield f"| profile | GPU | {lengths} |"
    yield "|---" * (2 + len(_LENGTHS)) + "|"
    for name in limits.bounds:
        for device in DEVICES:
            cells = " | ".join(_describe(limits, name, device, seconds) for seconds in _LENGTHS)
            yield f"| `{name}` | {device} | {cells} |"


def _describe(limits: TimeLimits, name: str, device: DeviceKind, seconds: float) -> str:
    request = JobRequest(profile=name)
    expected = estimate(PROFILES[name], request.sampling, seconds, device)
    if expected.seconds > limits.find_most(name):
        return f"refused ({_tell(expected.seconds)})"
    limit = limits.find(request, seconds, device)
    return f"{_tell(expected.seconds)}, ${expected.dollars:.2f}; {_tell(limit)}"


def _tell(seconds: float) -> str:
    return f"{seconds / _HOUR:.1f} h" if seconds >= _HOUR else f"{seconds / 60:.1f} min"


if __name__ == "__main__":
    say("Each: what a video is expected to take and cost; when its run is ended.")
    for line in describe_limits(TimeLimits(read_deployment().time_limits)):
        say(line)
