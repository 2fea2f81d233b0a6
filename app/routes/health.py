"""How the server is."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.jobs import Jobs
from app.metrics import Metrics
from app.routes.dependencies import JobsOfApp
from app.schemas.answers import EngineAnswer, HealthAnswer, ReadyAnswer
from pipeline.engine_spec import EngineSpec
from pipeline.engines import ENGINES
from pipeline.version import VERSION

router = APIRouter(tags=["health"])


@router.get("/health", summary="See whether the server is well")
async def get_health(jobs: JobsOfApp) -> HealthAnswer:
    """Answer with the models that can be used here, and why others cannot."""
    troubles = list(jobs.find_troubles())
    engines = {spec.name: _describe(spec, jobs) for spec in ENGINES}
    statuses = jobs.count_statuses()
    return HealthAnswer(
        status="degraded" if troubles else "healthy",
        troubles=troubles,
        version=VERSION,
        models=[model for model, engine in engines.items() if engine.available],
        engines=engines,
        jobs_waiting=statuses["queued"],
        jobs_running=statuses["running"],
        jobs_set_aside=jobs.num_set_aside,
    )


@router.get(
    "/ready",
    summary="See whether the server takes work",
    responses={503: {"model": ReadyAnswer, "description": "It takes none."}},
)
async def get_readiness(jobs: JobsOfApp, response: Response) -> ReadyAnswer:
    """Answer 200 if a job would be taken now, or 503 and why not: for load balancers, and whoever restarts servers."""
    obstacles = list(jobs.find_obstacles())
    response.status_code = 503 if obstacles else 200
    return ReadyAnswer(ready=not obstacles, obstacles=obstacles)


@router.get("/metrics", summary="Measure the server", response_class=PlainTextResponse)
async def get_metrics(request: Request) -> Response:
    """Answer with counts and durations in Prometheus' form; nothing about any one person or job."""
    metrics: Metrics = request.app.state.metrics
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _describe(spec: EngineSpec, jobs: Jobs) -> EngineAnswer:
    found = {profile.name: jobs.availability(profile) for profile in spec.profiles}
    usable = [name for name, availability in found.items() if availability.available]
    reason = "" if usable else next(iter(found.values())).reason
    return EngineAnswer(available=bool(usable), reason=reason, profiles=usable)
