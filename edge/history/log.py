"""The session log: what readings bring goes into the history by a thread, so that no frame waits for a disk."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from configs.schema import Run
from edge.history.database import FILE, DiskError, default_folder, folder_of, open_database
from edge.history.read import Bests, History, PastRep, Totals
from edge.history.writer import Hold, Moment, SessionWriter
from edge.reading import Reading
from edge.sources import may_be_live
from keypoints.errors import InputError, without_password

#: A hold in progress is written this often, so that a power cut loses no more of it.
HOLD_EVERY_S = 5.0
#: What a disk gets to take the end of a session.
_PATIENCE_S: Final = 10.0

Job = Callable[[SessionWriter], None]


class SessionLog:
    """Writes one session. A context manager; leaving it closes the file.

    A write that fails (a full disk) ends the logging and nothing else: `trouble` then says why, in one line.
    notices: what else the user is to know, such as that a damaged file was set aside. past_reps: the newest full reps
    of earlier sessions, oldest first. bests: what earlier sessions reached. today: what they did today. session: the
    number that is at least this one's own, and above all earlier ones.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        set_pause_s: float = 15.0,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """Open or create the history in `folder`.

        set_pause_s: a longer pause between two reps ends a set. wall: seconds since 1970. steady: seconds of a clock
        that nobody sets. Raises InputError when the file can't be opened.
        """
        folder = folder or default_folder()
        self.path = folder / FILE
        self.trouble: str | None = None
        self.notices: list[str] = []
        self.past_reps: list[PastRep] = []
        self.bests, self.today, self.session = Bests(), Totals(), 1
        self._wall, self._steady = wall, steady or _since_boot
        self._holds = _Holds()
        self._begun = self._wait = False
        # Never full: a person does not do reps faster than a disk takes them, and one that hangs is given up on.
        self._jobs: queue.SimpleQueue[Job | threading.Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._writer: SessionWriter | None = None
        try:
            db = open_database(folder, self.notices.append)
        except DiskError as error:
            self.trouble = str(error)
            return
        self._past = past = History(db)
        self.past_reps, self.bests = past.newest_full_reps(), past.bests()
        self.today, self.session = past.totals(datetime.fromtimestamp(wall()).date()), past.newest() + 1
        self._writer = SessionWriter(db, set_pause_s)
        self._thread = threading.Thread(target=self._work, args=(db, self._writer), name="session log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(
        self, source: str, models: Mapping[str, Any] | None = None, *, workout: str | None = None, live: bool = True
    ) -> None:
        """A session starts. models: by `pose` and `head`, each with name, version and sha256. workout: its name.
        live: nothing waits for the disk; a source that can wait does, so that what was shown of it is on the disk."""
        self._begun, self._wait = True, not live
        open_ = without_password(source)  # none of the history's business
        self._put(partial(SessionWriter.begin, now=self._now(), source=open_, models=models or {}, workout=workout))
        self.flush()  # before the first frame there is time

    def add(self, reading: Reading) -> None:
        """Write what this reading brought: each new rep at once, a hold every few seconds and at its end."""
        holds = self._holds.update(reading)
        for hold in holds:
            self._add(reading.time_s, (), hold)
        if reading.new_reps:
            self._add(reading.time_s, reading.new_reps, None)
        if self._wait and (holds or reading.new_reps):
            self.flush()

    def end(self, duration_s: float) -> None:
        """The session is over after `duration_s` of the source; nothing happens where none has begun."""
        if not self._begun:
            return
        hold = self._holds.end()
        if hold is not None:
            self._add(duration_s, (), hold)
        self._put(partial(SessionWriter.end, now=self._now(), duration_s=duration_s))
        self.flush()

    @property
    def deleted(self) -> bool:
        """Whether somebody deleted the session while it ran."""
        return self._writer is not None and self._writer.deleted

    def new_bests(self) -> Bests:
        """What of this session goes beyond all earlier ones; an exercise that is done for the first time does not."""
        writer, old = self._writer, self.bests
        if writer is None or writer.deleted:
            return Bests()
        reps = {a: n for a, n in writer.most_reps.items() if n > old.reps.get(a, n)}
        holds_s = {a: s for a, s in writer.longest_s.items() if s > old.holds_s.get(a, s)}
        return Bests(reps, holds_s)

    def ask(self, question: Callable[[History], None]) -> None:
        """Have the thread look something up; it is not asked where nothing can be written."""
        self._put(lambda _: question(self._past))

    def flush(self, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until everything so far is on the disk; a disk that does not answer becomes the trouble."""
        if self._thread is None or not self._thread.is_alive():
            return
        done = threading.Event()
        self._jobs.put(done)
        if not done.wait(timeout_s):
            self._fail("the disk does not answer")

    def close(self) -> None:
        """Close the file; nothing can be written any more."""
        if self._thread is None:
            return
        self._jobs.put(None)
        self._thread.join(_PATIENCE_S)
        if self._thread.is_alive():
            self._fail("the disk does not answer")
        self._thread = None

    def _add(self, time_s: float, reps: Any, hold: Hold | None) -> None:
        self._put(partial(SessionWriter.add, now=self._now(), time_s=time_s, reps=reps, hold=hold))

    def _put(self, job: Job) -> None:
        if self._thread is not None and self.trouble is None:
            self._jobs.put(job)

    def _now(self) -> Moment:
        return Moment(self._wall(), self._steady())

    def _fail(self, why: object) -> None:
        self.trouble = self.trouble or f"{self.path}: the session is no longer logged: {why}; counting goes on"

    def _work(self, db: sqlite3.Connection, writer: SessionWriter) -> None:
        """The thread: everything that has come since the last commit becomes the next one."""
        open_ = True
        while open_:
            batch = [self._jobs.get()]
            while not self._jobs.empty():
                batch.append(self._jobs.get())
            open_ = None not in batch
            try:
                for job in batch:
                    if self.trouble is None and callable(job):
                        job(writer)
                if self.trouble is None:
                    writer.commit()
            except sqlite3.Error as error:
                self._fail(error)
            for job in batch:
                if isinstance(job, threading.Event):
                    job.set()
        try:
            db.close()
        except sqlite3.Error as error:
            self._fail(error)


def open_log(settings: Run, source: str) -> tuple[SessionLog | None, str | None]:
    """The session log, if one is kept: of a person before a camera by default, and not of a film; and why it is not.

    Raises InputError for a folder that was asked for and can't be had; without the user's own, counting goes on.
    """
    if settings.log == "none" or (settings.log == "auto" and not may_be_live(source)):
        return None, None
    try:
        return SessionLog(folder_of(settings.log), set_pause_s=settings.set_pause_s), None
    except InputError as error:
        if settings.log != "auto":
            raise
        return None, f"{error}; counting goes on without it"


class _Holds:
    """Tells holds out of readings: when one begins, every few seconds, and when it is over."""

    def __init__(self) -> None:
        self._held_s: dict[str, float] = {}
        self._now: Hold | None = None
        self._before_s = 0.0
        self._told_s = 0.0

    def update(self, reading: Reading) -> list[Hold]:
        """What is to be written after this reading."""
        holding = reading.action if reading.state == "hold" else None
        told = []
        if self._now is not None and self._now.action != holding:
            told.append(self._so_far())
            self._now = None
        before_s = self._held_s.get(holding or "", 0.0)
        self._held_s = dict(reading.holds_s)
        if holding is None:
            return told
        if self._now is None:
            self._before_s = before_s
            seconds = self._held_s.get(holding, 0.0) - before_s
            self._now = Hold(holding, reading.time_s - seconds, seconds)
        elif reading.time_s - self._told_s < HOLD_EVERY_S:
            return told
        self._told_s = reading.time_s
        return [*told, self._so_far()]

    def end(self) -> Hold | None:
        """The hold that is in progress when everything ends."""
        return None if self._now is None else self._so_far()

    def _so_far(self) -> Hold:
        assert self._now is not None
        action = self._now.action
        return Hold(action, self._now.start_s, self._held_s.get(action, self._before_s) - self._before_s)


def _since_boot() -> float:
    """Seconds that go on while the machine sleeps, where it has such a clock; nobody sets them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
