"""What `gradio_client` can call by name; all that the page itself does is private."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import gradio as gr
from gradio.components.api_component import Api
from gradio_client.utils import python_type_to_json_schema  # type: ignore[import-untyped] # ships no types
from PIL import Image

from app.errors import AppError, ServerStoppingError
from app.jobs import Job, Jobs
from app.ui.caller import find_caller
from app.ui.gate import Uploads
from app.ui.inputs import create_photo_input, create_video_output, create_voice_input
from app.ui.texts import ENGLISH
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.image import check_model
from pipeline.profiles import PROFILES
from pipeline.types import Aspect, Framing, GenerationRequest

_MAX_SECONDS = 600.0
_PROFILE_NAMES = list(PROFILES)
_ASPECTS = ["auto", "16:9", "1:1", "9:16"]


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
    warnings: list[str]
    error: str | None


class FaceFound(TypedDict):
    """A face in the photo, in pixels of the photo."""

    x: float
    y: float
    width: float
    height: float


class CropFound(TypedDict):
    """What was found in a photo."""

    faces: list[FaceFound]
    crop: FaceFound
    width: int
    height: int
    warnings: list[str]


@dataclass(frozen=True)
class Endpoints:
    """The public endpoints. They speak English and raise `gr.Error` with the sentence that the page would show."""

    jobs: Jobs
    uploads: Uploads

    async def submit(  # noqa: PLR0917 - each is an input of the endpoint
        self,
        image: str,
        audio: str,
        profile: str = "preview",
        max_duration_sec: float = _MAX_SECONDS,
        prompt: str = "",
        seed: float = -1,
        aspect: Aspect = "auto",
        face: float = 0,
        zoom: float = 1.0,
    ) -> JobState:
        """Put a video into the queue and return at once; ask /status with the id until it is done.

        Args:
            image: Photo of a face: JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF.
            audio: The voice: WAV, MP3, M4A, OGG, FLAC, WebM, or a video with sound.
            profile: What to make it with; `preview` is free and takes seconds.
            max_duration_sec: How much of the voice to use at most, in seconds.
            prompt: What the scene is like; empty takes the profile's own.
            seed: Makes the video repeatable; -1 draws one.
            aspect: Shape of the video; `auto` takes the one nearest to the photo.
            face: Which face talks, 0 is the largest.
            zoom: How close; 1 is the automatic crop, 2 shows half of its width.

        Returns:
            The job's state.
        """
        if image is None or audio is None:
            raise gr.Error(
                "Expected a photo and a voice. Pass both as files, with gradio_client.handle_file.",
                print_exception=False,
            )
        request = GenerationRequest(
            photo=Path(image),
            voice=Path(audio),
            profile=profile,
            prompt=prompt,
            max_duration_seconds=max_duration_sec,
            seed=None if seed < 0 else int(seed),
            framing=Framing(aspect, int(face) or None, zoom),
        )
        try:
            return describe(await self.jobs.submit(request, find_caller()))
        except (InputError, EngineUnavailableError, AppError) as error:
            raise gr.Error(str(error), print_exception=False) from None

    async def generate(  # noqa: PLR0917 - each is an input of the endpoint
        self,
        image: str,
        audio: str,
        profile: str = "preview",
        max_duration_sec: float = _MAX_SECONDS,
        prompt: str = "",
        seed: float = -1,
        aspect: Aspect = "auto",
        face: float = 0,
        zoom: float = 1.0,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio finds out that progress is told
    ) -> tuple[str, JobState]:
        """Make a video and return it. The job goes on when the connection is lost; /status finds it by its id.

        Args:
            image: Photo of a face: JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF.
            audio: The voice: WAV, MP3, M4A, OGG, FLAC, WebM, or a video with sound.
            profile: What to make it with; `preview` is free and takes seconds.
            max_duration_sec: How much of the voice to use at most, in seconds.
            prompt: What the scene is like; empty takes the profile's own.
            seed: Makes the video repeatable; -1 draws one.
            aspect: Shape of the video; `auto` takes the one nearest to the photo.
            face: Which face talks, 0 is the largest.
            zoom: How close; 1 is the automatic crop, 2 shows half of its width.
            progress: Gradio's own.

        Returns:
            The mp4 and the job's state.
        """
        submitted = await self.submit(image, audio, profile, max_duration_sec, prompt, seed, aspect, face, zoom)
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

    async def face_crop(  # noqa: PLR0917 - each is an input of the endpoint
        self,
        image: str,
        profile: str = "preview",
        aspect: Aspect = "auto",
        face: float = 0,
        zoom: float = 1.0,
        shift_x: float = 0.0,
        shift_y: float = 0.0,
    ) -> tuple[str, CropFound]:
        """Show the frame that a video of the photo would have.

        Args:
            image: Photo of a face: JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF.
            profile: What the video would be made with.
            aspect: Shape of the video; `auto` takes the one nearest to the photo.
            face: Which face talks, 0 is the largest.
            zoom: How close; 1 is the automatic crop, 2 shows half of its width.
            shift_x: How far the crop moves to the right, as a share of its width.
            shift_y: How far it moves down, as a share of its height.

        Returns:
            The frame, and what was found in the photo.
        """
        if image is None:
            raise gr.Error(
                "Expected a photo. Pass it as a file, with gradio_client.handle_file.", print_exception=False
            )
        framing = Framing(aspect, int(face) or None, zoom, shift_x, shift_y)
        try:
            portrait = await self.jobs.frame_photo(Path(image), framing, PROFILES[profile].resolution, find_caller())
            check_model(portrait.notices, PROFILES[profile].model)
            frame = self.uploads.make_place_beside(Path(image), ".webp")
        except (InputError, AppError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        await asyncio.to_thread(Image.fromarray(portrait.frame).save, frame)
        boxes = [
            FaceFound(x=b.x_min, y=b.y_min, width=b.width, height=b.height) for b in (f.box for f in portrait.faces)
        ]
        crop = portrait.crop
        found = CropFound(
            faces=boxes,
            crop=FaceFound(x=crop.x_min, y=crop.y_min, width=crop.width, height=crop.height),
            width=portrait.frame.shape[1],
            height=portrait.frame.shape[0],
            warnings=[notice.text for notice in portrait.notices],
        )
        return str(frame), found

    def _name_video(self, job_id: str) -> str:
        self.jobs.video_path(job_id)  # raises where there is none
        return self.uploads.name_result(job_id)


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
        warnings=[notice.text for notice in notices],
        error=job.error.text if job.error else None,
    )


def add_endpoints(jobs: Jobs, uploads: Uploads) -> None:
    """Add the endpoints, inside an open `gr.Blocks`."""
    endpoints = Endpoints(jobs, uploads)
    with gr.Group(visible=False):
        image, audio = create_photo_input(label="image"), create_voice_input(label="audio")
        profile = gr.Dropdown(_PROFILE_NAMES, value="preview", label="profile")
        aspect = gr.Dropdown(_ASPECTS, value="auto", label="aspect")
        seconds = gr.Number(_MAX_SECONDS, label="max_duration_sec")
        prompt, seed = gr.Textbox("", label="prompt"), gr.Number(-1, precision=0, label="seed")
        face, zoom = gr.Number(0, precision=0, label="face"), gr.Number(1, label="zoom")
        shift_x, shift_y = gr.Number(0, label="shift_x"), gr.Number(0, label="shift_y")
        job_id, video, frame = gr.Textbox(label="job_id"), create_video_output(label="video"), gr.Image(label="frame")
        state, found = _typed(JobState, "job"), _typed(CropFound, "found")
        asked = [image, audio, profile, seconds, prompt, seed, aspect, face, zoom]
        framed = [image, profile, aspect, face, zoom, shift_x, shift_y]
        _publish(endpoints.generate, asked, [video, state])
        _publish(endpoints.submit, asked, [state])
        _publish(endpoints.status, [job_id], [state, video])
        _publish(endpoints.cancel, [job_id], [state])
        _publish(endpoints.face_crop, framed, [frame, found])


def _publish(answer: Any, inputs: list[Any], outputs: list[Any]) -> None:  # noqa: ANN401 - any of the endpoints
    gr.Button().click(answer, inputs, outputs, api_name=answer.__name__, concurrency_limit=None)


def _typed(kind: type, label: str) -> Api:
    return Api(None, python_type_to_json_schema(kind), label)
