"""What can be said about an input, in German, by the codes of `pipeline.notices`."""

TEXTS: dict[str, str] = {}
