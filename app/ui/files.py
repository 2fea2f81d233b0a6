"""The page's own files and the examples' pictures."""

import io

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from PIL import Image

from app.ui.assets import FOLDER, FOREVER
from app.ui.examples import EXAMPLES

_FOREVER = {"Cache-Control": FOREVER}
_THUMBNAIL_SIDE = 132


def create_files_router() -> APIRouter:
    """Return the routes below `/ui/`."""
    router = APIRouter(prefix="/ui", include_in_schema=False)
    names = {path.name for path in FOLDER.iterdir() if path.suffix != ".py"}
    thumbnails: dict[str, bytes] = {}

    @router.head("/examples/{name}.jpg")
    @router.get("/examples/{name}.jpg")
    def example(name: str) -> Response:
        if name not in EXAMPLES:
            return Response(status_code=404)
        picture = thumbnails.get(name) or thumbnails.setdefault(name, _shrink(name))
        return Response(picture, media_type="image/jpeg", headers=_FOREVER)

    @router.head("/{name}")
    @router.get("/{name}")
    def file(name: str) -> Response:
        return FileResponse(FOLDER / name, headers=_FOREVER) if name in names else Response(status_code=404)

    return router


def _shrink(name: str) -> bytes:
    buffer = io.BytesIO()
    with Image.open(EXAMPLES[name].photo) as photo:
        side = min(photo.size)
        left = (photo.width - side) // 2
        square = photo.convert("RGB").crop((left, 0, left + side, side))
        square.resize((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
