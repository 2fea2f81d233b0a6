"""Calls on a deployment as its clients do: an example photo and voice, and every route of its API once."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import httpx

from app.doctor.findings import Finding

_ASSETS = Path(__file__).parents[2] / "assets"
_PHOTO, _VOICE = _ASSETS / "photos/grace_hopper.jpg", _ASSETS / "voices/hibari.wav"
_SECONDS = 2
_PATIENCE_SECONDS = 1800.0
_TIMEOUT_SECONDS = 180.0
_LOOK_SECONDS = 0.5
_FORBIDDEN = 403
_UNAUTHORIZED = 401
_FREE = "preview"

Step = Callable[["Visit"], str]
"""Asks something; returns what came of it in words, or raises `WrongAnswerError` or `NotToBeHadError`."""


class WrongAnswerError(Exception):
    """An answer is not what it should be."""


class NotToBeHadError(Exception):
    """Something is refused because of how the deployment is set up, which may be meant."""


class NotLetInError(Exception):
    """Nobody answers, or nobody is let in: nothing else needs to be asked."""


class _Made(dict[str, Any]):
    """What earlier steps have made."""

    def __missing__(self, name: str) -> NoReturn:
        raise NotToBeHadError(f"This was not asked, as nothing before it has made its {name}.")


class Visit:
    """A visit to one deployment.

    Attributes:
        profile: Of the one video that is followed and checked.
        cheap_profile: Of all others: one that costs nothing, where there is one.
        asked: The operations that were asked, as `GET /jobs/{job_id}`.
        known: Those that the deployment says it has.
        made: What earlier steps have made: ids, and the video.
    """

    def __init__(self, client: httpx.Client, profile: str) -> None:
        self._client = client
        self.profile = self.cheap_profile = profile
        self.asked: set[str] = set()
        self.known: set[str] = set()
        self.made: dict[str, Any] = _Made()

    def has(self, operation: str) -> bool:
        """Return whether the deployment has the operation; an older one may not."""
        return operation in self.known

    def ask(self, operation: str, status: int = 200, **rest: Any) -> httpx.Response:  # noqa: ANN401 - as httpx takes them
        """Ask an operation; `{name}` in its path is what was made under that name.

        Raises:
            WrongAnswerError: Another status came, or none.
        """
        answer = self._send(operation, **rest)
        if answer.status_code != status:
            told = _tell_problem(answer)
            raise WrongAnswerError(f"{operation} answered {answer.status_code} instead of {status}: {told}")
        return answer

    def ask_for_list(self, operation: str, **rest: Any) -> httpx.Response:  # noqa: ANN401 - as httpx takes them
        """Ask an operation that lists what belongs to who asks; raises as `ask` does.

        Raises:
            NotToBeHadError: The deployment asks nobody who he is.
        """
        if (answer := self._send(operation, **rest)).status_code == _FORBIDDEN:
            raise NotToBeHadError(_tell_problem(answer))
        return self.ask(operation, **rest)

    def _send(self, operation: str, **rest: Any) -> httpx.Response:  # noqa: ANN401 - as httpx takes them
        method, path = operation.split(" ", 1)
        self.asked.add(operation)
        filled = re.sub(r"{(\w+)}", lambda name: str(self.made[name[1]]), path)
        try:
            answer = self._client.request(method, filled, **rest)
        except httpx.ConnectError as error:
            raise NotLetInError(f"Nothing answers there ({error}). Is the address right, and does it run?") from None
        except httpx.HTTPError as error:
            raise WrongAnswerError(f"{operation} did not answer ({type(error).__name__}).") from None
        if answer.status_code == _UNAUTHORIZED:
            raise NotLetInError(f"{_tell_problem(answer)} For the doctor, set VIDEO_LAB_KEY to a key or the password.")
        return answer


def call_on(url: str, key: str | None, profile: str) -> Iterator[Finding]:
    """Yield how a deployment answers.

    Args:
        url: Where it is.
        key: A key or the password; None where none is asked.
        profile: Of the video that is made.
    """
    auth = httpx.BasicAuth("doctor", key) if key else None
    try:
        is_address = httpx.URL(url).scheme in {"http", "https"} and bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        is_address = False
    if not is_address:
        yield Finding("fault", "address", f"'{url}' is none. Write it as https://video.example.com.")
        return
    headers = {"Authorization": f"Bearer {key}"} if key and key.startswith("vl_") else {}
    with httpx.Client(
        base_url=url, headers=headers, auth=None if headers else auth, timeout=_TIMEOUT_SECONDS, trust_env=False
    ) as client:
        visit = Visit(client, profile)
        for about, step in _STEPS.items():
            try:
                yield Finding("well", about, step(visit))
            except NotLetInError as error:
                yield Finding("fault", about, str(error))
                return
            except NotToBeHadError as error:
                yield Finding("note", about, str(error))
            except WrongAnswerError as error:
                yield Finding("fault", about, str(error))
            except (LookupError, ValueError, TypeError) as error:
                yield Finding("fault", about, f"The answer has another form than expected ({error!r}).")
        if visit.known:
            yield _find_left(visit)


def _find_left(visit: Visit) -> Finding:
    left = sorted(visit.known - visit.asked)
    if left:
        return Finding("note", "routes", f"{len(visit.asked)} were asked; these were not: {', '.join(left)}.")
    return Finding("well", "routes", f"All {len(visit.known)} were asked.")


def _see_health(visit: Visit) -> str:
    health = visit.ask("GET /health").json()
    if health["status"] != "healthy":
        raise WrongAnswerError(" ".join(health["troubles"]))
    return f"version {health['version']}; models: {', '.join(health['models'])}."


def _read_schema(visit: Visit) -> str:
    paths = visit.ask("GET /openapi.json").json()["paths"]
    visit.asked.clear()
    visit.asked.add("GET /health")
    visit.known = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
    return f"{len(visit.known)} operations."


def _see_readiness(visit: Visit) -> str:
    visit.ask("GET /ready")
    return "It takes work."


def _see_profiles(visit: Visit) -> str:
    profiles = visit.ask("GET /profiles").json()
    found = profiles["profiles"] if isinstance(profiles, dict) else profiles
    usable = [one["name"] for one in found if one["available"]]
    if visit.profile not in usable:
        raise WrongAnswerError(f"{visit.profile} cannot be used there. Those that can: {', '.join(usable)}.")
    visit.cheap_profile = _FREE if _FREE in usable else visit.profile
    return f"usable: {', '.join(usable)}."


def _measure(visit: Visit) -> str:
    return f"{visit.ask('GET /metrics').text.count('# TYPE')} measures."


def _estimate(visit: Visit) -> str:
    estimate = visit.ask("POST /estimate", json={"profile": visit.profile, "audio_duration": _SECONDS}).json()
    return f"{visit.profile}, {_SECONDS} s: about {estimate['seconds']:.0f} s and ${estimate['cost_usd']:.2f}."


def _crop(visit: Visit) -> str:
    answer = visit.ask("POST /face-crop", files={"image": _PHOTO.read_bytes()}).json()
    return f"{len(answer['faces'])} face found, frame {answer['width']} x {answer['height']}."


def _find_turns(visit: Visit) -> str:
    answer = visit.ask("POST /turns", files={"audio": _VOICE.read_bytes()}).json()
    return f"{answer['num_speakers']} speaker."


def _generate(visit: Visit) -> str:
    started = time.monotonic()
    # On Modal it leads, every 150 seconds, to where the answer will be.
    options = _choose(visit.cheap_profile)
    answer = visit.ask("POST /generate", files=_read_files(), data=options, follow_redirects=True).json()
    video = base64.b64decode(answer["video_b64"])
    if video[4:8] != b"ftyp":
        raise WrongAnswerError("POST /generate answered something that is no mp4.")
    return f"{len(video) // 1000} KB, {answer['metadata']['frame_num']} frames in {time.monotonic() - started:.1f} s."


def _submit(visit: Visit) -> str:
    headers = {"Idempotency-Key": f"doctor-{time.time_ns()}"}
    answer = visit.ask("POST /jobs", 202, files=_read_files(), data=_choose(visit.profile), headers=headers)
    visit.made["job_id"] = answer.json()["job_id"]
    return "taken."


def _follow(visit: Visit) -> str:
    events = visit.ask("GET /jobs/{job_id}/events")
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while (job := visit.ask("GET /jobs/{job_id}").json())["status"] in {"queued", "running"}:
        if time.monotonic() > ends_at:
            raise WrongAnswerError(f"It is still {job['status']} after {_PATIENCE_SECONDS / 60:.0f} minutes.")
        time.sleep(_LOOK_SECONDS)
    if job["status"] != "done":
        raise WrongAnswerError(f"{job['status']}: {job['error'] and job['error']['message']}")
    return f"done; {events.text.count('event: job')} events told of it."


def _fetch(visit: Visit) -> str:
    part = visit.ask("GET /jobs/{job_id}/video", 206, headers={"Range": "bytes=0-99"})
    visit.made["video"] = video = visit.ask("GET /jobs/{job_id}/video").content
    poster = visit.ask("GET /jobs/{job_id}/poster").content
    if part.content != video[:100] or poster[:2] != b"\xff\xd8":
        raise WrongAnswerError("The video's part is not of the video, or the poster is no JPEG.")
    return f"{len(video) // 1000} KB, and a poster of {len(poster) // 1000} KB."


def _verify(visit: Visit) -> str:
    answer = visit.ask("POST /verify", files={"video": visit.made["video"]}).json()
    if answer["made_here"] is not True:
        raise WrongAnswerError(
            "POST /verify does not know the video that was just made. Are marks and credentials off?"
        )
    return "it knows its own video."


def _list(visit: Visit) -> str:
    answer = visit.ask_for_list("GET /jobs", params={"limit": 1}).json()
    return f"newest: {answer['jobs'][0]['status']}."


def _sum_up(visit: Visit) -> str:
    answer = visit.ask("GET /usage").json()
    visit.ask("GET /usage.csv")
    return f"{answer['jobs']} jobs, ${answer['cost_usd']:.2f} in this period."


def _upload(visit: Visit) -> str:
    kinds: list[str] = []
    for name, file in (("image_id", _PHOTO), ("audio_id", _VOICE)):
        upload = visit.ask("POST /uploads", 201, files={"file": file.read_bytes()}).json()
        visit.made[name], kinds = upload["id"], [*kinds, upload["kind"]]
    return f"taken: {', '.join(kinds)}."


def _run_batch(visit: Visit) -> str:
    row = {name: visit.made[name] for name in ("image_id", "audio_id")}
    body = {"defaults": {**_choose(visit.cheap_profile), "max_duration_sec": _SECONDS}, "jobs": [row]}
    visit.made["batch_id"] = visit.ask("POST /batches", 202, json=body).json()["batch_id"]
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while (counts := visit.ask("GET /batches/{batch_id}").json()["counts"]).keys() & {"queued", "running"}:
        if time.monotonic() > ends_at:
            raise WrongAnswerError("The batch has not ended.")
        time.sleep(_LOOK_SECONDS)
    if not counts.get("done"):
        visit.ask("DELETE /batches/{batch_id}")
        raise WrongAnswerError(f"Its only row is {', '.join(counts)}.")
    packed = visit.ask("GET /batches/{batch_id}/videos.zip").content
    visit.ask("DELETE /batches/{batch_id}")
    return f"one row, {len(packed) // 1000} KB as zip."


def _list_batches(visit: Visit) -> str:
    return f"{len(visit.ask_for_list('GET /batches').json()['batches'])} listed."


def _cancel(visit: Visit) -> str:
    """Cancel a job by its own name for a moment: `job_id` stays the one that is done."""
    done, row = visit.made["job_id"], {name: visit.made[name] for name in ("image_id", "audio_id")}
    try:
        visit.made["job_id"] = visit.ask("POST /jobs", 202, json=_choose(visit.cheap_profile) | row).json()["job_id"]
        status = visit.ask("DELETE /jobs/{job_id}").json()["status"]
    finally:
        visit.made["job_id"] = done
    if status != "cancelled":
        raise WrongAnswerError(f"A job that was cancelled is {status}.")
    return "a job that had just been taken."


def _drop_uploads(visit: Visit) -> str:
    for name in ("image_id", "audio_id"):
        visit.made["upload_id"] = visit.made[name]
        visit.ask("GET /uploads/{upload_id}")
        visit.ask("DELETE /uploads/{upload_id}", 204)
        visit.ask("GET /uploads/{upload_id}", 404)
    return "both are gone."


def _see_deliveries(visit: Visit) -> str:
    """See that nothing is sent of a job without a `callback_url`: a doctor calls nobody else."""
    deliveries = visit.ask("GET /jobs/{job_id}/deliveries").json()["deliveries"]
    visit.ask("POST /jobs/{job_id}/deliveries", 409)
    return f"{len(deliveries)}, as nobody asked for any."


def _refuse(visit: Visit) -> str:
    visit.made["job_id"], job_id = "A" * 22, visit.made.get("job_id")
    answer = visit.ask("GET /jobs/{job_id}", 404)
    visit.made["job_id"] = job_id
    if not answer.headers["content-type"].startswith("application/problem+json"):
        raise WrongAnswerError("An error is no problem+json.")
    return "errors are problem+json."


def _delete(visit: Visit) -> str:
    visit.ask("DELETE /jobs/{job_id}")
    visit.ask("GET /jobs/{job_id}/video", 410)
    return "the video is gone."


_STEPS: dict[str, Step] = {
    "health": _see_health,
    "schema": _read_schema,
    "ready": _see_readiness,
    "profiles": _see_profiles,
    "metrics": _measure,
    "estimate": _estimate,
    "face crop": _crop,
    "turns": _find_turns,
    "generate": _generate,
    "job": _submit,
    "following": _follow,
    "video": _fetch,
    "verify": _verify,
    "list": _list,
    "usage": _sum_up,
    "uploads": _upload,
    "batch": _run_batch,
    "batches": _list_batches,
    "cancelling": _cancel,
    "deletion of uploads": _drop_uploads,
    "webhooks": _see_deliveries,
    "errors": _refuse,
    "deletion": _delete,
}


def _read_files() -> dict[str, bytes]:
    return {"image": _PHOTO.read_bytes(), "audio": _VOICE.read_bytes()}


def _choose(profile: str) -> dict[str, Any]:
    return {"profile": profile, "max_duration_sec": _SECONDS, "consent": True}


def _tell_problem(answer: httpx.Response) -> str:
    with suppress(ValueError, AttributeError):
        return str(answer.json().get("detail", "no reason given"))
    return "no reason given"
