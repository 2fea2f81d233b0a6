"""Several people in one video, over HTTP."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.audio import load_speech
from tests.app.conftest import cut_voice
from tests.app.server import Server
from tests.dialogues import A_MISSING_FILE, BAD, A, B, Bad, dump, turn
from tests.photos import encode, open_pair
from tests.pipeline.turns.joins import RATE, join
from tests.voices import write_voice

Spell = Callable[[Bad, bytes, bytes], dict[str, Any]]
NAMES = {A: "first voice", B: "../second", "missing": "third"}


@pytest.fixture(scope="module")
def pair() -> bytes:
    return encode(open_pair(), "PNG")


def as_form(bad: Bad, photo: bytes, voice: bytes) -> dict[str, Any]:
    files = {"image": photo} | {NAMES[name]: voice for name in bad.voices}
    data = {name: dump(value) for name, value in bad.options.items()}
    data |= {"speakers": json.dumps(bad.spell_speakers("audio", NAMES))} if bad.speakers else {}
    data |= {} if bad.turns is None else {"turns": dump(bad.turns)}
    return {"files": files | ({"audio": voice} if bad.has_recording else {}), "data": data}


def as_json(bad: Bad, photo: bytes, voice: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(voice).decode()
    body = {"image_b64": base64.b64encode(photo).decode(), "turns": bad.turns, **bad.options}
    body |= {"speakers": bad.spell_speakers("audio_b64", {A: encoded, B: encoded})}
    body |= {"audio_b64": encoded} if bad.has_recording else {}
    return {"content": json.dumps(body).encode(), "headers": {"content-type": "application/json"}}


@pytest.mark.parametrize("spell", [as_form, as_json])
@pytest.mark.parametrize("name", BAD)
def test_says_what_cannot_be_asked(name: str, spell: Spell, server: Server, pair: bytes, voice: bytes) -> None:
    bad = BAD[name]
    answer = server.client.post("/jobs", **spell(bad, pair, voice))
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (400, bad.about), problem
    assert bad.sentence in problem["detail"]


@pytest.mark.parametrize(
    ("name", "sentence"), [("third", "Speaker 1 names the file third"), ("fourth", "no file field 'fourth'")]
)
def test_files_and_names_have_to_fit(name: str, sentence: str, server: Server, pair: bytes, voice: bytes) -> None:
    sent = as_form(A_MISSING_FILE, pair, voice)
    sent["files"] |= {} if name == "third" else {"third": voice, name: voice}
    answer = server.client.post("/jobs", **sent)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]


def test_a_dialogue_is_made_of_two_voices_one_after_the_other(server: Server, pair: bytes) -> None:
    speakers = [{"face": 1, "audio": "b"}, {"face": 0, "audio": "../a"}]
    files = {"image": pair, "../a": cut_voice(1.2), "b": cut_voice(1.6)}
    answer = server.client.post("/jobs", files=files, data={"speakers": json.dumps(speakers), "order": "in_turn"})
    assert answer.status_code == 202, answer.text
    job = server.wait_for(answer.json()["job_id"])
    assert job["status"] == "done", job["error"]
    assert job["audio_duration"] == pytest.approx(2.8, abs=0.01)
    assert job["request"]["speakers"] == [{"face": 1, "audio": "audio_0"}, {"face": 0, "audio": "audio_1"}]
    assert [one["face"] for one in job["metadata"]["speakers"]] == [1, 0]
    assert all(0.5 < one["seconds"] <= 1.6 for one in job["metadata"]["speakers"])
    assert {path.name for path in (server.data_dir / "jobs" / job["job_id"]).iterdir()} == {
        "job.json", "video.mp4", "poster.jpg",
    }  # fmt: skip
    content = server.client.get(job["links"]["video"]).content
    with av.open(io.BytesIO(content)) as video:
        assert video.streams.video[0].frames == 70
        assert "two voice recordings" in video.metadata["comment"]
        sound = np.concatenate([frame.to_ndarray()[0] for frame in video.decode(audio=0)])
    rate = len(sound) / 2.8
    assert np.abs(sound[: int(rate)]).max() > 0.05
    assert np.abs(sound[int(1.7 * rate) : int(2.7 * rate)]).max() > 0.05


def test_one_recording_is_shared_by_turns(server: Server, pair: bytes, voice: bytes) -> None:
    turns = [turn(0, 0, 0.6), turn(1, 0.6, 1.2)]
    encoded = {"image_b64": base64.b64encode(pair).decode(), "audio_b64": base64.b64encode(voice).decode()}
    body = {**encoded, "speakers": [{"face": 0}, {"face": 1}], "turns": turns}
    job = server.client.post("/jobs", json=body).json()
    assert job["status"] in {"queued", "running"}, job
    assert job["request"]["turns"] == [turn(0, 0.0, 0.6), turn(1, 0.6, 1.2)]
    done = server.wait_for(job["job_id"])
    first, second = (one["seconds"] for one in done["metadata"]["speakers"])
    assert 0 < first <= 0.6
    assert 0 < second <= 0.64


def test_who_speaks_when_is_found_in_one_recording(server: Server, pair: bytes, tmp_path: Path) -> None:
    voices = [load_speech(Path(f"assets/voices/{name}.wav")).waveform for name in ("joe", "hibari")]
    made = join(voices, (0, 1), (1.6, 2.6), (0, 0.2))
    recording = write_voice(tmp_path / "both.wav", made.waveform[None], sampling_rate=RATE).read_bytes()
    fields = {"speakers": '[{"face": 1}, {"face": 0}]', "turns": "auto"}
    answer = server.client.post("/jobs", files={"image": pair, "audio": recording}, data=fields)
    assert answer.status_code == 202, answer.text
    job = server.wait_for(answer.json()["job_id"])
    assert job["status"] == "done", job["error"]
    first, second = job["metadata"]["speakers"]
    assert [first["face"], second["face"]] == [1, 0]
    assert 1 < first["seconds"] < 1.8 < second["seconds"] < 2.7


def test_the_frame_of_several_holds_them_all(server: Server, pair: bytes) -> None:
    def crop(**fields: str) -> dict[str, Any]:
        answer = server.client.post("/face-crop", files={"image": pair}, data=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    one, both = crop(face="1", aspect="9:16"), crop(speakers='[{"face": 1}, {"face": 0}]')
    assert [face["speaker"] for face in one["faces"]] == [None, 0]
    assert one["faces"][0]["frame_box"] is None
    assert [face["speaker"] for face in both["faces"]] == [1, 0]
    for face in both["faces"]:
        box = face["frame_box"]
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= both["width"]
        assert box["y"] + box["height"] <= both["height"]


def test_the_schema_describes_speakers_and_turns(server: Server) -> None:
    schema = server.client.get("/openapi.json").json()
    models = schema["components"]["schemas"]
    form = models["VideoForm"]
    assert "required" not in models["VideoBody"]
    assert not form.get("required")
    assert models["VideoBody"]["properties"]["speakers"]["items"] == {"$ref": "#/components/schemas/SpeakerBody"}
    speakers = form["properties"]["speakers"]["contentSchema"]
    assert speakers["items"] == {"$ref": "#/components/schemas/SpeakerPart"}
    assert set(models["Turn"]["required"]) == {"speaker", "start_sec", "end_sec"}
