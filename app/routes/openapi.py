"""Describes for OpenAPI the bodies that the routes read themselves, and the API as a whole as generators want it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.access import OPEN_PATHS
from app.origins import ANSWERED_TO_ALL
from app.problems import MEDIA_TYPE, describe_problems
from app.routes.sources import FILES
from app.schemas.answers import JobAnswer, Metadata, Problem, VideoAnswer, WebhookBody
from app.schemas.bodies import BatchBody, BatchRow, Body, EstimateBody, FaceCropBody, TurnsBody, VideoBody, VideoOptions
from pipeline.request import VOICE_ROLES

TAGS: Mapping[str, str] = {
    "videos": "A video in one request.",
    "jobs": "Ask for a video now, follow it, and fetch it later.",
    "batches": "Many videos at once.",
    "uploads": "Send a file once, and use it in many requests.",
    "photos": "What a photo would look like as a video.",
    "recordings": "What is heard in a recording.",
    "profiles": "What can be asked for, and what it takes.",
    "trust": "How a video or a picture was made.",
    "webhooks": "Word that a job has ended, sent to its `callback_url`.",
    "usage": "What was made and spent.",
    "health": "How the server is.",
}
"""What each tag says of its operations; a tag without an operation is left out."""

_REF = "#/components/schemas/{model}"
_MODELS: tuple[type[BaseModel], ...] = (VideoBody, FaceCropBody, TurnsBody, EstimateBody, BatchBody, BatchRow, Problem)
_WITH_NULLS: tuple[type[BaseModel], ...] = (JobAnswer, Metadata, VideoAnswer)
"""Answers whose examples have nulls, which FastAPI leaves out."""
_WEBHOOK_HEADERS = {
    "webhook-id": (True, "The same for each attempt."),
    "webhook-timestamp": (True, "When this attempt was made, in seconds since 1970."),
    "webhook-signature": (False, "As Standard Webhooks 1.0.0 has it; left out of jobs that no key asked for."),
}
_UNUSED = ("HTTPValidationError", "ValidationError")
# `contentMediaType` is how OpenAPI 3.1 says it, `format` how 3.0 did: generators know one or the other.
FILE: dict[str, Any] = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key: `vl_...`."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key: `vl_...`."},
    "password": {"type": "http", "scheme": "basic", "description": "The password or a key, under any user name."},
}
_FORM_PARTS = {
    "image": "The photo.",
    "audio": "The recording, or a video with sound.",
}
_VOICE = FILE | {"description": "The voice of a speaker whose `audio` is this field's name; any other name will do."}
_FORM = "multipart/form-data"


def name_operation(route: APIRoute) -> str:
    """Return an operation's id, from which generators make the name of a function: the route's name, as `createJob`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def describe_body(body: type[Body], options: type[Body] | None = None, *, is_needed: bool = True) -> dict[str, Any]:
    """Describe the body of a route.

    Args:
        body: As JSON.
        options: The fields besides the files, where it may be a multipart form as well.
        is_needed: Say so. openapi-python-client 0.29 forgets to import a name that it uses where an operation takes
            JSON and forms, unless some part of the request can be left out: of a route without such a part, say no.
    """
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": _REF.format(model=body.__name__)}}}
    if options is not None:
        content[_FORM] = {"schema": _describe_form(body, options)}
    return {"requestBody": {"required": True, "content": content} if is_needed else {"content": content}}


def describe_upload(files: Mapping[str, str]) -> dict[str, Any]:
    """Describe the body of a route that takes one file of a form.

    Args:
        files: Each name that the file may have, and what it is then.
    """
    parts = {name: FILE | {"description": told} for name, told in files.items()}
    schema = {"type": "object", "properties": parts, "minProperties": 1, "maxProperties": 1}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


def complete_schema(app: FastAPI, is_open: Callable[[], bool]) -> None:
    """Add what the routes read and answer themselves to the app's OpenAPI schema.

    Taken out is the answer 422 of FastAPI, which no route gives, and `itemSchema`, which OpenAPI 3.1 does not have.

    Args:
        app: Has all its routes.
        is_open: Tells whether nobody is asked for a key or the password, which changes with the first key.
    """
    build = app.openapi

    built: dict[bool, dict[str, Any]] = {}

    def build_whole() -> dict[str, Any]:
        is_for_all = is_open()
        if is_for_all not in built:
            app.openapi_schema = None
            built[is_for_all] = build()
            _complete(built[is_for_all], is_open=is_for_all)
        return built[is_for_all]

    app.openapi = build_whole  # type: ignore[method-assign] # as FastAPI documents it


def _complete(schema: dict[str, Any], *, is_open: bool) -> None:
    schemas = schema["components"]["schemas"]
    for name in _UNUSED:
        schemas.pop(name, None)
    for model in _MODELS:
        described = model.model_json_schema(ref_template=_REF)
        schemas |= described.pop("$defs", {}) | {model.__name__: described}
    schemas |= VideoOptions.model_json_schema(ref_template=_REF)["$defs"]  # which only the form refers to
    schemas["BatchBody"]["properties"]["jobs"]["items"] = {"$ref": _REF.format(model="BatchRow")}
    schemas["WebhookBody"] = WebhookBody.model_json_schema(mode="serialization", ref_template=_REF)
    schemas["WebhookBody"].pop("$defs")  # a job's, which are there
    for model in _WITH_NULLS:
        schemas[model.__name__] |= model.model_config["json_schema_extra"]
    for operation in _list_operations(schema):
        if MEDIA_TYPE not in operation["responses"].get("422", {}).get("content", {}):
            operation["responses"].pop("422", None)
        for content in operation["responses"].get("200", {}).get("content", {}).values():
            content.pop("itemSchema", None)
        _name_form(operation, schemas)
    schema["webhooks"] = _describe_webhooks()
    _tell_defaults(schema)
    _describe_tags(schema)
    _add_refusals(schema, is_open=is_open)


def _list_operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in schema["paths"].values() for operation in path.values())


def _name_form(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Put the schema of an operation's form where generators give it a name."""
    content = operation.get("requestBody", {}).get("content", {}).get(_FORM)
    if content is None or "$ref" in content["schema"]:
        return
    called = operation["operationId"]
    name = content["schema"].setdefault("title", f"{called[:1].upper()}{called[1:]}Form")
    schemas[name] = content["schema"]
    content["schema"] = {"$ref": _REF.format(model=name)}


def _tell_defaults(schema: dict[str, Any]) -> None:
    """Tell the defaults of what is sent in words.

    Generators take a field with a default for one that is always there, so that it would have to be sent, or send the
    default where nothing was said: a model without its profile is something else than with the profile `preview`.
    """
    schemas = schema["components"]["schemas"]
    for name in _find_sent(schema):
        for field in schemas[name].get("properties", {}).values():
            default = field.pop("default", None)
            if isinstance(default, str | bool | int | float) and default != "":
                told = f"`{default}`" if isinstance(default, str) else str(default).lower()
                field["description"] = f"{field.get('description', '')} Default: {told}.".lstrip()


def _find_sent(schema: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that bodies of requests are made of."""
    found: set[str] = set()
    more = _find_names([operation.get("requestBody") for operation in _list_operations(schema)])
    while more:
        found |= more
        more = _find_names([schema["components"]["schemas"][name] for name in more]) - found
    return found


def _find_names(part: object) -> set[str]:
    return set(re.findall(r"#/components/schemas/(\w+)", str(part)))


def _describe_webhooks() -> dict[str, Any]:
    headers = [
        {"name": name, "in": "header", "required": is_needed, "schema": {"type": "string"}, "description": told}
        for name, (is_needed, told) in _WEBHOOK_HEADERS.items()
    ]
    operation = {
        "operationId": "jobEnded",
        "summary": "A job has ended",
        "description": "Sent to the job's `callback_url`, and again after a while if it is not taken.",
        "tags": ["webhooks"],
        "parameters": headers,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model="WebhookBody")}}},
        },
        "responses": {
            "2XX": {"description": "It has arrived."},
            "410": {"description": "Nothing more is sent of this job."},
            "default": {"description": "It is sent again, after what `Retry-After` asks for with 429 and 503."},
        },
        "security": [],
    }
    return {"job-ended": {"post": operation}}


def _describe_tags(schema: dict[str, Any]) -> None:
    used = {tag for operation in _list_operations(schema) for tag in operation.get("tags", ())}
    schema["tags"] = [{"name": name, "description": told} for name, told in TAGS.items() if name in used]


def _add_refusals(schema: dict[str, Any], *, is_open: bool) -> None:
    """Add the errors that are answered before any route sees the request, and what lets it pass."""
    schema["security"] = []
    schema["components"]["securitySchemes"] = _SCHEMES
    security: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            statuses = {403} | ({408} if "requestBody" in operation else set())
            if path not in ANSWERED_TO_ALL:
                statuses.add(421)
            if path not in OPEN_PATHS:
                operation["security"] = [*security, {}] if is_open else security
                statuses |= {401, 429, 503}
            refused = {str(status): answer for status, answer in describe_problems(*sorted(statuses)).items()}
            operation["responses"] |= refused


def _describe_form(body: type[Body], options: type[Body]) -> dict[str, Any]:
    fields = [field for field in FILES if field in body.model_fields]
    files = {FILES[field]: FILE | {"description": _FORM_PARTS[FILES[field]]} for field in fields}
    others = options.model_json_schema(ref_template=_REF)["properties"]
    texts = {name: _describe_text(described) for name, described in others.items()}
    needed = [FILES[field] for field in fields if body.model_fields[field].is_required()]
    # Not `additionalProperties`: in TypeScript all fields would have to be of one type then.
    voices = dict.fromkeys(VOICE_ROLES, _VOICE) if {"audio_b64", "speakers"} <= body.model_fields.keys() else {}
    form = {"title": body.__name__.replace("Body", "Form"), "type": "object", "properties": files | voices | texts}
    if needed:
        form["required"] = needed
    return form if voices else form | {"additionalProperties": False}


def _describe_text(described: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a form field, which is left out where JSON would have null.

    A list is one text: as a part for each entry, which is what a form has of a list otherwise, it is not taken.
    """
    kinds = [kind for kind in described.get("anyOf", ()) if kind != {"type": "null"}]
    plain = {name: value for name, value in described.items() if name != "anyOf"} | (kinds[0] if kinds else {})
    if plain.get("type") != "array":
        return plain
    listed = {name: plain.pop(name) for name in ("type", "items", "maxItems") if name in plain}
    plain.pop("default", None)
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": listed} | plain
