"""Finished clips are saved while the run goes on, which waits for no save that never ends."""

import threading
import time
from pathlib import Path

import numpy as np

from app.remote.clip_saver import ClipSaver
from pipeline.checkpoint import ClipPlace, ClipStore


def test_a_save_that_never_ends_costs_the_later_clips_and_no_run(tmp_path: Path) -> None:
    stuck, began = threading.Event(), time.monotonic()
    frames = np.zeros((1, 16, 16, 3), np.uint8)
    with ClipSaver(lambda: bool(stuck.wait(20)), patience=0.1) as saver:
        store = ClipStore(ClipPlace(tmp_path / "clips", saver.save, saver.guard), "fingerprint")
        for _ in range(3):
            store.keep(frames, b"state", {})
            time.sleep(0.02)
        assert store.num_clips == 1
    stuck.set()
    assert time.monotonic() - began < 5


def test_saves_what_is_kept(tmp_path: Path) -> None:
    saves = list[int]()
    with ClipSaver(lambda: saves.append(store.num_clips)) as saver:
        store = ClipStore(ClipPlace(tmp_path / "clips", saver.save, saver.guard), "fingerprint")
        store.keep(np.zeros((1, 16, 16, 3), np.uint8), b"state", {})
    assert saves == [1]
