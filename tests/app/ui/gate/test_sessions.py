"""What is kept of each open page."""

import asyncio
from datetime import timedelta

import gradio as gr
import pytest

from app.ui.gate import sessions
from app.ui.gate.sessions import Sessions


async def make_page() -> gr.Blocks:
    """Make a page; it takes the running loop, and would leave loops of its own open."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Textbox("a" * 1000)
    return blocks.queue()


@pytest.fixture
def held() -> Sessions:
    holder = Sessions()
    blocks = asyncio.run(make_page())
    holder.set_blocks(blocks)
    holder.capacity = 3
    return holder


def test_a_session_keeps_no_copy_of_the_page(held: Sessions) -> None:
    session = held["a"]
    session._update_value_in_config(1, "value")
    assert (session.config_values, list(session.components)) == ({}, [])


def test_the_oldest_session_goes_where_there_are_too_many(held: Sessions) -> None:
    for name in ("a", "b", "a", "c", "d"):
        held[name]
    assert list(held.session_data) == ["a", "c", "d"]
    assert set(held.time_last_used) == {"a", "c", "d"}


def test_a_session_ends_an_hour_after_its_last_use(held: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    held["old"], held["new"]
    held.time_last_used["old"] -= timedelta(hours=1, seconds=1)
    held.delete_all_expired_state()
    assert list(held.session_data) == ["new"] == list(held.time_last_used)


def test_another_widget_stays_in_its_session(held: Sessions) -> None:
    blocks = held["a"].blocks_config.blocks
    number = next(number for number, block in blocks.items() if isinstance(block, gr.Textbox))
    held["a"][number] = gr.Textbox("mine", render=False)
    assert held["a"][number].value == "mine"
    assert held["b"][number].value == "a" * 1000


def test_names_of_files_and_sessions_are_forgotten(held: Sessions) -> None:
    blocks = held.blocks
    blocks.temp_file_sets[0].add("/a/file")
    blocks._queue.pending_event_ids_session.update({"done": set(), "running": {"event"}})
    sessions.forget_leftovers(blocks)
    assert blocks.temp_file_sets[0] == set()
    assert set(blocks._queue.pending_event_ids_session) == {"running"}
