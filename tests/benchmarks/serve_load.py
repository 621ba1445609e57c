"""Good and bad requests at the service, many at a time: does each get its answer, and does memory stay where it was?

    python tests/benchmarks/serve_load.py                         # 200 requests, 16 at a time, and again, three times
    python tests/benchmarks/serve_load.py --requests 2000 --rounds 5 --json load.json

`repsight serve` runs as a process of its own, as in life, with the shipped models and its own settings. Of the requests
about half are good (pictures, sequences, films, questions), the others are files that lie: bombs, headers, truncated
ones, pickles. Meanwhile one client sends its upload byte by byte, and another never reads the readings that it asked
for. The machine is to be idle. Exit code 1 when an answer has another status than it should, a 5xx is not a 503 with
Retry-After, a worker died, a plain question took longer than a second, or memory grew after the first round by more
than 64 MB.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "edge" / "service")]

import evil  # noqa: E402 - from the tests

MOST_GROWTH_MB, SLOWEST_S = 64.0, 1.0


class Asked(NamedTuple):
    """One request, and the statuses that are right."""

    name: str
    method: str
    path: str
    body: bytes
    right: tuple[int, ...]


class Told(NamedTuple):
    """How it was answered."""

    asked: Asked
    status: int
    seconds: float
    retry: bool
    content: bytes


def requests(count: int, seed: int) -> list[Asked]:
    """Good and bad ones, mixed."""
    photo = bytes(cv2.imencode(".jpg", _frame())[1].tobytes())
    good = [
        Asked("a picture", "POST", evil.IMAGE, photo, (200,)),
        Asked("a picture", "POST", evil.IMAGE, photo, (200,)),
        Asked("a picture as PNG", "POST", evil.IMAGE, evil.picture(".png"), (200,)),
        Asked("a sequence", "POST", evil.SEQUENCE, evil.sequence(150), (200,)),
        Asked("a film", "POST", evil.JOBS, evil.video(), (202,)),
        *(Asked(path, "GET", path, b"", (200,)) for path in ("/health", "/ready", "/metrics", "/api/openapi.json")),
    ]
    bad = [Asked(one.name, "POST", one.path, one.make(), (one.status,)) for one in evil.FILES]
    bad.append(Asked("a job that is none", "GET", f"{evil.JOBS}/none", b"", (404,)))
    bad.append(Asked("a name that is a path", "POST", f"{evil.JOBS}?name=../x", evil.video(), (422,)))
    bad.append(Asked("more than a film may have", "POST", evil.JOBS, b"\0\0\0\0ftyp" + bytes(300 * 2**20), (413,)))
    dice = random.Random(seed)
    return [dice.choice(good if dice.random() < 0.5 else bad) for _ in range(count)]


def _frame() -> Any:
    capture = cv2.VideoCapture(str(ROOT / "edge" / "demo.mp4"))
    frame = capture.read()[1]
    capture.release()
    return frame if frame is not None else np.zeros((720, 1280, 3), np.uint8)


async def ask(port: int, asked: Asked) -> Told:
    """One request over a connection of its own; an answer that comes before all is sent is read all the same."""
    start_s = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{asked.method} {asked.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(asked.body)}\r\n\r\n".encode())

    async def send() -> None:
        try:
            for place in range(0, len(asked.body), 2**18):
                writer.write(asked.body[place : place + 2**18])
                await writer.drain()
        except ConnectionError:
            pass  # it has heard enough

    sending = asyncio.create_task(send())
    try:
        raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)
        length = int(re.search(rb"content-length: (\d+)", raw, re.IGNORECASE)[1])  # type: ignore[index]
        content = await asyncio.wait_for(reader.readexactly(length), 120)
    finally:
        sending.cancel()
        writer.close()
    seconds = time.perf_counter() - start_s
    return Told(asked, int(raw.split()[1]), seconds, b"retry-after" in raw.lower(), content)


async def load(port: int, wanted: list[Asked], at_a_time: int) -> list[Told]:
    """All of them, so many at a time. One that is told to come again does."""
    todo, told = iter(wanted), []

    async def client() -> None:
        for asked in todo:
            for _ in range(600):
                answer = await ask(port, asked)
                told.append(answer)
                if answer.status != 503 or asked.path == "/ready":
                    break
                await asyncio.sleep(0.2)

    await asyncio.gather(*(client() for _ in range(at_a_time)))
    return told


def memory_mb(parent: int) -> dict[str, float]:
    """Resident memory of the service and of each of its workers."""
    lines = subprocess.run(["ps", "-eo", "pid=,ppid=,rss=,args="], capture_output=True, text=True, check=True).stdout
    found = {}
    for pid, ppid, rss, *words in (line.split() for line in lines.splitlines()):
        if int(pid) == parent:
            found["service"] = int(rss) / 1024
        elif int(ppid) == parent and "edge.service.worker" in words:
            found[words[-1]] = int(rss) / 1024
    return found


@contextmanager
def service(folder: Path) -> Iterator[tuple[int, int]]:
    """The process id and the port of one that is ready."""
    command = [sys.executable, str(ROOT / "cli.py"), "serve", "--port", "0", f"folder={folder}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            port = int(process.stderr.readline().rstrip("/\n").rpartition(":")[2])
            if process.stderr.readline().strip() != "ready":
                raise click.ClickException("it does not get ready")
            # What it says from now on is of no interest, but must not fill the pipe.
            with (
                Path("/dev/null").open("wb") as nowhere,
                subprocess.Popen(["cat"], stdin=process.stderr, stdout=nowhere) as drain,
            ):
                yield process.pid, port
                process.terminate()
                process.wait(30)
                drain.wait(30)
        finally:
            process.kill()


async def measure(port: int, pid: int, count: int, at_a_time: int, rounds: int) -> dict[str, Any]:
    """The figures."""
    long = evil.sequence(6000, 120.0)
    job = json.loads((await ask(port, Asked("", "POST", evil.JOBS, long, (202,)))).content)["id"]
    slow = _slow_clients(port, job)
    trickle = asyncio.create_task(_trickle(slow[0]))
    idle, after, told = memory_mb(pid), [], []
    began_s = time.perf_counter()
    for number in range(rounds):
        told += await load(port, requests(count, number), at_a_time)
        after.append(memory_mb(pid))
    seconds = time.perf_counter() - began_s
    metrics = (await ask(port, Asked("", "GET", "/metrics", b"", (200,)))).content.decode()
    trickle.cancel()
    for one in slow:
        one.close()
    wrong = [f"{t.asked.name}: {t.status}, not {t.asked.right[0]}: {t.content[:200]!r}" for t in told
             if t.status not in t.asked.right and not (t.status == 503 and t.retry)]  # fmt: skip
    questions = [t.seconds for t in told if t.asked.path == "/health"]
    pictures = sorted(t.seconds for t in told if t.asked.name == "a picture" and t.status == 200)
    died = sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines()
               if line.startswith("repsight_worker_ends_total"))  # fmt: skip
    return {
        "requests": len(told), "at_a_time": at_a_time, "seconds": round(seconds, 1),
        "statuses": dict(sorted(Counter(t.status for t in told).items())), "wrong": wrong, "workers_replaced": died,
        "slowest_health_s": round(max(questions, default=0.0), 3),
        "picture_s": {"p50": round(pictures[len(pictures) // 2], 3), "max": round(pictures[-1], 3)},
        "memory_mb": {"idle": _rounded(idle), "rounds": [_rounded(one) for one in after]},
        "grown_mb": round(sum(after[-1].values()) - sum(after[0].values()), 1),
    }  # fmt: skip


def _rounded(memory: dict[str, float]) -> dict[str, int]:
    return {name: round(value) for name, value in sorted(memory.items())} | {"all": round(sum(memory.values()))}


def _slow_clients(port: int, job: str) -> list[socket.socket]:
    """One that sends byte by byte, one that never reads."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    clients[0].sendall(f"POST {evil.JOBS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\nPK".encode())
    clients[1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    clients[1].sendall(f"GET {evil.JOBS}/{job}/readings HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return clients


async def _trickle(client: socket.socket) -> None:
    client.setblocking(False)
    while True:
        try:
            await asyncio.get_running_loop().sock_sendall(client, b"\x03")
        except OSError:
            return  # it was too slow for the service
        await asyncio.sleep(0.1)


@click.command()
@click.option("--requests", "count", type=click.IntRange(min=1), default=200, show_default=True, help="In a round.")
@click.option("--at-a-time", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--rounds", type=click.IntRange(min=2), default=3, show_default=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write every figure.")
def main(count: int, at_a_time: int, rounds: int, json_file: Path | None) -> None:
    """Load the service with good and bad requests."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    with tempfile.TemporaryDirectory() as folder:
        with service(Path(folder)) as (pid, port):
            figures = asyncio.run(measure(port, pid, count, at_a_time, rounds))
        figures["files_left"] = len(list(Path(folder).iterdir()))
    click.echo(json.dumps(figures, indent=1))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))
    bad = figures["wrong"] + [f"{what}: {figures[what]}" for what, most in (
        ("workers_replaced", 0), ("slowest_health_s", SLOWEST_S), ("grown_mb", MOST_GROWTH_MB), ("files_left", 0)
    ) if figures[what] > most]  # fmt: skip
    for line in bad:
        click.echo(f"wrong: {line}", err=True)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
