"""What is in the log, and what is not."""

import json
import subprocess
import sys

JOB_ID = "0vXW4cJ3Tq2yGm5dR8sKbA"


def log(name: str, message: str) -> str:
    """Return what stands in the log at its most talkative after a module said something."""
    code = "import logging, sys; from app.log import set_up_log; set_up_log('debug', is_dated=False); "
    code += "logging.getLogger(sys.argv[1]).debug(sys.argv[2])"
    command = [sys.executable, "-c", code, name, message]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_ids_of_jobs_are_cut_short() -> None:
    assert log("app.jobs", f"no /data/jobs/{JOB_ID}/voice") == "DEBUG no /data/jobs/0vXW4c.../voice\n"
    assert log("app.jobs", f"no /bucket/{JOB_ID}-video.mp4") == "DEBUG no /bucket/0vXW4c...-video.mp4\n"


def test_pillow_does_not_tell_where_a_photo_was_taken() -> None:
    assert log("PIL.TiffImagePlugin", "tag: GPSInfoIFD") == ""


def test_a_line_of_json_names_the_request_and_the_job() -> None:
    code = (
        "import logging; from app.log import begin_request, set_up_log; set_up_log('info', 'json'); begin_request();"
        f"logging.getLogger('app.jobs').info('job %.6s done in /data/jobs/{JOB_ID}', '{JOB_ID}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["level"], line["process"], line["job"], len(line["request"])) == ("info", "server", "0vXW4c", 12)
    assert line["message"].endswith("in /data/jobs/0vXW4c...")
