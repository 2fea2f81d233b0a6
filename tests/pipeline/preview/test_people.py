"""Several people in one preview."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.preview.engine import PreviewEngine
from pipeline.preview.mark import make_mark
from pipeline.preview.performance import MAX_OPENING, Pose, perform, perform_all
from pipeline.preview.render import Renderer
from pipeline.preview.rig import STEP, build_rig
from pipeline.preview.territory import share_frame
from pipeline.scene import Scene
from pipeline.types import Face, FrameSize, Pixels
from tests.photos import HOPPER, MONA_LISA
from tests.pipeline.preview.motion import measure_change, measure_motion
from tests.pipeline.preview.people import find_people, let_speak, line_up, make_dialogue, outline, put_in_front
from tests.scenes import HIBARI, JOE, load_portrait

REST = Pose()
TALKING = Pose(0.3, 0.5, 0, 1, 1, 2, 2, 2)
TURNS = [[(0.0, 1.4)], [(1.8, 3.2)]]


@pytest.fixture(scope="module")
def dialogue() -> Scene:
    picture = line_up(HOPPER, MONA_LISA, HOPPER, width=128)
    left, middle, right = find_people(picture)
    speakers = [let_speak(left, JOE, TURNS[0], 3.2), let_speak(right, HIBARI, TURNS[1], 3.2)]
    return make_dialogue(picture, speakers, [middle])


@pytest.fixture(scope="module")
def frames(dialogue: Scene) -> Pixels:
    return np.concatenate(list(PreviewEngine().generate(dialogue, lambda _: None)))


def test_each_mouth_moves_in_its_own_turns(dialogue: Scene, frames: Pixels) -> None:
    for motion in measure_motion(frames, [speaker.face for speaker in dialogue.speakers], TURNS):
        assert motion.inside > 2
        assert motion.inside > 10 * motion.outside


def test_a_bystander_looks_as_in_the_photo(dialogue: Scene, frames: Pixels) -> None:
    (bystander,) = dialogue.bystanders
    photo = dialogue.source.read_frames(0, 1)
    assert measure_change(np.concatenate([photo, frames]), bystander) == 0
    assert min(measure_change(frames, speaker.face) for speaker in dialogue.speakers) > 1


def test_the_mark_is_drawn_once(dialogue: Scene, frames: Pixels) -> None:
    expected = dialogue.source.read_frames(0, 1)[0].copy()
    mark = make_mark(dialogue.source.size)
    height, width = mark.clear.shape[:2]
    part = np.s_[mark.top : mark.top + height, mark.left : mark.left + width]
    mark.draw(expected)
    assert np.abs(frames[-1][part].astype(int) - expected[part]).mean() < 2
    mark.draw(expected)
    assert np.abs(frames[-1][part].astype(int) - expected[part]).mean() > 5


def overlap() -> tuple[Pixels, Face, Face]:
    """Return a picture in which the right one covers a little of the left one's face."""
    picture = put_in_front(np.pad(line_up(HOPPER), ((0, 0), (0, 128), (0, 0)), mode="edge"), MONA_LISA, 78, 10)
    behind, front = find_people(picture)
    return picture, behind, front


@pytest.mark.parametrize("talks", [0, 1])
def test_a_head_does_not_move_the_one_it_touches(talks: int) -> None:
    picture, *faces = overlap()
    renderer = Renderer(picture, faces)
    poses = [REST, REST]
    still = renderer.render(poses)
    poses[talks] = TALKING
    changed = np.abs(renderer.render(poses).astype(int) - still).max(axis=2)
    behind, front = (outline(face, picture) for face in faces)
    hair_in_front = cv2.dilate(front.astype(np.uint8), np.ones((45, 45), np.uint8)) > 0
    parts = [behind & ~hair_in_front, front]
    assert changed[parts[talks]].max() > 40
    assert changed[parts[1 - talks]].max() == 0


def test_a_head_comes_to_rest_towards_the_border_of_its_part() -> None:
    picture, *faces = overlap()
    size = FrameSize(picture.shape[1], picture.shape[0])
    for face, depths in zip(faces, share_frame(faces, [], size), strict=True):
        rig = build_rig(face.landmarks, size, depths)
        nodes = depths[rig.head.slices][2::STEP, 2::STEP]
        moves = np.abs(rig.upper).max(axis=(0, 3))
        assert moves[nodes < -STEP].max() == 0
        assert moves[np.abs(nodes) < STEP].max() < 0.1 * moves.max()


def test_the_covered_face_is_the_one_behind() -> None:
    picture, *faces = overlap()
    size = FrameSize(picture.shape[1], picture.shape[0])
    behind, front = share_frame(faces, [], size)
    both = outline(faces[0], picture) & outline(faces[1], picture)
    assert both.sum() > 50
    assert (front[both] >= 0).all()
    assert (behind == -front).all()


@pytest.mark.parametrize(("shift", "scale"), [((60, 40), 1.0), ((60, 0), 1.3)])
def test_of_two_clear_faces_the_lower_or_larger_one_is_in_front(shift: tuple[int, int], scale: float) -> None:
    face = load_portrait(HOPPER, "1:1").face
    landmarks = face.landmarks.copy()
    landmarks[:, :2] = scale * (landmarks[:, :2] - landmarks[0, :2]) + landmarks[0, :2] + shift
    for other in (replace(face, landmarks=landmarks), replace(face, landmarks=landmarks, score=face.score - 0.05)):
        depths = share_frame([face, other], [], FrameSize(640, 640))
        both = (outline(face, np.zeros((640, 640))) & outline(other, np.zeros((640, 640)))).nonzero()
        assert (depths[other.score == face.score][both] >= 0).all()


def test_a_face_alone_has_the_frame_for_itself() -> None:
    face = load_portrait().face
    assert share_frame([face], [], FrameSize(832, 480)) == (None,)


def test_a_short_turn_in_a_long_video_opens_the_mouth_as_wide() -> None:
    speaker = let_speak(load_portrait().face, JOE, [(20.0, 21.5)], 40)
    openings = np.array([pose.opening for pose in perform(speaker, 25, 1, lambda _: None, alone=False)])
    assert openings[500:540].max() > 0.4 * MAX_OPENING
    assert openings[:490].max() == openings[550:].max() == 0


def test_listeners_blink_and_lean_each_in_their_own_time() -> None:
    silent = let_speak(load_portrait().face, JOE, [], 20)
    shares: list[float] = []
    poses = perform_all([silent] * 3, 25, 5, shares.append)
    for name in ("blink", "yaw", "roll"):
        curves = np.array([[getattr(pose, name) for pose in frame] for frame in poses]).T
        correlations = np.corrcoef(curves)[np.triu_indices(3, 1)]
        assert np.abs(correlations).max() < 0.9
        assert np.ptp(curves, axis=1).min() > 0.1
    assert max(pose.opening for frame in poses for pose in frame) == 0
