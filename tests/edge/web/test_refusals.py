"""What is against the rules: refused with its status, logged, and survived."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from edge.web.guard import MOST_BODY

from .conftest import Site

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
