"""What can go wrong on the way from the hub to a prepared folder."""

from pipeline.errors import PipelineError


class WeightsError(PipelineError):
    """Weights cannot be fetched or prepared; the message names the file and what to do."""


class TokenError(WeightsError):
    """The hub refused the token, or asked for one."""
