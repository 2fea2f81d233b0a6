"""Describes for OpenAPI the bodies that the routes read themselves."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.origins import ANSWERED_TO_ALL
from app.password import OPEN_PATHS
from app.problems import describe_problems
from app.routes.bodies import FILES
from app.schemas.answers import Problem
from app.schemas.bodies import Body, EstimateBody, FaceCropBody, TurnsBody, VideoBody

_REF = "#/components/schemas/{model}"
_MODELS: tuple[type[BaseModel], ...] = (VideoBody, FaceCropBody, TurnsBody, EstimateBody, Problem)
_UNUSED = ("HTTPValidationError", "ValidationError")
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM_PARTS = {
    "image": "The photo.",
    "audio": "The recording, or a video with sound.",
}
_VOICE = _FILE | {"description": "The voice of a speaker whose `audio` is this field's name."}


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


def describe_upload(files: Mapping[str, str]) -> dict[str, Any]:
    """Describe the body of a route that takes one file of a form.

    Args:
        files: Each name that the file may have, and what it is then.
    """
    parts = {name: _describe_file(told) for name, told in files.items()}
    schema = {"type": "object", "properties": parts, "minProperties": 1, "maxProperties": 1}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def complete_schema(app: FastAPI, *, has_password: bool) -> None:
    """Add what the routes read and answer themselves to the app's OpenAPI schema.

    Taken out is the answer 422, which no route gives, and `itemSchema`, which OpenAPI 3.1 does not have.
    """
    build = app.openapi

    def build_whole() -> dict[str, Any]:
        schema = build()
        schemas = schema["components"]["schemas"]
        for name in _UNUSED:
            schemas.pop(name, None)
        for model in _MODELS:
            described = model.model_json_schema(ref_template=_REF)
            schemas |= described.pop("$defs", {}) | {model.__name__: described}
        for operation in (operation for path in schema["paths"].values() for operation in path.values()):
            operation["responses"].pop("422", None)
            for content in operation["responses"].get("200", {}).get("content", {}).values():
                content.pop("itemSchema", None)
        _add_refusals(schema, has_password=has_password)
        return schema

    app.openapi = build_whole  # type: ignore[method-assign] # as FastAPI documents it


def _add_refusals(schema: dict[str, Any], *, has_password: bool) -> None:
    """Add the errors that are answered before any route sees the request."""
    if has_password:
        schema["components"]["securitySchemes"] = {"password": {"type": "http", "scheme": "basic"}}
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            statuses = {403} | ({408} if "requestBody" in operation else set())
            if path not in ANSWERED_TO_ALL:
                statuses.add(421)
            if has_password and path not in OPEN_PATHS:
                operation["security"] = [{"password": []}]
                statuses |= {401, 429}
            refused = {str(status): answer for status, answer in describe_problems(*sorted(statuses)).items()}
            operation["responses"] |= refused


def _describe_form(body: type[Body], options: type[Body]) -> dict[str, Any]:
    fields = [field for field in FILES if field in body.model_fields]
    files = {FILES[field]: _describe_file(_FORM_PARTS[FILES[field]]) for field in fields}
    others = options.model_json_schema(ref_template=_REF)["properties"]
    texts = {name: _take_null_out(described) for name, described in others.items()}
    needed = [FILES[field] for field in fields if body.model_fields[field].is_required()]
    form = {"type": "object", "required": needed, "properties": files | texts}
    return form | ({"additionalProperties": _VOICE} if {"audio_b64", "speakers"} <= body.model_fields.keys() else {})


def _describe_file(told: str) -> dict[str, Any]:
    return {"type": "string", "contentMediaType": "application/octet-stream", "description": told}


def _take_null_out(described: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a form field, which is left out where JSON would have null."""
    kinds = [kind for kind in described.get("anyOf", ()) if kind != {"type": "null"}]
    return {name: value for name, value in described.items() if name != "anyOf"} | (kinds[0] if kinds else {})
