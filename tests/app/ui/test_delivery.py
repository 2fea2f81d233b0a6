"""How the page's files reach browsers."""

import re

import pytest

from tests.app.server import Server


@pytest.mark.parametrize("path", ["/", "/de/", "/ui/page.js"])
def test_the_page_and_its_files_are_sent_compressed(server: Server, path: str) -> None:
    answer = server.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/", "/de/"])
def test_browsers_keep_gradios_files_but_never_the_page(server: Server, path: str) -> None:
    page = server.client.get(path)
    assert page.headers["cache-control"] == "no-cache"
    files = re.findall(r'(?:src|href)="\.?/?((?:assets|static/fonts)/[^"]+)"', page.text)
    assert {name.partition("/")[0] for name in files} == {"assets", "static"}
    for name in files:
        answer = server.client.get(f"{path}{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_a_file_that_is_not_there_is_not_kept(server: Server) -> None:
    answer = server.client.get("/assets/no-such-file.js")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
