"""What is in the log, and what is not."""

import subprocess
import sys

JOB_ID = "0vXW4cJ3Tq2yGm5dR8sKbA"


def log(name: str, message: str) -> str:
    """Return what stands in the log at its most talkative after a module said something."""
    code = "import logging, sys; from app.log import set_up_log; set_up_log('%(message)s', 'debug'); "
    code += "logging.getLogger(sys.argv[1]).debug(sys.argv[2])"
    command = [sys.executable, "-c", code, name, message]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_ids_of_jobs_are_cut_short() -> None:
    assert log("app.jobs", f"no /data/jobs/{JOB_ID}/voice") == "no /data/jobs/0vXW4c.../voice\n"


def test_pillow_does_not_tell_where_a_photo_was_taken() -> None:
    assert log("PIL.TiffImagePlugin", "tag: GPSInfoIFD") == ""
