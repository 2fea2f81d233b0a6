"""A scene comes back from its file as it was, or not at all."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from app.scene_file import SceneFileError, read_scene, write_scene
from pipeline.notices import Notice
from pipeline.scene import Scene
from pipeline.types import SoundMix, SoundPart
from tests.scenes import JOE, load_portrait, load_voice, make_scene

VOICE = Path("voice")
Change = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.fixture
def scene() -> Scene:
    scene = make_scene(load_portrait(), load_voice(seconds=2))
    return replace(scene, prompt="A \u201csunny\u201d day", notices=(Notice("audio.clipped", "audio", {}),))


@pytest.fixture
def path(scene: Scene, tmp_path: Path) -> Path:
    write_scene(tmp_path / "scene.safetensors", scene, JOE)
    return tmp_path / "scene.safetensors"


def change(path: Path, alter: Change) -> None:
    """Write the file again, with other arrays or another text."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    arrays, text = load_file(path), json.loads(metadata["scene"])
    alter(arrays, text)
    save_file(arrays, path, metadata | {"scene": json.dumps(text)})


def test_comes_back_as_it_was(scene: Scene, path: Path) -> None:
    read = read_scene(path, VOICE)
    assert read is not None
    assert np.array_equal(read.source.read_frames(0, 1), scene.source.read_frames(0, 1))
    for speaker, before in zip(read.speakers, scene.speakers, strict=True):
        assert np.array_equal(speaker.waveform, before.waveform)
        assert np.array_equal(speaker.activity, before.activity)
        assert np.array_equal(speaker.face.landmarks, before.face.landmarks)
        assert (speaker.face.box, speaker.face.score) == (before.face.box, before.face.score)
    same = replace(read, source=scene.source, speakers=scene.speakers, sound=replace(read.sound, path=JOE))
    assert same == scene


def test_four_speakers_come_back(scene: Scene, path: Path) -> None:
    write_scene(path, replace(scene, speakers=scene.speakers * 4), JOE)
    assert len(read_scene(path, VOICE).speakers) == 4


def test_a_dialogue_comes_back_with_its_recordings_and_bystanders(scene: Scene, path: Path) -> None:
    other = replace(scene.sound, path=VOICE, duration_seconds=1.0)
    mix = SoundMix((SoundPart(scene.sound, 0.0), SoundPart(other, 0.5)), 2.0, 0.75)
    face = scene.speakers[0].face
    voices = (Path("unheard"), JOE, VOICE)  # the first ended before the part that is used
    write_scene(path, replace(scene, speakers=scene.speakers * 2, sound=mix, bystanders=(face,) * 3), *voices)
    read = read_scene(path, *voices)
    assert read is not None
    assert read.sound == mix
    assert [np.array_equal(found.landmarks, face.landmarks) for found in read.bystanders] == [True] * 3
    with pytest.raises(SceneFileError):
        read_scene(path, JOE)


def test_the_sound_is_the_job_s_own_voice(path: Path) -> None:
    assert read_scene(path, VOICE).sound.path == VOICE
    assert str(JOE).encode() not in path.read_bytes()


def test_nothing_is_left_half_written(path: Path) -> None:
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_where_there_is_none_or_another_version_s_nothing_comes_back(path: Path) -> None:
    assert read_scene(path.with_name("missing"), VOICE) is None
    save_file(load_file(path), path, {"version": "1", "scene": "{}"})
    assert read_scene(path, VOICE) is None


def shape(name: str, cut: Callable[[Any], Any]) -> Change:
    return lambda arrays, _: arrays.update({name: np.ascontiguousarray(cut(arrays[name]))})


def say(**fields: object) -> Change:
    return lambda _, text: text.update(fields)


def spoil(arrays: dict[str, Any], name: str, value: float) -> None:
    arrays[name].flat[0] = value


@pytest.mark.parametrize(
    "alter",
    [
        shape("frame", lambda frame: frame[..., :2]),
        shape("frame", lambda frame: frame[:0]),
        shape("frame", lambda frame: frame.astype(np.float32)),
        shape("frame", lambda _: np.zeros((2_049, 16, 3), np.uint8)),
        shape("landmarks", lambda points: points[:, :477]),
        shape("landmarks", lambda points: np.concatenate([points, points])),
        shape("waveforms", lambda voices: voices.astype(np.float64)),
        shape("waveforms", lambda voices: voices[:, :-640]),
        shape("waveforms", lambda _: np.zeros((1, 602 * 16_000), np.float32)),
        shape("activities", lambda activities: activities[:, 1:]),
        lambda arrays, _: arrays.pop("activities"),
        lambda arrays, _: arrays.update(more=np.zeros(1, np.float32)),
        lambda arrays, _: spoil(arrays, "waveforms", np.nan),
        lambda arrays, _: spoil(arrays, "landmarks", np.inf),
        lambda _, text: text.pop("faces"),
        lambda _, text: text["faces"][0]["box"].update(x_min=float("nan")),
        lambda _, text: text["faces"][0].update(score=float("inf")),
        lambda _, text: text["recordings"][0]["hearing"].update(num_channels=3),
        lambda _, text: text["recordings"][0]["hearing"].update(mixes=[{"layout": ["FL"], "gains": [[float("nan")]]}]),
        say(faces=[]),
        say(more=1),
        say(profile="best"),
        say(seed=-1),
        say(frame_rate=0),
        say(frame_rate=50),
        say(duration_seconds=float("nan")),
        say(duration_seconds=602.0),
        lambda _, text: text["recordings"][0].update(start_seconds=-1.0),
        lambda _, text: text["recordings"][0].update(voice=1),
        lambda _, text: text["recordings"][0].update(voice=-1),
        lambda _, text: text["recordings"][0].update(offset_seconds=-1.0),
        lambda _, text: text["recordings"][0].update(duration_seconds=1.0),
        lambda _, text: text["recordings"].append(text["recordings"][0]),
        lambda _, text: text["bystanders"].append(text["faces"][0]),
        say(recordings=[]),
        say(gain=1.5),
        say(num_inference_steps=101),
        say(guidance_scale=0.5),
        say(prompt="x" * 2_001),
    ],
)
def test_what_no_photo_and_no_voice_can_give_is_refused(alter: Change, path: Path) -> None:
    change(path, alter)
    with pytest.raises(SceneFileError):
        read_scene(path, VOICE)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["empty", "noise", "cut", "pipe", "link", "folder"])
def test_what_is_no_such_file_is_refused(kind: str, path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case _:
            path.write_bytes({"empty": b"", "noise": bytes(range(256)) * 9, "cut": content[:-1]}[kind])
    with pytest.raises(SceneFileError):
        read_scene(path, VOICE)
