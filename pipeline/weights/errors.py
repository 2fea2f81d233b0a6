"""What can go wrong on the way from the hub to a prepared folder."""

from pipeline.errors import WeightsError

__all__ = ["TokenError", "WeightsError"]


class TokenError(WeightsError):
    """The hub refused the token, or asked for one."""
