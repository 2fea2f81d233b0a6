"""What a server makes says so, in a way that others can check."""

import io
import json
import random
import stat
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import c2pa
import httpx
import numpy as np
import pytest
from PIL import Image

from pipeline.credentials import TrustFolder
from pipeline.types import FrameSize
from pipeline.watermark import Embedder, Payload
from tests.app.server import Server

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PROMPT = "a secret prompt"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("trust") / "data", page="off", live="off", password="long enough") as server:
        yield server
        assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def job(server: Server, photo: bytes, voice: bytes) -> dict[str, Any]:
    return server.wait_for(server.submit(photo, voice, prompt=PROMPT, seed=7)["job_id"])


@pytest.fixture(scope="module")
def video(server: Server, job: dict[str, Any]) -> bytes:
    return server.client.get(job["links"]["video"]).content


def sign_elsewhere(photo: bytes, folder: Path, source_type: str = "digitalCapture") -> bytes:
    """Return a photo as a camera would sign it, or another program."""
    identity = TrustFolder(folder / "camera").find_signer(datetime.now(UTC))
    about = c2pa.C2paSignerInfo(identity.algorithm, identity.chain.encode(), identity.key.encode(), None)
    created = {"action": "c2pa.created", "digitalSourceType": f"{SOURCE_TYPES}{source_type}"}
    definition = {
        "claim_generator_info": [{"name": "Camera", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    signed = io.BytesIO()
    with c2pa.Signer.from_info(about) as signer, c2pa.Builder(definition) as builder:
        builder.sign(signer, "image/jpeg", io.BytesIO(photo), signed)
    return signed.getvalue()


def verify(server: Server, name: str, content: bytes) -> httpx.Response:
    return httpx.post(f"{server.client.base_url}/verify", files={name: ("file", content)}, timeout=60)


def test_a_job_has_signed_files_that_any_reader_can_check(
    server: Server, job: dict[str, Any], video: bytes, tmp_path: Path
) -> None:
    assert job["metadata"]["content_credentials"] is True
    assert job["metadata"]["watermark"] is True
    poster = server.client.get(job["links"]["poster"]).content
    for name, content in (("video.mp4", video), ("poster.jpg", poster)):
        path = tmp_path / name
        path.write_bytes(content)
        with c2pa.Reader(path) as reader:
            manifest, text = reader.get_active_manifest(), reader.json()
            assert reader.get_validation_state() == "Valid"
        assert (
            manifest["claim_generator_info"][0] | {"name": "Video Lab", "profile": "preview"}
            == (manifest["claim_generator_info"][0])
        )
        for secret in (PROMPT, job["job_id"], "me.jpg", "hopper", str(server.data_dir), "thumbnail"):
            assert secret not in text
        actions = [entry for entry in manifest["assertions"] if entry["label"].startswith("c2pa.actions")]
        assert actions[0]["data"]["actions"][0]["digitalSourceType"].endswith("/compositeSynthetic")
        assert [entry["relationship"] for entry in manifest["ingredients"]] == ["inputTo"]


def test_the_index_comes_first_and_the_frames_are_those_that_were_written(
    server: Server, video: bytes, tmp_path: Path
) -> None:
    assert video.index(b"moov") < video.index(b"mdat")
    with av.open(io.BytesIO(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


def test_verify_tells_what_was_made_here_and_what_was_changed_since(server: Server, video: bytes) -> None:
    found = verify(server, "video", video).json()
    assert found["made_here"] is True
    assert found["content_credentials"] | {"valid": True, "trusted": False} == found["content_credentials"]
    assert found["content_credentials"]["made_here"] is True
    assert found["content_credentials"]["claim_generator"].startswith("Video Lab ")
    changed = bytearray(video)
    changed[-1000] ^= 1
    found = verify(server, "video", bytes(changed)).json()
    assert (found["content_credentials"]["valid"], found["content_credentials"]["made_here"]) == (False, False)


def test_what_others_edit_and_sign_is_not_signed_here_though_it_has_the_mark(
    server: Server, job: dict[str, Any], tmp_path: Path
) -> None:
    edited = sign_elsewhere(shrink(server.client.get(job["links"]["poster"]).content), tmp_path)
    found = verify(server, "image", edited).json()
    assert found["made_here"] is True
    assert (found["content_credentials"]["valid"], found["content_credentials"]["made_here"]) == (True, False)


def test_verify_knows_a_copy_that_lost_its_credentials_by_its_mark(
    server: Server, job: dict[str, Any], video: bytes
) -> None:
    """What a network makes of it: half as large, written anew."""
    found = verify(server, "video", encode_anew(video, 0.5)).json()
    assert found["content_credentials"] is None
    assert found["watermark"]["confidence"] > 0.99
    assert found["made_here"] is True
    poster = verify(server, "image", shrink(server.client.get(job["links"]["poster"]).content)).json()
    assert poster | {"content_credentials": None, "watermark": found["watermark"], "made_here": True} == poster
    short_id = found["watermark"]["job"]
    assert short_id == Payload.for_job(job["job_id"], b"").short_id
    assert job["job_id"] not in short_id


def test_a_mark_of_elsewhere_is_read_and_is_not_ours(server: Server, photo: bytes) -> None:
    payload, pixels = Payload.for_job("a job", b"a key of others"), np.asarray(Image.open(io.BytesIO(photo)))
    marked = Embedder(FrameSize(pixels.shape[1], pixels.shape[0]), payload).mark(pixels[None])[0]
    file = io.BytesIO()
    Image.fromarray(marked).save(file, "JPEG", quality=90)
    found = verify(server, "image", file.getvalue()).json()
    assert found["watermark"]["job"] == payload.short_id
    assert found["made_here"] is None


def encode_anew(video: bytes, scale: float) -> bytes:
    copy = io.BytesIO()
    with av.open(io.BytesIO(video)) as source, av.open(copy, "w", format="mp4") as target:
        old = source.streams.video[0]
        new = target.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "23"})
        new.width, new.height = (round(side * scale) // 2 * 2 for side in (old.width, old.height))
        for frame in source.decode(old):
            target.mux(new.encode(frame.reformat(new.width, new.height)))
        target.mux(new.encode(None))
    return copy.getvalue()


def shrink(picture: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).reduce(2).save(file, "JPEG", quality=85)
    return file.getvalue()


def test_verify_knows_others_credentials_and_files_without_any(server: Server, photo: bytes, tmp_path: Path) -> None:
    nothing = {"content_credentials": None, "watermark": None, "made_here": None}
    assert verify(server, "image", photo).json() == nothing | {"watermark_sought": True}
    assert verify(server, "video", photo[:200]).json() == nothing | {"watermark_sought": False}
    signed = sign_elsewhere(photo, tmp_path)
    found = verify(server, "image", signed).json()
    assert found["content_credentials"]["valid"] is True
    assert found["content_credentials"]["claim_generator"] == "Camera 1"
    assert found["made_here"] is False
    changed = verify(server, "image", signed[:-9] + bytes(4) + signed[-5:]).json()
    assert (changed["content_credentials"]["valid"], changed["made_here"]) == (False, None)


def test_a_photos_own_credentials_become_part_of_its_videos(
    server: Server, photo: bytes, voice: bytes, tmp_path: Path
) -> None:
    job = server.wait_for(server.submit(sign_elsewhere(photo, tmp_path), voice)["job_id"])
    with c2pa.Reader("video/mp4", io.BytesIO(server.client.get(job["links"]["video"]).content)) as reader:
        (ingredient,) = reader.get_active_manifest()["ingredients"]
        origin = reader.get_manifest(ingredient["active_manifest"])
        assert reader.get_validation_state() == "Valid"
    assert [warning["code"] for warning in job["warnings"]] == ["photo.credentials"]
    assert origin["claim_generator_info"][0]["name"] == "Camera"
    assert {path.name for path in (server.data_dir / "jobs" / job["job_id"]).iterdir()} == {
        "job.json",
        "poster.jpg",
        "video.mp4",
    }


def test_a_still_of_a_video_is_known_again_and_keeps_its_statement(
    server: Server, job: dict[str, Any], voice: bytes
) -> None:
    """With its credentials, and where they were lost."""
    poster = server.client.get(job["links"]["poster"]).content
    bare = io.BytesIO()
    Image.open(io.BytesIO(poster)).save(bare, "JPEG", quality=90)
    for still, num_manifests in ((poster, 2), (bare.getvalue(), 1)):
        second = server.wait_for(server.submit(still, voice)["job_id"])
        assert [warning["code"] for warning in second["warnings"]].count("photo.synthetic") == 1
        with c2pa.Reader("video/mp4", io.BytesIO(server.client.get(second["links"]["video"]).content)) as reader:
            assert reader.get_validation_state() == "Valid"
            assert len(json.loads(reader.json())["manifests"]) == num_manifests


def test_a_picture_that_says_it_is_synthetic_is_believed(
    server: Server, photo: bytes, voice: bytes, tmp_path: Path
) -> None:
    drawn = sign_elsewhere(photo, tmp_path, "compositeWithTrainedAlgorithmicMedia")
    assert "photo.synthetic" in {warning["code"] for warning in server.submit(drawn, voice)["warnings"]}


def make_hostile(video: bytes) -> dict[str, bytes]:
    """Return files that claim, one way or another, to be more than they are."""
    place = video.index(b"uuid") - 4
    endless = struct.pack(">I4sQ", 1, b"uuid", 1 << 62)
    deep = b"".join(struct.pack(">I4s", 1 << 24, b"jumb") for _ in range(100_000))
    store = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81" + bytes(4) + b"manifest\0" + bytes(8)
    return {
        "nothing": b"",
        "noise": b"\0\0\0\x20ftypisom" + random.Random(1).randbytes(200_000),
        "cut": video[: len(video) // 2],
        "huge box": video[:place] + endless + video[place:],
        "box inside box": video[:place] + struct.pack(">I4s", len(deep) + 8 + len(store), b"uuid") + store + deep,
        "many boxes": video[:place] + struct.pack(">I4s", 8, b"free") * 500_000 + video[place:],
        "many segments": b"\xff\xd8" + b"\xff\xeb\x00\x0aJP\0\1\0\0\0\1" * 300_000,
        "broken signature": video.replace(b"c2pa.signature", b"c2pa.signaturf"),
    }


def test_verify_answers_hostile_files_in_time(server: Server, video: bytes) -> None:
    for name, content in make_hostile(video).items():
        answer = verify(server, "video" if b"ftyp" in content else "image", content)
        if name == "many boxes":  # minutes, were the decoder not ended
            assert answer.json()["code"] == "verify.undecodable"
            continue
        assert answer.status_code == 200, (name, answer.text)
        found = answer.json()
        assert found["made_here"] is (True if found["watermark"] else None), name
        assert found["content_credentials"] is None or not found["content_credentials"]["valid"], name


@pytest.mark.parametrize(
    ("files", "data"),
    [({}, {"video": "text"}), ({"audio": ("file", b"x")}, {}), ({"video": ("a", b"x"), "image": ("b", b"x")}, {})],
)
def test_verify_says_what_it_expects(server: Server, files: dict[str, Any], data: dict[str, str]) -> None:
    answer = httpx.post(f"{server.client.base_url}/verify", files=files or {"": ("", b"")}, data=data)
    assert answer.status_code == 400
    assert "Send one file as video or image." in answer.json()["detail"]


def test_keys_are_for_their_owner_only(server: Server, job: dict[str, Any]) -> None:
    folder = server.data_dir / "trust"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in (path for path in folder.rglob("*") if path.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE" not in server.log.read_text()
