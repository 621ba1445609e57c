"""`repsight serve` from its start to its end: what it says, and what it leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.service.files import Folder
from keypoints.errors import InputError

from .evil import sequence

ROOT = Path(__file__).parents[3]


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, ready; and its address."""
    command = [sys.executable, str(ROOT / "cli.py"), "serve", "--port", "0", f"folder={folder}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder) as process:
        assert process.stderr is not None
        try:
            said = [process.stderr.readline().strip(), process.stderr.readline().strip()]
            assert said[1] == "ready", said
            yield process, said[0].removeprefix("Open ").rstrip("/")
        finally:
            process.kill()


def children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_ends_with_its_jobs_its_workers_and_its_files(how: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path) as (process, address):
        body = sequence(frames=6000, rate_hz=120.0)
        with urllib.request.urlopen(urllib.request.Request(f"{address}/api/jobs", body)) as answer:
            location = answer.headers["location"]
        # Somebody watches, and somebody has not sent all yet.
        port = int(address.rpartition(":")[2])
        watching, sending = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        watching.sendall(f"GET {location}/readings HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        sending.sendall(b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nPK\x03\x04")
        assert watching.recv(15) == b"HTTP/1.1 200 OK"
        workers = children(process.pid)
        assert len(workers) >= 3
        process.send_signal(how)
        assert process.wait(15) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert list(tmp_path.iterdir()) == []
    until_s = time.monotonic() + 5
    while [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < until_s, "a worker is left"
        time.sleep(0.05)


def test_killed_it_leaves_no_worker_and_the_next_one_removes_its_files(tmp_path: Path) -> None:
    with started(tmp_path) as (process, _):
        workers = children(process.pid)
        process.kill()
        process.wait(10)
    until_s = time.monotonic() + 10
    while [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < until_s, "a worker is left"
        time.sleep(0.05)
    (left,) = tmp_path.iterdir()
    with Folder(str(tmp_path)) as ours, Folder(str(tmp_path)) as others:
        assert not left.exists()
        assert {ours.path, others.path} == set(tmp_path.iterdir()), "what is in use stays"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder: nothing can be kept here"):
        Folder(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [(["--head", "missing.onnx"], "missing.onnx: no such file"), (["limits.queud=3"], "did you mean 'queued'?"),
     (["folder=missing"], "missing: folder: nothing can be kept here"), (["--port", "BUSY"], "can't listen"),
     (["--host", "nowhere.invalid"], "host: no address of this machine")],
)  # fmt: skip
def test_wrong_settings_end_it_with_one_line(
    repsight: Callable[..., subprocess.CompletedProcess[str]], arguments: list[str], line: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = repsight("serve", *(port if word == "BUSY" else word for word in arguments))
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
