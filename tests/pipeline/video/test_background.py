"""Frames are written while the next ones are made."""

import threading

import numpy as np
import pytest

from pipeline.errors import GenerationCancelledError, OutputError
from pipeline.types import Pixels
from pipeline.video import BackgroundWriter

BATCHES = [np.full((2, 4, 4, 3), value, np.uint8) for value in range(5)]
SECONDS_AT_MOST = 20.0


class Shelf:
    """Keeps the batches, once the gate is open; fails at one of them."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.gate = threading.Event()
        self.kept: list[Pixels] = []
        self._fails_at = fails_at

    def write(self, frames: Pixels) -> None:
        assert self.gate.wait(SECONDS_AT_MOST)
        if len(self.kept) == self._fails_at:
            raise OutputError("The disk is full.")
        self.kept.append(frames)


def count_threads() -> int:
    return sum(thread.name.startswith("writing") for thread in threading.enumerate())


def test_next_batch_is_made_while_one_is_written() -> None:
    shelf = Shelf()
    with BackgroundWriter(shelf) as background:
        background.write(BATCHES[0])
        shelf.gate.set()  # reached only if the batch before is not waited for
        background.write(BATCHES[1])
    assert [frames[0, 0, 0, 0] for frames in shelf.kept] == [0, 1]


def test_one_batch_waits_at_most() -> None:
    shelf, taken = Shelf(), threading.Event()

    def make() -> None:
        with BackgroundWriter(shelf) as background:
            background.write(BATCHES[0])
            background.write(BATCHES[1])
            taken.set()

    maker = threading.Thread(target=make)
    maker.start()
    assert not taken.wait(0.2)
    shelf.gate.set()
    maker.join(SECONDS_AT_MOST)
    assert taken.is_set()


def test_writer_gets_every_batch_in_order() -> None:
    shelf = Shelf()
    shelf.gate.set()
    with BackgroundWriter(shelf) as background:
        for frames in BATCHES:
            background.write(frames)
    assert [id(frames) for frames in shelf.kept] == [id(frames) for frames in BATCHES]


@pytest.mark.parametrize("fails_at", range(len(BATCHES)))
def test_a_batch_that_cannot_be_written_ends_all(fails_at: int) -> None:
    shelf = Shelf(fails_at)
    shelf.gate.set()

    def make() -> None:
        with BackgroundWriter(shelf) as background:
            for frames in BATCHES:
                background.write(frames)

    with pytest.raises(OutputError, match="disk is full"):
        make()
    assert len(shelf.kept) == fails_at
    assert not count_threads()


def test_what_is_raised_inside_goes_before_what_the_writer_raises() -> None:
    shelf = Shelf(fails_at=0)

    def make() -> None:
        with BackgroundWriter(shelf) as background:
            background.write(BATCHES[0])
            shelf.gate.set()
            raise GenerationCancelledError

    with pytest.raises(GenerationCancelledError):
        make()
    assert not count_threads()


@pytest.mark.parametrize("how", ["check", "write"])
def test_a_failure_is_told_at_the_next_word_and_not_at_the_end(how: str) -> None:
    shelf = Shelf(fails_at=0)
    background = BackgroundWriter(shelf)
    background.write(BATCHES[0])
    background.check()  # nothing has failed yet
    shelf.gate.set()
    background._pool.submit(lambda: None).result(SECONDS_AT_MOST)  # comes after the batch
    with pytest.raises(OutputError, match="disk is full"):
        background.check() if how == "check" else background.write(BATCHES[1])
    background._pool.shutdown()
