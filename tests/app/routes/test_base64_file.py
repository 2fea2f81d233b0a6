"""Files that come as base64."""

import base64
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyError
from app.routes.base64_file import write_base64


@given(
    data=st.binary(min_size=1, max_size=200), prefix=st.sampled_from(["", "data:image/png;base64,", " DATA:;base64,"])
)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_reads_what_was_encoded(
    tmp_path_factory: pytest.TempPathFactory, encode: Callable[[bytes], bytes], data: bytes, prefix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "file"
    write_base64(prefix + encode(data).decode().rstrip("="), "image_b64", path)
    assert path.read_bytes() == data


@given(text=st.text(max_size=80))
def test_answers_anything_else_with_a_reason(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.unlink(missing_ok=True)
    with suppress(BodyError):
        write_base64(text, "audio_b64", path)
        assert path.stat().st_size > 0
