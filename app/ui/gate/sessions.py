"""What Gradio keeps for each open page: as little as it needs, for an hour."""

import sys
from copy import copy
from datetime import datetime, timedelta
from typing import Any

import gradio as gr
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

_MOST_SESSIONS = 2000
_KEPT = timedelta(hours=1)


class Sessions(StateHolder):
    """The sessions of one of Gradio's apps; those that were not used for an hour are dropped."""

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session, which is created on first use."""
        with self.lock:
            if session_id not in self.session_data:
                self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)

    def delete_all_expired_state(self) -> None:
        """Drop old sessions; Gradio calls this once a second."""
        oldest = datetime.now() - _KEPT
        with self.lock:
            while self.session_data:
                session_id = next(iter(self.session_data))
                if self.time_last_used.get(session_id, oldest) > oldest:
                    return
                del self.session_data[session_id]
                self.time_last_used.pop(session_id, None)


class _Session(SessionState):
    """A session without the copy of all widgets' settings that Gradio keeps for links to its state, which are off."""

    def __init__(self, blocks: gr.Blocks) -> None:  # Gradio's own makes that copy
        self.blocks_config = copy(blocks.default_config)
        self.config_values = {}
        self.state_data = {}
        self._state_ttl = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def __setitem__(self, key: int, value: Any) -> None:  # noqa: ANN401 - as Gradio has it
        """Keep a widget as it is in this session."""
        self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Keep no settings."""

    def _update_value_in_config(self, key: int, value: Any) -> None:  # noqa: ANN401 - as Gradio has it
        """Keep no values."""


def bound_sessions(app: App, blocks: gr.Blocks) -> None:
    """Make one of Gradio's apps keep little about each session and nothing about past events."""
    blocks.state_session_capacity = _MOST_SESSIONS
    app.state_holder = Sessions()  # type: ignore[no-untyped-call] # Gradio's own
    app.state_holder.set_blocks(blocks)
    queue = blocks._queue  # noqa: SLF001 - Gradio has no settings for these
    # Gradio keeps ten thousand events with their sessions, and rebuilds a table of them after each event.
    queue.ANALYTICS_MAX_EVENTS = 1
    queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize


def forget_leftovers(blocks: gr.Blocks) -> None:
    """Drop names that Gradio would keep for ever: of files, and of sessions without events."""
    for names in blocks.temp_file_sets:
        names.clear()
    queue = blocks._queue  # noqa: SLF001 - Gradio has no setting for it
    for session_id, events in list(queue.pending_event_ids_session.items()):
        if not events and session_id not in queue.pending_messages_per_session:
            del queue.pending_event_ids_session[session_id]
