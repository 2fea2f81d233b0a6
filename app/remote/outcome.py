"""How a run ended, kept beside its video: a second run of the same job finds it and does nothing."""

from app.jobs.outcome import read_end, write_end

__all__ = ["read_end", "write_end"]
