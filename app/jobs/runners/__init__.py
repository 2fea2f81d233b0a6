"""What runs jobs: the protocol of a runner, and the one whose workers are processes of this machine."""
