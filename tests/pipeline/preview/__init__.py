"""The CPU preview."""
