"""What is on the page and where."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from app.ui import examples, markup
from app.ui.assets import stamped
from app.ui.inputs import (
    create_box,
    create_file_button,
    create_html,
    create_photo_input,
    create_slider,
    create_voice_input,
)
from app.ui.options import SAMPLING, build_options
from app.ui.texts import Texts
from pipeline.engines import FREE_PROFILES, PROFILES
from pipeline.request import MAX_SECONDS, MIN_SECONDS
from pipeline.scene import MAX_SPEAKERS

HISTORY_KEY = "video-lab-videos"
NOBODY = "[]"
ZOOM_RANGE, SHIFT_RANGE = (0.5, 3.0), (-0.5, 0.5)
_SIDE = 320


@dataclass(frozen=True)
class PhotoPart:
    """The photo, the frame cut from it, and what moves that frame.

    Attributes:
        is_found: Whether a video can be made of it.
        people: The faces, if there are several; a press lets one speak or be silent.
        speakers: The faces that speak, as JSON, in the order in which they have the word.
        wanted: Those that speak in a photo that comes next, if it has so many.
    """

    heading: gr.HTML
    photo: gr.Image
    is_found: gr.Checkbox
    faces: gr.HTML
    tile: gr.HTML
    note: gr.HTML
    people: gr.HTML
    speakers: gr.Textbox
    wanted: gr.Textbox
    adjust: gr.Accordion
    aspect: gr.Radio
    zoom: gr.Slider
    shift_x: gr.Slider
    shift_y: gr.Slider


@dataclass(frozen=True)
class RecordingPart:
    """A recording.

    Attributes:
        heading: What stands above it.
        voice: The file.
        note: What was found in it.
        seconds: Its length, and 0 where no video can be made of it.
        extracted: What was said of the file that it was taken out of.
    """

    heading: gr.HTML
    voice: gr.Audio
    note: gr.HTML
    seconds: gr.Number
    extracted: gr.Textbox


@dataclass(frozen=True)
class DialoguePart:
    """What is shown when several speak.

    Attributes:
        sharing: Whether each has a recording, or one has all voices.
        order: Whether they speak at the same time or in turn.
        places: The column of each speaker's recording.
        own: The recordings, by who has the word first.
        arranged: The speakers whose recordings these are, as JSON.
        timeline: Who speaks when in one recording; the script lets it be changed.
        note: What is wrong with it.
        known: The recording whose turns the timeline shows, and for how many people.
        asked: The turns that a video had which is made again, as JSON.
    """

    sharing: gr.Radio
    order: gr.Radio
    places: list[gr.Column]
    own: list[RecordingPart]
    arranged: gr.Textbox
    timeline: gr.HTML
    note: gr.HTML
    known: gr.Textbox
    asked: gr.Textbox


@dataclass(frozen=True)
class VoicePart:
    """The voices and how much of them is used.

    Attributes:
        one: The one voice, or the recording that has all.
        video: Takes the sound of a video for it.
        seconds: How long the voices are together, and 0 where no video can be made of them.
        duration: How much of that is used.
        dialogue: What is shown when several speak.
    """

    one: RecordingPart
    video: gr.UploadButton
    seconds: gr.Number
    duration: gr.Slider
    dialogue: DialoguePart


@dataclass(frozen=True)
class ProfilePart:
    """How the video is made.

    Attributes:
        options: A widget for what else may be asked for, by the request's field.
        of_models: Those that are of no use to a preview.
    """

    profile: gr.Dropdown
    note: gr.HTML
    options: dict[str, Component]
    random_seed: gr.Checkbox
    of_models: gr.Column

    @property
    def steps(self) -> gr.Slider:
        """The number of denoising steps, which the price follows."""
        steps = self.options["num_inference_steps"]
        assert isinstance(steps, gr.Slider)
        return steps

    @property
    def sampling(self) -> list[Component]:
        """What may be set in place of the profile's own numbers."""
        return [self.options[name] for name in SAMPLING]


@dataclass(frozen=True)
class ActionPart:
    """The buttons that start and stop.

    Attributes:
        consent: Whether face and voice may be used; not visible where nobody is asked.
        consent_note: Says that it has to be answered first.
    """

    estimate: gr.HTML
    consent: gr.Checkbox
    consent_note: gr.HTML
    preview: gr.Button
    generate: gr.Button
    cancel: gr.Button


@dataclass(frozen=True)
class ResultPart:
    """What comes out."""

    status: gr.HTML
    video: gr.HTML
    job_id: gr.Textbox


@dataclass(frozen=True)
class Page:
    """All that events read and write."""

    header: gr.HTML
    examples: gr.HTML
    photo: PhotoPart
    voice: VoicePart
    profile: ProfilePart
    action: ActionPart
    result: ResultPart
    library: gr.HTML
    history: gr.BrowserState
    sent: gr.Textbox
    kept_photo: gr.Textbox
    kept_voice: gr.Textbox


def build_page(texts: Texts, kept_hours: float, *, asks_consent: bool = True) -> Page:
    """Lay the page out, inside an open `gr.Blocks`.

    Args:
        texts: In the page's language.
        kept_hours: How long videos are kept.
        asks_consent: Whether a video is made only for those who may use face and voice.
    """
    header = create_html(markup.header(texts), elem_id="top")
    with gr.Row(elem_id="hero"):
        create_html(markup.hero(texts), elem_id="headline")
        examples_part = create_html(examples.render(texts), elem_id="examples", actions=["example"])
    with gr.Row(elem_id="main", equal_height=False):
        with gr.Column(scale=6, min_width=_SIDE, elem_id="inputs"):
            photo = _build_photo(texts)
            voice = _build_voice(texts)
            profile = _build_profile(texts)
            action = _build_actions(texts, asks_consent=asks_consent)
        with gr.Column(scale=5, min_width=_SIDE, elem_id="out"):
            result = _build_result(texts)
    library = create_html(markup.library(texts, []), elem_id="library", actions=["open", "delete"])
    create_html(markup.footer(texts, kept_hours), elem_id="foot")
    history = gr.BrowserState([], storage_key=HISTORY_KEY, secret=HISTORY_KEY)
    sent, *kept = [gr.Textbox(visible="hidden") for _ in range(3)]
    return Page(header, examples_part, photo, voice, profile, action, result, library, history, sent, *kept)


def _build_photo(texts: Texts) -> PhotoPart:
    with gr.Column(elem_classes="card", elem_id="photo-card"):
        heading = create_html(markup.input_heading("1", "photo", texts), actions=["replace", "complain"])
        with gr.Row(elem_id="photo-row", equal_height=True):
            with gr.Column(elem_id="photo-box", min_width=140, scale=1):
                photo = create_photo_input(
                    sources=["upload", "webcam", "clipboard"],
                    label=texts("photo.label"),
                    show_label=False,
                    placeholder=texts("photo.placeholder"),
                    height=280,
                    buttons=[],
                    elem_id="photo",
                )
                faces = create_html(elem_id="faces")
            tile = create_html(
                markup.empty_tile(texts),
                elem_id="crop",
                script="page.frame(element, (framing) => trigger('frame', framing))",
            )
        # Above what is said of the photo: a warning that comes with a press must not move what was pressed.
        people = create_html(elem_id="people", actions=["speak"])
        note = create_html(elem_id="photo-note")
        with gr.Accordion(texts("crop.adjust"), open=False, visible=False, elem_id="adjust") as adjust:
            aspect, zoom, shift_x, shift_y = _build_framing(texts)
    is_found = create_box(visible="hidden")
    speakers, wanted = (gr.Textbox(NOBODY, visible="hidden") for _ in range(2))
    framing = (aspect, zoom, shift_x, shift_y)
    return PhotoPart(heading, photo, is_found, faces, tile, note, people, speakers, wanted, adjust, *framing)


def _build_framing(texts: Texts) -> tuple[gr.Radio, gr.Slider, gr.Slider, gr.Slider]:
    shapes = [("auto", "auto"), ("wide", "16:9"), ("square", "1:1"), ("tall", "9:16")]
    choices = [(texts(f"aspect.{name}"), value) for name, value in shapes]
    aspect = gr.Radio(choices, value="auto", label=texts("aspect.label"), elem_id="aspect", elem_classes="chips")
    with gr.Row(elem_classes="sliders"):
        zoom = _build_slider(*ZOOM_RANGE, texts("crop.zoom"), "zoom", step=0.05, value=1)
        shift_x = _build_slider(*SHIFT_RANGE, texts("crop.shift_x"), "shift-x", step=0.01, value=0)
        shift_y = _build_slider(*SHIFT_RANGE, texts("crop.shift_y"), "shift-y", step=0.01, value=0)
    return aspect, zoom, shift_x, shift_y


def _build_slider(lowest: float, highest: float, label: str, elem_id: str, **settings: float) -> gr.Slider:
    return create_slider(lowest, highest, label=label, elem_id=elem_id, buttons=[], min_width=130, **settings)


def _build_voice(texts: Texts) -> VoicePart:
    with gr.Column(elem_classes="card", elem_id="voice-card"):
        heading = create_html(markup.input_heading("2", "voice", texts), actions=["replace", "complain"])
        sharing = _build_chips("voices", ("each", "all"), texts, "sharing")
        voice = _build_recorder(texts, "voice")
        video = create_file_button(texts("voice.from_video"), size="md", variant="secondary", elem_id="voice-video")
        one = _join_recording(heading, voice, create_html(elem_id="voice-note"))
        with gr.Row(elem_id="own-voices"):
            built = [_build_own(texts, index) for index in range(MAX_SPEAKERS)]
        order = _build_chips("order", ("together", "in_turn"), texts, "order")
        script = f"import('{stamped('people.js')}').then((people) => people.showTurns(element, watch))"
        timeline = create_html(elem_id="turns", visible=False, script=script)
        note = create_html(elem_id="turns-note")
        duration = create_slider(
            MIN_SECONDS,
            MAX_SECONDS,
            value=10,
            step=0.1,
            label=texts("duration.label"),
            visible=False,
            buttons=[],
            elem_id="use-seconds",
        )
    arranged, known, asked = (gr.Textbox(visible="hidden") for _ in range(3))
    places, own = [place for place, _ in built], [_join_recording(*parts) for _, parts in built]
    dialogue = DialoguePart(sharing, order, places, own, arranged, timeline, note, known, asked)
    return VoicePart(one, video, gr.Number(0, visible="hidden"), duration, dialogue)


def _build_chips(key: str, names: tuple[str, str], texts: Texts, elem_id: str) -> gr.Radio:
    choices = [(texts(f"{key}.{name}"), name) for name in names]
    label = texts(f"{key}.label")
    return gr.Radio(choices, value=names[0], label=label, visible=False, elem_id=elem_id, elem_classes="chips")


def _build_recorder(texts: Texts, elem_id: str) -> gr.Audio:
    return create_voice_input(
        sources=["upload", "microphone"],
        label=texts("voice.label"),
        show_label=False,
        editable=True,
        buttons=[],
        waveform_options=gr.WaveformOptions(waveform_color="#9bb5ae", waveform_progress_color="#0b7a68"),
        elem_id=elem_id,
        elem_classes="voice",
    )


def _build_own(texts: Texts, index: int) -> tuple[gr.Column, tuple[gr.HTML, gr.Audio, gr.HTML]]:
    with gr.Column(visible=False, elem_classes="own", min_width=0) as place:
        heading = create_html(actions=["earlier", "replace", "complain"])
        voice = _build_recorder(texts, f"voice-{index}")
        return place, (heading, voice, create_html(elem_id=f"voice-{index}-note"))


def _join_recording(heading: gr.HTML, voice: gr.Audio, note: gr.HTML) -> RecordingPart:
    # Not in the column: when that is shown, Gradio shows all that is in it.
    return RecordingPart(heading, voice, note, gr.Number(0, visible="hidden"), gr.Textbox(visible="hidden"))


def _build_profile(texts: Texts) -> ProfilePart:
    with gr.Column(elem_classes="card", elem_id="profile-card"):
        create_html(markup.heading("3", texts("profile.heading")))
        profile = gr.Dropdown(
            [(texts.profile_name(name), name) for name in PROFILES],
            value=FREE_PROFILES[0],
            label=texts("profile.label"),
            show_label=False,
            filterable=False,
            elem_id="profile",
            interactive=True,
        )
        note = create_html(markup.quiet(texts.profile_summary(PROFILES[FREE_PROFILES[0]])), elem_id="profile-note")
        with gr.Accordion(texts("advanced.heading"), open=False, elem_id="advanced"):
            options, random_seed, of_models = build_options(texts)
    return ProfilePart(profile, note, options, random_seed, of_models)


def _build_actions(texts: Texts, *, asks_consent: bool) -> ActionPart:
    with gr.Column(elem_id="actions"):
        estimate = create_html(markup.estimate(texts("estimate.empty"), "preview"), elem_id="estimate")
        create_html(markup.lost(texts), elem_id="lost")
        consent = create_box(
            label=texts("consent.sentence"), container=False, visible=asks_consent, elem_id="consent", min_width=0
        )
        consent_note = create_html(elem_id="consent-note")
        with gr.Row(elem_id="buttons"):
            cancel = gr.Button(
                texts("action.cancel"), variant="stop", size="lg", visible=False, elem_id="cancel", min_width=100
            )
            preview = gr.Button(
                texts("action.preview"), variant="secondary", size="lg", elem_id="preview", min_width=100
            )
            generate = gr.Button(
                texts("action.generate"), variant="primary", size="lg", elem_id="generate", min_width=100
            )
    return ActionPart(estimate, consent, consent_note, preview, generate, cancel)


def _build_result(texts: Texts) -> ResultPart:
    with gr.Column(elem_classes="card", elem_id="result-card"):
        status = create_html(markup.idle_card(texts), elem_id="status")
        create_html(markup.live_player(texts), elem_id="live")
        video = create_html(markup.empty_stage(texts), elem_id="result", actions=["reuse"])
    job_id = gr.Textbox(visible="hidden", elem_id="job-id")
    return ResultPart(status, video, job_id)
