"""What a photo would look like as a video."""

import base64
import io

from anyio import to_thread
from fastapi import APIRouter, Request
from PIL import Image

from app.callers import find_caller
from app.problems import UPLOAD_STATUSES, describe_problems
from app.routes.answers import describe_notices
from app.routes.bodies import read_files
from app.routes.dependencies import JobsOfApp, SettingsOfApp
from app.routes.openapi import describe_body
from app.routes.presence import while_present
from app.schemas.answers import FaceAnswer, FaceCropAnswer, Rectangle
from app.schemas.bodies import FaceCropBody, FramingBody, read_request
from pipeline.casting import check_cast
from pipeline.engines import get_engine_spec, get_profile
from pipeline.image import check_model, place_faces
from pipeline.request import FrameRequest
from pipeline.types import Box, Face, Pixels, Portrait

router = APIRouter(tags=["photos"])


@router.post(
    "/face-crop",
    summary="See the crop of a photo",
    responses=describe_problems(*UPLOAD_STATUSES, 503),
    openapi_extra=describe_body(FaceCropBody, FramingBody, is_needed=False),
)
async def crop_face(request: Request, jobs: JobsOfApp, settings: SettingsOfApp) -> FaceCropAnswer:
    """Answer with the faces that were found, warnings, and the frame exactly as the engine gets it."""
    client = find_caller(request.scope).turn
    with jobs.receive() as folder:
        body = await read_files(request, folder, FaceCropBody, FramingBody, settings.max_photo_bytes)
        asked = read_request(body, FrameRequest)
        check_cast(asked)
        profile = get_profile(asked.profile)
        framed = jobs.media.frame_photo(folder / "image", asked.framing, profile.resolution, client)
        portrait = await while_present(request, framed)
        check_model(portrait.notices, get_engine_spec(profile.model).refused_notices)
    return await to_thread.run_sync(_describe, portrait, asked.talking_faces)


def _describe(portrait: Portrait, talking: tuple[int, ...]) -> FaceCropAnswer:
    height, width = portrait.frame.shape[:2]
    speakers = {face: place for place, face in enumerate(talking)}
    faces = zip(portrait.faces, place_faces(portrait), strict=True)
    return FaceCropAnswer(
        width=width,
        height=height,
        crop=Rectangle(**_measure(portrait.crop)),
        quarter_turns=portrait.quarter_turns,
        faces=[_describe_face(index, *both, speakers.get(index)) for index, both in enumerate(faces)],
        warnings=describe_notices(portrait.notices),
        image_b64=_encode_png(portrait.frame),
    )


def _describe_face(index: int, face: Face, placed: Face | None, speaker: int | None) -> FaceAnswer:
    return FaceAnswer(
        index=index,
        score=round(face.score, 3),
        speaker=speaker,
        frame_box=None if placed is None else Rectangle(**_measure(placed.box)),
        **_measure(face.box),
    )


def _measure(box: Box) -> dict[str, float]:
    values = {"x": box.x_min, "y": box.y_min, "width": box.width, "height": box.height}
    return {name: round(float(value), 1) for name, value in values.items()}


def _encode_png(pixels: Pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()
