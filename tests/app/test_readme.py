"""The README's REST example, run as pasted."""

import re
import subprocess
from pathlib import Path

import av

from tests.app.server import Server

ROOT = Path(__file__).parents[2]


def test_rest_example_makes_a_video(server: Server, tmp_path: Path) -> None:
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    example = re.search(r"```bash\n(job=.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example
    script = example[1].replace("http://127.0.0.1:7860", str(server.client.base_url).rstrip("/"))
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, check=True, timeout=100)
    with av.open(tmp_path / "talking.mp4") as video:
        assert video.duration
        assert 3.9 < video.duration / av.time_base < 4.1
