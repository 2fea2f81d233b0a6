"""The list of this device's videos, as a browser keeps it and as anybody may send it."""

import pytest

from app.ui.library import HistoryItem, forget, read_history, remember


@pytest.mark.parametrize("kept", [None, "x", {"id": "x"}, [None, 7, {}, {"id": ["x"]}, {"id": None}]])
def test_what_is_no_list_of_videos_has_none(kept: object) -> None:
    assert read_history(kept) == []


def test_a_list_has_each_video_once_and_no_more_than_a_browser_keeps() -> None:
    sent = [HistoryItem(id="one")] * 5 + [HistoryItem(id=str(number)) for number in range(30_000)]
    found = [item["id"] for item in read_history(sent)]
    assert found == ["one", *map(str, range(19))]
    assert len(remember(sent, "new")) == 21
    assert len(forget(sent, "one")) == 19
