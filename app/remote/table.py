"""The table of what videos take and cost, and when their runs are ended: `python -m app.remote.table`.

It follows the deployment's settings.
"""

from collections.abc import Iterator

from app.deployment import read_deployment
from app.remote.limits import TimeLimits
from app.terminal import say
from pipeline.devices import DEVICES, DeviceKind
from pipeline.engines import PROFILES
from pipeline.estimate import estimate
from pipeline.request import VideoRequest
from pipeline.sampling import choose_sampling

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
    request = VideoRequest(profile=name)
    expected = estimate(PROFILES[name], choose_sampling(request, PROFILES[name]), seconds, device)
    if expected.seconds > limits.find_most(name):
        return f"refused ({_format_duration(expected.seconds)})"
    limit = limits.find(request, seconds, device)
    return f"{_format_duration(expected.seconds)}, ${expected.dollars:.2f}; {_format_duration(limit)}"


def _format_duration(seconds: float) -> str:
    return f"{seconds / _HOUR:.1f} h" if seconds >= _HOUR else f"{seconds / 60:.1f} min"


if __name__ == "__main__":
    say("Each: what a video is expected to take and cost; when its run is ended.")
    for line in describe_limits(TimeLimits(read_deployment().time_limits)):
        say(line)
