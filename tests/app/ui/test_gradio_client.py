"""The public endpoints, as `gradio_client` calls them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.app.server import Server
from tests.app.ui.visitor import PHOTO
from tests.dialogues import A_MISSING_FILE, BAD, A, B, dump
from tests.photos import TURNED, encode, open_pair, save

GUIDE = Path("docs/gradio_client.md")


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(
        f"http://127.0.0.1:{server.port}", verbose=False, download_files=str(tmp_path_factory.mktemp("downloads"))
    )
    yield client
    client.close()


@pytest.fixture
def inputs(voice_file: Path) -> dict[str, Any]:
    return {"image": handle_file(PHOTO), "audio": handle_file(voice_file)}


def test_generate_returns_a_video(client: Client, inputs: dict[str, Any]) -> None:
    video, job = client.predict(**inputs, seed=5, api_name="/generate")
    assert (job["status"], job["seed"], job["percent"]) == ("done", 5, 100.0)
    with av.open(video) as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_a_submitted_job_is_cancelled(client: Client, server: Server, long_voice_file: Path) -> None:
    said = {"label": "on", "consent": True}
    job = client.predict(
        handle_file(PHOTO), handle_file(long_voice_file), **said, reference="row 1", api_name="/submit"
    )
    assert (job["reference"], job["expires_at"]) == ("row 1", None)
    assert client.predict(job["id"], api_name="/cancel")["status"] == "cancelled"
    assert server.show(job["id"])["reference"] == "row 1"
    assert said.items() <= server.show(job["id"])["request"].items()
    state, video = client.predict(job["id"], api_name="/status")
    assert (state["status"], video) == ("cancelled", None)
    assert state["expires_at"] is not None


def test_face_crop_shows_the_frame(client: Client) -> None:
    frame, found = client.predict(handle_file(PHOTO), aspect="9:16", api_name="/face_crop")
    with Image.open(frame) as picture:
        assert picture.size == (found["width"], found["height"])
    assert len(found["faces"]) == 1


def test_face_crop_knows_what_the_profile_s_model_can_do(client: Client) -> None:
    _, found = client.predict(handle_file(TURNED), profile="quality", api_name="/face_crop")
    assert "too far for the preview" in found["warnings"][0]
    with pytest.raises(AppError, match="too far aside for the preview"):
        client.predict(handle_file(TURNED), api_name="/face_crop")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image": handle_file("README.md")}, "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture"),
        ({"audio": handle_file("README.md")}, "This is no recording of a known kind"),
        ({"profile": "balanced"}, "deploy the app to Modal"),
        ({"face": 3}, "There is no face number 3"),
        ({"max_duration_sec": 0.2}, "at least 1 second"),
        ({"image": None}, "Expected a photo and a voice"),
    ],
)
def test_bad_input_is_explained(client: Client, inputs: dict[str, Any], changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(**(inputs | changes), api_name="/submit")


def test_what_several_speakers_cannot_do_is_explained(client: Client, voice_file: Path, tmp_path: Path) -> None:
    photo, voice = handle_file(save(tmp_path, encode(open_pair(), "PNG"), "pair.png")), handle_file(voice_file)
    names = {A: "audio_1", B: "audio_2", "missing": "audio_3"}
    some = dict(list(BAD.items())[::3])  # each takes an upload; all of them are tried at the other doors
    for name, bad in {**some, "a missing file": A_MISSING_FILE}.items():
        files = {names[one]: voice for one in bad.voices} | ({"audio": voice} if bad.has_recording else {})
        speakers = dump(bad.spell_speakers("audio", names)) if bad.speakers else ""
        turns = "" if bad.turns is None else dump(bad.turns)
        asked = {"image": photo, "audio": None, "speakers": speakers, "turns": turns, **files, **bad.options}
        with pytest.raises(AppError) as caught:
            client.predict(**asked, api_name="/submit")
        assert bad.sentence in str(caught.value), name


def test_two_speakers_have_a_file_each(client: Client, voice_file: Path, tmp_path: Path) -> None:
    photo, voice = handle_file(save(tmp_path, encode(open_pair(), "PNG"), "pair.png")), handle_file(voice_file)
    speakers = '[{"face": 1, "audio": "audio_2"}, {"face": 0, "audio": "audio"}]'
    _, found = client.predict(photo, speakers=speakers, api_name="/face_crop")
    assert len(found["speakers"]) == 2
    job = client.predict(photo, voice, speakers=speakers, audio_2=voice, order="in_turn", api_name="/submit")
    assert (job["status"], job["speech_seconds"]) in {("queued", 2.4), ("running", 2.4)}
    client.predict(job["id"], api_name="/cancel")


@pytest.mark.parametrize("endpoint", ["/status", "/cancel"])
def test_an_unknown_job_is_explained(client: Client, endpoint: str) -> None:
    with pytest.raises(AppError, match="There is no such job"):
        client.predict("AAAAAAAAAAAAAAAAAAAAAA", api_name=endpoint)


def test_only_the_public_endpoints_can_be_called_and_all_are_described(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/generate", "/submit", "/status", "/cancel", "/face_crop"}
    for endpoint in named.values():
        assert endpoint["description"]
        assert all(part["type"] for part in [*endpoint["parameters"], *endpoint["returns"]])


def test_the_guides_examples_run(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    code = "\n".join(blocks).replace("http://127.0.0.1:7860", f"http://127.0.0.1:{server.port}")
    exec(compile(code, str(GUIDE), "exec"), {})
    told = capsys.readouterr().out
    assert "cancelled" in told
    assert "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture" in told
