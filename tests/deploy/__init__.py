"""Deploying: to a stand-in for Modal's control plane on this machine."""
