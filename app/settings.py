"""The app's settings: one environment variable each, checked at start."""

import os
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.log import LogFormat
from pipeline.engine import EngineSettings, PrecisionSetting
from pipeline.errors import CertificateError

if TYPE_CHECKING:
    from pipeline.credentials import Identity

Network = IPv4Network | IPv6Network

PREFIX = "VIDEO_LAB_"
KEY_PREFIX = "vl_"
"""What keys begin with."""
MEGABYTE = 1_000_000
_ORIGIN = r"^(?i:https?)://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?$"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names variable, value and what is allowed."""


def _split(value: object) -> object:
    """Take a text apart at its commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _spell_origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """Spell origins as browsers do: in small letters, without the port that the scheme has by itself."""
    lower = (value.lower().rstrip("/") for value in values)
    ports = {"http": ":80", "https": ":443"}
    return tuple(value.removesuffix(ports[value.partition(":")[0]]) for value in lower)


def _parse_network(value: object) -> object:
    """Take an address inside of a network for the network."""
    return ip_network(value, strict=False) if isinstance(value, str) else value


def _check_password(value: SecretStr) -> SecretStr:
    """Refuse a password that would never get in: it would be taken for a key, or forms would send it without blanks."""
    secret = value.get_secret_value()
    if secret.startswith(KEY_PREFIX) or secret != secret.strip():
        raise ValueError
    return value


class Settings(BaseSettings):
    """What may be set of the app. Each field is the environment variable `VIDEO_LAB_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    host: Annotated[
        str,
        Field(
            min_length=1,
            description="The address to listen on. 0.0.0.0 lets other machines in; set a password then.",
            json_schema_extra={"allowed": "a host name or an IP address"},
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Field(
            ge=1,
            le=65535,
            description="The port of the page and of the REST API.",
            json_schema_extra={"allowed": "a whole number from 1 to 65535"},
        ),
    ] = 7860
    public_url: Annotated[
        HttpUrl | None,
        Field(
            description="Where people reach the app, for links to share. Not set: the address of each request.",
            json_schema_extra={"allowed": "an http or https address"},
        ),
    ] = None
    allowed_hosts: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$")], ...],
        NoDecode,
        BeforeValidator(_split),
        Field(
            description="Names the app goes by, besides its addresses and the public URL. Not set: those of the local "
            "network, or any if a password is asked.",
            json_schema_extra={"allowed": "names such as video.example.com, *.example.com or *, with commas"},
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[Annotated[Network, BeforeValidator(_parse_network)], ...],
        NoDecode,
        BeforeValidator(_split),
        Field(
            description="Proxies whose X-Forwarded-For, -Proto and -Host are believed. Not set: nobody's.",
            json_schema_extra={"allowed": "IP addresses and networks, with commas between them"},
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[Annotated[str, Field(pattern=_ORIGIN)], ...],
        NoDecode,
        BeforeValidator(_split),
        AfterValidator(_spell_origins),
        Field(
            description="Origins whose pages may use the REST API, with a key (docs/api.md). Not set: none.",
            json_schema_extra={"allowed": "origins such as https://app.example.com, with commas"},
        ),
    ] = ()
    password: Annotated[
        Annotated[SecretStr, AfterValidator(_check_password)] | None,
        Field(
            min_length=8,
            description="Asked of everyone who has no key (HTTP Basic, any user name), except for /health, /ready, "
            "/verify and /sign-in. Not set, and no key made: no one is asked.",
            json_schema_extra={"allowed": "at least 8 characters, not `vl_` first, and no blank first or last"},
        ),
    ] = None
    data_dir: Annotated[
        Path,
        Field(
            description="The folder of jobs and results. One server at a time uses it.",
            json_schema_extra={"allowed": "a folder that can be written to, made if it is missing"},
        ),
    ] = Path("data")
    weights_dir: Annotated[
        Path | None,
        Field(
            description="The folder of prepared weights of one model, or of such folders, each named after its "
            "model. Not set: profiles that need a GPU are unavailable.",
            json_schema_extra={"allowed": "a folder that exists"},
        ),
    ] = None
    device: Annotated[
        str,
        Field(
            pattern=r"^(auto|cpu|cuda(:\d+)?)$",
            description="Where models compute.",
            json_schema_extra={"allowed": "auto, cpu, cuda, cuda:0, cuda:1, ..."},
        ),
    ] = "auto"
    precision: Annotated[
        PrecisionSetting,
        Field(
            description="Of the large model's weights. auto: bf16, or int8 where the GPU does not hold them all.",
            json_schema_extra={"allowed": "auto, bf16, fp8, int8"},
        ),
    ] = "auto"
    attention: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_]+$",
            description="How the large model attends. auto: the fastest right one that is installed is measured.",
            json_schema_extra={"allowed": "auto, or a name in diffusers such as flash, flash_4_hub, xformers, sage"},
        ),
    ] = "auto"
    compiled: Annotated[
        bool,
        Field(
            description="Whether to compile the large model on a GPU while it loads.",
            json_schema_extra={"allowed": "on or off"},
        ),
    ] = True
    num_gpus: Annotated[
        int,
        Field(
            ge=1,
            le=8,
            description="GPUs of this machine that make one video together, all of one kind, from the device on.",
            json_schema_extra={"allowed": "a whole number from 1 to 8"},
        ),
    ] = 1
    dmd_scale: Annotated[
        float,
        Field(
            ge=0,
            le=2,
            allow_inf_nan=False,
            description="How much is added of the LoRA that lets LongCat do with eight steps (DMD). At 1, as it was "
            "trained, users report red lips and exaggerated faces, and less of them at 0.3.",
            json_schema_extra={"allowed": "a number from 0 to 2"},
        ),
    ] = 1.0
    workers: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Jobs that run at the same time on this machine, each in a process of its own.",
            json_schema_extra={"allowed": "a whole number from 1 to 64"},
        ),
    ] = 1
    queue_size: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="Jobs that may wait. More are answered with 503 and Retry-After.",
            json_schema_extra={"allowed": "a whole number from 1 to 10000"},
        ),
    ] = 100
    request_limit_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            allow_inf_nan=False,
            description="How long POST /generate waits for its video before it answers 504. The job goes on. On Modal: "
            "1800 unless set.",
            json_schema_extra={"allowed": "a number from 1 to 86400"},
        ),
    ] = 120.0
    result_hours: Annotated[
        float,
        Field(
            gt=0,
            le=8760,
            allow_inf_nan=False,
            description="How long results are kept after a job has ended.",
            json_schema_extra={"allowed": "a number above 0, up to 8760 (a year)"},
        ),
    ] = 24.0
    max_photo_mb: Annotated[
        float,
        Field(
            gt=0,
            le=50,
            allow_inf_nan=False,
            description="The largest photo accepted, in megabytes.",
            json_schema_extra={"allowed": "a number above 0, up to 50"},
        ),
    ] = 50.0
    max_voice_mb: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            allow_inf_nan=False,
            description="The largest recording accepted, in megabytes.",
            json_schema_extra={"allowed": "a number above 0, up to 100"},
        ),
    ] = 100.0
    max_uploads_mb: Annotated[
        float,
        Field(
            ge=1,
            le=1_000_000,
            allow_inf_nan=False,
            description="What uploads of the page and the bodies of requests may take together, in megabytes. "
            "One client may have 600 of them. Files of `POST /uploads` have half of it besides, and files to verify a "
            "quarter, and room for at least four of the largest.",
            json_schema_extra={"allowed": "a number from 1 to 1000000"},
        ),
    ] = 4000.0
    upload_hours: Annotated[
        float,
        Field(
            gt=0,
            le=8760,
            allow_inf_nan=False,
            description="How many hours a file of `POST /uploads` is kept after it was last used.",
            json_schema_extra={"allowed": "a number above 0, up to 8760"},
        ),
    ] = 24.0
    consent: Annotated[
        Literal["off", "asked", "required"],
        Field(
            description="Who has to say that face and voice may be used (docs/trust.md). asked: whoever uses the page. "
            "required: everybody.",
            json_schema_extra={"allowed": "off, asked, required"},
        ),
    ] = "asked"
    content_credentials: Annotated[
        bool,
        Field(
            description="Signs videos with Content Credentials (docs/trust.md).",
            json_schema_extra={"allowed": "on, off"},
        ),
    ] = True
    watermark: Annotated[
        bool,
        Field(
            description="Puts a mark that is not seen into videos (docs/trust.md).",
            json_schema_extra={"allowed": "on, off"},
        ),
    ] = True
    certificate: Annotated[
        Path | None,
        Field(
            description="Certificates to sign with: the key's own first, then those that vouch for it. Not set: one "
            "of the app's own.",
            json_schema_extra={"allowed": "a PEM file, together with the key"},
        ),
    ] = None
    certificate_key: Annotated[
        Path | None,
        Field(
            description="The private key of the certificate.",
            json_schema_extra={"allowed": "a PEM file without a passphrase"},
        ),
    ] = None
    time_stamp_url: Annotated[
        HttpUrl | None,
        Field(
            description="A time-stamp service (RFC 3161), asked at each signing: signatures then outlive the "
            "certificate.",
            json_schema_extra={"allowed": "an http or https address"},
        ),
    ] = None
    trust_list: Annotated[
        Path | None,
        Field(
            description="Certificates of authorities whose signatures POST /verify calls trusted.",
            json_schema_extra={"allowed": "a PEM file with certificates"},
        ),
    ] = None
    webhook_hosts: Annotated[
        tuple[Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$")], ...],
        NoDecode,
        BeforeValidator(_split),
        Field(
            description="Hosts that webhooks, and files named by URL, may also reach by http or on a private network "
            "(docs/service.md). Others have to be on the public Internet, with https.",
            json_schema_extra={"allowed": "names and IP addresses, each perhaps with :port, with commas"},
        ),
    ] = ()
    page: Annotated[
        bool,
        Field(
            description="Serves the page beside the REST API. Off starts faster and takes less memory.",
            json_schema_extra={"allowed": "on, off"},
        ),
    ] = True
    bucket_dir: Annotated[
        Path | None,
        Field(
            description="A mounted bucket that finished videos are moved to. Not set: they stay in the data folder.",
            json_schema_extra={"allowed": "a folder"},
        ),
    ] = None
    mcp: Annotated[
        bool,
        Field(
            description="Serves /mcp, the tools for assistants (Model Context Protocol; docs/service.md).",
            json_schema_extra={"allowed": "on, off"},
        ),
    ] = True
    live: Annotated[
        Literal["auto", "on", "off"],
        Field(
            description="Shows a video while it is made; `auto` is on.",
            json_schema_extra={"allowed": "auto, on, off"},
        ),
    ] = "auto"
    log_format: Annotated[
        LogFormat,
        Field(
            description="The form of the log's lines: text for people, or JSON for what collects logs, with the "
            "request and the job that each is about, and a line for each request.",
            json_schema_extra={"allowed": "text or json"},
        ),
    ] = "text"
    drain_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            allow_inf_nan=False,
            description="How long a server that is told to stop (SIGTERM) lets jobs that run go on, while it takes no "
            "new ones. What has not ended then is run again by the next server. A second SIGTERM stops it at once.",
            json_schema_extra={"allowed": "a number from 0 to 86400"},
        ),
    ] = 0.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(
            description="How much the log says. Photos, voices and prompts are never in it.",
            json_schema_extra={"allowed": "debug, info, warning, error"},
        ),
    ] = "info"

    @property
    def address(self) -> str:
        """Where people reach the app, without a slash at the end."""
        if self.public_url is not None:
            return str(self.public_url).rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def max_photo_bytes(self) -> int:
        """The largest photo accepted."""
        return int(self.max_photo_mb * MEGABYTE)

    @property
    def max_voice_bytes(self) -> int:
        """The largest recording accepted."""
        return int(self.max_voice_mb * MEGABYTE)

    @property
    def max_uploads_bytes(self) -> int:
        """What uploads of the page and the bodies of requests may take together."""
        return int(self.max_uploads_mb * MEGABYTE)

    @property
    def is_live(self) -> bool:
        """Whether videos are shown while they are made."""
        return self.live != "off"

    @property
    def engine_settings(self) -> EngineSettings:
        """Where engines find what they need."""
        return EngineSettings(
            self.weights_dir,
            self.device,
            self.precision,
            self.attention,
            self.compiled,
            self.num_gpus,
            self.dmd_scale,
        )


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: A value cannot be used.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error))) from None
    _check_folders(settings)
    _check_certificates(settings)
    return settings


def find_warnings(settings: Settings) -> Iterator[str]:
    """Say what works, but perhaps not as it was meant."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"{name} is no setting and does nothing. Settings are listed in docs/settings.md."
    if settings.num_gpus > 1 and settings.workers > 1:
        yield "Several workers share the same GPUs, each with all weights. With VIDEO_LAB_NUM_GPUS, use one worker."
    if settings.password is None and settings.host not in _LOOPBACK:
        yield "Other machines can reach the app without a password. Set VIDEO_LAB_PASSWORD, or put a login before it."


def _check_folders(settings: Settings) -> None:
    weights = settings.weights_dir
    if weights is not None and not weights.is_dir():
        raise SettingsError(f"VIDEO_LAB_WEIGHTS_DIR is '{weights}', which is no folder. Allowed: a folder that exists.")


def read_certificate(settings: Settings) -> "Identity | None":
    """Return what videos are signed with, as far as settings say; None where they do not.

    Raises:
        SettingsError: A file cannot be read, or cannot sign.
    """
    from pipeline.credentials import read_identity

    certificate, key = settings.certificate, settings.certificate_key
    if certificate is None or key is None:
        if certificate is key:
            return None
        raise SettingsError("VIDEO_LAB_CERTIFICATE and VIDEO_LAB_CERTIFICATE_KEY belong together: set both, or none.")
    try:
        return read_identity(_read("CERTIFICATE_KEY", key), _read("CERTIFICATE", certificate))
    except CertificateError as error:
        raise SettingsError(f"VIDEO_LAB_CERTIFICATE is '{certificate}', which cannot be used. {error}") from None


def read_trust_list(settings: Settings) -> str:
    """Return the certificates of trusted authorities, as PEM; "" where none are set.

    Raises:
        SettingsError: The file cannot be read, or has no certificates.
    """
    if settings.trust_list is None:
        return ""
    from cryptography.x509 import load_pem_x509_certificates

    content = _read("TRUST_LIST", settings.trust_list)
    try:
        load_pem_x509_certificates(content)
        return content.decode()
    except ValueError:
        raise SettingsError(
            f"VIDEO_LAB_TRUST_LIST is '{settings.trust_list}', which has no certificates. Allowed: a PEM file with "
            "certificates."
        ) from None


def _check_certificates(settings: Settings) -> None:
    read_certificate(settings)
    read_trust_list(settings)


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{PREFIX}{name} is '{path}', which cannot be read: {error.strerror}.") from None


def _explain(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        name = str(detail["loc"][0])
        field = Settings.model_fields[name]
        allowed = field.json_schema_extra["allowed"] if isinstance(field.json_schema_extra, dict) else ""
        value = "not shown" if name == "password" else f"'{detail['input']}'"
        yield f"{PREFIX}{name.upper()} is {value}. Allowed: {allowed}."
