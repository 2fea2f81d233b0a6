"""What a worker does with a job's folder."""

from contextlib import closing
from pathlib import Path

import pytest

from app.jobs.work import attempt
from app.storage import JobStore
from pipeline.engine import EngineSettings
from pipeline.engines import create_engine
from pipeline.notices import Notice
from tests.app.test_storage import make_record


@pytest.mark.parametrize(("lost", "field"), [("photo", "image"), ("voice", "audio")])
def test_says_which_file_was_lost(lost: str, field: str, tmp_path: Path) -> None:
    with closing(JobStore(tmp_path)) as store:
        job_id, folder = store.create()
    folder.write(make_record(job_id))
    for name in {"photo", "voice"} - {lost}:
        (folder.path / name).touch()
    end = attempt(folder, lambda model: create_engine(model, EngineSettings()), lambda _: None)
    assert end.error == Notice("request.file_gone", field)
