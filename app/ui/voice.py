"""The voice: what was found in it, and how much of it is used."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.decoding import HeardVoice
from app.errors import AppError
from app.jobs import Jobs
from app.ui import markup, words
from app.ui.caller import find_caller
from app.ui.inputs import event_of
from app.ui.layout import RecordingPart, VoicePart
from app.ui.reasons import complain, explain
from app.ui.texts import Texts
from pipeline.errors import InputError

_SHORTEST_SECONDS = 1.0
_PLAYED_CONTAINERS = {"aac", "flac", "matroska", "mov", "mp3", "ogg", "wav"}
_PLAYED_CODECS = {"aac", "flac", "mp3", "mp3float", "opus", "vorbis", "pcm_f32le", "pcm_s16le", "pcm_s24le", "pcm_u8"}
_Updates = dict[Any, Any]


def bind_voice(part: VoicePart, jobs: Jobs, texts: Texts) -> None:
    """Make the voices' widgets answer."""
    for recording in (part.one, *part.dialogue.own):
        _bind_recording(VoiceView(recording, jobs, texts))
    view, one = VoiceView(part.one, jobs, texts), part.one
    part.video.upload(view.take_from_video, part.video, [one.voice, one.note, one.extracted], **_listen(one))


def _bind_recording(view: "VoiceView") -> None:
    part, texts = view.part, view.texts
    # Not with the change: a video without sound is taken away, and what is said of it stays.
    gone = [part.voice.clear, part.voice.input, event_of(part.heading, "replace")]
    gr.on(gone, None, None, part.note, js="() => ''", api_visibility="private")
    part.heading.complain(None, None, part.note, js=complain("voice", texts), api_visibility="private")
    outputs = [part.voice, part.note, part.seconds, part.extracted]
    part.voice.change(view.take, [part.voice, part.extracted], outputs, trigger_mode="always_last", **_listen(part))


def _listen(part: RecordingPart) -> dict[str, Any]:
    return {"api_visibility": "private", "show_progress_on": part.voice, "concurrency_limit": None}


@dataclass(frozen=True)
class VoiceView:
    """Answers to what is done with a recording, in one language."""

    part: RecordingPart
    jobs: Jobs
    texts: Texts

    async def take(self, voice: str | None, extracted: str = "") -> _Updates:
        """Listen to a new voice.

        Of one that browsers cannot play, its samples take the place and come back as a new voice.

        Args:
            voice: The file.
            extracted: Its name, and what was found in the file that it was taken out of, as JSON.
        """
        part = self.part
        nothing = {part.seconds: 0}
        if voice is None:
            return nothing
        try:
            heard = await self.jobs.media.hear_voice(Path(voice), find_caller().turn)
            if not _is_played(heard):
                return await self._extract(Path(voice), heard)
        except (InputError, AppError) as error:
            return nothing | {part.note: markup.note([explain(error, self.texts)], "error")}
        return {
            part.note: self._describe(heard, _recall(Path(voice), extracted)),
            part.seconds: heard.total_seconds,
        }

    async def take_from_video(self, video: str) -> _Updates:
        """Use the sound of a video, or of any recording that Gradio would not take, as the voice."""
        try:
            updates = await self._extract(
                Path(video), await self.jobs.media.hear_voice(Path(video), find_caller().turn)
            )
        except (InputError, AppError) as error:
            return {self.part.voice: None, self.part.note: markup.note([explain(error, self.texts)], "error")}
        return updates | {self.part.note: gr.skip()}

    async def _extract(self, recording: Path, heard: HeardVoice) -> _Updates:
        """Put the sound of a recording in its place, as a file that the player and the trimmer understand."""
        target = recording.with_suffix(".voice.wav")
        await self.jobs.media.extract_sound(recording, target, heard.total_seconds, find_caller().turn)
        found = [target.name, *map(self.texts.notice, heard.notices)]
        return {self.part.voice: str(target), self.part.extracted: json.dumps(found)}

    def _describe(self, heard: HeardVoice, before: list[str]) -> str:
        texts = self.texts
        share = 100 * heard.spoken_share
        length = words.duration(texts, heard.total_seconds)
        found = texts("voice.found", duration=length, share=words.number(texts, share))
        warnings = dict.fromkeys([*map(texts.notice, heard.notices), *before])
        return markup.note([found], "ok") + markup.note(warnings, "warn")


def _recall(voice: Path, extracted: str) -> list[str]:
    """Return what was found in the file that a voice was taken out of; nothing of another voice's."""
    with suppress(ValueError, TypeError):  # it comes back from the browser
        name, *found = json.loads(extracted)
        return [str(sentence) for sentence in found] if name == voice.name else []
    return []


def _is_played(heard: HeardVoice) -> bool:
    """Say whether all of today's browsers play a recording, and play what the video will have."""
    return heard.is_plain and heard.container in _PLAYED_CONTAINERS and heard.codec in _PLAYED_CODECS


def bound_slider(total_seconds: float) -> gr.Slider:
    """Return the slider up to the voices' length, and at its end; without voices there is none."""
    longest = int(total_seconds * 10) / 10
    if not longest:
        return gr.Slider(visible=False)
    return gr.Slider(
        minimum=_SHORTEST_SECONDS, maximum=longest, value=longest, visible=longest > _SHORTEST_SECONDS + 0.1
    )
