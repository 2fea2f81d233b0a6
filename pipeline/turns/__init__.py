"""Who speaks when, heard from one recording of several people."""
