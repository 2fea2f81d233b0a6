"""Files that come as base64."""

import base64
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import numpy as np
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


def test_reads_a_file_of_many_pieces_with_line_breaks(tmp_path: Path) -> None:
    data = random.Random(0).randbytes(3_000_001)
    write_base64(base64.encodebytes(data).decode(), "audio_b64", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == data


def test_answers_others_while_it_reads(tmp_path: Path) -> None:
    reader = Thread(target=write_base64, args=("A " * 20_000_000, "audio_b64", tmp_path / "file"))
    times = [time.monotonic()]
    reader.start()
    while reader.is_alive():
        times.append(time.monotonic())
        time.sleep(0.001)
    assert max(np.diff(times)) < 0.5


@pytest.mark.parametrize("text", ["QUJD=QUJD", "QUJDQQ==QUJD", "QUJDQ", "====", "QÜJD", "QU*JD", "QUJD****QUJD"])
def test_refuses_what_is_no_base64(text: str, tmp_path: Path) -> None:
    with pytest.raises(BodyError):
        write_base64(text, "audio_b64", tmp_path / "file")
