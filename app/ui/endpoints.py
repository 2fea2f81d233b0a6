"""What `gradio_client` can call by name; all that the page itself does is private."""

import asyncio
import inspect
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypedDict

import gradio as gr
from gradio.components.api_component import Api
from gradio_client.utils import python_type_to_json_schema  # type: ignore[import-untyped] # ships no types
from PIL import Image

from app.errors import AppError, ServerStoppingError
from app.jobs import Job, Jobs
from app.records import MOST_CHARACTERS
from app.ui.caller import find_caller, find_filing
from app.ui.gate import Uploads
from app.ui.inputs import create_photo_input, create_video_output, create_voice_input
from app.ui.spelled import Files, create_inputs, spell_out
from app.ui.texts import ENGLISH
from pipeline.casting import assign_voices, check_cast
from pipeline.engines import get_engine_spec, get_profile
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.image import check_model
from pipeline.request import MAX_SPEAKERS, FrameRequest, Inputs, VideoRequest
from pipeline.types import Box

_PHOTO = {"image": "Photo of a face: JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF."}
_FILES = _PHOTO | {"audio": "The voice: WAV, MP3, M4A, OGG, FLAC, WebM, or a video with sound."}
_VOICES = {
    f"audio_{number}": f"The voice of a speaker who names `audio_{number}`." for number in range(1, MAX_SPEAKERS + 1)
}

_NAMES = {"reference": "Your own name for the job, which its state has again."}


class JobState(TypedDict):
    """How far a job is."""

    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    profile: str
    stage: str
    percent: float
    eta_seconds: float | None
    position: int | None
    speech_seconds: float
    seed: int | None
    reference: str | None
    expires_at: str | None
    warnings: list[str]
    error: str | None


class FaceFound(TypedDict):
    """A face in the photo, in pixels of the photo."""

    x: float
    y: float
    width: float
    height: float


class CropFound(TypedDict):
    """What was found in a photo; where in the frame those who talk are, in its own pixels."""

    faces: list[FaceFound]
    speakers: list[FaceFound]
    crop: FaceFound
    width: int
    height: int
    warnings: list[str]


@dataclass(frozen=True)
class Endpoints:
    """The public endpoints. They speak English and raise `gr.Error` with the sentence that the page would show."""

    jobs: Jobs
    uploads: Uploads

    async def submit(self, files: Files, asked: VideoRequest, reference: str | None) -> JobState:
        """Put a video into the queue and return at once; ask /status with the id until it is done.

        Args:
            files: The photo and the voices, by their parameters' names.
            asked: What is asked for.
            reference: The client's own name for the job.

        Returns:
            The job's state.
        """
        paths = {name: Path(path) for name, path in files.items() if path is not None}
        if "image" not in paths or not (asked.speakers or "audio" in paths):
            raise gr.Error(
                "Expected a photo and a voice. Pass both as files, with gradio_client.handle_file.",
                print_exception=False,
            )
        if len(reference or "") > MOST_CHARACTERS:
            raise gr.Error(f"Expected a reference of at most {MOST_CHARACTERS} characters.", print_exception=False)
        try:
            photo = paths.pop("image")
            speakers, voices = assign_voices(asked.speakers, paths)
            inputs: Inputs = {"image": photo, **voices}
            asked = replace(asked, speakers=speakers)
            return describe(await self.jobs.submit(asked, inputs, find_caller().turn, find_filing(reference)))
        except (InputError, EngineUnavailableError, AppError) as error:
            raise gr.Error(str(error), print_exception=False) from None

    async def generate(
        self, files: Files, asked: VideoRequest, reference: str | None, progress: gr.Progress
    ) -> tuple[str, JobState]:
        """Make a video and return it. The job goes on when the connection is lost; /status finds it by its id.

        Args:
            files: The photo and the voices, by their parameters' names.
            asked: What is asked for.
            reference: The client's own name for the job.
            progress: Gradio's own.

        Returns:
            The mp4 and the job's state.
        """
        submitted = await self.submit(files, asked, reference)
        async for job in self.jobs.follow(submitted["id"]):
            state = describe(job)
            progress(state["percent"] / 100, desc=state["stage"])
        if not job.has_ended:
            raise gr.Error(str(ServerStoppingError(job.id)), print_exception=False)
        if job.status != "done":
            raise gr.Error(state["error"] or f"The job {job.id} is {job.status}.", print_exception=False)
        return self._name_video(job.id), state

    async def status(self, job_id: str) -> tuple[JobState, str | None]:
        """Tell how far a job is.

        Args:
            job_id: The id that /submit returned.

        Returns:
            The job's state, and the mp4 once it is done.
        """
        try:
            job = self.jobs.get(job_id)
            video = self._name_video(job_id) if job.status == "done" else None
        except AppError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return describe(job), video

    async def cancel(self, job_id: str) -> JobState:
        """End a job; one that has ended stays as it is.

        Args:
            job_id: The id that /submit returned.

        Returns:
            The job's state.
        """
        try:
            return describe(await self.jobs.cancel(job_id))
        except AppError as error:
            raise gr.Error(str(error), print_exception=False) from None

    async def face_crop(self, files: Files, asked: FrameRequest) -> tuple[str, CropFound]:
        """Show the frame that a video of the photo would have.

        Args:
            files: The photo.
            asked: What is asked for.

        Returns:
            The frame, and what was found in the photo.
        """
        image = files["image"]
        if image is None:
            raise gr.Error(
                "Expected a photo. Pass it as a file, with gradio_client.handle_file.", print_exception=False
            )
        try:
            check_cast(asked)
            profile = get_profile(asked.profile)
            portrait = await self.jobs.media.frame_photo(
                Path(image), asked.framing, profile.resolution, find_caller().turn
            )
            check_model(portrait.notices, get_engine_spec(profile.model).refused_notices)
            frame = self.uploads.make_place_beside(Path(image), ".webp")
        except (InputError, AppError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        await asyncio.to_thread(Image.fromarray(portrait.frame).save, frame)
        found = CropFound(
            faces=[_measure(face.box) for face in portrait.faces],
            speakers=[_measure(face.box) for face in portrait.speakers],
            crop=_measure(portrait.crop),
            width=portrait.frame.shape[1],
            height=portrait.frame.shape[0],
            warnings=[notice.text for notice in portrait.notices],
        )
        return str(frame), found

    def _name_video(self, job_id: str) -> str:
        self.jobs.video_path(job_id)  # raises where there is none
        return self.uploads.name_result(job_id)


def _measure(box: Box) -> FaceFound:
    return FaceFound(x=box.x_min, y=box.y_min, width=box.width, height=box.height)


def describe(job: Job) -> JobState:
    """Return the job's state in plain values."""
    notices = job.result.notices if job.result else job.notices
    return JobState(
        id=job.id,
        status=job.status,
        profile=job.profile,
        stage=ENGLISH.stage(job.progress.stage) if job.progress else ENGLISH(f"status.{job.status}"),
        percent=100.0 if job.status == "done" else round(job.progress.percent, 1) if job.progress else 0.0,
        eta_seconds=job.eta_seconds,
        position=job.position,
        speech_seconds=job.speech_seconds,
        seed=job.result.seed if job.result else job.seed,
        reference=job.filing.reference,
        expires_at=None if job.expires_at is None else job.expires_at.isoformat(),
        warnings=[notice.text for notice in notices],
        error=job.error.text if job.error else None,
    )


def add_endpoints(jobs: Jobs, uploads: Uploads) -> None:
    """Add the endpoints, inside an open `gr.Blocks`."""
    endpoints = Endpoints(jobs, uploads)
    with gr.Group(visible=False):
        image, audio = create_photo_input(label="image"), create_voice_input(label="audio")
        job_id, video, frame = gr.Textbox(label="job_id"), create_video_output(label="video"), gr.Image(label="frame")
        state, found = _typed(JobState, "job"), _typed(CropFound, "found")
        voices = [create_voice_input(label=name) for name in _VOICES]
        reference = gr.Textbox(label="reference", max_length=MOST_CHARACTERS)
        asked = [image, audio, *create_inputs(VideoRequest), *voices, reference]
        progress = inspect.Parameter("progress", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=gr.Progress())
        spell_video = partial(spell_out, files=_FILES, kind=VideoRequest, later_files=_VOICES, names=_NAMES)
        _publish(spell_video(endpoints.generate, more=(progress,)), asked, [video, state])
        _publish(spell_video(endpoints.submit), asked, [state])
        _publish(endpoints.status, [job_id], [state, video])
        _publish(endpoints.cancel, [job_id], [state])
        framed = [image, *create_inputs(FrameRequest)]
        _publish(spell_out(endpoints.face_crop, _PHOTO, FrameRequest), framed, [frame, found])


def _publish(answer: Any, inputs: list[Any], outputs: list[Any]) -> None:  # noqa: ANN401 - any of the endpoints
    gr.Button().click(answer, inputs, outputs, api_name=answer.__name__, concurrency_limit=None)


def _typed(kind: type, label: str) -> Api:
    return Api(None, python_type_to_json_schema(kind), label)
