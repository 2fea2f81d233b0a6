"""The description of the API is what generators and linters want."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings

_CAMEL = re.compile(r"[a-z]+([A-Z][a-z0-9]+)*")


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return describe(tmp_path_factory.mktemp("data"))


def describe(folder: Path, public_url: str | None = None) -> dict[str, Any]:
    settings = Settings(data_dir=folder, page=False, public_url=public_url)  # type: ignore[arg-type] # as it is set
    return create_app(settings).openapi()


def list_operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in schema["paths"].values() for operation in path.values())


def test_each_operation_has_an_id_of_its_own_that_reads(schema: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in list_operations(schema)]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not _CAMEL.fullmatch(name)] == []
    assert {"createJob", "getJob", "cancelOrDeleteJob", "generateVideo", "getVideo"} <= set(ids)


def test_says_where_it_is_and_what_its_tags_are(schema: dict[str, Any], tmp_path: Path) -> None:
    assert schema["servers"] == [{"url": "/"}]
    assert describe(tmp_path, public_url="https://video.example.com/")["servers"] == [
        {"url": "https://video.example.com"}
    ]
    used = {tag for operation in list_operations(schema) for tag in operation["tags"]}
    assert {tag["name"] for tag in schema["tags"]} == used
    assert {"license", "contact"} <= schema["info"].keys()


def test_bodies_have_names_and_files_are_files(schema: dict[str, Any]) -> None:
    contents = [operation.get("requestBody", {}).get("content", {}) for operation in list_operations(schema)]
    described = [media["schema"] for content in contents for media in content.values()]
    assert all(set(one) == {"$ref"} for one in described)
    for form in (one for name, one in schema["components"]["schemas"].items() if name.endswith("Form")):
        files = [field for field in form["properties"].values() if field.get("format") == "binary"]
        assert files
        assert all("contentMediaType" in field for field in files)


def test_nothing_that_is_sent_has_a_default_and_all_that_is_answered_is_there(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    for name in ("VideoBody", "VideoForm", "EstimateBody", "Crop", "FaceCropBody"):
        assert not [field for field in schemas[name]["properties"].values() if "default" in field]
    assert "Default: `preview`." in schemas["VideoForm"]["properties"]["profile"]["description"]
    for name in ("JobAnswer", "Metadata", "EstimateAnswer", "FaceAnswer"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"])


def test_describes_values_in_words_of_json_schema(schema: dict[str, Any]) -> None:
    known = {"$ref", "type", "title", "description", "default", "examples", "enum", "const", "format", "properties"}
    known |= {"required", "additionalProperties", "items", "anyOf", "minItems", "maxItems", "minLength", "maxLength"}
    known |= {"minimum", "maximum", "exclusiveMinimum", "multipleOf", "minProperties", "maxProperties", "pattern"}
    known |= {"contentMediaType", "contentSchema", "prefixItems", "propertyNames", "oneOf"}

    def find_words(described: dict[str, Any]) -> set[str]:
        inner = [*described.get("properties", {}).values(), *described.get("anyOf", ()), described.get("items", {})]
        return set(described).union(*map(find_words, inner)) if described else set()

    assert set().union(*map(find_words, schema["components"]["schemas"].values())) <= known


def test_events_are_typed(schema: dict[str, Any]) -> None:
    answer = schema["paths"]["/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    assert answer["schema"]["contentSchema"] == {"$ref": "#/components/schemas/JobAnswer"}


def test_is_made_once_and_stays_as_it_is(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, page=False))
    first = str(app.openapi())
    assert str(app.openapi()) == first


def test_describes_what_is_sent_to_clients(schema: dict[str, Any]) -> None:
    sent = schema["webhooks"]["job-ended"]["post"]
    body = schema["components"]["schemas"]["WebhookBody"]
    assert sent["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/WebhookBody"}
    assert body["properties"]["data"]["$ref"] == "#/components/schemas/JobAnswer"
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(schema)))
    assert referred <= schema["components"]["schemas"].keys()


def test_describes_the_answers_that_are_not_the_usual_ones(schema: dict[str, Any]) -> None:
    dry_run = schema["paths"]["/batches"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert dry_run == {"$ref": "#/components/schemas/BatchAnswer"}
    assert "Location" in schema["paths"]["/generate"]["post"]["responses"]["303"]["headers"]
