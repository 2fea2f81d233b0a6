"""Nothing is lost when servers and workers are killed; `python -m tests.app.kills` does more of it."""

from pathlib import Path

from tests.app.kills import run


def test_no_job_is_lost_and_each_seed_makes_one_video(tmp_path: Path) -> None:
    assert run(tmp_path, num_jobs=4, num_kills=2, workers=1, seed=1, hang=False) == []
