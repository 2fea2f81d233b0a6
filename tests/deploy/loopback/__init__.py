"""A stand-in for Modal's control plane on the loopback, built on what the `modal` package ships.

It answers what `modal deploy`, `modal run`, spawned calls and web functions ask for, and runs functions for real, each
in Modal's own container entrypoint in a process of its own. It builds no images, mounts no volumes and enforces no
limits: those are recorded, so that tests can look at what was declared.
"""
