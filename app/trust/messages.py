"""What the server tells a process that signs, on its standard input, and what that answers."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.credentials import Identity, Making


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class SealOrder(_Told):
    """Files to sign. The key comes with it: a process that signs reads no settings and no folder of keys.

    Attributes:
        files: The video and its poster.
        archive: The photo's own credentials; None leaves them out.
        time_stamp_url: None asks for no time stamp.
    """

    files: tuple[Path, ...]
    archive: Path | None
    making: Making
    identity: Identity
    time_stamp_url: str | None


class Sealed(_Told):
    """The end of an order.

    Attributes:
        trouble: Why the files are not signed; "" if they are.
        lacks_time_stamp: A time stamp was asked for and did not come.
    """

    trouble: str = ""
    lacks_time_stamp: bool = False
