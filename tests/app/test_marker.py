"""Every job's video gets a mark of its own, and no job fails for want of one."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import OriginError
from app.settings import Settings
from app.trust.marker import Marker
from pipeline.credentials import TrustFolder
from pipeline.watermark import Payload

JOB = "a" * 22


def choose(data_dir: Path, job_id: str = JOB, **settings: object) -> tuple[str | None, list[str]]:
    marker = Marker(Settings(data_dir=data_dir, **settings))
    return asyncio.run(marker.choose(job_id)), list(marker.find_troubles())


def is_own(data_dir: Path, text: str) -> bool:
    found = asyncio.run(Marker(Settings(data_dir=data_dir)).tell(text, 1.0))
    assert found is not None
    return found.made_here


def test_a_job_has_the_same_mark_in_every_run_and_no_other_job_has_it(tmp_path: Path) -> None:
    (first, _), (again, _), (other, _) = choose(tmp_path), choose(tmp_path), choose(tmp_path, "b" * 22)
    assert first == again
    assert first is not None
    assert first[:8] == Payload.for_job(JOB, b"any key").short_id
    assert other not in {first, None}


def test_marks_stay_known_when_keys_are_made_anew_and_those_of_elsewhere_are_not(tmp_path: Path) -> None:
    text, _ = choose(tmp_path)
    assert text is not None
    TrustFolder(tmp_path / "trust").rotate(datetime.now(UTC))
    assert choose(tmp_path)[0] != text
    assert is_own(tmp_path, text)
    assert not is_own(tmp_path / "elsewhere", text)


def test_there_is_no_mark_and_no_key_where_that_is_turned_off(tmp_path: Path) -> None:
    assert choose(tmp_path, watermark=False) == (None, [])
    assert not (tmp_path / "trust").exists()


def test_nobody_is_told_that_a_mark_is_not_from_here_because_a_key_cannot_be_read(tmp_path: Path) -> None:
    text, _ = choose(tmp_path)
    assert text is not None
    next((tmp_path / "trust/known").glob("watermark-*")).write_text("damaged")
    marker = Marker(Settings(data_dir=tmp_path))
    with pytest.raises(OriginError):
        asyncio.run(marker.tell(text, 1.0))
    assert "is damaged" in next(marker.find_troubles())


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "trust").write_text("in the way")
    text, (trouble,) = choose(tmp_path)
    assert text is None
    assert "cannot be used" in trouble
