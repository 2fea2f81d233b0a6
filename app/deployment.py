"""The deployment's settings: one environment variable each, read where `deploy.py` is run and again in its containers.

Needs nothing but Python itself, so that a machine that only deploys has to install nothing else.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any

_APP_PREFIX = "VIDEO_LAB_"
_PREFIX = f"{_APP_PREFIX}MODAL_"
_NOT_PASSED_ON = {
    "PASSWORD",
    "HOST",
    "PORT",
    "TRUSTED_PROXIES",  # Modal tells the client's own address without a header
    "DATA_DIR",
    "WEIGHTS_DIR",
    "DEVICE",
    "NUM_GPUS",
    "WORKERS",
    "LIVE",
}
"""Settings of the app that the deployment decides, or that are secret."""


class DeploymentSettingsError(Exception):
    """A setting has a value that cannot be used; the message names variable, value and what is allowed."""


@dataclass(frozen=True)
class Deployment:
    """What may be set of the deployment. Each field is the environment variable `VIDEO_LAB_MODAL_<NAME>`.

    Attributes:
        app: Name of the app; its volumes and its dict are named after it.
        secret: Name of the secret that has HF_TOKEN.
        gpu: Kinds of GPU, the preferred one first; Modal takes the first that is free.
        region: Where containers run; empty leaves it to Modal.
        min_gpus: GPU containers that are kept running, and paid for, all the time.
        max_gpus: GPU containers at most; each makes one video at a time.
        team_gpus: GPUs that make one video together, in containers of their own; 1 has no such containers.
        team_profiles: Profiles whose videos are made by several GPUs.
        gpu_idle_seconds: How long a GPU container waits for the next job before it is given back.
        gpu_memory_gb: CPU memory that a GPU container is sure to have, and that is paid for; it may use more.
        snapshot: Whether imports are restored from a memory snapshot instead of being done anew.
        min_webs: 1 keeps the web container running, so that the page opens at once.
        web_idle_seconds: How long the web container waits for the next request before it is given back.
        proxy_auth: Whether Modal asks every client for its own proxy tokens.
        turbo_minutes: Time limit of a video of the profile turbo.
        fast_lora_minutes: Of the profile fast_lora.
        fast_minutes: Of the profile fast.
        low_vram_minutes: Of the profile low_vram.
        balanced_minutes: Of the profile balanced.
        quality_minutes: Of the profile quality.
        data_path: Where containers have the data volume.
        weights_path: Where containers have the weights volume.
        compiled_path: Where GPU containers have the volume of what was compiled for the model.
    """

    app: str = "video-lab"
    secret: str = "HF_SECRET"  # noqa: S105 - a secret's name
    gpu: str = "A100-80GB,H100"
    region: str = ""
    min_gpus: int = field(default=0, metadata={"range": (0, 10)})
    max_gpus: int = field(default=1, metadata={"range": (1, 50)})
    team_gpus: int = field(default=1, metadata={"range": (1, 8)})
    team_profiles: str = "quality"
    gpu_idle_seconds: int = field(default=120, metadata={"range": (2, 3600)})
    gpu_memory_gb: int = field(default=32, metadata={"range": (8, 336)})
    snapshot: bool = False
    min_webs: int = field(default=0, metadata={"range": (0, 1)})
    web_idle_seconds: int = field(default=300, metadata={"range": (2, 3600)})
    proxy_auth: bool = False
    turbo_minutes: int = field(default=30, metadata={"range": (1, 1380)})
    fast_lora_minutes: int = field(default=30, metadata={"range": (1, 1380)})
    fast_minutes: int = field(default=30, metadata={"range": (1, 1380)})
    low_vram_minutes: int = field(default=60, metadata={"range": (1, 1380)})
    balanced_minutes: int = field(default=240, metadata={"range": (1, 1380)})
    quality_minutes: int = field(default=720, metadata={"range": (1, 1380)})
    data_path: str = "/data"
    weights_path: str = "/weights"
    compiled_path: str = "/compiled"

    @property
    def gpus(self) -> list[str]:
        """The kinds of GPU, the preferred one first."""
        return [name.strip() for name in self.gpu.split(",")]

    def count_gpus(self, profile: str) -> int:
        """Return how many GPUs make a video of the profile together."""
        return self.team_gpus if profile in map(str.strip, self.team_profiles.split(",")) else 1

    @property
    def time_limits(self) -> dict[str, float]:
        """Seconds that a video may take, by profile."""
        minutes = {
            "turbo": self.turbo_minutes,
            "fast_lora": self.fast_lora_minutes,
            "fast": self.fast_minutes,
            "low_vram": self.low_vram_minutes,
            "balanced": self.balanced_minutes,
            "quality": self.quality_minutes,
        }
        return {profile: 60.0 * limit for profile, limit in minutes.items()}

    @property
    def prepared_weights(self) -> PurePosixPath:
        """The folder of the weights as the engine loads them."""
        return PurePosixPath(self.weights_path) / "infinitetalk"


def read_deployment(environment: Mapping[str, str] = os.environ) -> Deployment:
    """Read the settings from the environment; empty variables count as not set.

    Raises:
        DeploymentSettingsError: A value cannot be used, or there is no setting of that name.
    """
    found = {name.removeprefix(_PREFIX).lower(): value for name, value in environment.items() if _is_given(name, value)}
    known: dict[str, Any] = {one.name: one for one in fields(Deployment)}
    if unknown := sorted(set(found) - set(known)):
        names = ", ".join(_PREFIX + name.upper() for name in known)
        raise DeploymentSettingsError(f"There is no setting {_PREFIX}{unknown[0].upper()}. There are: {names}.")
    values: dict[str, Any] = {name: _read(known[name], value) for name, value in found.items()}
    return Deployment(**values)


def passed_on(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that containers need in order to have the same settings; never the password."""
    names = (
        name
        for name in environment
        if name.startswith(_APP_PREFIX) and name.removeprefix(_APP_PREFIX) not in _NOT_PASSED_ON
    )
    return {name: environment[name] for name in sorted(names) if environment[name]}


def _is_given(name: str, value: str) -> bool:
    return name.startswith(_PREFIX) and bool(value)


def _read(setting: Any, value: str) -> str | int | bool:  # noqa: ANN401 - a dataclass's field, whose default is of any type
    if isinstance(setting.default, bool):
        return _read_switch(setting.name, value)
    if isinstance(setting.default, int):
        return _read_number(setting.name, value, *setting.metadata["range"])
    return value


def _read_switch(name: str, value: str) -> bool:
    if value.lower() not in {"0", "1", "true", "false"}:
        raise DeploymentSettingsError(f"{_PREFIX}{name.upper()} is '{value}'. Allowed: 1 or 0.")
    return value.lower() in {"1", "true"}


def _read_number(name: str, value: str, lowest: int, highest: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = lowest - 1
    if not lowest <= number <= highest:
        allowed = f"a whole number from {lowest} to {highest}"
        raise DeploymentSettingsError(f"{_PREFIX}{name.upper()} is '{value}'. Allowed: {allowed}.")
    return number
