"""The deployed web function, without a GPU."""

from tests.deploy.conftest import Deployed, has_ended


def test_makes_a_preview(deployed: Deployed) -> None:
    job_id = deployed.submit("preview")
    job = deployed.wait(job_id, has_ended)
    assert job["status"] == "done", job
    assert deployed.http.get(f"/jobs/{job_id}/video").content[4:8] == b"ftyp"
