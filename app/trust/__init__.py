"""Signs the videos of jobs, in processes that do nothing else, and keeps what they sign with."""
