"""`python -m app.batch` against a server that misbehaves: whatever breaks, each row is made, and paid for, once."""

import json
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.batch.command import main
from app.batch.state import hold

VIDEO = bytes(range(256)) * 300
TROUBLE = {
    "GET /usage": ["502"],
    "POST /uploads": ["lost", "503 later", "html"],
    "DELETE /uploads": ["lost", "502"],
    "POST /jobs": [
        "lost",
        "502",
        "html",
        "409",
        "401",
        "429 later",
        "429",
        "404 html",
        "408",
        "",
        "lost",
        "502",
        "301",
    ],
    "GET /jobs": ["502", "401", "404 html", "html", "429 later", "lost", "", "503 later"],
    "GET /video": ["short", "no length", "html", "503", "lost", "", "no length"],
}
"""What goes wrong at each kind of request, in this order: after it was carried out, where that is worse."""


class Troubled(ThreadingHTTPServer):
    """Makes videos at once, and counts them; one with the prompt `fails` fails the first time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.trouble = {kind: list(faults) for kind, faults in TROUBLE.items()}
        self.uploads: dict[str, bytes] = {}
        self.deleted: list[bytes] = []
        self.jobs: dict[str, dict[str, object]] = {}
        self.answers: dict[str, str] = {}
        self.most_uploads = 0
        self.key_id = "ab12"
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may hang up."""


class Handler(BaseHTTPRequestHandler):
    server: Troubled

    def do_GET(self) -> None:
        path = self.path.split("/")
        kind = "GET /video" if path[-1] == "video" else f"GET /{path[1]}"
        fault = self.find_fault(kind)
        if self.fail(fault):
            return
        if kind == "GET /video":
            self.send_video(fault)
        elif kind == "GET /usage":
            self.answer(200, {"key": self.server.key_id})
        elif kind == "GET /uploads":
            self.answer(*((200, {}) if path[2] in self.server.uploads else self.say(404, "upload-not-found")))
        else:
            job = self.server.jobs[path[2]]
            self.answer(200, job)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        kind = f"POST {self.path}"
        fault = self.find_fault(kind)
        if fault == "forget":
            self.server.uploads.clear()
        if fault in {"401", "429", "429 later", "503 later", "409", "404 html", "301"}:
            self.fail(fault)
            return
        take = {"/uploads": lambda: self.keep(body), "/batches": lambda: self.look_at_all(json.loads(body)["jobs"])}
        status, said = take.get(self.path, lambda: self.make(json.loads(body)))()
        if not self.fail(fault):
            self.answer(status, said)

    def do_DELETE(self) -> None:
        with self.server.lock:
            content = self.server.uploads.pop(self.path.split("/")[2], None)
        if content is not None:
            self.server.deleted.append(content)
        if not self.fail(self.find_fault("DELETE /uploads")):
            self.answer(*((204, None) if content is not None else self.say(404, "upload-not-found")))

    def keep(self, body: bytes) -> tuple[int, dict[str, object]]:
        upload_id = secrets.token_hex(4)
        found = re.search(rb"\r\n\r\n(.*)\r\n--", body, re.DOTALL)
        assert found is not None
        with self.server.lock:
            self.server.uploads[upload_id] = found[1]
            self.server.most_uploads = max(self.server.most_uploads, len(self.server.uploads))
        return 201, {"id": upload_id}

    def make(self, body: dict[str, str]) -> tuple[int, dict[str, object]]:
        key = self.headers["idempotency-key"]
        if not {body["image_id"], body["audio_id"]} <= set(self.server.uploads):
            return self.say(404, "upload-not-found")
        with self.server.lock:
            if key not in self.server.answers:
                self.server.answers[key] = job_id = f"job{len(self.server.jobs)}"
                fails = body.get("prompt") == "fails" and key.endswith("-0")
                self.server.jobs[job_id] = {"job_id": job_id, "status": "failed" if fails else "done"}
        return 202, {"job_id": self.server.answers[key], "status": "queued"}

    def look_at_all(self, rows: list[dict[str, str]]) -> tuple[int, dict[str, object]]:
        for number, row in enumerate(rows):
            wrong = next((name for name in ("image_id", "audio_id") if row[name] not in self.server.uploads), "")
            if row.get("prompt") == "wrong":
                wrong = "prompt"
            if wrong:
                place = f"jobs[{number}].{wrong}"
                status, said = self.say(400, "invalid-row")
                return status, {**said, "field": place, "detail": f"{place}: It is no good."}
        return 200, {"estimate": {"seconds": 60.0 * len(rows), "cost_usd": 0.5}}

    def find_fault(self, kind: str) -> str:
        with self.server.lock:
            faults = self.server.trouble.get(kind, [])
            return faults.pop(0) if faults else ""

    def fail(self, fault: str) -> bool:
        """Answer as the fault has it; return whether that is the answer."""
        status, _, more = fault.partition(" ")
        if fault == "lost":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault in {"html", "404 html"}:
            self.answer(200 if fault == "html" else 404, "<html>sign in to the hotel's network</html>")
        elif fault == "301":
            self.answer(301, "", Location="https://elsewhere.example")
        elif status in {"401", "408", "409", "429", "502", "503"}:
            names = {"401": "password-needed", "408": "stalled", "409": "still-taken", "429": "budget-spent"}
            later = {"Retry-After": "1"} if more == "later" or status == "409" else {}
            self.answer(*self.say(int(status), names.get(status, "unexpected")), **later)
        else:
            return False
        return True

    def send_video(self, fault: str) -> None:
        told = {"Content-Type": "video/mp4", "Content-Range": f"bytes 0-{len(VIDEO) - 1}/{len(VIDEO)}"}
        self.send_response(206)
        for name, value in told.items():
            self.send_header(name, value)
        is_whole = fault == "" or (fault == "no length" and len(self.server.trouble["GET /video"]) == 0)
        if fault != "no length":
            self.send_header("Content-Length", str(len(VIDEO)))
        self.end_headers()
        self.wfile.write(VIDEO if is_whole else VIDEO[:1000])

    def say(self, status: int, name: str) -> tuple[int, dict[str, object]]:
        return status, {"type": f"urn:video-lab:problem:{name}", "status": status, "detail": f"It said {name}."}

    def answer(self, status: int, said: dict[str, object] | str | None, **headers: str) -> None:
        kind = "text/html" if isinstance(said, str) else "application/json"
        if status >= 400 and not isinstance(said, str):
            kind = "application/problem+json"
        content = b"" if said is None else said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called
        """Nobody reads it."""


@pytest.fixture
def troubled() -> Iterator[Troubled]:
    with Troubled() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def write_sheet(folder: Path, rows: list[str]) -> None:
    (folder / "sheet.csv").write_text("image,audio,reference,prompt\n" + "".join(f"me.jpg,{row}\n" for row in rows))


def run(server: Troubled, folder: Path, *more: str) -> int:
    return main([str(folder / "sheet.csv"), "--url", server.url, "--out", str(folder / "out"), *more])


def test_each_row_is_made_once_whatever_breaks(
    troubled: Troubled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "me.jpg").write_bytes(b"a face")
    for name in "abcdefgh":
        (tmp_path / f"{name}.wav").write_bytes(name.encode() * 10)
    rows = [f"{name}.wav,lesson," for name in "abcdefg"] + ["a.wav,lesson,", "h.wav,last,fails"]
    write_sheet(tmp_path, rows)
    codes = []
    while not codes or codes[-1] in {1, 3}:
        assert len(codes) < 40, capsys.readouterr()
        codes.append(run(troubled, tmp_path, "--jobs-at-once", "3", "--patience", "1" if len(codes) % 3 else "0"))
    told = capsys.readouterr()
    assert not any(troubled.trouble.values()), troubled.trouble
    assert codes[-1] == 0
    assert {1, 3} <= set(codes)
    assert "9 of 9 videos are done, 0 failed." in told.out
    assert "Traceback" not in told.err
    # Nine rows, and the one whose job had failed once more.
    assert len(troubled.jobs) == 10
    assert sorted(key[-2:] for key in troubled.answers) == ["-0"] * 9 + ["-1"]
    videos = sorted((tmp_path / "out").glob("*"))
    assert [video.name for video in videos if not video.name.startswith(".")] == [
        *(f"{number:04}-lesson.mp4" for number in range(2, 10)),
        "0010-last.mp4",
    ]
    assert all(video.read_bytes() == VIDEO for video in videos if video.suffix == ".mp4")
    assert set(troubled.deleted) >= {b"a face", b"a" * 10, b"h" * 10}
    assert b"" not in troubled.deleted

    # Nothing is left to do; and rows that were moved are the same rows.
    assert run(troubled, tmp_path) == 0
    write_sheet(tmp_path, ["b.wav,new,", *reversed(rows)])
    assert run(troubled, tmp_path) == 0
    assert len(troubled.jobs) == 11
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 10
    # A video that was moved away is fetched again.
    (tmp_path / "out" / "0010-last.mp4").unlink()
    assert run(troubled, tmp_path) == 0
    assert (tmp_path / "out" / "0010-last.mp4").exists()
    assert len(troubled.jobs) == 11
    # The same folder is not for another server.
    capsys.readouterr()
    assert main([str(tmp_path / "sheet.csv"), "--url", "http://localhost:1", "--out", str(tmp_path / "out")]) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_uploads_go_when_no_later_row_needs_them(troubled: Troubled, tmp_path: Path) -> None:
    troubled.trouble = {}
    (tmp_path / "me.jpg").write_bytes(b"a face")
    for number in range(12):
        (tmp_path / f"{number}.wav").write_bytes(b"%d" % number)
    write_sheet(tmp_path, [f"{number}.wav,," for number in range(12)])
    assert run(troubled, tmp_path) == 0
    assert troubled.uploads == {}
    assert troubled.most_uploads == 2
    assert troubled.deleted.count(b"a face") == 1


def test_a_dry_run_sends_lost_files_again_and_names_the_sheet_s_line(
    troubled: Troubled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    troubled.trouble = {"GET /usage": ["401"], "POST /batches": ["forget"]}
    for name in ("me.jpg", "a.wav", "b.wav"):
        (tmp_path / name).write_bytes(name.encode())
    write_sheet(tmp_path, ["a.wav,,", "b.wav,,"])
    assert run(troubled, tmp_path, "--dry-run") == 2
    assert "set VIDEO_LAB_KEY to a key" in capsys.readouterr().err
    assert run(troubled, tmp_path, "--dry-run") == 0
    assert "2 videos: about 2.0 minutes" in capsys.readouterr().out
    write_sheet(tmp_path, ["a.wav,,", "b.wav,,wrong"])
    assert run(troubled, tmp_path, "--dry-run") == 1
    assert capsys.readouterr().err == "Line 3, prompt: It is no good.\n"


def test_what_was_asked_for_with_one_key_is_not_asked_for_with_another(
    troubled: Troubled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    troubled.trouble = {"GET /jobs": ["401"]}
    for name in ("me.jpg", "a.wav"):
        (tmp_path / name).write_bytes(b"x")
    write_sheet(tmp_path, ["a.wav,,"])
    assert run(troubled, tmp_path) == 3
    troubled.key_id = "cd34"
    assert run(troubled, tmp_path) == 2
    assert "with the key ab12, whose jobs no other one finds" in capsys.readouterr().err
    troubled.key_id = "ab12"
    with hold(tmp_path / "out"):
        assert run(troubled, tmp_path) == 2
    assert "Another run works" in capsys.readouterr().err
    assert run(troubled, tmp_path) == 0
    assert len(troubled.jobs) == 1
