"""Jobs on a GPU elsewhere."""
