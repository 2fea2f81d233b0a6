"""The CPU preview: the photo's mouth moves in time with the voice. It shows timing and framing, nothing more."""
