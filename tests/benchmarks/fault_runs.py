"""What the parts of faults.py share: a real `repsight run`, an honest observer of it, and what its history holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from edge.history.database import FILE
from edge.history.read import open_history

ROOT = Path(__file__).parents[2]

#: Jumping jacks as keypoints: 12 reps in 16 seconds, and stage 2 alone has work to do.
SEQUENCE = ROOT / "tests" / "pi" / "sequences" / "jumping_jacks.npz"

#: Seconds that a process has to begin, or to end: machines are busy at times.
PATIENCE_S = 300.0

#: What is compared of a rep: all that the history and the report both hold.
Rep = tuple[str, float, float, float]


@dataclass(frozen=True)
class Seen:
    """What a viewer was told of one reading. at_s: when, of the machine's steady clock. today: the line's reps."""

    at_s: float
    time_s: float
    state: str
    reps: int
    today: int | None


class Runner:
    """A real `repsight run`, with a viewer of its web screen; a context manager, which leaves no process behind."""

    def __init__(
        self,
        *arguments: str | Path,
        web: bool = True,
        env: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """arguments: of `run`. web: with a viewer, for whom a film is played at its own speed. before: what the
        command is an argument of."""
        screen = ["--screen", "web", "--port", "0"] if web else ["--screen", "none"]
        command = [*before, sys.executable, str(ROOT / "cli.py"), "run", *map(str, arguments), *screen, "--quiet"]
        self.seen: list[Seen] = []
        self.said: list[str] = []
        self.rss_mb: list[float] = []
        self.files: list[int] = []
        self.threads: list[int] = []
        self.began_s = time.monotonic()
        # LANG: the viewer reads English.
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **(env or {})}
        self.process = subprocess.Popen(command, text=True, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)  # fmt: skip
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._url: str | None = None
        self._open = threading.Event()
        self._threads[0].start()
        if web:
            self._threads.append(threading.Thread(target=self._watch, daemon=True))
            self._threads[-1].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def announced(self) -> int:
        """Reps that the viewer was told of."""
        return self.seen[-1].reps if self.seen else 0

    def wait_for(self, what: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
        """Until `what()` is so; False when it did not become so, or the process ended before."""
        until_s = time.monotonic() + patience_s
        while not what():
            if self.process.poll() is not None or time.monotonic() > until_s:
                return False
            time.sleep(0.005)
        return True

    def wait_for_reps(self, reps: int) -> bool:
        """Until the viewer was told of so many; False when it was not, or the process ended before."""
        return self.wait_for(lambda: self.announced >= reps)

    def kill(self) -> None:
        """Kill -9, and wait until everything that it said has arrived."""
        self.process.kill()
        self.wait()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once it has ended by itself; one that does not is killed."""
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.said.append("warning: it did not end")
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(10)
        return self.process.returncode

    @property
    def warnings(self) -> list[str]:
        """What it said that no healthy run says."""
        return [line for line in self.said if re.search(r"warning|error|Traceback|exception", line, re.IGNORECASE)]

    def sample(self) -> None:
        """Remember its memory, open files and threads as of now."""
        place = Path(f"/proc/{self.process.pid}")
        try:
            status = (place / "status").read_text()
            files = len(list((place / "fd").iterdir()))
        except OSError:  # it has ended, which others will notice
            return
        if found := re.search(r"VmRSS:\s+(\d+) kB", status):
            self.rss_mb.append(int(found[1]) / 1024)
            self.files.append(files)
            self.threads.append(int(re.findall(r"Threads:\s+(\d+)", status)[0]))

    def _listen(self) -> None:
        assert self.process.stderr is not None and self.process.stdout is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            if self._url is None and (found := re.search(r"http://(\S+)", line)):
                self._url = found[1].rstrip("/")
                self._open.set()
        self.said += self.process.stdout.read().splitlines()
        self._open.set()

    def _watch(self) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        self._open.wait()
        if self._url is None:
            return
        try:
            with connect(f"ws://{self._url}/api/live", compression=None, open_timeout=PATIENCE_S, ping_interval=None,
                         max_queue=None) as socket:  # fmt: skip
                for text in socket:
                    now = json.loads(text)
                    today = [line for what, line in now["totals"] if what == "Today"]
                    reps = sum(int(n) for n in re.findall(r"(\d+) [a-z]", today[0])) if today else None
                    told = Seen(time.monotonic(), now["time_s"], now["state"], sum(now["reps"].values()), reps)
                    self.seen.append(told)
        except (OSError, WebSocketException):  # it was killed: that is what this is about
            return


@dataclass
class Part:
    """What one part found: its figures, and a line for each thing that is wrong."""

    name: str
    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, so: bool, otherwise: str) -> None:
        """One thing that is to be so."""
        if not so:
            self.wrong.append(f"{self.name}: {otherwise}")


@dataclass(frozen=True)
class Held:
    """What a history holds. reps: by session, in their order. sessions: number, length, whether it was ended, start."""

    whole: str
    reps: dict[int, list[Rep]]
    sessions: list[tuple[int, float, bool, str]]
    today: int

    @property
    def count(self) -> int:
        """Reps in all."""
        return sum(map(len, self.reps.values()))

    @property
    def newest(self) -> list[Rep]:
        """The reps of the newest session."""
        return self.reps.get(self.sessions[-1][0], []) if self.sessions else []


def held(folder: Path) -> Held:
    """What is in the history of a folder: of a copy, so that the next process finds it as it was left."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "log"
        shutil.copytree(folder, copy)
        if not (copy / FILE).exists():
            return Held("ok", {}, [], 0)
        with closing(sqlite3.connect(copy / FILE)) as db:
            whole = db.execute("PRAGMA integrity_check").fetchone()[0]
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():  # killed before its tables were there
                return Held(whole, {}, [], 0)
            reps: dict[int, list[Rep]] = {}
            for session, action, *times in db.execute(
                "SELECT session, action, start_s, end_s, counted_at_s FROM reps ORDER BY id"
            ):
                start_s, end_s, counted_at_s = (round(time_s, 3) for time_s in times)
                reps.setdefault(session, []).append((action, start_s, end_s, counted_at_s))
            sessions = [
                (number, length_s, ended is not None, started)
                for number, length_s, ended, started in db.execute(
                    "SELECT id, duration_s, ended_at, started_at FROM sessions ORDER BY id"
                )
            ]
        with open_history(copy) as past:
            today = sum(past.totals(datetime.now().date()).reps.values()) if past is not None else 0
    return Held(whole, reps, sessions, today)


def reported(file: Path) -> list[Rep]:
    """The reps of a run's report."""
    return [(rep["action"], rep["start_s"], rep["end_s"], rep["counted_at_s"])
            for rep in json.loads(file.read_text())["reps"]]  # fmt: skip


def undisturbed(source: str | Path, folder: Path) -> list[Rep]:
    """The reps of a run that nothing happens to: what every other one is compared with."""
    file = folder / "undisturbed.json"
    with Runner(source, "--log", "none", "--json", file, web=False) as runner:
        if runner.wait() != 0:
            raise SystemExit("an undisturbed run failed: " + " / ".join(runner.said))
    return reported(file)


@contextmanager
def noon() -> Iterator[None]:
    """Local time is about noon, here and in what is started from here: no midnight ends the day on the way."""
    before = os.environ.get("TZ")
    ahead = 12 - time.gmtime().tm_hour
    os.environ["TZ"] = f"NOON{-ahead:+d}"  # POSIX counts hours to the west
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()
