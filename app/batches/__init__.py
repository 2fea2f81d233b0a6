"""Many videos at once: accepted together, made as there is room, fetched as one file."""
