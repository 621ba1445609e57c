"""The door: tokens, names, origins, bodies, paths; who is refused is told why, and the service goes on."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.web.guard import MOST_BODY, Sparing
from edge.web.pages import FOLDER

from .conftest import Site

PATHS = ["/", "/history", "/session?id=1", "/api/now", "/api/video", "/api/sessions", "/api/sessions/1",
         "/api/reps.csv", "/api/reps.json", "/api/openapi.json", "/api/invitation.svg", "/nowhere"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_on_a_network_nothing_is_had_without_the_token(guarded: Site, path: str) -> None:
    assert guarded.token is not None
    wrong = guarded.token[:-1] + ("A" if guarded.token[-1] != "A" else "B")
    glue = "&" if "?" in path else "?"
    assert guarded.ask(path).status == 401
    assert guarded.ask(f"{path}{glue}token={wrong}").status == 401
    assert guarded.ask(f"{path}{glue}token=").status == 401
    assert guarded.ask(path, cookie=f"repsight={wrong}").status == 401
    assert guarded.ask(path, authorization=f"Bearer {wrong}").status == 401
    assert guarded.ask(path, authorization=f"Basic {guarded.token}").status == 401
    assert guarded.ask(path, cookie="repsight=\xff\xfe").status == 401


def test_a_browser_gives_the_token_once_and_a_script_as_it_likes(guarded: Site) -> None:
    first = guarded.ask(f"/?token={guarded.token}")
    assert first.status == 200
    cookie, *attributes = first.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    again = guarded.ask("/api/sessions", cookie=f"other=1; {cookie}")
    assert again.status == 200
    assert "set-cookie" not in again.headers
    assert guarded.ask("/api/sessions", authorization=f"Bearer {guarded.token}").status == 200
    with connect(guarded.live, additional_headers={"Cookie": cookie}) as viewer:
        guarded.tell()
        assert "Squat" in viewer.recv(timeout=20)


def test_who_is_refused_sees_a_page_that_says_what_to_do(guarded: Site) -> None:
    refused = guarded.ask("/")
    assert b"A token is needed" in refused.body
    assert "'self'" in refused.headers["content-security-policy"]
    assert guarded.ask("/static/base.css").status == 200
    assert guarded.ask("/api/now").headers["content-type"].startswith("application/json")


def test_on_this_machine_no_token_is_needed(site: Site) -> None:
    assert site.token is None
    assert site.ask("/").status == 200
    assert "set-cookie" not in site.ask("/?token=anything").headers


def own(site: Site) -> str:
    return f"127.0.0.1:{site.port}"


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("a stranger's name that leads here", {"host": "evil.example"}, 421),
    ("with the port", {"host": "evil.example:8000"}, 421),
    ("an address of a network", {"host": "192.0.2.7"}, 421),
    ("a name with a page in it", {"host": "<script>"}, 421),
    ("a name that ends like ours", {"host": "localhost.evil.example"}, 421),
    ("a page elsewhere shows the picture", {"path": "/api/video", "sec_fetch_site": "cross-site",
                                            "sec_fetch_mode": "no-cors"}, 403),
    ("a page elsewhere deletes", {"path": "/api/sessions/1", "method": "DELETE", "origin": "http://evil.example"}, 403),
    ("a page of no origin deletes", {"path": "/api/sessions/1", "method": "DELETE", "origin": "null"}, 403),
    ("a page of another port deletes", {"path": "/api/sessions/1", "method": "DELETE",
                                        "origin": "http://127.0.0.1:1"}, 403),
    ("an oversized body", {"method": "DELETE", "path": "/api/sessions/1", "body": bytes(MOST_BODY + 1)}, 413),
    ("an oversized body that is only announced", {"method": "DELETE", "path": "/api/sessions/1",
                                                  "content_length": str(10**12)}, 413),
    ("a body without an end", {"method": "DELETE", "path": "/api/sessions/1", "transfer_encoding": "chunked"}, 411),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_against_the_rules_is_refused_logged_and_survived(
    site: Site, asked: dict[str, Any], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    given = dict(asked)
    with caplog.at_level(logging.WARNING, "repsight.web"):
        answer = site.ask(given.pop("path", "/"), **given)
    assert answer.status == status
    assert any(str(status) in record.getMessage() for record in caplog.records)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert site.ask("/").status == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000", "gym.example"])
def test_its_own_names_are_served(serve: Callable[..., Site], host: str) -> None:
    assert serve(names=["Gym.example"]).ask("/", host=host).status == 200


def test_a_link_on_a_page_elsewhere_may_be_followed(site: Site) -> None:
    assert site.ask("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
def test_a_page_elsewhere_can_open_no_websocket(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(site.live, additional_headers={"Origin": origin}):
        pass
    assert refused.value.response.status_code == 403
    with connect(site.live, additional_headers={"Origin": f"http://{own(site)}"}):
        pass


def test_a_websocket_without_the_token_is_refused(guarded: Site) -> None:
    for address in (guarded.live, f"{guarded.live}?token=wrong"):
        with pytest.raises(InvalidStatus) as refused, connect(address):
            pass
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/static/../words/en.yaml", "/static/..%2fwords%2fen.yaml", "/static/%2e%2e/%2e%2e/run.py", "/static//etc/passwd",
     "/static/....//....//etc/passwd", "/static/%00", "/static/..\\..\\run.py", "//etc/passwd", "/../../etc/passwd",
     "/static/live.html", "/static/OFL.txt/.."],
)  # fmt: skip
def test_no_path_leads_out_of_the_pages(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"a" * 100_000]
)  # fmt: skip
def test_what_is_no_http_is_answered_with_400(site: Site, request_: bytes) -> None:
    with site.raw(request_) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 400")
    assert site.ask("/").status == 200


@pytest.mark.parametrize("path", ["/", "/history", "/session?id=1", "/api/sessions", "/static/live.js", "/nowhere"])
def test_every_answer_is_sealed(site: Site, path: str) -> None:
    headers = site.ask(path).headers
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
