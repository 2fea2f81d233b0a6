"""What the watermark says: which job made the video, and a tag that only the deployment can make for it."""

import hashlib
import hmac
from binascii import crc_hqx
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint8]

JOB_BITS, TAG_BITS, CHECK_BITS = 32, 16, 16
NUM_BITS = JOB_BITS + TAG_BITS + CHECK_BITS
_NUM_BYTES = NUM_BITS // 8
_CHECK_START = 0x1D0F
"""Other than 0, so that the word of zeros is none."""


@dataclass(frozen=True)
class Payload:
    """What a video carries.

    Attributes:
        job: Short id, 32 bits: a hash of the job's id, which opens the video and must not be read from it.
        tag: 16 bits that follow from `job` and the deployment's key.
    """

    job: int
    tag: int

    @classmethod
    def for_job(cls, job_id: str, key: bytes) -> Self:
        """Return what the video of a job carries, made by the deployment that has the key."""
        job = int.from_bytes(hashlib.sha256(b"video-lab job " + job_id.encode()).digest()[: JOB_BITS // 8], "big")
        return cls(job, _make_tag(job, key))

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the payload of a `text`."""
        number = int(text, 16)
        return cls(number >> TAG_BITS, number & ((1 << TAG_BITS) - 1))

    @property
    def text(self) -> str:
        """All of it in hexadecimal digits."""
        return f"{self.job << TAG_BITS | self.tag:0{(JOB_BITS + TAG_BITS) // 4}x}"

    @property
    def short_id(self) -> str:
        """The job's short id in hexadecimal digits."""
        return f"{self.job:0{JOB_BITS // 4}x}"

    def is_made_with(self, key: bytes) -> bool:
        """Whether the deployment that has this key made it; 1 of 65,536 foreign ones seems so."""
        return self.tag == _make_tag(self.job, key)


def pack(payload: Payload) -> Bits:
    """Return the payload and its checksum as bits (NUM_BITS,), 0 or 1."""
    body = (payload.job << TAG_BITS | payload.tag).to_bytes(_NUM_BYTES - CHECK_BITS // 8, "big")
    word = body + crc_hqx(body, _CHECK_START).to_bytes(CHECK_BITS // 8, "big")
    return np.unpackbits(np.frombuffer(word, np.uint8))


def unpack(bits: Bits) -> Payload | None:
    """Return the payload of bits (NUM_BITS,), or None where the checksum is wrong."""
    word = np.packbits(bits).tobytes()
    body, check = word[: -CHECK_BITS // 8], word[-CHECK_BITS // 8 :]
    if crc_hqx(body, _CHECK_START) != int.from_bytes(check, "big"):
        return None
    number = int.from_bytes(body, "big")
    return Payload(number >> TAG_BITS, number & ((1 << TAG_BITS) - 1))


def _make_tag(job: int, key: bytes) -> int:
    digest = hmac.digest(key, b"video-lab watermark " + job.to_bytes(JOB_BITS // 8, "big"), "sha256")
    return int.from_bytes(digest[: TAG_BITS // 8], "big")
