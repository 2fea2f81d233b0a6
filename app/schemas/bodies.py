"""What the REST API takes. What may be asked for of a video stands in `pipeline.request`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from pipeline.request import MAX_SECONDS, AnyRequest, FrameRequest, VideoRequest, find_option, list_fields


class Body(BaseModel):
    """What a client sends; a field that is not known is an error, so that a typing mistake is noticed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _create_body(name: str, told: str, base: type[Body] = Body, **fields: Any) -> type[Body]:  # noqa: ANN401 - as pydantic takes them
    return create_model(name, __base__=base, __doc__=told, __module__=__name__, **fields)


def _take_fields(request: type) -> dict[str, Any]:
    return {field.name: (field.hint, field.default) for field in list_fields(request)}


_FILES: dict[str, Any] = {
    "image_b64": Annotated[
        str, Field(description="The photo: base64, or a `data:` URL.", examples=["/9j/4AAQSkZJRgABAQ..."])
    ],
    "audio_b64": Annotated[
        str, Field(description="The recording: base64, or a `data:` URL.", examples=["UklGRiT3AgBXQVZFZm10..."])
    ],
}

FramingBody = _create_body("FramingBody", "Which part of the photo becomes the frame.", **_take_fields(FrameRequest))
VideoOptions = _create_body(
    "VideoOptions", "All that may be said of a video besides its two files.", **_take_fields(VideoRequest)
)
VideoBody = _create_body("VideoBody", "A video to be made, with its files as base64.", VideoOptions, **_FILES)
FaceCropBody = _create_body(
    "FaceCropBody", "A photo to be framed, as base64.", FramingBody, image_b64=_FILES["image_b64"]
)


def read_request(body: Body, kind: type[AnyRequest]) -> AnyRequest:
    """Return what was asked for, without the files."""
    return kind(**{field.name: getattr(body, field.name) for field in list_fields(kind)})


class EstimateBody(Body):
    """A video whose time and price are asked."""

    profile: Annotated[str, Field(description=find_option("profile").description, examples=["balanced"])] = "preview"
    audio_duration: Annotated[
        float, Field(ge=0, le=MAX_SECONDS, description="Seconds of voice that will be used.", examples=[12.5])
    ]
    num_inference_steps: Annotated[
        int | None,
        Field(
            ge=find_option("num_inference_steps").minimum,
            le=find_option("num_inference_steps").maximum,
            description=find_option("num_inference_steps").description,
        ),
    ] = None
