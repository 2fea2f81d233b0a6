"""What can go wrong on the way from the hub to a prepared folder, beyond what is wrong with a file."""

from pipeline.errors import WeightsError


class TokenError(WeightsError):
    """The hub refused the token, or asked for one."""
