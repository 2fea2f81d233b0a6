"""What a pose looks like."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.image.face import FaceFinder
from pipeline.preview.performance import Pose
from pipeline.preview.render import Renderer
from pipeline.preview.spectacles import wears_spectacles
from pipeline.request import Aspect
from pipeline.types import Floats, Pixels
from tests.photos import HOPPER, MONA_LISA
from tests.scenes import load_portrait
from tests.sync import measure_openings

REST = Pose()


def make_renderer(photo: Path) -> Renderer:
    portrait = load_portrait(photo, "1:1")
    return Renderer(portrait.frame, [portrait.face])


@pytest.fixture(scope="module", params=[HOPPER, MONA_LISA], ids=["hopper", "mona_lisa"])
def renderer(request: pytest.FixtureRequest) -> Renderer:
    return make_renderer(request.param)


def find_landmarks(frame: Pixels) -> Floats:
    return FaceFinder().find(frame)[0].landmarks


def test_a_wider_opening_is_found_again_in_the_frame(renderer: Renderer) -> None:
    frames = np.stack([renderer.render([Pose(opening=opening)]) for opening in (0, 0.1, 0.2, 0.3)])
    openings = measure_openings(frames)
    assert (np.diff(openings) > 0.005).all()
    assert openings[0] < 0.02


def test_a_blink_lays_skin_over_the_pupils(renderer: Renderer) -> None:
    opened, shut = renderer.render([REST]), renderer.render([Pose(blink=1)])
    columns, rows = find_landmarks(opened)[[468, 473], :2].round().astype(int).T
    assert (shut[rows, columns].mean(axis=1) > 1.8 * opened[rows, columns].mean(axis=1)).all()


def test_the_head_moves_and_the_background_does_not(renderer: Renderer) -> None:
    still, moved = renderer.render([REST]).astype(int), renderer.render([Pose(pitch=2, yaw=2, roll=2)]).astype(int)
    difference = np.abs(still - moved).max(axis=2)
    assert difference[250:400, 250:400].max() > 20
    assert difference[:, :16].max() <= 1


def test_rest_leaves_the_photo_as_it_is(renderer: Renderer) -> None:
    photo = renderer._photo.astype(int)
    frame = renderer.render([REST]).astype(int)
    assert np.abs(photo - frame)[:560].mean() < 0.7


def test_the_mark_is_in_each_frame(renderer: Renderer) -> None:
    frame, photo = renderer.render([REST]).astype(int), renderer._photo.astype(int)
    corner = np.abs(frame - photo)[-64:, :128]
    assert corner.max() > 60
    assert (corner > 8).any(axis=2).mean() < 0.4


@pytest.mark.parametrize("aspect", ["16:9", "9:16"])
@pytest.mark.parametrize(
    "pose",
    [
        Pose(0.36, 1, 1, 1, 1, 5, 5, 5),
        Pose(0.36, -1, 0, 1, 0, -5, -5, -5),
    ],
)
def test_no_pose_breaks_any_frame(aspect: Aspect, pose: Pose) -> None:
    portrait = load_portrait(HOPPER, aspect)
    frame = Renderer(portrait.frame, [portrait.face]).render([pose])
    assert frame.shape == portrait.frame.shape
    assert frame.dtype == np.uint8


@pytest.mark.parametrize(("photo", "expected"), [(HOPPER, True), (MONA_LISA, False)])
def test_spectacles_are_seen(photo: Path, expected: bool) -> None:
    portrait = load_portrait(photo, "1:1")
    assert wears_spectacles(portrait.frame, portrait.face.landmarks) is expected


def find_level(landmarks: Floats) -> float:
    """Return how many degrees the line through the eyes falls to the right."""
    across = landmarks[263, :2] - landmarks[33, :2]
    return float(np.degrees(np.arctan2(across[1], across[0])))


def find_nose(landmarks: Floats) -> Floats:
    """Return the nose's tip from between the eyes, in distances of the eyes."""
    eyes = landmarks[[33, 263], :2]
    return (landmarks[1, :2] - eyes.mean(axis=0)) / np.linalg.norm(eyes[1] - eyes[0])


def test_the_head_leans_by_as_many_degrees_as_it_is_told(renderer: Renderer) -> None:
    levels = [find_level(find_landmarks(renderer.render([Pose(roll=roll)]))) for roll in (-4, 0, 4)]
    assert abs(levels[2] - levels[0]) == pytest.approx(8, abs=2)
    assert (levels[2] - levels[1]) * (levels[1] - levels[0]) > 0


def test_the_head_turns_to_the_side_and_nods_up_and_down(renderer: Renderer) -> None:
    still, turned, nodding = (
        find_nose(find_landmarks(renderer.render([pose]))) for pose in (REST, Pose(yaw=5), Pose(pitch=5))
    )
    (across, _), (_, down) = turned - still, nodding - still
    assert abs(across) > 2 * abs((turned - still)[1]) > 0
    assert abs(down) > 2 * abs((nodding - still)[0]) > 0
    assert 0.01 < abs(across) < 0.2


def test_brows_stay_where_they_are_under_spectacles() -> None:
    for photo, moves in ((HOPPER, False), (MONA_LISA, True)):
        renderer = make_renderer(photo)
        assert bool(np.any(renderer.render([Pose(brow=1)]) != renderer.render([REST]))) == moves
