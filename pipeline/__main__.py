"""`video-lab PHOTO VOICE -o out.mp4`, or `python -m pipeline ...`: one video, from the command line."""

import argparse
import os
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from tqdm import tqdm

from pipeline.casting import assign_voices, check_speakers
from pipeline.engine import EngineSettings, PrecisionSetting
from pipeline.engines import PROFILES, choose_profile_name, create_engine, find_availability, get_engine_spec
from pipeline.errors import CertificateError, EngineUnavailableError, InputError, PipelineError, SigningError
from pipeline.generate import make_video
from pipeline.profiles import Profile
from pipeline.request import Field, Inputs, VideoRequest, flatten, unflatten
from pipeline.sampling import find_profile
from pipeline.types import GenerationResult, Progress
from pipeline.version import VERSION
from pipeline.watermark import Payload

DONE, FAILED, BAD_INPUT, NOT_AVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130

_OFF = {"off", "0", "false", "no", "f", "n"}
_WAYS_OUT = (
    "docs/model.md says what this machine would need, docs/deploy.md how to use a GPU elsewhere. The preview works "
    "everywhere."
)
_EXIT_CODES = """exit codes:
  0  the video is made
  1  it could not be made
  2  the photo, the voice or an option cannot be used
  3  the profile cannot run on this machine
  130  interrupted
"""
_STAGES = {
    "photo": "Looking at the photo",
    "voice": "Listening to the voice",
    "loading": "Loading the model",
    "conditioning": "Preparing the scene",
    "denoising": "Making the video",
    "frames": "Drawing the frames",
    "finishing": "Finishing the video",
}


def main() -> int:
    """Run the command and return its exit code."""
    options = _create_parser().parse_args()
    try:
        result = _run(options)
    except InputError as error:
        return _complain(str(error), BAD_INPUT)
    except EngineUnavailableError as error:
        return _complain(str(error), NOT_AVAILABLE)
    except PipelineError as error:
        return _complain(str(error), FAILED)
    except KeyboardInterrupt:
        return _complain("Interrupted; nothing was written.", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a person gets a sentence, not a traceback
        return _complain(f"Something unexpected went wrong ({type(error).__name__}).", FAILED)
    for notice in result.notices:
        sys.stderr.write(f"Note: {notice.text}\n")
    sys.stdout.write(_summarize(result))
    return DONE


def run_alone() -> int:
    """Run the command as a process of its own, where SIGTERM deletes half a video as Ctrl+C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return main()


def _run(options: argparse.Namespace) -> GenerationResult:
    given = {field.name: getattr(options, field.name) for field in flatten(VideoRequest)}
    given["profile"] = choose_profile_name(options.profile, options.model, VideoRequest().profile)
    asked = unflatten(given, VideoRequest)
    asked, inputs = _cast(asked, options.image, options.audio)
    settings = EngineSettings(
        options.weights,
        options.device,
        options.precision,
        options.attention,
        num_gpus=options.num_gpus,
        dmd_scale=options.dmd_scale,
    )
    profile = find_profile(asked)
    availability = find_availability(profile, settings)
    if not availability.available:
        raise EngineUnavailableError(f"{availability.reason} {_WAYS_OUT}")
    with _ProgressBar() as bar:
        engine, watermark = create_engine(profile.model, settings), _choose_mark(options)
        result = make_video(asked, inputs, engine, options.output, bar.show, watermark=watermark)
    _sign(result.path, options.image, profile, options.trust)
    return result


def _choose_mark(options: argparse.Namespace) -> Payload | None:
    """Return what the mark in the frames says where there are keys. There is no job: its short id is drawn."""
    if options.watermark == "off" or not options.trust.is_dir():
        return None
    from pipeline.credentials import TrustFolder

    try:
        return Payload.for_job(secrets.token_hex(16), TrustFolder(options.trust).find_mark_key())
    except CertificateError as error:
        sys.stderr.write(f"Note: The video has no watermark. {error}\n")
        return None


def _sign(video: Path, photo: Path, profile: Profile, trust: Path) -> None:
    """Sign the video where there is something to sign with. It is whole all the same if that fails."""
    if not trust.is_dir():
        return
    from pipeline.credentials import Making, TrustFolder, read_photo_credentials, sign

    spec, now = get_engine_spec(profile.model), datetime.now(UTC)
    try:
        making = Making(spec.title, profile.name, spec.source_type, now)
        own = read_photo_credentials(photo)
        sign(video, making, TrustFolder(trust).find_signer(now), None if own is None else own.archive)
    except (CertificateError, SigningError, OSError) as error:
        sys.stderr.write(f"Note: The video has no Content Credentials. {error}\n")


def _cast(asked: VideoRequest, photo: Path, voice: Path | None) -> tuple[VideoRequest, Inputs]:
    """Find the files that the speakers name, which are paths here.

    Raises:
        InputError: One is missing, or does not fit the others.
    """
    named = {speaker.audio: Path(speaker.audio) for speaker in asked.speakers if speaker.audio is not None}
    files = {name: path for name, path in named.items() if path.is_file()} | ({"audio": voice} if voice else {})
    speakers, voices = assign_voices(asked.speakers, files)
    cast = replace(asked, speakers=speakers)
    check_speakers(cast, voices)
    if not voices:
        raise InputError("speakers.no_voice", "audio")
    return cast, {"image": photo, **voices}


def _summarize(result: GenerationResult) -> str:
    size = f"{result.size.width} x {result.size.height}"
    return (
        f"{result.path}: {result.speech_seconds:.1f} seconds at {size}, made in {result.compute_seconds:.1f} seconds "
        f"(seed {result.seed}).\n"
    )


def _complain(sentence: str, exit_code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return exit_code


class _ProgressBar:
    """A bar on a terminal; elsewhere, e.g. in a log, a line for each stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar = tqdm(
            total=100, disable=None, leave=False, bar_format="{desc:24}{bar}{percentage:4.0f} %  {elapsed}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, progress: Progress) -> None:
        """Take the progress of the run."""
        sentence = _STAGES.get(progress.stage, progress.stage)
        if self._bar.disable and progress.stage != self._stage:
            sys.stderr.write(f"{sentence} ...\n")
        self._stage = progress.stage
        self._bar.set_description_str(sentence, refresh=False)
        self._bar.n = progress.percent
        self._bar.refresh()


def _create_parser() -> argparse.ArgumentParser:
    profiles = "\n".join(f"  {profile.name:10}{profile.summary}" for profile in PROFILES.values())
    parser = argparse.ArgumentParser(
        prog="video-lab",
        description="Make a talking video from one photo of a face and one voice recording.",
        epilog=f"profiles:\n{profiles}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"%(prog)s {VERSION}")
    add(
        "image",
        type=_read_input,
        metavar="PHOTO",
        help="PNG, JPEG, WebP, HEIC or AVIF with a face that looks into the camera",
    )
    add(
        "audio",
        type=_read_input,
        metavar="VOICE",
        nargs="?",
        help="left out where each of --speakers has one; "
        "WAV, MP3, M4A, AAC, OGG, Opus, FLAC, or the sound of an MP4, MOV, MKV, WebM, AVI, MPG or TS video",
    )
    add("-o", "--output", type=_read_output, required=True, metavar="VIDEO", help="the mp4 to write")
    for field in flatten(VideoRequest):
        _add_option(parser, field)
    add(
        "--trust",
        type=Path,
        default=Path(os.environ.get("VIDEO_LAB_DATA_DIR", "data")) / "trust",
        metavar="FOLDER",
        help="keys that the video is signed and marked with, if there are any; default: those of the app, %(default)s",
    )
    add(
        "--watermark",
        choices=("on", "off"),
        default="off" if os.environ.get("VIDEO_LAB_WATERMARK", "").lower() in _OFF else "on",
        help="a mark in the picture that is not seen, where there are keys; default: %(default)s",
    )
    _add_engine_options(parser)
    return parser


def _add_option(parser: argparse.ArgumentParser, field: Field) -> None:
    """Add an option of the request: under its own name, and under the shorter one that it may have."""
    name = f"--{field.name.replace('_', '-')}"
    told = field.option.description.rstrip(".")
    default = "" if field.kind is bool or field.default in {None, "", ()} else f"; default: {field.default}"
    choices = tuple(PROFILES) if field.name == "profile" else field.choices
    settings: dict[str, Any] = {"action": "store_true"} if field.kind is bool else {"type": _find_type(field)}
    if choices:
        settings["choices"] = choices
    elif field.is_list:
        settings["metavar"] = "JSON"
    elif field.kind is not bool:
        settings["metavar"] = {int: "NUMBER", float: "NUMBER"}.get(field.kind, "TEXT")
    parser.add_argument(
        *field.option.flags,
        name,
        dest=field.name,
        default=None if field.name == "profile" else field.default,
        help=f"{told}{default}",
        **settings,
    )


def _find_type(field: Field) -> Callable[[str], Any]:
    if field.is_list:
        return _read_list
    return field.kind if field.kind in {int, float} else str


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--weights", type=Path, metavar="FOLDER", help="the prepared model weights; the preview needs none")
    add("--device", default="auto", metavar="DEVICE", help="a torch device such as cuda:0; default: what is there")
    add(
        "--num-gpus",
        type=int,
        default=1,
        choices=range(1, 9),
        metavar="NUMBER",
        help="GPUs that make the video together; default: 1",
    )
    add(
        "--precision",
        default="auto",
        choices=get_args(PrecisionSetting),
        help="of the model's weights; default: bf16, or int8 where the GPU does not hold them all",
    )
    add(
        "--attention",
        default="auto",
        metavar="NAME",
        help="as diffusers names it, e.g. flash; default: the fastest right one that is installed",
    )
    add(
        "--dmd-scale",
        type=_read_strength,
        default=1.0,
        metavar="NUMBER",
        help="how much is added of the LoRA that lets LongCat do with eight steps, 0 to 2; default: %(default)s",
    )


def _read_strength(text: str) -> float:
    strength = float(text)
    if not 0 <= strength <= 2:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 2, got {text}")
    return strength


def _read_list(text: str) -> str:
    """Return JSON text, or that of the file that is named."""
    if text.lstrip().startswith(("[", "{")):
        return text
    path = Path(text)
    return path.read_text() if path.is_file() else text


def _read_input(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _read_output(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".mp4":
        raise argparse.ArgumentTypeError(f"expected a name that ends in .mp4, got {text}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {path.parent} does not exist")
    return path


if __name__ == "__main__":
    sys.exit(run_alone())
