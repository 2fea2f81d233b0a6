"""`python -m pipeline PHOTO VOICE -o out.mp4`: one video, from the command line."""

import argparse
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from tqdm import tqdm

from pipeline.engine import EngineSettings, PrecisionSetting
from pipeline.engines import create_engine, find_availability
from pipeline.errors import EngineUnavailableError, InputError, PipelineError
from pipeline.generate import generate
from pipeline.profiles import PROFILES, get_profile
from pipeline.types import Aspect, Framing, GenerationRequest, GenerationResult, Progress

DONE, FAILED, BAD_INPUT, NOT_AVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130

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


def _run(options: argparse.Namespace) -> GenerationResult:
    request = GenerationRequest(
        photo=options.photo,
        voice=options.voice,
        profile=options.profile,
        prompt=options.prompt,
        start_seconds=options.start,
        max_duration_seconds=options.seconds,
        seed=options.seed,
        num_inference_steps=options.steps,
        framing=Framing(aspect=options.aspect, face=options.face),
    )
    settings = EngineSettings(
        options.weights, options.device, options.precision, options.attention, num_gpus=options.num_gpus
    )
    profile = get_profile(request.profile)
    availability = find_availability(profile, settings)
    if not availability.available:
        raise EngineUnavailableError(f"{availability.reason} {_WAYS_OUT}")
    with _ProgressBar() as bar:
        return generate(request, create_engine(profile.model, settings), options.output, bar.show)


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
        prog="python -m pipeline",
        description="Make a talking video from one photo of a face and one voice recording.",
        epilog=f"profiles:\n{profiles}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "photo",
        type=_read_input,
        metavar="PHOTO",
        help="PNG, JPEG, WebP, HEIC or AVIF with a face that looks into the camera",
    )
    add(
        "voice",
        type=_read_input,
        metavar="VOICE",
        help="WAV, MP3, M4A, AAC, OGG, Opus, FLAC, or the sound of an MP4, MOV, MKV, WebM, AVI, MPG or TS video",
    )
    add("-o", "--output", type=_read_output, required=True, metavar="VIDEO", help="the mp4 to write")
    add("--profile", default="preview", choices=list(PROFILES), help="quality, see below; default: preview")
    add("--start", type=float, default=0.0, metavar="SECONDS", help="where in the recording to begin")
    add("--seconds", type=float, metavar="SECONDS", help="how much of it to use at most; default: all")
    add("--steps", type=int, metavar="NUMBER", help="denoising steps, in place of the profile's; the preview has none")
    add("--seed", type=int, metavar="NUMBER", help="makes the video repeatable; drawn and shown if it is not given")
    add("--aspect", default="auto", choices=get_args(Aspect), help="shape of the frame; default: nearest to the photo")
    add("--face", type=int, metavar="INDEX", help="which face talks, 0 is the largest; default: the largest")
    add("--prompt", default="", metavar="TEXT", help="what the scene is like; the preview does not read it")
    _add_engine_options(parser)
    return parser


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that half a video is deleted
    sys.exit(main())
