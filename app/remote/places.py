"""Where the deployment's things are: the folders on its volumes, and the GPUs of its profiles."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app.deployment import Deployment
from app.remote.limits import TimeLimits
from app.settings import Settings
from app.trust.sealer import find_identity, open_trust_folder
from pipeline.devices import DEFAULT_DEVICE, find_device
from pipeline.engine import Availability
from pipeline.errors import CertificateError


def find_place(deployment: Deployment, profile: str, availability: Availability | None = None) -> Availability:
    """Say which GPUs make videos of a profile, and how long these may be expected to take.

    Args:
        deployment: Its settings.
        profile: Needs a GPU.
        availability: What else is known of the profile; None: that it can be made.
    """
    preferred, *others = (find_device(kind) or DEFAULT_DEVICE for kind in deployment.find_gpus(profile))
    return replace(
        availability or Availability(available=True),
        num_gpus=deployment.count_gpus(profile),
        gpu=preferred,
        fallbacks=tuple(others),
        most_seconds=TimeLimits(deployment.time_limits).find_most(profile),
        gpu_setting=deployment.name_gpu_setting(profile),
    )


def link_data(deployment: Deployment) -> Path:
    """Make a data folder whose jobs are on the volume. Its lock and uploads are not: an open file hinders a commit."""
    folder, jobs = Path(tempfile.mkdtemp()), Path(deployment.data_path) / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    (folder / "jobs").symlink_to(jobs)
    return link_keys(deployment, folder)


def link_keys(deployment: Deployment, folder: Path | None = None) -> Path:
    """Add the folder of keys, which is on its own volume, to a data folder; None makes one of keys alone."""
    folder = folder or Path(tempfile.mkdtemp())
    Path(deployment.trust_path).mkdir(parents=True, exist_ok=True)
    (folder / "trust").symlink_to(deployment.trust_path)
    return folder


def make_keys(settings: Settings) -> None:
    """Make the keys that videos are signed and marked with at the first start. The app tells what is in the way."""
    with suppress(CertificateError):
        if settings.content_credentials:
            find_identity(settings)
        if settings.watermark:
            open_trust_folder(settings).find_mark_key()
