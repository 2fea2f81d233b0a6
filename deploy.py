"""Video Lab on Modal: images, volumes, secrets, weights, the GPU class, the web function, and the command line.

    modal run deploy.py --download-weights
    modal deploy deploy.py
    modal run deploy.py --image face.jpg --audio voice.wav --profile fast
    modal run deploy.py --reports list
    modal run deploy.py --keys "create NAME"

Every number that may be changed is a setting of `app.deployment`; docs/deploy.md has them all.
"""

import asyncio
import atexit
import os
import shlex
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import modal
from grpclib.exceptions import StreamTerminatedError

from app.deployment import passed_on, read_deployment
from app.entrypoint import with_options
from app.starts import StartWatch
from app.terminal import check_pair, follow, keep, read_file, read_voices, require_lock, say, tell_spending
from pipeline.engine_spec import EngineSpec
from pipeline.engines import GPU_ENGINES, WEIGHTS, get_profile, get_weights
from pipeline.profiles import Profile
from pipeline.request import Role

HERE = Path(__file__).parent
SETTINGS = read_deployment()
DEPLOYED_AT = str(time.time_ns()) if modal.is_local() else os.environ.get("DEPLOYED_AT", "")
BUCKET = Path(SETTINGS.bucket_path) if SETTINGS.bucket else None
ENVIRONMENT: dict[str, str | None] = {**passed_on(), "DEPLOYED_AT": DEPLOYED_AT}
DOWNLOAD = "modal run deploy.py --download-weights"
MINUTES = 60
HOURS = 60 * MINUTES
GIGABYTES = 1024
HELD_SECONDS = 30.0 * MINUTES  # unless it is set: long enough for 5 s of `fast` on a GPU that has to be started first
WHERE: dict[str, Any] = {"region": SETTINGS.region or None, "routing_region": SETTINGS.routing_region or None}
NUM_GPUS = int(os.environ.get("VIDEO_LAB_NUM_GPUS") or 1)  # of this container
USUAL_MODEL = GPU_ENGINES[0].name
IS_DEPLOYING = modal.is_local() and sys.argv[1:2] == ["deploy"]

if IS_DEPLOYING:
    require_lock(SETTINGS, os.environ.get("VIDEO_LAB_PASSWORD", ""), input if sys.stdin.isatty() else None)


def require_secret(name: str, key: str) -> modal.Secret:
    """Name the secret; where the Modal command finds none, say how to make it before anything else happens."""
    secret = modal.Secret.from_name(name, required_keys=[key])
    if modal.is_local() and "modal.cli.entry_point" in sys.modules:
        try:
            secret.hydrate()
        except modal.exception.NotFoundError as error:
            sys.exit(f"{error}\nMake it with a token from https://huggingface.co/settings/tokens:\n"
                     f"  modal secret create {name} {key}=hf_...")  # fmt: skip
        except modal.exception.AuthError:
            pass  # the command says itself how to sign in
    return secret


# ## What containers are made of
#
# Jobs and weights live on volumes: containers come and go, and the web and the GPU containers share nothing else but
# two dicts. Runs tell through the live one how far they are; it is small, since it is read as a whole, once a second.
# GPU containers mount the weights read-only, and never the volume of what is secret: the keys that videos are signed
# with, and the accounts.

app = modal.App(SETTINGS.app)
data_volume = modal.Volume.from_name(f"{SETTINGS.app}-data", create_if_missing=True, version=1)
weights_volume = modal.Volume.from_name(f"{SETTINGS.app}-weights", create_if_missing=True, version=1)
read_only_weights = weights_volume.with_mount_options(read_only=True)
trust_volume = modal.Volume.from_name(f"{SETTINGS.app}-trust", create_if_missing=True, version=1)
compiled_volume = modal.Volume.from_name(f"{SETTINGS.app}-compiled", create_if_missing=True, version=1)
store = modal.Dict.from_name(f"{SETTINGS.app}-notes", create_if_missing=True)
live_notes = modal.Dict.from_name(f"{SETTINGS.app}-live", create_if_missing=True)
# The web and its helpers have the jobs, and the bucket that finished videos are moved to, if there is one.
jobs_mounts: dict[str | PurePosixPath, Any] = {SETTINGS.data_path: data_volume}
if SETTINGS.bucket:
    jobs_mounts[SETTINGS.bucket_path] = modal.CloudBucketMount(
        SETTINGS.bucket,
        bucket_endpoint_url=SETTINGS.bucket_endpoint or None,
        key_prefix=f"{SETTINGS.app}/",
        secret=modal.Secret.from_name(SETTINGS.bucket_secret),
    )
hub_secret = require_secret(SETTINGS.secret, "HF_TOKEN")
password_secret = modal.Secret.from_dict({"VIDEO_LAB_PASSWORD": os.environ.get("VIDEO_LAB_PASSWORD", "")})


def add_sources(image: modal.Image) -> modal.Image:
    """Add the project itself, last, so that a change of it builds nothing anew."""
    ignored = ["**/__pycache__", "**/*.pyc"]
    return image.add_local_dir(HERE / "assets", "/root/assets").add_local_python_source(
        "app", "pipeline", ignore=ignored
    )


def install(image: modal.Image, lock: str) -> modal.Image:
    """Install what one of the locks in requirements/ lists: nothing else, and nothing that its hash does not fit."""
    options = "--require-hashes --no-deps"
    return image.uv_pip_install(requirements=[str(HERE / "requirements" / lock)], extra_options=options)


web_base = install(modal.Image.debian_slim(python_version="3.11"), "web.txt")
web_image = add_sources(web_base)
# The GPU image stands on the web image, so that both share its layers. Compiling the model takes a C compiler.
gpu_base = install(web_base.apt_install("g++"), "gpu.txt")
gpu_image = add_sources(gpu_base)


# ## Weights: once, from the hub to the weights volume
#
# `modal run deploy.py --download-weights` runs this function. It holds the token, which no other container has, and it
# needs no GPU: preparing is a matter of disk and memory.


@app.function(
    image=gpu_image,
    env=ENVIRONMENT,
    secrets=[hub_secret],
    volumes={SETTINGS.weights_path: weights_volume},
    cpu=4,
    memory=SETTINGS.gpu_memory_gb * GIGABYTES,
    timeout=6 * HOURS,
    max_containers=1,
)
def fetch_weights(variants: list[str], model: str, release: str) -> str:
    """Fetch and prepare a model's weights. Returns what went wrong, if anything did. May be run again at any time."""
    from huggingface_hub import HfApi

    from pipeline.errors import TokenError, WeightsError
    from pipeline.weights.install import install

    try:
        spec = get_weights(model).choose_release(release)
        install(spec, Path(SETTINGS.weights_path), Path(SETTINGS.find_weights(model)), HfApi(), say, variants)
    except TokenError as error:
        return f"{error}\nThen: modal secret create --force {SETTINGS.secret} HF_TOKEN=hf_..."
    except WeightsError as error:
        return str(error)
    finally:
        weights_volume.commit()
    return ""


# ## The GPU: one job at a time, with weights that stay loaded
#
# A class for each model that needs a GPU. Modal starts a container when a job is spawned, loads the weights once
# (`@modal.enter`), hands it job after job, and gives the GPU back when none has come for a while.


def find_dict(key: str) -> modal.Dict:
    """Return the dict that has the values of a key."""
    from app.remote.store import is_live

    return live_notes if is_live(key) else store


class WorkerContext:
    """The files and the store, as the GPU container has them."""

    def load_files(self) -> None:
        """Reload the data volume, to see what others wrote."""
        data_volume.reload()

    def save_files(self) -> None:
        """Commit what was written to the data volume, so that others see it."""
        data_volume.commit()

    def read_value(self, key: str) -> str | None:
        """Return the value of a key in the store."""
        return find_dict(key).get(key)

    def write_value(self, key: str, value: str) -> None:
        """Set the value of a key in the store."""
        find_dict(key).put(key, value)

    def delete_value(self, key: str) -> None:
        """Delete a key from the store, if it is there."""
        find_dict(key).pop(key, None)


def find_device_name() -> str:
    """Name this container's GPU as its driver does."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def describe_machine() -> Any:  # noqa: ANN401 - a Machine, which a machine that only deploys cannot import
    """Return what there is to know of this container."""
    from app.remote.loading import Machine

    return Machine(SETTINGS, WorkerContext(), NUM_GPUS, find_device_name)


class VideoMaker:
    """What each container with GPUs does, whether it has one or several; a class of its own for each model."""

    spec: EngineSpec

    def load_weights(self) -> None:
        """Bring the weights into the GPUs' memory, once. If they cannot be, every job says why."""
        watch = StartWatch(WorkerContext(), f"starts/{DEPLOYED_AT}/{type(self).__name__}", self.tell_price)
        if refusal := watch.start(self.prepare):
            from app.remote.loading import make_refusing_worker

            say(refusal.text)
            self.worker = make_refusing_worker(describe_machine(), refusal)

    def prepare(self) -> None:
        """Make the worker, with the engine loaded."""
        from app.remote.loading import load_worker

        self.worker = load_worker(self.spec, describe_machine())

    def tell_price(self, seconds: float) -> str:
        """Say what seconds of this container cost, if that can be found out."""
        with suppress(Exception):  # whatever keeps the model from being loaded may keep this from being known
            from app.remote.loading import tell_price

            return tell_price(seconds, describe_machine())
        return ""

    @modal.method()
    def generate(self, job_id: str) -> Any:  # noqa: ANN401 - a ResultPayload, which a machine that only deploys cannot import
        """Make the video of a job of the web app."""
        try:
            return self.worker.run(job_id)
        except Exception as error:  # a broken connection here must not look like one to whoever asks for the result
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    @modal.method()
    def make(
        self,
        scene: bytes,
        voices: dict[Role, bytes],
        request: dict[str, Any],
        run_key: str,
        watermark: str | None = None,
    ) -> tuple[str, bytes]:
        """Make a video for the command line. Returns how it ended, as JSON, and the mp4."""
        from app.jobs.runners.protocol import EVENTS

        end, video = self.worker.make(scene, voices, request, run_key, watermark)
        return EVENTS.dump_json(end).decode(), video

    @modal.method()
    def wake(self) -> None:
        """Do nothing: the container is there, has loaded the weights, and waits for a job as after any other one."""


class SingleMaker(VideoMaker):
    """What a container with one GPU does besides."""

    @modal.enter(snap=SETTINGS.has_snapshots)
    def import_libraries(self) -> None:
        """Import what is slow to import and needs no GPU: the part that a memory snapshot keeps."""
        with suppress(Exception):  # raised again where starts are counted
            from app.remote.loading import import_libraries

            import_libraries(self.spec)

    @modal.enter(snap=SETTINGS.gpu_snapshot)
    def start(self) -> None:
        """Load the weights; a snapshot of the GPU's memory keeps these, too."""
        self.load_weights()


class TeamMaker(VideoMaker):
    """What a container with several GPUs does besides. There are no snapshots of several processes."""

    @modal.enter()
    def start(self) -> None:
        """Load the weights."""
        self.load_weights()


def declare(base: type, name: str, spec: EngineSpec, **settings: Any) -> Any:  # noqa: ANN401 - as Modal takes and makes them
    """Declare a class of GPU containers, under a global name: in a container, Modal looks for it there."""
    maker = type(name, (base,), {"spec": spec, "__module__": __name__, "__doc__": base.__doc__})
    globals()[name] = app.cls(
        image=gpu_image,
        memory=SETTINGS.gpu_memory_gb * GIGABYTES,
        scaledown_window=SETTINGS.gpu_idle_seconds,
        timeout=SETTINGS.run_timeout,
        startup_timeout=30 * MINUTES,
        **WHERE,
        **settings,
    )(maker)
    return globals()[name]


def declare_single(spec: EngineSpec) -> Any:  # noqa: ANN401 - as above
    """Declare the class that makes a model's videos on one GPU."""
    return declare(
        SingleMaker,
        f"{spec.title.replace(' ', '')}Generator",
        spec,
        gpu=SETTINGS.gpus,
        env={**ENVIRONMENT, "TORCHINDUCTOR_CACHE_DIR": SETTINGS.compiled_path},
        volumes={
            SETTINGS.data_path: data_volume,
            SETTINGS.weights_path: read_only_weights,
            SETTINGS.compiled_path: compiled_volume,
        },
        cpu=4,
        # Of one model alone: each other one would be paid for once more, even without weights.
        min_containers=SETTINGS.min_gpus if spec.name == USUAL_MODEL else 0,
        buffer_containers=SETTINGS.buffer_gpus if spec.name == USUAL_MODEL else 0,
        max_containers=SETTINGS.max_gpus,
        enable_memory_snapshot=SETTINGS.has_snapshots,
        experimental_options={"enable_gpu_snapshot": True} if SETTINGS.gpu_snapshot else None,
    )


def declare_team(spec: EngineSpec) -> Any:  # noqa: ANN401 - as above
    """Declare the class for several GPUs, a process for each. Without a setting, nothing is sent there or paid for."""
    return declare(
        TeamMaker,
        f"{spec.title.replace(' ', '')}TeamGenerator",
        spec,
        gpu=[f"{kind.partition(':')[0]}:{SETTINGS.team_gpus}" for kind in SETTINGS.gpus],
        env={**ENVIRONMENT, "VIDEO_LAB_NUM_GPUS": str(SETTINGS.team_gpus)},
        volumes={SETTINGS.data_path: data_volume, SETTINGS.weights_path: read_only_weights},
        cpu=4 * SETTINGS.team_gpus,
        max_containers=1,
    )


# One class of each kind for every model that needs a GPU: another row in the table of engines is all that it takes.
SINGLES = {spec.name: declare_single(spec) for spec in GPU_ENGINES}
TEAMS = {spec.name: declare_team(spec) for spec in GPU_ENGINES}


def find_generator(profile: str) -> Any:  # noqa: ANN401 - of one of these classes
    """Return the class that makes videos of the profile, on the profile's own kind of GPU where it has one."""
    count = SETTINGS.count_gpus(profile)
    makers: Any = (TEAMS if count > 1 else SINGLES)[get_profile(profile).model]
    if own := SETTINGS.find_gpu(profile):
        gpu = f"{own.partition(':')[0]}:{count}" if count > 1 else own
        makers = makers.with_options(gpu=gpu, cpu=4 * count, memory=SETTINGS.gpu_memory_gb * GIGABYTES)
    return makers()


def read_profile(job_id: str) -> str:
    """Return the profile of a job, as its record has it."""
    from app.storage import JobFolder

    return JobFolder(Path(SETTINGS.data_path) / "jobs" / job_id).read().request.profile


# ## The web: the page and the REST API, without torch
#
# One small container serves everybody. It checks what is uploaded, makes the previews itself, and spawns everything
# else on the GPU classes above; it may be gone while they work, since runs and files outlive it.


def commit(volume: modal.Volume) -> None:
    """Save what was written to a volume."""
    try:
        volume.commit()
    except RuntimeError as error:  # the files are saved; what others saved cannot be read while a file is open
        say(f"A volume was not read again: {error}")


UNANSWERED = (
    TimeoutError,
    OSError,
    StreamTerminatedError,
    modal.exception.ConnectionError,
    modal.exception.InternalError,
    modal.exception.ResourceExhaustedError,
    modal.exception.ServiceError,
)
"""What Modal's client raises when a question has got no answer, which says nothing of what was asked about."""


class ModalCloud:
    """Calls, files and the store, as the web container has them."""

    accounts: Any = None  # the copy of the database, once there is one

    async def save_files(self) -> None:
        """Commit the jobs' folders and the accounts, so that the GPU sees them and they survive."""
        if self.accounts is not None:
            await asyncio.to_thread(self.accounts.save)
        await asyncio.to_thread(commit, data_volume)

    async def spawn(self, job_id: str) -> str:
        """Begin the run of a job."""
        call = await find_generator(read_profile(job_id)).generate.spawn.aio(job_id)
        return call.object_id

    async def poll(self, call_id: str) -> Any:  # noqa: ANN401 - a ResultPayload or None, see app.remote.Cloud
        """Return what the run handed back; None while it is not over, or Modal cannot be asked."""
        from app.remote import RunExpiredError, RunLostError, RunTimeoutError

        try:
            return await modal.FunctionCall.from_id(call_id).get.aio(timeout=0)
        except UNANSWERED:
            return None
        except modal.exception.OutputExpiredError as error:
            raise RunExpiredError from error
        except modal.exception.FunctionTimeoutError as error:
            raise RunTimeoutError from error
        except Exception as error:
            raise RunLostError(f"{type(error).__name__}: {error}") from error

    async def stop(self, call_id: str) -> None:
        """End the run, or take it out of Modal's queue."""
        await modal.FunctionCall.from_id(call_id).cancel.aio()

    async def read_value(self, key: str) -> str | None:
        """Return the value of a key in the store."""
        return await find_dict(key).get.aio(key)

    async def write_value(self, key: str, value: str) -> None:
        """Set the value of a key in the store."""
        await find_dict(key).put.aio(key, value)

    async def delete_value(self, key: str) -> None:
        """Delete a key from the store, if it is there."""
        await find_dict(key).pop.aio(key, None)

    async def read_notes(self) -> dict[str, str]:
        """Read all live notes in one request."""
        return {key: value async for key, value in live_notes.items.aio()}


@app.function(
    image=web_image,
    env=ENVIRONMENT,
    secrets=[password_secret],
    volumes={**jobs_mounts, SETTINGS.trust_path: trust_volume, SETTINGS.weights_path: read_only_weights},
    cpu=(0.5, 4.0),
    memory=(1 * GIGABYTES, 4 * GIGABYTES),
    min_containers=SETTINGS.min_webs,
    max_containers=1,
    scaledown_window=SETTINGS.web_idle_seconds,
    timeout=24 * HOURS,  # of a request; the app has its own, shorter limits
    **WHERE,
)
@modal.concurrent(max_inputs=500)  # a held request costs next to nothing
@modal.asgi_app(requires_proxy_auth=SETTINGS.proxy_auth)
def web() -> Any:  # noqa: ANN401 - a FastAPI, which a machine that only deploys does not have
    """Serve the app; previews are made here, everything else by the GPU class."""
    from app.clients import SchemeMiddleware
    from app.log import set_up_log
    from app.main import create_app
    from app.remote import (
        AccountsCopy,
        RemoteRunner,
        WeightsWatch,
        announce_presence,
        claim,
        find_place,
        keep_accounts,
        link_data,
        make_keys,
    )
    from app.settings import load_settings

    settings = load_settings()
    set_up_log(settings.log_level, settings.log_format, is_dated=False)
    announce_presence(store.put)
    is_set = "request_limit_seconds" in settings.model_fields_set
    limit = settings.request_limit_seconds if is_set else HELD_SECONDS
    changes = {"data_dir": link_data(SETTINGS), "request_limit_seconds": limit, "live": "off", "bucket_dir": BUCKET}
    changes["allowed_hosts"] = settings.allowed_hosts or ("*",)  # Modal brings nothing here under another's name
    watches = {
        model: WeightsWatch(Path(SETTINGS.find_weights(model)), weights_volume.reload, f"{DOWNLOAD} --model {model}")
        for model in WEIGHTS
    }

    def find_availability(profile: Profile) -> Any:  # noqa: ANN401 - of types that a machine that only deploys cannot import
        watch = watches.get(profile.model)
        return find_place(SETTINGS, profile.name, watch and watch.find_availability(profile))

    # One that waits there keeps a GPU from waiting for the web; the others take turns by client until the web ends.
    capacity = SETTINGS.num_pools * SETTINGS.max_gpus + 1
    cloud = ModalCloud()
    cloud.accounts = AccountsCopy(
        Path(SETTINGS.trust_path),
        changes["data_dir"],
        commit=partial(commit, trust_volume),
        is_ours=claim(store.get, store.put),
    )
    runner = RemoteRunner(cloud, find_availability, capacity=capacity, num_parallel=SETTINGS.max_gpus)
    app_settings, dollars = settings.model_copy(update=changes), float(SETTINGS.dollars_per_day)
    make_keys(app_settings)
    trust_volume.commit()
    web_app = create_app(app_settings, runner, dollars_per_day=dollars)
    keep_accounts(web_app, cloud.accounts, runner.read_notes)
    add_wake(web_app, runner)
    web_app.add_middleware(SchemeMiddleware)  # Modal's proxy is all that reaches this container
    return web_app


def add_wake(app: Any, runner: Any) -> None:  # noqa: ANN401 - of types as above
    """Wake a GPU when somebody who was let in has sent a photo or a voice; nobody's money is spent by strangers."""
    from app.remote import WakeMiddleware, Waker

    async def wake() -> None:
        await find_generator(SETTINGS.wake).wake.spawn.aio()

    def reserve(name: str) -> None:
        app.state.jobs.reserve(name, SETTINGS.wake_dollars)

    def may_wake() -> bool:
        return runner.can_wake(get_profile(SETTINGS.wake)) and (SETTINGS.proxy_auth or app.state.door.asks)

    if SETTINGS.wake:
        app.add_middleware(WakeMiddleware, waker=Waker(wake, reserve, may_wake))


# ## On time, though nobody visits
#
# The web container is given back when nobody calls. What has to happen all the same, on a schedule: photos, voices and
# videos are deleted when their time is over, and jobs that were accepted are started.


class SweepContext(WorkerContext):
    """The store and the calls, as the sweep has them."""

    def list_keys(self) -> list[str]:
        """Return all keys of the store."""
        return [*store.keys(), *live_notes.keys()]

    def spawn(self, job_id: str) -> str:
        """Begin the run of a job."""
        return str(find_generator(read_profile(job_id)).generate.spawn(job_id).object_id)


@app.function(
    image=web_image,
    env=ENVIRONMENT,
    volumes={**jobs_mounts, SETTINGS.trust_path: trust_volume},
    schedule=modal.Period(minutes=30),
    max_containers=1,
    timeout=10 * MINUTES,
    **WHERE,
)
def sweep() -> bool:
    """Delete what has expired and begin what waits, unless the web container is there and does so itself.

    Jobs of batches wait for the web container, which is kept running until there are none.
    """
    from app.bucket import keep_in_bucket
    from app.log import set_up_log
    from app.remote import Sweeper, link_data
    from app.settings import load_settings
    from app.trust.sealer import Sealer

    settings = load_settings()
    set_up_log(settings.log_level, settings.log_format, is_dated=False)
    data_volume.reload()
    folder = link_data(SETTINGS)
    sealer = Sealer(settings.model_copy(update={"data_dir": folder}))
    kept = timedelta(hours=settings.result_hours)
    seal = keep_in_bucket(sealer.seal, BUCKET, folder / "jobs")
    sweeper = Sweeper(folder, SweepContext(), kept, lambda record, job: asyncio.run(seal(record, job)))
    try:
        return sweeper.sweep(datetime.now(UTC))
    finally:
        is_needed = sweeper.holds_jobs()
        sweeper.close()
        data_volume.commit()
        keep_web(is_needed=is_needed)


def keep_web(*, is_needed: bool) -> None:
    """Keep a web container running, or give it back to its own settings if an earlier sweep has kept one."""
    from app.remote.store import KEPT_KEY

    if is_needed:
        store.put(KEPT_KEY, "yes")
    elif store.pop(KEPT_KEY, None) is None:
        return
    web.autoscaler.update(min_containers=1 if is_needed else SETTINGS.min_webs)


# ## The command line
#
# `modal run deploy.py --image face.jpg --audio voice.wav` needs no deployed app. The request is checked on a CPU first,
# and what was checked, the scene, is what the GPU gets: nothing is paid for that could have been refused.


@app.function(image=web_image, env=ENVIRONMENT, timeout=5 * MINUTES)
def check(photo: bytes, voices: dict[Role, bytes], request: dict[str, Any]) -> tuple[str, bytes, bytes]:
    """Check a request before a GPU is paid for.

    Returns:
        Why it cannot be used, if so; the scene for the GPU; and the photo's own credentials for who signs.
    """
    from app.remote import check_files, find_place

    return check_files(photo, voices, request, partial(find_place, SETTINGS))


def load_signing_settings() -> Any:  # noqa: ANN401 - the app's settings, as above
    """Return the app's settings, with the keys that it signs and marks videos with."""
    from app.remote import link_keys, make_keys
    from app.settings import load_settings

    settings = load_settings().model_copy(update={"data_dir": link_keys(SETTINGS)})
    make_keys(settings)
    trust_volume.commit()
    return settings


SIGNING: dict[str, Any] = {
    "image": web_image,
    "env": ENVIRONMENT,
    "volumes": {SETTINGS.trust_path: trust_volume},
    "timeout": 5 * MINUTES,
    "max_containers": 1,
}
"""The GPU has no keys, and those who ask for a video have none."""


@app.function(**SIGNING)
def mark() -> str | None:
    """Choose what the mark in a video says that is to be made; None for a video without."""
    from app.remote import choose_mark

    return asyncio.run(choose_mark(load_signing_settings()))


@app.function(**SIGNING)
def sign(video: bytes, archive: bytes, request: dict[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    """Sign a video. Returns it, and what was in the way."""
    from app.remote import sign_video

    return asyncio.run(sign_video(video, archive, request, load_signing_settings()))


@app.function(image=web_image, env=ENVIRONMENT, volumes=jobs_mounts, timeout=5 * MINUTES)
def look_at_reports(arguments: list[str]) -> tuple[str, str]:
    """Carry out a command about videos that were reported. Returns why it cannot be, if so, and what it says."""
    from app.reports.command import ReportCommandError, carry_out

    data_volume.reload()
    try:
        return "", "\n".join(carry_out(arguments, Path(SETTINGS.data_path) / "jobs"))
    except ReportCommandError as error:
        return str(error), ""
    finally:
        data_volume.commit()


@app.function(
    image=web_image, env=ENVIRONMENT, volumes={SETTINGS.trust_path: trust_volume}, timeout=5 * MINUTES, max_containers=1
)
def look_at_keys(arguments: list[str]) -> tuple[str, str]:
    """Carry out a command about keys. Returns why it cannot be, if so, and what it says."""
    from app.errors import AppError
    from app.remote import command_keys

    trust_volume.reload()
    try:
        return "", "\n".join(command_keys(arguments, Path(SETTINGS.trust_path), live_notes.get, live_notes.put))
    except AppError as error:
        return str(error), ""
    finally:
        trust_volume.commit()


@app.local_entrypoint()
@with_options
def main(
    *,
    request: dict[str, Any],
    reports: str = "",
    keys: str = "",
    download_weights: bool = False,
    variants: str = "",
    release: str = "",
    image: str = "",
    audio: str = "",
    output: str = "video.mp4",
) -> None:
    """Fetch the weights of a model, look at keys or reported videos, or make one video from a photo and a voice."""
    if keys:
        problem, answer = look_at_keys.remote(shlex.split(keys))
        say(answer)
        sys.exit(problem or None)
    elif reports:
        settle_reports(reports.split())
    elif download_weights:
        start_fetching(request["model"] or WEIGHTS[0], variants, release)
    else:
        make_one(request, image, audio, output)


def settle_reports(arguments: list[str]) -> None:
    """Carry out a command about reported videos, and print what it says."""
    problem, answer = look_at_reports.remote(arguments)
    say(answer)
    if not problem and {"release", "remove"} & set(arguments):
        say("A web container that is running takes note when it next saves something, or is started again.")
    sys.exit(problem or None)


def start_fetching(model: str, variants: str, release: str) -> None:
    """Fetch and prepare the weights of a model."""
    if model not in WEIGHTS:
        sys.exit(f"There are no weights of a model {model}. There are: {', '.join(WEIGHTS)}.")
    names = [name.strip() for name in variants.split(",") if name.strip()]
    sys.exit(fetch_weights.remote(names, model, release) or None)


def make_one(request: dict[str, Any], image: str, audio: str, output: str) -> None:
    """Make one video, kept before it is signed: it is paid for."""
    profile = request["profile"]
    check_pair(profile, request["model"])
    photo, (request, voices) = read_file(image, "--image"), read_voices(request, audio)
    problem, scene, archive = check.remote(photo, voices, request)
    if problem:
        sys.exit(problem)
    watermark = mark.remote()
    key = f"command-{time.time_ns()}"
    call = find_generator(profile).make.spawn(scene, voices, request, key, watermark)
    result, video = follow(call, lambda: live_notes.get(f"{key}/progress"))
    keep(result, video, output)
    signed, troubles = sign.remote(video, archive, request)
    Path(output).write_bytes(signed)
    say("\n".join(troubles) or "It is signed.")


def tell_next_steps() -> None:
    """Print, after a deploy that went well, where the app is and what to try."""
    try:
        url = web.get_web_url()
    except modal.exception.Error:
        return  # the deploy failed, and has said why
    say(f"""
The app is at {url}
  curl {url}/health
  curl -F image=@assets/photos/grace_hopper.jpg -F audio=@assets/voices/joe.wav -F profile=preview {url}/jobs
Weights for the profiles that need a GPU, once: {DOWNLOAD}
  of LongCat: {DOWNLOAD} --model longcat
Logs: modal app logs {SETTINGS.app}""")
    tell_spending(SETTINGS)


if IS_DEPLOYING:
    atexit.register(tell_next_steps)
