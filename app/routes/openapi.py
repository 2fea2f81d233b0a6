"""Describes for OpenAPI the bodies that the routes read by themselves."""

from typing import Any

from fastapi import FastAPI

from app.routes.bodies import FILES
from app.schemas import Body, EstimateBody, FaceCropBody, VideoBody

_REF = "#/components/schemas/{model}"
_BODIES: tuple[type[Body], ...] = (VideoBody, FaceCropBody, EstimateBody)
_UNUSED = ("HTTPValidationError", "ValidationError")
_FORM_PARTS = {"image": "The photo.", "audio": "The recording, or a video with sound."}


def describe_body(body: type[Body], options: type[Body] | None = None) -> dict[str, Any]:
    """Describe the body of a route.

    Args:
        body: As JSON.
        options: The fields besides the files, where it may be a multipart form as well.
    """
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": _REF.format(model=body.__name__)}}}
    if options is not None:
        content["multipart/form-data"] = {"schema": _describe_form(body, options)}
    return {"requestBody": {"required": True, "content": content}}


def complete_schema(app: FastAPI) -> None:
    """Add the bodies to the app's OpenAPI schema, and take out the answer 422, which no route gives."""
    build = app.openapi

    def build_whole() -> dict[str, Any]:
        schema = build()
        schemas = schema["components"]["schemas"]
        for name in _UNUSED:
            schemas.pop(name, None)
        for body in _BODIES:
            described = body.model_json_schema(ref_template=_REF)
            schemas |= described.pop("$defs", {}) | {body.__name__: described}
        for operation in (operation for path in schema["paths"].values() for operation in path.values()):
            operation["responses"].pop("422", None)
        return schema

    app.openapi = build_whole  # type: ignore[method-assign] # as FastAPI documents it


def _describe_form(body: type[Body], options: type[Body]) -> dict[str, Any]:
    names = [FILES[field] for field in FILES if field in body.model_fields]
    files = {
        name: {"type": "string", "contentMediaType": "application/octet-stream", "description": _FORM_PARTS[name]}
        for name in names
    }
    others = options.model_json_schema(ref_template=_REF)["properties"]
    return {"type": "object", "required": names, "properties": files | others}
