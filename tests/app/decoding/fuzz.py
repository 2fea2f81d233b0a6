"""Feed damaged files of every kind to decoders: `python -m tests.app.decoding.fuzz SECONDS [SEED]`.

Each answer has to be a result or a reason, within its time; how many of which is told, and how often a decoder died.
"""

import asyncio
import logging
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp

from app.decoding import Decoders, DecoderSettings
from pipeline.errors import InputError
from pipeline.request import Framing
from tests.photos import encode, open_hopper
from tests.voices import KINDS, make_tone, write_voice

_AT_ONCE = 2
_LONG_SECONDS = 5.0
_PICTURES = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF")


def make_samples(folder: Path) -> dict[str, bytes]:
    """Return a small file of each kind."""
    picture = open_hopper((288, 352))
    photos = {f"image {kind}": encode(picture, kind) for kind in _PICTURES}
    photos["image JPEG, progressive"] = encode(picture, "JPEG", progressive=True)
    photos["image PNG, colours"] = encode(picture.quantize(64), "PNG")
    voices = {}
    for name, kind in KINDS.items():
        tone = make_tone(1.5, kind.sampling_rate, num_channels=2)
        voices[f"audio {name}"] = write_voice(folder / "voice", tone, kind).read_bytes()
    return photos | voices


def damage(content: bytes, rng: random.Random) -> bytes:
    """Return a file with some of its bytes changed, moved, cut or repeated; mostly near the start, where sizes are."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = min(int(rng.expovariate(1 / rng.choice((60, 600, len(changed) / 2 + 1)))), max(len(changed) - 1, 0))
        length = rng.choice((1, 1, 2, 4, 8, 300))
        match rng.randrange(6):
            case 0:
                changed[place : place + 1] = bytes(byte ^ 1 << rng.randrange(8) for byte in changed[place : place + 1])
            case 1:
                changed[place : place + length] = rng.randbytes(length)
            case 2:
                changed[place : place + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = changed[place : place + length] * rng.choice((1, 1, 50))
            case _:
                del changed[max(place, 16) :]
    return bytes(changed)


async def try_file(decoders: Decoders, kind: str, path: Path) -> str:
    """Have a file opened; return how it ended."""
    try:
        if kind.startswith("image"):
            await decoders.frame(path, Framing(), "480p")
        else:
            await decoders.listen(path)
            await decoders.extract(path, path.with_suffix(".wav"), 2.0)
    except InputError as error:
        return error.notice.code
    except Exception as error:  # noqa: BLE001 - what is looked for
        return f"!! {error!r}"
    return "taken"


async def fuzz(folder: Path, seconds: float, rng: random.Random) -> None:
    decoders = Decoders(DecoderSettings(server_pid=os.getpid(), cpu_seconds=20))
    samples, ends, slowest = make_samples(folder), Counter[str](), Counter[str]()
    names = iter(lambda: rng.choice(list(samples)), None)
    ends_at = time.monotonic() + seconds

    async def work(number: int) -> None:
        while time.monotonic() < ends_at:
            kind = next(names)
            path = folder / f"{number}.bin"
            path.write_bytes(content := damage(samples[kind], rng))
            started = time.monotonic()
            end = await try_file(decoders, kind, path)
            took = time.monotonic() - started
            ends[f"{kind.split()[0]}: {end}"] += 1
            slowest[kind] = max(slowest[kind], took)  # type: ignore[assignment] # seconds
            if end.startswith("!!") or end.endswith("undecodable") or took > _LONG_SECONDS:
                kept = keep(content)
                say(f"{kind}: {end} after {took:.1f} s, kept as {kept}")

    await asyncio.gather(*map(work, range(_AT_ONCE)))
    await decoders.close()
    for end, count in sorted(ends.items()):
        say(f"{count:7} {end}")
    say("slowest: " + ", ".join(f"{kind} {took:.1f} s" for kind, took in slowest.most_common(3)))


def keep(content: bytes) -> Path:
    """Write a file down that is to be looked at."""
    descriptor, name = mkstemp(prefix="fuzz-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return Path(name)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    logging.basicConfig(stream=sys.stdout)
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with TemporaryDirectory() as folder:
        asyncio.run(fuzz(Path(folder), seconds, random.Random(seed)))


if __name__ == "__main__":
    main()
