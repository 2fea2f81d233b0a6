"""Webhooks of the whole server, which is killed in between."""

import json
from pathlib import Path

from tests.app.conftest import Starter
from tests.app.outbound.receiver import Receiver, answer


def test_word_of_a_job_survives_a_kill_of_the_server(
    start_server: Starter, receiver: Receiver, photo: bytes, voice: bytes
) -> None:
    receiver.behaviours["/hook?token=hidden"] = answer("500 Oh")
    settings = {"webhook_hosts": f"127.0.0.1:{receiver.port}", "public_url": "https://video.example.com"}
    server = start_server(**settings)
    url = f"http://127.0.0.1:{receiver.port}/hook?token=hidden"

    refused = server.client.post(
        "/jobs", files={"image": photo, "audio": voice}, data={"callback_url": "https://10.0.0.1/"}
    )
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        400,
        "url.private",
        "callback_url",
    )

    job = server.submit(photo, voice, callback_url=url, reference="row 17")
    path = f"/jobs/{job['job_id']}/deliveries"
    assert server.client.post(path).json()["type"].endswith("no-delivery")  # it has not ended
    server.wait_until(lambda: bool((found := server.client.get(path).json()["deliveries"]) and found[0]["attempts"]))
    server.kill()

    receiver.behaviours.clear()
    server = start_server(data_dir=server.data_dir, **settings)
    server.wait_until(lambda: receiver.count("/hook?token=hidden") == 2)
    server.wait_until(lambda: server.client.get(path).json()["deliveries"][0]["status"] == "delivered")
    (delivery,) = server.client.get(path).json()["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 200]
    assert {received.headers["webhook-id"] for received in receiver.received} == {delivery["id"]}
    told = json.loads(receiver.received[-1].body)
    links = told["data"].pop("links")
    shown = server.show(job["job_id"])
    assert links == {name: f"https://video.example.com{link}" for name, link in shown.pop("links").items()}
    assert (told["type"], told["data"]) == ("job.done", shown)

    assert 'video_lab_webhook_attempts_total{outcome="delivered"} 1.0' in server.client.get("/metrics").text

    again = server.client.post(path)
    assert (again.status_code, again.json()["type"]) == (429, "urn:video-lab:problem:sent-recently")
    assert 0 < int(again.headers["retry-after"]) <= 60
    assert "hidden" not in server.client.get(path).text
    for log in Path(server.data_dir.parent).glob("*.log"):
        assert "hidden" not in log.read_text()
        assert "Traceback" not in log.read_text()
