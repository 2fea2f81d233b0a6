"""Video Lab on Modal: images, volumes, secrets, weights, the GPU class, the web function, and the command line.

    modal run deploy.py --download-weights
    modal deploy deploy.py
    modal run deploy.py --image face.jpg --audio voice.wav --profile fast
    modal run deploy.py --reports list

Every number that may be changed is a setting of `app.deployment`; docs/deploy.md has them all.
"""

import asyncio
import atexit
import os
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import modal

from app.deployment import passed_on, read_deployment
from app.entrypoint import with_options
from app.starts import StartWatch
from app.terminal import check_pair, follow, keep, read_file, read_voices, require_lock, say, tell_spending
from pipeline.devices import DEFAULT_DEVICE, find_device
from pipeline.engine_spec import EngineSpec
from pipeline.engines import GPU_ENGINES, WEIGHTS, create_engine, get_profile, get_weights
from pipeline.profiles import Profile
from pipeline.request import Role

HERE = Path(__file__).parent
SETTINGS = read_deployment()
DEPLOYED_AT = str(time.time_ns()) if modal.is_local() else os.environ.get("DEPLOYED_AT", "")
ENVIRONMENT: dict[str, str | None] = {**passed_on(), "DEPLOYED_AT": DEPLOYED_AT}
DOWNLOAD = "modal run deploy.py --download-weights"
MINUTES = 60
HOURS = 60 * MINUTES
GIGABYTES = 1024
HELD_SECONDS = 30.0 * MINUTES  # unless it is set: long enough for 5 s of `fast` on a GPU that has to be started first
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
# the dict, through which a run tells how far it is. GPU containers mount the weights read-only, and never the keys that
# videos are signed with.

app = modal.App(SETTINGS.app)
data_volume = modal.Volume.from_name(f"{SETTINGS.app}-data", create_if_missing=True, version=1)
weights_volume = modal.Volume.from_name(f"{SETTINGS.app}-weights", create_if_missing=True, version=1)
read_only_weights = weights_volume.with_mount_options(read_only=True)
trust_volume = modal.Volume.from_name(f"{SETTINGS.app}-trust", create_if_missing=True, version=1)
compiled_volume = modal.Volume.from_name(f"{SETTINGS.app}-compiled", create_if_missing=True, version=1)
store = modal.Dict.from_name(f"{SETTINGS.app}-notes", create_if_missing=True)
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
        return store.get(key)

    def write_value(self, key: str, value: str) -> None:
        """Set the value of a key in the store."""
        store.put(key, value)


def find_device_name() -> str:
    """Name this container's GPU as its driver does."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def import_libraries(spec: EngineSpec) -> None:
    """Import what an engine needs and is slow to import."""
    for name in spec.libraries:
        import_module(name)


def load_engine(engine: Any) -> None:  # noqa: ANN401 - an Engine, which a machine that only deploys cannot import
    """Bring the weights into memory. What is wrong with them is said now, and again to every job."""
    from pipeline.errors import PipelineError

    started = time.monotonic()
    try:
        engine.load(lambda _: None)
        say(f"The weights were loaded in {time.monotonic() - started:.0f} s.")
    except PipelineError as error:
        say(f"The weights could not be loaded: {error}")


def make_worker(model: str, engine: Any, refusal: Any = None) -> Any:  # noqa: ANN401 - of types as above
    """Make what runs jobs of the model with its engine, or refuses them all."""
    from app.remote import RemoteWorker, TimeLimits

    return RemoteWorker(
        Path(SETTINGS.data_path) / "jobs",
        WorkerContext(),
        {model: engine}.__getitem__,
        TimeLimits(SETTINGS.time_limits),
        find_device_name(),
        num_gpus=NUM_GPUS,
        refusal=refusal,
    )


def tell_price(seconds: float) -> str:
    """Say what seconds of this container's GPUs cost, if that is known."""
    with suppress(Exception):  # whatever keeps the model from being loaded may keep this from being known
        from app.remote.limits import find_cost

        cost = find_cost(find_device_name(), seconds, NUM_GPUS)
        return "" if cost.dollars is None else f", ${cost.dollars:.2f}"
    return ""


class VideoMaker:
    """What each container with GPUs does, whether it has one or several; a class of its own for each model."""

    spec: EngineSpec

    @modal.enter(snap=False)
    def load_weights(self) -> None:
        """Bring the weights into the GPUs' memory, once. If they cannot be, every job says why."""
        watch = StartWatch(WorkerContext(), f"starts/{DEPLOYED_AT}/{type(self).__name__}", tell_price)
        if refusal := watch.start(self.prepare):
            say(refusal.text)
            self.worker = make_worker(self.spec.name, None, refusal)

    def prepare(self) -> None:
        """Make the worker, with the engine loaded."""
        from app.log import set_up_log
        from app.settings import load_settings

        settings = load_settings()
        set_up_log("%(levelname)s %(message)s", settings.log_level)
        import_libraries(self.spec)
        where = replace(settings.engine_settings, weights=Path(SETTINGS.find_weights(self.spec.name)))
        engine = create_engine(self.spec.name, where)
        load_engine(engine)
        self.worker = make_worker(self.spec.name, engine)

    @modal.method()
    def generate(self, job_id: str) -> Any:  # noqa: ANN401 - a ResultPayload, which a machine that only deploys cannot import
        """Make the video of a job of the web app."""
        return self.worker.run(job_id)

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


class SingleMaker(VideoMaker):
    """What a container with one GPU does besides."""

    @modal.enter(snap=SETTINGS.snapshot)
    def import_libraries(self) -> None:
        """Import what is slow to import and needs no GPU: the part that a memory snapshot keeps."""
        with suppress(Exception):  # raised again where starts are counted
            import_libraries(self.spec)


def declare(base: type, name: str, spec: EngineSpec, **settings: Any) -> Any:  # noqa: ANN401 - as Modal takes and makes them
    """Declare a class of GPU containers, under a global name: in a container, Modal looks for it there."""
    maker = type(name, (base,), {"spec": spec, "__module__": __name__, "__doc__": base.__doc__})
    globals()[name] = app.cls(
        image=gpu_image,
        memory=SETTINGS.gpu_memory_gb * GIGABYTES,
        scaledown_window=SETTINGS.gpu_idle_seconds,
        timeout=SETTINGS.run_timeout,
        startup_timeout=30 * MINUTES,
        region=SETTINGS.region or None,
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
        max_containers=SETTINGS.max_gpus,
        enable_memory_snapshot=SETTINGS.snapshot,
    )


def declare_team(spec: EngineSpec) -> Any:  # noqa: ANN401 - as above
    """Declare the class for several GPUs, a process for each. Without a setting, nothing is sent there or paid for."""
    return declare(
        VideoMaker,
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


class ModalCloud:
    """Calls, files and the store, as the web container has them."""

    async def save_files(self) -> None:
        """Commit the jobs' folders, so that the GPU sees them and they survive."""
        try:
            await data_volume.commit.aio()
        except RuntimeError as error:  # the files are saved; what others saved cannot be read while a file is open
            say(f"The data volume was not read again: {error}")

    async def spawn(self, job_id: str) -> str:
        """Begin the run of a job."""
        call = await find_generator(read_profile(job_id)).generate.spawn.aio(job_id)
        return call.object_id

    async def poll(self, call_id: str) -> Any:  # noqa: ANN401 - a ResultPayload or None, see app.remote.Cloud
        """Return what the run handed back; None while it is not over, or Modal cannot be asked."""
        from app.remote import RunExpiredError, RunLostError, RunTimeoutError

        try:
            return await modal.FunctionCall.from_id(call_id).get.aio(timeout=0)
        except (TimeoutError, modal.exception.ConnectionError, modal.exception.ServiceError):
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
        return await store.get.aio(key)

    async def write_value(self, key: str, value: str) -> None:
        """Set the value of a key in the store."""
        await store.put.aio(key, value)


@app.function(
    image=web_image,
    env=ENVIRONMENT,
    secrets=[password_secret],
    volumes={
        SETTINGS.data_path: data_volume,
        SETTINGS.trust_path: trust_volume,
        SETTINGS.weights_path: read_only_weights,
    },
    cpu=(0.5, 4.0),
    memory=(1 * GIGABYTES, 4 * GIGABYTES),
    min_containers=SETTINGS.min_webs,
    max_containers=1,
    scaledown_window=SETTINGS.web_idle_seconds,
    timeout=24 * HOURS,  # of a request; the app has its own, shorter limits
    region=SETTINGS.region or None,
)
@modal.concurrent(max_inputs=500)  # a held request costs next to nothing
@modal.asgi_app(requires_proxy_auth=SETTINGS.proxy_auth)
def web() -> Any:  # noqa: ANN401 - a FastAPI, which a machine that only deploys does not have
    """Serve the app; previews are made here, everything else by the GPU class."""
    from app.clients import SchemeMiddleware
    from app.log import set_up_log
    from app.main import create_app
    from app.remote import RemoteRunner, WeightsWatch, announce_presence
    from app.settings import load_settings

    settings = load_settings()
    set_up_log("%(levelname)s %(message)s", settings.log_level)
    announce_presence(store.put)
    is_set = "request_limit_seconds" in settings.model_fields_set
    limit = settings.request_limit_seconds if is_set else HELD_SECONDS
    changes = {"data_dir": link_data(), "request_limit_seconds": limit, "live": "off"}
    changes["allowed_hosts"] = settings.allowed_hosts or ("*",)  # Modal brings nothing here under another's name
    watches = {
        model: WeightsWatch(Path(SETTINGS.find_weights(model)), weights_volume.reload, f"{DOWNLOAD} --model {model}")
        for model in WEIGHTS
    }

    def find_availability(profile: Profile) -> Any:  # noqa: ANN401 - of types that a machine that only deploys cannot import
        watch = watches.get(profile.model)
        return find_place(profile.name, watch and watch.find_availability(profile))

    # One that waits there keeps a GPU from waiting for the web; the others take turns by client until the web ends.
    capacity = SETTINGS.num_pools * SETTINGS.max_gpus + 1
    runner = RemoteRunner(ModalCloud(), find_availability, capacity=capacity, num_parallel=SETTINGS.max_gpus)
    app_settings, dollars = settings.model_copy(update=changes), float(SETTINGS.dollars_per_day)
    make_keys(app_settings)
    web_app = create_app(app_settings, runner, dollars_per_day=dollars)
    web_app.add_middleware(SchemeMiddleware)  # Modal's proxy is all that reaches this container
    return web_app


def find_place(profile: str, availability: Any = None) -> Any:  # noqa: ANN401 - of types as above
    """Say which GPUs make videos of a profile, and how long these may be expected to take."""
    from app.remote import TimeLimits
    from pipeline.engine import Availability

    preferred, *others = (find_device(kind) or DEFAULT_DEVICE for kind in SETTINGS.find_gpus(profile))
    return replace(
        availability or Availability(available=True),
        num_gpus=SETTINGS.count_gpus(profile),
        gpu=preferred,
        fallbacks=tuple(others),
        most_seconds=TimeLimits(SETTINGS.time_limits).find_most(profile),
        gpu_setting=SETTINGS.name_gpu_setting(profile),
    )


def make_keys(settings: Any) -> None:  # noqa: ANN401 - the app's settings, which a machine that only deploys cannot import
    """Make the keys that videos are signed and marked with at the first start. The app tells what is in the way."""
    from app.trust.sealer import find_identity, open_trust_folder
    from pipeline.errors import CertificateError

    with suppress(CertificateError):
        if settings.content_credentials:
            find_identity(settings)
        if settings.watermark:
            open_trust_folder(settings).find_mark_key()
        trust_volume.commit()


def link_data() -> Path:
    """Make a data folder whose jobs are on the volume. Its lock and uploads are not: an open file hinders a commit."""
    folder, jobs = Path(tempfile.mkdtemp()), Path(SETTINGS.data_path) / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    (folder / "jobs").symlink_to(jobs)
    return link_keys(folder)


def link_keys(folder: Path) -> Path:
    """Add the folder of keys, which is on its own volume, to a data folder."""
    Path(SETTINGS.trust_path).mkdir(parents=True, exist_ok=True)
    (folder / "trust").symlink_to(SETTINGS.trust_path)
    return folder


# ## On time, though nobody visits
#
# The web container is given back when nobody calls. What has to happen all the same, on a schedule: photos, voices and
# videos are deleted when their time is over, and jobs that were accepted are started.


class SweepContext(WorkerContext):
    """The store and the calls, as the sweep has them."""

    def list_keys(self) -> list[str]:
        """Return all keys of the store."""
        return list(store.keys())

    def delete_value(self, key: str) -> None:
        """Delete a key from the store."""
        store.pop(key, None)

    def spawn(self, job_id: str) -> str:
        """Begin the run of a job."""
        return str(find_generator(read_profile(job_id)).generate.spawn(job_id).object_id)


@app.function(
    image=web_image,
    env=ENVIRONMENT,
    volumes={SETTINGS.data_path: data_volume, SETTINGS.trust_path: trust_volume},
    schedule=modal.Period(minutes=30),
    max_containers=1,
    timeout=10 * MINUTES,
    region=SETTINGS.region or None,
)
def sweep() -> bool:
    """Delete what has expired and begin what waits, unless the web container is there and does so itself."""
    from app.log import set_up_log
    from app.remote import Sweeper
    from app.settings import load_settings
    from app.trust.sealer import Sealer

    settings = load_settings()
    set_up_log("%(levelname)s %(message)s", settings.log_level)
    data_volume.reload()
    folder = link_data()
    sealer = Sealer(settings.model_copy(update={"data_dir": folder}))
    kept = timedelta(hours=settings.result_hours)
    sweeper = Sweeper(folder, SweepContext(), kept, lambda record, job: asyncio.run(sealer.seal(record, job)))
    try:
        return sweeper.sweep(datetime.now(UTC))
    finally:
        sweeper.close()
        data_volume.commit()


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
    from app.remote import check_files

    return check_files(photo, voices, request, find_place)


@app.function(
    image=web_image, env=ENVIRONMENT, volumes={SETTINGS.trust_path: trust_volume}, timeout=5 * MINUTES, max_containers=1
)
def vouch(
    video: bytes = b"", archive: bytes = b"", request: dict[str, Any] | None = None
) -> tuple[str | None, bytes, tuple[str, ...]]:
    """Choose the mark for a video that is to be made, or sign one: the GPU has no keys, and those who ask have none.

    Returns:
        What the mark says, the video, and what was in the way.
    """
    from app.remote import choose_mark, sign_video
    from app.settings import load_settings

    settings = load_settings().model_copy(update={"data_dir": link_keys(Path(tempfile.mkdtemp()))})
    make_keys(settings)
    if request is None:
        return asyncio.run(choose_mark(settings)), b"", ()
    return None, *asyncio.run(sign_video(video, archive, request, settings))


@app.function(image=web_image, env=ENVIRONMENT, volumes={SETTINGS.data_path: data_volume}, timeout=5 * MINUTES)
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


@app.local_entrypoint()
@with_options
def main(
    *,
    request: dict[str, Any],
    reports: str = "",
    download_weights: bool = False,
    variants: str = "",
    release: str = "",
    image: str = "",
    audio: str = "",
    output: str = "video.mp4",
) -> None:
    """Fetch the weights of a model, look at reported videos, or make one video from a photo and a voice."""
    if reports:
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
    watermark, _, _ = vouch.remote()
    key = f"command-{time.time_ns()}"
    call = find_generator(profile).make.spawn(scene, voices, request, key, watermark)
    result, video = follow(call, lambda: store.get(f"{key}/progress"))
    keep(result, video, output)
    _, signed, troubles = vouch.remote(video, archive, request)
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
