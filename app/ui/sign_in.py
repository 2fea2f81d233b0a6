"""The page on which a browser signs in with a key or the password, and out again. It needs no script."""

import asyncio
import math
import re
from datetime import UTC, datetime
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access import COOKIE, SIGN_IN, SIGN_OUT, Door
from app.accounts.sessions import KEPT_SECONDS, Session
from app.clients import find_client
from app.errors import AccountsError, AppError, GuessesError, PasswordError
from app.policy import FORM_HEADERS
from app.ui import words
from app.ui.document import choose_visitors_texts
from app.ui.plain import NO_INDEX, link_home, read_form, render_page
from app.ui.texts import Texts

_MOST_BYTES = 8000
_HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store", **FORM_HEADERS}
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}", re.ASCII)
"""Of this site: others begin with two slashes, or with what browsers take for them."""

_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox", "CriOS": "Chrome"}
_BROWSERS |= {"Chrome": "Chrome", "Safari": "Safari"}
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "Mac"}
_SYSTEMS |= {"CrOS": "ChromeOS", "Linux": "Linux"}


def create_sign_in_router(door: Door) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(include_in_schema=False)

    @router.head(SIGN_IN)
    @router.get(SIGN_IN)
    async def show(request: Request) -> Response:
        texts, back = choose_visitors_texts(request.scope), _find_back(request.query_params.get("next", ""))
        try:
            if not door.asks:
                return RedirectResponse("/", 303)
            session = door.find_session(request.scope)
            return _answer_form(texts, back) if session is None else _answer_devices(texts, door, session)
        except AccountsError as error:
            return _answer_form(texts, back, error)

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        texts, form = choose_visitors_texts(request.scope), await read_form(request, _MOST_BYTES)
        back = _find_back(form.get("next", ""))
        try:
            if not door.asks:
                return RedirectResponse("/", 303)
            caller = door.check(form.get("secret", "").strip(), find_client(request.scope))
            before = door.find_session(request.scope)
            device = _name_device(request.headers.get("user-agent", ""))
            token = await asyncio.to_thread(door.sessions.begin, caller.key_id, device, before)
        except (PasswordError, GuessesError, AccountsError) as error:
            return _answer_form(texts, back, error)
        response = RedirectResponse(back, 303, headers=_HEADERS)
        _set_cookie(request, response, token)
        return response

    @router.post(SIGN_OUT)
    async def sign_out(request: Request) -> Response:
        form, session = await read_form(request, _MOST_BYTES), door.find_session(request.scope)
        if session is None:
            return RedirectResponse(SIGN_IN, 303)
        device, beside = form.get("device", session.id), door.sessions.list_beside(session)
        ended = [one for one in beside if (one != session if device == "others" else one.id == device)]
        await asyncio.to_thread(door.sessions.end, *ended)
        response = RedirectResponse(SIGN_IN, 303, headers=_HEADERS)
        if session in ended:
            response.delete_cookie(COOKIE)
        return response

    return router


def _find_back(path: str) -> str:
    """Return where to go afterwards: no other site, to which a link to this page might lead."""
    return path if _OWN_PATH.fullmatch(path) and not path.startswith(SIGN_IN) else "/"


def _set_cookie(request: Request, response: Response, token: str) -> None:
    is_secure = request.scope["scheme"] == "https"
    response.set_cookie(COOKIE, token, max_age=int(KEPT_SECONDS), httponly=True, samesite="lax", secure=is_secure)


def _answer_form(texts: Texts, back: str, error: AppError | None = None) -> Response:
    told = "" if error is None else f'<p class="error" id="wrong" role="alert">{escape(_explain(texts, error))}</p>'
    about = ' aria-describedby="wrong" aria-invalid="true"' if error else ""
    title = escape(texts("sign_in.title"))
    body = (
        f'<h1>{title}</h1><p>{escape(texts("sign_in.lead"))}</p>{told}<form method="post" action="{SIGN_IN}">'
        f'<input type="hidden" name="next" value="{escape(back)}">'
        f'<label for="secret">{escape(texts("sign_in.secret"))}</label>'
        f'<input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus{about}>'
        f'<button class="button">{title}</button></form>'
    )
    return _answer(texts, title, body, error)


def _explain(texts: Texts, error: AppError) -> str:
    match error:
        case GuessesError():
            return texts("sign_in.limited", time=words.remaining(texts, error.retry_after_seconds))
        case AccountsError():
            return texts("sign_in.unusable")
        case _:
            return texts("sign_in.wrong")


def _answer_devices(texts: Texts, door: Door, session: Session) -> Response:
    key = None if session.key_id is None else door.keys.get(session.key_id)
    signed_in = texts("sign_in.with_password") if key is None else texts("sign_in.with_key", name=key.name)
    devices = door.sessions.list_beside(session)
    listed = "".join(_render_device(texts, one, is_here=one == session) for one in devices)
    if len(devices) > 1:
        listed += (
            f'<li><span></span><button name="device" value="others">{escape(texts("sign_in.out.others"))}</button>'
        )
    title = escape(texts("sign_in.devices"))
    body = (
        f'<h1>{title}</h1><p>{escape(signed_in)}</p><form method="post" action="{SIGN_OUT}">'
        f'<ul class="devices">{listed}</ul></form>{link_home(texts, "sign_in.make")}'
    )
    return _answer(texts, title, body)


def _render_device(texts: Texts, session: Session, *, is_here: bool) -> str:
    browser, _, system = session.device.partition("/")
    name = texts("sign_in.device", browser=browser, system=system) if system else texts("sign_in.device.unknown")
    day = datetime.fromtimestamp(session.last_used_at, UTC).date()
    seen = texts("sign_in.here") if is_here else texts("sign_in.seen", day=day.isoformat())
    out = escape(texts("sign_in.out"))
    return (
        f"<li><span><b>{escape(name)}</b><br>{escape(seen)}</span>"
        f'<button name="device" value="{session.id}" aria-label="{out}: {escape(name)}, {escape(seen)}">{out}</button>'
    )


def _answer(texts: Texts, title: str, body: str, error: AppError | None = None) -> Response:
    headers, status = _HEADERS, 200
    match error:
        case GuessesError() | AccountsError():
            headers = {**_HEADERS, "Retry-After": str(math.ceil(error.retry_after_seconds))}
            status = 429 if isinstance(error, GuessesError) else 503
        case PasswordError():
            status = 401
    return HTMLResponse(render_page(texts, title, body, NO_INDEX), status, headers=headers)


def _name_device(agent: str) -> str:
    """Return browser and system, as far as a browser says them: people have to tell their devices apart."""
    browser = next((name for part, name in _BROWSERS.items() if f"{part}/" in agent), "")
    system = next((name for part, name in _SYSTEMS.items() if part in agent), "")
    return f"{browser}/{system}" if browser and system else ""
