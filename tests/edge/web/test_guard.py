"""The door: tokens, names, origins, bodies, paths; who is refused is told why, and the service goes on."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.web.guard import Sparing
from edge.web.pages import FOLDER

from .conftest import Serve, Site

PATHS = ["/", "/history", "/session?id=1", "/api/now", "/api/video", "/api/sessions", "/api/sessions/1",
         "/api/reps.csv", "/api/reps.json", "/api/openapi.json", "/api/invitation.svg", "/nowhere"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_on_a_network_nothing_is_had_without_the_token(shared_guarded: Site, path: str) -> None:
    assert shared_guarded.token is not None
    wrong = shared_guarded.token[:-1] + ("A" if shared_guarded.token[-1] != "A" else "B")
    glue = "&" if "?" in path else "?"
    assert shared_guarded.ask(path).status == 401
    assert shared_guarded.ask(f"{path}{glue}token={wrong}").status == 401
    assert shared_guarded.ask(f"{path}{glue}token=").status == 401
    assert shared_guarded.ask(path, cookie=f"repsight={wrong}").status == 401
    assert shared_guarded.ask(path, authorization=f"Bearer {wrong}").status == 401
    assert shared_guarded.ask(path, authorization=f"Basic {shared_guarded.token}").status == 401
    assert shared_guarded.ask(path, cookie="repsight=\xff\xfe").status == 401


def test_a_browser_gives_the_token_once_and_a_script_as_it_likes(shared_guarded: Site) -> None:
    first = shared_guarded.ask(f"/?token={shared_guarded.token}")
    assert first.status == 200
    cookie, *attributes = first.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    again = shared_guarded.ask("/api/sessions", cookie=f"other=1; {cookie}")
    assert again.status == 200
    assert "set-cookie" not in again.headers
    assert shared_guarded.ask("/api/sessions", authorization=f"Bearer {shared_guarded.token}").status == 200
    with connect(shared_guarded.live, additional_headers={"Cookie": cookie}) as viewer:
        shared_guarded.tell()
        assert "Squat" in viewer.recv(timeout=20)


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False)])
def test_behind_tls_the_token_never_leaves_by_a_plain_connection(
    shared_guarded: Site, scheme: str, secure: bool
) -> None:
    answer = shared_guarded.ask(f"/?token={shared_guarded.token}", x_forwarded_proto=scheme)
    assert ("Secure" in answer.headers["set-cookie"].split("; ")) is secure


def test_who_is_refused_sees_a_page_that_says_what_to_do(shared_guarded: Site) -> None:
    refused = shared_guarded.ask("/")
    assert b"A token is needed" in refused.body
    old = shared_guarded.ask("/history?token=0123456789abcdefghijkl")
    assert old.status == 401
    assert b"The token is wrong" in old.body
    assert b"A token is needed" not in old.body
    assert "'self'" in refused.headers["content-security-policy"]
    assert shared_guarded.ask("/static/base.css").status == 200
    assert shared_guarded.ask("/api/now").headers["content-type"].startswith("application/json")


def test_on_this_machine_no_token_is_needed(shared_site: Site) -> None:
    assert shared_site.token is None
    assert shared_site.ask("/").status == 200
    assert "set-cookie" not in shared_site.ask("/?token=anything").headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000", "gym.example"])
def test_its_own_names_are_served(serve: Serve, host: str) -> None:
    assert serve(names=["Gym.example"]).ask("/", host=host).status == 200


def test_a_link_on_a_page_elsewhere_may_be_followed(shared_site: Site) -> None:
    assert shared_site.ask("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
def test_a_page_elsewhere_can_open_no_websocket(shared_site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(shared_site.live, additional_headers={"Origin": origin}):
        pass
    assert refused.value.response.status_code == 403
    with connect(shared_site.live, additional_headers={"Origin": f"http://127.0.0.1:{shared_site.port}"}):
        pass


def test_a_websocket_without_the_token_is_refused(shared_guarded: Site) -> None:
    for address in (shared_guarded.live, f"{shared_guarded.live}?token=wrong"):
        with pytest.raises(InvalidStatus) as refused, connect(address):
            pass
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/static/../words/en.yaml", "/static/..%2fwords%2fen.yaml", "/static/%2e%2e/%2e%2e/run.py", "/static//etc/passwd",
     "/static/....//....//etc/passwd", "/static/%00", "/static/..\\..\\run.py", "//etc/passwd", "/../../etc/passwd",
     "/static/live.html", "/static/OFL.txt/.."],
)  # fmt: skip
def test_no_path_leads_out_of_the_pages(shared_site: Site, path: str) -> None:
    answer = shared_site.ask(path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"a" * 100_000]
)  # fmt: skip
def test_what_is_no_http_is_answered_with_400(shared_site: Site, request_: bytes) -> None:
    with shared_site.raw(request_) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 400")
    assert shared_site.ask("/").status == 200


@pytest.mark.parametrize("path", ["/", "/history", "/session?id=1", "/api/sessions", "/static/live.js", "/nowhere"])
def test_every_answer_is_sealed(shared_site: Site, path: str) -> None:
    headers = shared_site.ask(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.*")), ids=lambda file: file.name)
def test_no_page_asks_anybody_else_or_carries_a_script(file: Path) -> None:
    if file.suffix in (".woff2", ".txt"):
        return
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text)
    assert not re.search(r"<script(?![^>]*(src=|application/json))|\son\w+=|\sstyle=|javascript:", text)


def test_a_flood_of_refusals_fills_no_disk() -> None:
    now_s = [0.0]
    sparing = Sparing(lines=3, every_s=10, clock=lambda: now_s[0])
    records = [logging.LogRecord("x", logging.WARNING, "", 0, "refused: %s", ("a",), None) for _ in range(101)]
    assert sum(sparing.filter(one) for one in records[:100]) == 3
    now_s[0] = 11.0
    assert sparing.filter(records[100])
    assert records[100].getMessage() == "refused: a (and 97 more before)"
