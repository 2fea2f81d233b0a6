"""The deployment's settings: one environment variable each, read where `deploy.py` is run and again in its containers.

Needs nothing but Python itself, so that a machine that only deploys has to install nothing else.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any

from pipeline.devices import DEFAULT_DEVICE, DEVICES, find_device
from pipeline.engines import GPU_PROFILES, PROFILES
from pipeline.profiles import Model

_MINUTES_AFTER_THE_LAST_STEP = 30
_LOADING_SECONDS = 60
_APP_PREFIX = "VIDEO_LAB_"
_PREFIX = f"{_APP_PREFIX}MODAL_"
_PASSED_ON = {
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "CORS_ORIGINS",
    "PRECISION",
    "ATTENTION",
    "COMPILED",
    "DMD_SCALE",
    "QUEUE_SIZE",
    "REQUEST_LIMIT_SECONDS",
    "RESULT_HOURS",
    "MAX_PHOTO_MB",
    "MAX_VOICE_MB",
    "MAX_UPLOADS_MB",
    "UPLOAD_HOURS",
    "CONSENT",
    "CONTENT_CREDENTIALS",
    "WATERMARK",
    "CERTIFICATE",
    "CERTIFICATE_KEY",
    "TIME_STAMP_URL",
    "TRUST_LIST",
    "WEBHOOK_HOSTS",
    "PAGE",
    "MCP",
    "LOG_FORMAT",
    "DRAIN_SECONDS",
    "LOG_LEVEL",
}
"""Settings of the app that containers have, too: neither those that the deployment decides, nor what is secret."""


class DeploymentSettingsError(Exception):
    """A setting has a value that cannot be used; the message names variable, value and what is allowed."""


@dataclass(frozen=True)
class Setting:
    """One environment variable.

    Attributes:
        name: In lower case, without what all of them begin with.
        default: Where it is not set; of the same type as its values.
        range: Of a number, the lowest and the highest.
        profile: The profile that it is for; empty where it is for all.
    """

    name: str
    default: str | int | bool
    range: tuple[int, int] | None = None
    profile: str = ""


@dataclass(frozen=True)
class Deployment:
    """What may be set of the deployment.

    Each field is the environment variable `VIDEO_LAB_MODAL_<NAME>`, but for the two whose keys are profiles.

    Attributes:
        app: Name of the app; its volumes and its dict are named after it.
        secret: Name of the secret that has HF_TOKEN.
        gpu: Kinds of GPU, the preferred one first; Modal takes the first that is free.
        profile_gpus: The kind for a profile, in place of these: `VIDEO_LAB_MODAL_GPU_<PROFILE>`.
        region: Where containers run; empty leaves it to Modal.
        routing_region: Where requests and jobs go through on their way to containers; empty leaves it to Modal.
        min_gpus: GPU containers of the first model that are kept running, and paid for, all the time.
        buffer_gpus: GPU containers of that model that are kept ready beyond those at work, as long as any are at work.
        max_gpus: GPU containers at most, of each model and each kind that profiles have to themselves; each makes one
            video at a time.
        team_gpus: GPUs that make one video together, in containers of their own; 1 has no such containers.
        team_profiles: Profiles whose videos are made by several GPUs.
        gpu_idle_seconds: How long a GPU container waits for the next job before it is given back.
        gpu_memory_gb: CPU memory that a GPU container is sure to have, and that is paid for; it may use more.
        snapshot: Whether imports are restored from a memory snapshot instead of being done anew.
        gpu_snapshot: Whether the loaded model itself is restored from a snapshot of the GPU's memory, which Modal calls
            alpha.
        wake: The profile whose GPU is woken by the first photo or voice that somebody sends; empty wakes none.
        min_webs: 1 keeps the web container running, so that the page opens at once.
        web_idle_seconds: How long the web container waits for the next request before it is given back.
        proxy_auth: Whether Modal asks every client for its own proxy tokens.
        open: Whether anybody who knows the address may use the app: no password, no proxy tokens.
        dollars_per_day: What the web app's videos may cost in 24 hours; 0 sets no limit.
        max_minutes: What no video may take longer than; Modal ends everything after 24 hours.
        profile_minutes: What no video of a profile may take longer than: `VIDEO_LAB_MODAL_<PROFILE>_MINUTES`; 0 leaves
            it at the profile's own limit or, where it has none, at `max_minutes`.
        bucket: The bucket that finished videos are moved to; empty leaves them on the data volume.
        bucket_endpoint: Address of its service, where that is not S3.
        bucket_secret: Name of the secret that has its keys.
        data_path: Where containers have the data volume.
        weights_path: Where containers have the weights volume.
        trust_path: Where the web container has the volume of keys that videos are signed with.
        compiled_path: Where GPU containers have the volume of what was compiled for the model.
        bucket_path: Where containers without a GPU have the bucket.
    """

    app: str = "video-lab"
    secret: str = "HF_SECRET"  # noqa: S105 - a secret's name
    gpu: str = "A100-80GB,H100"
    profile_gpus: Mapping[str, str] = field(default_factory=dict)
    region: str = ""
    routing_region: str = ""
    min_gpus: int = field(default=0, metadata={"range": (0, 10)})
    buffer_gpus: int = field(default=0, metadata={"range": (0, 10)})
    max_gpus: int = field(default=1, metadata={"range": (1, 50)})
    team_gpus: int = field(default=1, metadata={"range": (1, 8)})
    team_profiles: str = "quality"
    gpu_idle_seconds: int = field(default=120, metadata={"range": (2, 3600)})
    gpu_memory_gb: int = field(default=32, metadata={"range": (8, 336)})
    snapshot: bool = False
    gpu_snapshot: bool = False
    wake: str = ""
    min_webs: int = field(default=0, metadata={"range": (0, 1)})
    web_idle_seconds: int = field(default=300, metadata={"range": (2, 3600)})
    proxy_auth: bool = False
    open: bool = False
    dollars_per_day: int = field(default=20, metadata={"range": (0, 100_000)})
    max_minutes: int = field(default=1410, metadata={"range": (1, 1410)})
    profile_minutes: Mapping[str, int] = field(default_factory=dict)
    bucket: str = ""
    bucket_endpoint: str = ""
    bucket_secret: str = "BUCKET_SECRET"  # noqa: S105 - a secret's name
    data_path: str = "/data"
    weights_path: str = "/weights"
    trust_path: str = "/trust"
    compiled_path: str = "/compiled"
    bucket_path: str = "/bucket"

    @property
    def gpus(self) -> list[str]:
        """The kinds of GPU, the preferred one first."""
        return _split(self.gpu)

    def find_gpu(self, profile: str) -> str:
        """Return the kind of GPU that the profile has to itself; empty where it has none."""
        return self.profile_gpus.get(profile, "").strip()

    def find_gpus(self, profile: str) -> list[str]:
        """Return the kinds of GPU that make videos of the profile, the preferred one first."""
        own = self.find_gpu(profile)
        return [own] if own else self.gpus

    @property
    def num_pools(self) -> int:
        """How many kinds of GPU containers make videos, each of which has jobs of its own."""
        pools = {(PROFILES[name].model, *self.find_gpus(name), self.count_gpus(name)) for name in self.time_limits}
        return len(pools)

    def name_gpu_setting(self, profile: str) -> str:
        """Return the variable that gives the profile a kind of GPU to itself."""
        return f"{_PREFIX}GPU_{profile.upper()}"

    @property
    def has_snapshots(self) -> bool:
        """Whether a container of one GPU starts from a snapshot: of the CPU's memory, at least."""
        return self.snapshot or self.gpu_snapshot

    @property
    def wake_dollars(self) -> float:
        """What it costs to wake a GPU for nothing: loading, and waiting for a job that does not come."""
        kind = find_device(self.find_gpus(self.wake)[0]) or DEFAULT_DEVICE
        seconds = _LOADING_SECONDS + self.gpu_idle_seconds
        return round(self.count_gpus(self.wake) * seconds * DEVICES[kind].dollars_per_second, 3)

    @property
    def run_timeout(self) -> int:
        """Seconds after which Modal ends a run that does not end by itself: room for what follows its last step."""
        return 60 * (self.max_minutes + _MINUTES_AFTER_THE_LAST_STEP)

    def count_gpus(self, profile: str) -> int:
        """Return how many GPUs make a video of the profile together."""
        return self.team_gpus if profile in _split(self.team_profiles) else 1

    @property
    def time_limits(self) -> dict[str, float]:
        """Seconds that no video may take longer than, by profile."""
        return {name: 60.0 * self._find_minutes(name) for name in GPU_PROFILES}

    def _find_minutes(self, profile: str) -> int:
        own = self.profile_minutes.get(profile) or PROFILES[profile].max_minutes
        return min(own or self.max_minutes, self.max_minutes)

    def find_weights(self, model: Model) -> PurePosixPath:
        """Return the folder of a model's weights as its engine loads them."""
        return PurePosixPath(self.weights_path) / model


def read_deployment(environment: Mapping[str, str] = os.environ) -> Deployment:
    """Read the settings from the environment; empty variables count as not set.

    Raises:
        DeploymentSettingsError: A value cannot be used, or there is no setting of that name.
    """
    found = {name.removeprefix(_PREFIX).lower(): value for name, value in environment.items() if _is_given(name, value)}
    known = {setting.name: setting for setting in list_settings()}
    if unknown := sorted(set(found) - set(known)):
        names = ", ".join(_PREFIX + name.upper() for name in known)
        raise DeploymentSettingsError(f"There is no setting {_PREFIX}{unknown[0].upper()}. There are: {names}.")
    values: dict[str, Any] = {name: _read(known[name], value) for name, value in found.items()}
    deployment = Deployment(
        **{name: value for name, value in values.items() if not known[name].profile},
        profile_gpus={name: values[key] for name in GPU_PROFILES if (key := f"gpu_{name}") in values},
        profile_minutes={name: values[key] for name in GPU_PROFILES if (key := f"{name}_minutes") in values},
    )
    _check_own_gpus(deployment)
    _check_wake(deployment)
    return deployment


def list_settings() -> Iterator[Setting]:
    """Yield all that may be set: the fields of `Deployment`, and for each profile its GPU and its minutes."""
    for one in fields(Deployment):
        if one.default is not MISSING:
            yield Setting(one.name, one.default, one.metadata.get("range"))
    for profile in GPU_PROFILES:
        yield Setting(f"gpu_{profile}", "", profile=profile)
        yield Setting(f"{profile}_minutes", 0, (0, 1410), profile)


def passed_on(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that containers need in order to have the same settings; never the password or a key."""
    ours = {_APP_PREFIX + name for name in _PASSED_ON}
    names = ours | {_PREFIX + setting.name.upper() for setting in list_settings()}
    return {name: environment[name] for name in sorted(names) if environment.get(name)}


def _check_own_gpus(deployment: Deployment) -> None:
    for profile in GPU_PROFILES:
        if "," in (own := deployment.find_gpu(profile)):
            name = deployment.name_gpu_setting(profile)
            raise DeploymentSettingsError(f"{name} is '{own}'. Allowed: one kind, such as H100.")


def _check_wake(deployment: Deployment) -> None:
    if deployment.wake and deployment.wake not in GPU_PROFILES:
        allowed = ", ".join(GPU_PROFILES)
        raise DeploymentSettingsError(f"{_PREFIX}WAKE is '{deployment.wake}'. Allowed: one of {allowed}.")


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",")]


def _is_given(name: str, value: str) -> bool:
    return name.startswith(_PREFIX) and bool(value)


def _read(setting: Setting, value: str) -> str | int | bool:
    if isinstance(setting.default, bool):
        return _read_switch(setting.name, value)
    if setting.range is not None:
        return _read_number(setting.name, value, *setting.range)
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
