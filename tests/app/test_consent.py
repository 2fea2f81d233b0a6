"""What whoever asks for a video says, and has said in it: that face and voice may be used, and what made it."""

import base64
import io
import json
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image

from app.records import CONSENT_WORDING, JobRecord
from tests.app.server import Server


def encode(photo: bytes, voice: bytes) -> dict[str, Any]:
    return {name: base64.b64encode(file).decode() for name, file in (("image_b64", photo), ("audio_b64", voice))}


def read_record(server: Server, job_id: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((server.data_dir / "jobs" / job_id / "job.json").read_text())
    return record


def test_consent_is_kept_with_the_job_and_outlives_its_files(server: Server, photo: bytes, voice: bytes) -> None:
    job = server.submit(photo, voice, consent="true")
    assert job["request"]["consent"] is True
    assert job["consent"]["wording"] == CONSENT_WORDING
    said, asked = (datetime.fromisoformat(text) for text in (job["consent"]["given_at"], job["created_at"]))
    assert said == asked
    server.wait_for(job["job_id"])
    server.client.delete(f"/jobs/{job['job_id']}").raise_for_status()
    assert server.show(job["job_id"])["consent"] == job["consent"]
    assert set(read_record(server, job["job_id"])["consent"]) == {"given_at", "wording"}


def test_who_says_nothing_is_not_said_to_have_agreed(server: Server, photo: bytes, voice: bytes) -> None:
    job = server.submit(photo, voice)
    assert (job["request"]["consent"], job["consent"]) == (False, None)
    assert server.client.delete(f"/jobs/{job['job_id']}").is_success
    refused = server.client.post("/jobs", json={**encode(photo, voice), "consent": "perhaps"})
    assert (refused.status_code, refused.json()["field"]) == (400, "consent")


def test_where_it_is_demanded_no_door_lets_anybody_in_without(
    strict_server: Server, photo: bytes, voice: bytes
) -> None:
    server = strict_server
    files, body = {"image": photo, "audio": voice}, encode(photo, voice)
    for answer in (
        server.client.post("/jobs", files=files),
        server.client.post("/jobs", files=files, data={"consent": "false"}),
        server.client.post("/generate", json=body),
        server.client.post("/jobs", json={**body, "consent": False}),
    ):
        assert answer.status_code == 400
        problem = answer.json()
        assert (problem["code"], problem["field"]) == ("consent.missing", "consent")
        assert "send `consent` as true" in problem["detail"]
    assert server.client.post("/generate", json={**body, "consent": True}).status_code in {200, 504}
    taken = server.client.post("/jobs", files=files, data={"consent": "true"})
    assert taken.status_code == 202
    server.wait_for(taken.json()["job_id"])


def test_records_of_before_say_nothing_of_it(server: Server, photo: bytes, voice: bytes) -> None:
    job = server.submit(photo, voice)
    record = read_record(server, job["job_id"])
    server.client.delete(job["links"]["job"]).raise_for_status()
    del record["consent"], record["request"]["consent"], record["request"]["label"]
    older = JobRecord.model_validate_json(json.dumps(record))
    assert (older.consent, older.request.consent, older.request.label) == (None, False, "off")


def test_the_label_is_in_the_picture_of_a_job_that_asks_for_it(server: Server, photo: bytes, voice: bytes) -> None:
    links = [server.submit(photo, voice, seed=1, label=label)["links"]["job"] for label in ("off", "on")]
    pictures = []
    for link in links:
        server.wait_for(link.rpartition("/")[2])
        poster = server.client.get(f"{link}/poster").raise_for_status().content
        pictures.append(np.asarray(Image.open(io.BytesIO(poster)), int))
    rows, columns = np.nonzero(abs(pictures[0] - pictures[1]).max(axis=2) > 40)
    height, width, _ = pictures[0].shape
    assert len(rows) > 1000
    # Each has a watermark of its own as well.
    assert np.quantile(rows, 0.99) < height / 8
    assert np.quantile(columns, 0.01) > width / 2
    assert server.client.post("/jobs", files={"image": photo, "audio": voice}, data={"label": "yes"}).status_code == 400
