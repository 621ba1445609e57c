"""`repsight history --web`: the pages without a run."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from configs.schema import Run
from configs.web import Web
from edge.web import screen
from edge.web.past import serve_history
from edge.web.screen import with_page
from keypoints.errors import InputError, MissingExtraError

from .conftest import eventually, text
from .test_records import fill

if TYPE_CHECKING:
    from playwright.sync_api import Page

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@contextmanager
def served(root: Path, log: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves the history in `log`, and the address that it says."""
    command = [
        sys.executable,
        str(root / "cli.py"),
        "history",
        "--web",
        "--log",
        str(log),
        "--port",
        "0",
        "language=en",
    ]
    with subprocess.Popen([*command, *more], stderr=subprocess.PIPE, text=True, cwd=log.parent) as process:
        assert process.stderr is not None
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found is not None
        try:
            yield process, found[0]
        finally:
            process.kill()


def test_the_history_is_served_without_a_run_until_ctrl_c(root: Path, tmp_path: Path) -> None:
    import urllib.request

    fill(tmp_path / "log")
    with served(root, tmp_path / "log") as (process, there):
        assert there.endswith("/history")
        assert b"history.js" in urllib.request.urlopen(there).read()
        sessions = urllib.request.urlopen(there.replace("/history", "/api/sessions")).read()
        assert b'"reps":3' in sessions
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.slow
def test_the_live_page_says_that_nothing_runs_and_its_tries_become_rare(
    root: Path, tmp_path: Path, visit: Callable[..., Page]
) -> None:
    fill(tmp_path / "log")
    with served(root, tmp_path / "log") as (process, there):
        page = visit(there.removesuffix("history"))
        failed: list[str] = []
        page.on("console", lambda line: failed.append(line.text) if line.type == "error" else None)
        assert eventually(lambda: text(page, "headline") == "Nothing is running")
        page.click("nav a >> nth=1")
        page.wait_for_selector("#sessions a")
        page.click("nav a >> nth=0")
        assert eventually(lambda: text(page, "headline") == "Nothing is running")
        assert failed == []
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert eventually(lambda: text(page, "headline") == "No connection")
        page.wait_for_timeout(6000)
        assert 1 <= len(failed) <= 3, "after 1, 2 and 4 s"
        page.click("nav a >> nth=1")
        assert eventually(lambda: "repsight history --web" in text(page, "notice"))
        assert page.url.startswith("http://127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--host", "0.0.0.0"), "--host and --port are of --web"), (("--web", "1"), "shows every session"),
     (("--web", "--csv", "-"), "shows every session")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_said(repsight: Cli, arguments: tuple[str, ...], said: str) -> None:
    refused = repsight("history", *arguments)
    assert refused.returncode == 2
    assert said in refused.stderr


def test_a_missing_package_and_a_taken_port_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"web.port {port}: can't listen"):
            serve_history(Run(web=Web(port=port)), tmp_path, lambda: True)
    monkeypatch.setattr(screen, "find_spec", lambda name: None if name == "fastapi" else object())
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[web\]'"):
        serve_history(Run(), tmp_path, lambda: True)


def test_on_a_network_it_asks_for_the_token_and_keeps_it_out_of_files(tmp_path: Path) -> None:
    said: list[str] = []
    serve_history(Run(language="en", web=Web(host="0.0.0.0", port=0)), tmp_path, lambda: True, said.append)
    assert said[0].endswith("/history")
    assert "It asks for a token" in said[1]
    assert "token=" not in " ".join(said)


def test_the_token_stays_in_the_address_of_another_page() -> None:
    assert with_page("http://127.0.0.1:8000/", "history") == "http://127.0.0.1:8000/history"
    assert with_page("http://127.0.0.1:8000/?token=T", "history") == "http://127.0.0.1:8000/history?token=T"
