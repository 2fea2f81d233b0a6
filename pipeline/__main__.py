"""`python -m pipeline PHOTO VOICE -o out.mp4`: one video, from the command line."""

import argparse
import sys
from pathlib import Path

from pipeline.engine import EngineSettings
from pipeline.engines import create_engine, find_availability
from pipeline.errors import EngineUnavailableError, InputError, PipelineError
from pipeline.generate import generate
from pipeline.profiles import PROFILES, get_profile
from pipeline.types import Framing, GenerationRequest, Progress


def main() -> int:
    """Run the command and return its exit code."""
    options = _parse_options()
    try:
        return 0 if _run(options) else 1
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except EngineUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> bool:
    request = GenerationRequest(
        options.photo,
        options.voice,
        options.profile,
        start_seconds=options.start,
        seed=options.seed,
        max_duration_seconds=options.seconds,
        framing=Framing(aspect=options.aspect, face=options.face),
        prompt=options.prompt,
    )
    settings = EngineSettings(options.weights, options.device)
    profile = get_profile(request.profile)
    availability = find_availability(profile, settings)
    if not availability.available:
        raise EngineUnavailableError(availability.reason)
    result = generate(request, create_engine(profile.model, settings), options.output, _show)
    sys.stderr.write("\n")
    for notice in result.notices:
        sys.stderr.write(f"Note: {notice.text}\n")
    sys.stdout.write(
        f"{result.path}: {result.speech_seconds:.1f} s of video in {result.compute_seconds:.1f} s, seed {result.seed}\n"
    )
    return True


def _show(progress: Progress) -> None:
    sys.stderr.write(f"\r{progress.percent:3.0f} % {progress.stage:12}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline", description="Make a talking video from a photo and a voice."
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("voice", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--profile", default="preview", choices=list(PROFILES))
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--aspect", default="auto", choices=["auto", "16:9", "1:1", "9:16"])
    parser.add_argument("--face", type=int)
    parser.add_argument("--prompt", default="")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
