"""What the mark says, and that its code corrects errors."""

import numpy as np
import pytest

from pipeline.watermark import Payload
from pipeline.watermark.convolution import decode, encode
from pipeline.watermark.payload import NUM_BITS, pack, unpack

PAYLOAD = Payload.for_job("mGxq1X0Zb3Y", b"the key of a deployment")


def test_names_the_job_without_its_id() -> None:
    assert Payload.for_job("mGxq1X0Zb3Y", b"the key of a deployment") == PAYLOAD
    assert (len(PAYLOAD.short_id), int(PAYLOAD.short_id, 16)) == (8, PAYLOAD.job)
    assert PAYLOAD.short_id == Payload.for_job("mGxq1X0Zb3Y", b"another").short_id
    assert PAYLOAD.short_id != Payload.for_job("mGxq1X0Zb3Z", b"the key of a deployment").short_id


def test_names_the_deployment_to_whoever_has_its_key() -> None:
    assert PAYLOAD.is_made_with(b"the key of a deployment")
    assert not PAYLOAD.is_made_with(b"the key of another")


@pytest.mark.parametrize("payload", [PAYLOAD, Payload(0, 0), Payload(2**32 - 1, 2**16 - 1)])
def test_is_read_back(payload: Payload) -> None:
    assert unpack(pack(payload)) == payload


def test_notices_each_wrong_bit() -> None:
    words = pack(PAYLOAD) ^ np.eye(NUM_BITS, dtype=np.uint8)
    assert [unpack(word) for word in words] == [None] * NUM_BITS
    assert unpack(np.zeros(NUM_BITS, np.uint8)) is None


def test_code_corrects_one_bit_in_eight() -> None:
    generator = np.random.default_rng(5)
    soft = (2.0 * encode(pack(PAYLOAD)) - 1 + generator.normal(0, 0.9, 216)).astype(np.float32)
    assert np.mean((soft > 0) != encode(pack(PAYLOAD))) > 1 / 8
    assert unpack(decode(soft)) == PAYLOAD
