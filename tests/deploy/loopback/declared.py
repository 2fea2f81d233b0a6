"""What an app declared, as plain values."""

from dataclasses import dataclass

from modal_proto import api_pb2 as pb


@dataclass(frozen=True)
class Declared:
    """One function's declaration. Volumes map a mount path to (name, read-only); times are seconds."""

    gpus: list[str]
    timeout: int
    startup_timeout: int
    retries: int
    min_containers: int
    max_containers: int
    buffer_containers: int
    scaledown: int
    max_concurrent_inputs: int
    cpu_milli: int
    memory_mb: int
    volumes: dict[str, tuple[str, bool]]
    buckets: dict[str, tuple[str, str]]
    secrets: list[str]
    snapshot: bool
    experiments: dict[str, str]
    routing_region: str
    web: bool
    proxy_auth: bool
    period_minutes: float
    image: list[str]
    requirements: str
    files: set[str]


def declared(plane) -> dict[str, Declared]:
    """The functions of the app that was deployed last, by name."""
    return {data.function_name or data.ranked_functions[0].function.function_name: _declared(plane, data)
            for data in plane.definitions.values()}  # fmt: skip


def _declared(plane, data: pb.FunctionData) -> Declared:
    function = data.ranked_functions[0].function
    scaling = data.autoscaler_settings if data.HasField("autoscaler_settings") else function.autoscaler_settings
    gpus = [ranked.function.resources.gpu_config for ranked in data.ranked_functions]
    names = {object_id: name for (_, name), object_id in plane.named.items()}
    return Declared(
        gpus=[f"{gpu.gpu_type}:{gpu.count}" for gpu in gpus if gpu.gpu_type],
        timeout=function.timeout_secs,
        startup_timeout=function.startup_timeout_secs,
        retries=function.retry_policy.retries,
        min_containers=scaling.min_containers,
        max_containers=scaling.max_containers,
        buffer_containers=scaling.buffer_containers,
        scaledown=scaling.scaledown_window,
        max_concurrent_inputs=function.max_concurrent_inputs,
        cpu_milli=function.resources.milli_cpu,
        memory_mb=function.resources.memory_mb,
        volumes={mount.mount_path: (names[mount.volume_id], mount.read_only) for mount in function.volume_mounts},
        buckets={one.mount_path: (one.bucket_name, one.key_prefix) for one in function.cloud_bucket_mounts},
        secrets=list(function.secret_ids),
        snapshot=function.checkpointing_enabled,
        experiments=dict(function.experimental_options),
        routing_region=function.routing_region,
        web=bool(function.webhook_config.type),
        proxy_auth=function.webhook_config.requires_proxy_auth,
        period_minutes=function.schedule.period.minutes,
        image=_steps(plane, function.image_id),
        requirements=_requirements(plane, function.image_id),
        files={file for mount_id in function.mount_ids for file in plane.mounted[mount_id]},
    )


def _steps(plane, image_id: str) -> list[str]:
    if image_id not in plane.image_requests:
        return []
    image = plane.image_requests[image_id].image
    below = [step for base in image.base_images for step in _steps(plane, base.image_id)]
    return below + [step for step in image.dockerfile_commands if step != "FROM base"]


def _requirements(plane, image_id: str) -> str:
    """The files that the image's packages are installed from, as one text."""
    if image_id not in plane.image_requests:
        return ""
    image = plane.image_requests[image_id].image
    below = [_requirements(plane, base.image_id) for base in image.base_images]
    return "".join([*below, *(file.data.decode() for file in image.context_files)])
