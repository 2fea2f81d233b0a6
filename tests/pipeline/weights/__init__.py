"""The weights' way from the hub to this machine."""
