"""The page behind a shared link."""

import re

from tests.app.server import Server


def test_a_shared_link_has_title_picture_and_video_for_previews(server: Server, done_job: str) -> None:
    page = server.client.get(f"/v/{done_job}").text
    base = f"http://127.0.0.1:{server.port}/v/{done_job}"
    assert '<meta property="og:title" content="A talking portrait">' in page
    assert f'<meta property="og:image" content="{base}/poster.jpg">' in page
    assert f'<meta property="og:video" content="{base}/video.mp4">' in page


def test_a_shared_link_is_kept_out_of_search_engines(server: Server, done_job: str) -> None:
    answer = server.client.get(f"/v/{done_job}")
    assert "noindex" in answer.headers["x-robots-tag"]
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text


def test_poster_and_video_are_what_they_say(server: Server, done_job: str) -> None:
    poster = server.client.get(f"/v/{done_job}/poster.jpg")
    part = server.client.get(f"/v/{done_job}/video.mp4", headers={"range": "bytes=0-99"})
    assert (poster.headers["content-type"], poster.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert (part.status_code, len(part.content)) == (206, 100)
    # Asked again each time: a video that was deleted is not shown from a browser's own store.
    assert {poster.headers["cache-control"], part.headers["cache-control"]} == {"private, no-cache"}


def test_previews_of_links_may_ask_for_the_head_alone(server: Server, done_job: str) -> None:
    for path in (
        f"/v/{done_job}",
        f"/v/{done_job}/poster.jpg",
        f"/v/{done_job}/video.mp4",
        "/ui/examples/grace_hopper.jpg",
    ):
        head, whole = server.client.head(path), server.client.get(path)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert head.headers["content-length"] == whole.headers["content-length"]


def test_a_shared_link_speaks_the_visitors_language(server: Server, done_job: str) -> None:
    page = server.client.get(f"/v/{done_job}", headers={"accept-language": "de"}).text
    assert '<html lang="de">' in page
    assert "Ein sprechendes Porträt" in page


def test_a_shared_link_says_that_a_computer_made_the_video(server: Server, done_job: str) -> None:
    page = server.client.get(f"/v/{done_job}").text
    described = re.findall(r'<meta property="og:description" content="([^"]*)">', page)
    shown = page.partition("<body>")[2]
    assert "artificially generated or manipulated" in shown
    assert ["artificially generated or manipulated" in text for text in described] == [True]
    assert "It carries Content Credentials" in shown
    assert "a watermark that nobody sees" in shown
    german = server.client.get(f"/v/{done_job}", headers={"accept-language": "de"}).text
    assert "künstlich erzeugt oder manipuliert" in german.partition("<body>")[2]


def test_a_shared_preview_says_what_it_is(server: Server, done_job: str) -> None:
    assert "timing and framing only" in server.client.get(f"/v/{done_job}").text


def test_a_link_to_a_video_that_is_being_made_waits_for_it(server: Server, photo: bytes, long_voice: bytes) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    answer = server.client.get(f"/v/{job_id}")
    server.client.delete(f"/jobs/{job_id}").raise_for_status()
    assert "still being made" in answer.text
    assert '<meta http-equiv="refresh"' in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_link_to_nothing_is_a_404(server: Server) -> None:
    for path in ("", "/video.mp4", "/poster.jpg"):
        assert server.client.get(f"/v/AAAAAAAAAAAAAAAAAAAAAA{path}").status_code == 404


def test_without_scripts_the_page_says_what_it_needs(server: Server) -> None:
    page = server.client.get("/", headers={"accept-language": "en"}).text
    assert "This page needs JavaScript." in page.partition("<noscript>")[2].partition("</noscript>")[0]


def test_the_page_itself_names_no_one_else(server: Server) -> None:
    page = server.client.get("/", headers={"accept": "text/html"}).text
    assert '<meta property="og:title" content="Video Lab">' in page
    assert re.findall(r'<meta[^>]*content="https?://', page) == []


def test_an_open_page_holds_no_connection(server: Server) -> None:
    # One for each tab would keep a container of the deployment running, and paid for, as long as the tab is open.
    assert server.client.get("/config").json()["connect_heartbeat"] is False
