"""The finished video and what can be done with it."""

from html import escape

from app.jobs import Job
from app.ui import markup, words
from app.ui.texts import Texts


def render(job: Job, texts: Texts, base: str) -> str:
    """Return the player with its buttons.

    Args:
        job: One that is done.
        texts: In the page's language.
        base: The address of the app, for links; ends with a slash.
    """
    result = job.result
    if result is None or job.is_expired or job.is_hidden:
        return markup.empty_stage(texts)
    return (
        f'<figure class="player"><video controls playsinline preload="metadata" src="/v/{job.id}/video.mp4" '
        f'poster="/v/{job.id}/poster.jpg" width="{result.width}" height="{result.height}" '
        f'aria-label="{escape(texts("result.label"))}"></video></figure>{_buttons(job, texts, base)}'
        f'<p class="facts">{escape(_facts(job, texts))}</p><p class="facts">{escape(texts("result.mark"))}</p>'
    )


def _buttons(job: Job, texts: Texts, base: str) -> str:
    def say(key: str) -> str:
        return escape(texts(f"action.{key}"))

    # Shown where a finger would not find a downloaded file again: the device's own sheet saves it among the photos.
    share = f'class="button primary share" data-share="/v/{job.id}/video.mp4" data-again="{say("share.again")}"'
    parts = (
        f'<button type="button" {share}>{say("share")}</button>',
        f'<a class="button primary download" href="/v/{job.id}/video.mp4?download" download>{say("download")}</a>',
        f'<button type="button" class="button" data-copy="{base}v/{job.id}" data-done="{say("copied")}">',
        f'{say("copy")}</button><button type="button" class="button wide" data-action="reuse" data-job="{job.id}">',
        f"{say('reuse')}</button>",
    )
    return f'<div class="buttons">{"".join(parts)}</div>'


def _facts(job: Job, texts: Texts) -> str:
    assert job.result is not None
    facts = texts(
        "result.facts",
        duration=words.duration(texts, job.result.speech_seconds),
        width=job.result.width,
        height=job.result.height,
        profile=texts.profile_name(job.profile),
    )
    speakers = job.result.speakers
    spoken = [
        texts("voices.seconds", number=one.face + 1, duration=words.duration(texts, one.seconds)) for one in speakers
    ]
    return " · ".join([facts, *spoken]) if len(spoken) > 1 else facts


def render_waiting(texts: Texts) -> str:
    """Return the video's place while it is made."""
    return markup.stage("waiting", texts("result.waiting"), texts("result.waiting.hint"), texts)
