"""The voice: what was found in it, and how much of it is used."""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from app.ui import markup, words
from app.ui.layout import VoicePart
from app.ui.texts import Texts
from pipeline.audio import Packing, load_speech, read_packing, read_sound
from pipeline.errors import InputError
from pipeline.types import Floats, Sound, Speech

_SHORTEST_SECONDS = 1.0
_SPEAKS_FROM = 0.5
_BYTES_A_SAMPLE = 2
_LOUDEST = 32767
_PLAYED_CONTAINERS = {"aac", "flac", "matroska", "mov", "mp3", "ogg", "wav"}
_PLAYED_CODECS = {"aac", "flac", "mp3", "mp3float", "opus", "vorbis", "pcm_f32le", "pcm_s16le", "pcm_s24le", "pcm_u8"}
_Updates = dict[Any, Any]


def bind_voice(part: VoicePart, texts: Texts) -> gr.events.Dependency:
    """Make the voice's widgets answer; return the event of a new voice."""
    view = VoiceView(part, texts)
    private: dict[str, Any] = {"api_visibility": "private", "show_progress_on": part.voice, "concurrency_limit": 4}
    part.video.upload(view.take_from_video, part.video, [part.voice, part.note], **private)
    # Not with the change: a video without sound is taken away, and what is said of it stays.
    part.voice.clear(None, None, part.note, js="() => ''", api_visibility="private")
    outputs = [part.voice, part.note, part.duration]
    return part.voice.change(view.take, part.voice, outputs, trigger_mode="always_last", **private)


@dataclass(frozen=True)
class VoiceView:
    """Answers to what is done with the voice, in one language."""

    part: VoicePart
    texts: Texts

    def take(self, voice: str | None) -> _Updates:
        """Listen to a new voice; all of it is used at first.

        Of one that browsers cannot play, its samples take the place and come back as a new voice.
        """
        part = self.part
        if voice is None:
            return {part.duration: gr.Slider(visible=False)}
        try:
            speech = load_speech(Path(voice))
        except InputError as error:
            note = markup.note([self.texts.notice(error.notice)], "error")
            return {part.note: note, part.duration: gr.Slider(visible=False)}
        if not _is_played(read_packing(Path(voice))):
            return {part.voice: str(extract_sound(Path(voice), speech.total_seconds))}
        return {part.note: self._describe(speech), part.duration: bound_slider(speech.total_seconds)}

    def take_from_video(self, video: str) -> _Updates:
        """Use the sound of a video, or of any recording that Gradio would not take, as the voice."""
        try:
            speech = load_speech(Path(video))
        except InputError as error:
            return {self.part.voice: None, self.part.note: markup.note([self.texts.notice(error.notice)], "error")}
        return {self.part.voice: str(extract_sound(Path(video), speech.total_seconds)), self.part.note: gr.skip()}

    def _describe(self, speech: Speech) -> str:
        texts = self.texts
        share = 100 * float((speech.activity > _SPEAKS_FROM).mean())
        length = words.duration(texts, speech.total_seconds)
        found = texts("voice.found", duration=length, share=words.number(texts, share))
        warnings = [texts.notice(notice) for notice in speech.notices]
        return markup.note([found], "ok") + markup.note(warnings, "warn")


def _is_played(packing: Packing) -> bool:
    """Say whether all of today's browsers play a recording."""
    return packing.container in _PLAYED_CONTAINERS and packing.codec in _PLAYED_CODECS


def bound_slider(total_seconds: float) -> gr.Slider:
    """Return the slider up to the voice's length, and at its end."""
    longest = int(total_seconds * 10) / 10
    return gr.Slider(
        minimum=_SHORTEST_SECONDS, maximum=longest, value=longest, visible=longest > _SHORTEST_SECONDS + 0.1
    )


def extract_sound(recording: Path, total_seconds: float) -> Path:
    """Return the sound of a video or a recording as a file that the player and the trimmer understand."""
    track = read_sound(Sound(recording, 0.0, total_seconds))
    target = recording.with_suffix(".voice.wav")
    with wave.open(str(target), "wb") as file:
        file.setnchannels(track.num_channels)
        file.setsampwidth(_BYTES_A_SAMPLE)
        file.setframerate(track.sampling_rate)
        for samples in track.pieces:
            file.writeframes(_to_pcm(samples))
    return target


def _to_pcm(samples: Floats) -> bytes:
    return (samples.T.clip(-1, 1) * np.float32(_LOUDEST)).astype("<i2").tobytes()
