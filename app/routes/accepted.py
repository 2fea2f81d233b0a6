"""Which form of an answer a client wants (RFC 9110, section 12)."""

from fastapi import Request


def prefers(request: Request, kind: str, to: str) -> bool:
    """Whether the request's `Accept` puts one media type before another; what it does not tell apart stays as it is."""
    accepted = request.headers.get("accept", "*/*")
    weight = _weigh(accepted, kind)
    return weight[0] > 0 and weight > _weigh(accepted, to)


def _weigh(accepted: str, kind: str) -> tuple[float, int]:
    """Return the weight of a media type, and how exactly it is named: 2 by itself, 0 by `*/*`."""
    names = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    found = [(names.index(name), quality) for name, quality in map(_parse, accepted.split(",")) if name in names]
    exactness, quality = max(found, default=(0, 0.0))
    return quality, exactness


def _parse(entry: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in entry.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0
