"""Videos out."""
