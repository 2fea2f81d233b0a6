"""A hub with one small model."""

import os
from collections.abc import Iterator

import pytest
from huggingface_hub import HfApi

from pipeline.weights.spec import Source
from tests.fake_hub import FakeHub, serve_hub

SOURCES = (
    Source("owner/base", "main", "base", ("transformer/*.safetensors", "*.json")),
    Source("owner/voice", "refs/pr/1", "voice", ("model.safetensors",)),
)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serve_hub() as hub:
        hub.repositories = {
            "owner/base": {
                "transformer/1.safetensors": os.urandom(300_000),
                "transformer/2.safetensors": os.urandom(200_000),
                "config.json": b"{}",
                "training_state.bin": os.urandom(100_000),
            },
            "owner/voice": {"model.safetensors": os.urandom(50_000), "model.bin": b"pickle"},
        }
        yield hub


@pytest.fixture
def api(hub: FakeHub) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_right")
