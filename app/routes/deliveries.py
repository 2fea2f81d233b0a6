"""Word of a job's end: what is sent, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import HttpUrl

from app.jobs import Job
from app.problems import describe_problems
from app.routes.answers import describe_job
from app.routes.jobs import JobOfPath
from app.schemas.answers import AttemptAnswer, DeliveriesAnswer, DeliveryAnswer, JobAnswer, Links, WebhookBody
from app.webhooks import Delivery, Entry, Sender
from app.webhooks.schedule import show

router = APIRouter(prefix="/jobs/{job_id}/deliveries", tags=["webhooks"])


def _get_sender(request: Request) -> Sender:
    sender: Sender = request.app.state.sender
    return sender


SenderOfApp = Annotated[Sender, Depends(_get_sender)]


@router.get("", summary="See what was sent of a job's end", responses=describe_problems(404))
async def list_deliveries(job: JobOfPath, sender: SenderOfApp) -> DeliveriesAnswer:
    """Answer with the word that was, or will be, sent to the job's `callback_url`, and how its host answered."""
    return _describe(sender.list_of(job))


@router.post(
    "",
    summary="Send word of a job's end again",
    status_code=202,
    responses=describe_problems(404, 409, 429),
)
async def send_delivery_again(job: JobOfPath, sender: SenderOfApp) -> DeliveriesAnswer:
    """Send it once more, now, with the same `webhook-id`; at most once a minute."""
    return _describe(sender.send_again(job))


def describe_webhook(job: Job, delivery: Delivery, public_url: HttpUrl | None) -> bytes:
    """Return what is sent, as JSON; its links are whole where the app knows its address."""
    data = describe_job(job)
    if public_url is not None:
        data = data.model_copy(update={"links": _complete(data, str(public_url).rstrip("/"))})
    body = WebhookBody(type=delivery.type, timestamp=show(delivery.created_at), data=data)
    return body.model_dump_json().encode()


def _complete(data: JobAnswer, address: str) -> Links:
    return Links(**{name: path and f"{address}{path}" for name, path in data.links.model_dump().items()})


def _describe(entries: list[Entry]) -> DeliveriesAnswer:
    return DeliveriesAnswer(deliveries=[_describe_entry(entry) for entry in entries])


def _describe_entry(entry: Entry) -> DeliveryAnswer:
    delivery = entry.delivery
    return DeliveryAnswer(
        id=delivery.id,
        type=delivery.type,
        status=delivery.status,
        host=delivery.host,
        created_at=show(delivery.created_at),
        next_attempt_at=None if delivery.next_at is None else show(delivery.next_at),
        attempts=[
            AttemptAnswer(at=show(one.at), seconds=one.seconds, status=one.status, error=one.error)
            for one in entry.attempts
        ],
    )
