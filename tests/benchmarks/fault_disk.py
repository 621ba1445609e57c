"""Parts of faults.py that are about one file: a full disk, a clock that jumps, a damaged history."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fault_runs import SEQUENCE, Part, Runner, held, reported, undisturbed

from edge.history.database import FILE

#: Sizes of a disk, KB: nothing fits, the tables do not fit, some reps fit, nearly all do.
SIZES_KB = (16, 48, 64, 96, 128, 192, 256, 320)
ROOMY_KB = 8192

#: Preloaded, it makes the wall clock one that can be set. libfaketime would do more than that: it takes the absolute
#: times of the monotonic clock, to which Python sleeps, for its own.
CLOCK = Path(__file__).with_name("fault_clock.c")

HOUR, DAY = 3600, 86400
#: What the wall clock is off by, s, one after the other; a machine without a clock of its own begins with the first.
JUMPS_S = (-30 * DAY, HOUR, -2 * DAY, 400 * DAY, -HOUR, 0)


def disk(folder: Path) -> Part:
    """The disk is full: counting goes on, it is said once, and what was written is whole."""
    part, whole = Part("disk"), undisturbed(SEQUENCE, folder)
    saved: dict[str, list[Any]] = {}
    for size_kb in SIZES_KB:
        with _small(size_kb) as (log, command, grow, how):
            name = f"{size_kb} KB"
            part.figures["made by"] = how
            kept = 0
            for again in ("", ", again"):  # the next run finds it full as well
                report = folder / f"{size_kb}{again}.json"
                with Runner(SEQUENCE, "--log", log, "--json", report, web=False, before=command) as runner:
                    code = runner.wait()
                now = held(log)
                part.expect(report.exists() and reported(report) == whole, f"{name}{again}: it counted otherwise")
                full = code != 0
                part.expect(len(runner.warnings) == full, f"{name}{again}: it said {runner.said}")
                part.expect(code in (0, 1), f"{name}{again}: exit code {code}")
                part.expect(now.whole == "ok", f"{name}{again}: {now.whole}")
                part.expect(all(reps == whole[: len(reps)] for reps in now.reps.values()), f"{name}{again}: {now.reps}")
                part.expect(full or now.newest == whole, f"{name}{again}: not full, and not saved")
                part.expect(now.count >= kept, f"{name}{again}: what was saved is gone")
                kept = now.count
                saved[name + again] = [now.count, len(now.sessions), *runner.warnings]
            grow()
            with Runner(SEQUENCE, "--log", log, web=False) as runner:
                part.expect(runner.wait() == 0, f"{name}: with room again: {runner.said}")
            now = held(log)
            part.expect(now.whole == "ok" and now.newest == whole and now.count == kept + len(whole),
                        f"{name}: with room again {now.count} reps of {kept} + {len(whole)}")  # fmt: skip
    part.figures["reps and sessions saved, and what was said"] = saved
    part.expect(any(0 < one[0] < len(whole) for one in saved.values()), "no disk was full in mid-session")
    return part


@contextmanager
def _small(size_kb: int) -> Iterator[tuple[Path, list[str], Callable[[], object], str]]:
    """A folder on a disk of that size; what to put before a command, what makes it larger, and how it was made."""
    with tempfile.TemporaryDirectory(prefix="disk-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "faults", name]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            limited = ["prlimit", f"--fsize={size_kb * 1024}"]
            yield Path(name) / "log", limited, lambda: None, "prlimit --fsize, because no tmpfs can be mounted here"
            return
        grow = ["mount", "-o", f"remount,size={ROOMY_KB}k", name]
        try:
            yield Path(name) / "log", [], lambda: subprocess.run(grow, check=True), "a tmpfs"
        finally:
            subprocess.run(["umount", name], check=True)


def clock(folder: Path) -> Part:
    """The wall clock jumps while a session runs: the session is as long as it was, and no day counts it twice."""
    part, whole, log = Part("clock"), undisturbed(SEQUENCE, folder), folder / "log"
    library, off = folder / "clock.so", folder / "off"
    compiler = shutil.which("cc")
    if compiler is None:
        part.expect(False, "not tried: there is no C compiler (apt-get install gcc libc6-dev)")
        return part
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(CLOCK)], check=True)
    with Runner(SEQUENCE, "--log", log, web=False) as runner:  # something from before
        runner.wait()
    earlier = held(log).count
    env = {"LD_PRELOAD": str(library), "WALL_CLOCK_OFF": str(off)}
    off.write_text(f"{JUMPS_S[0]:+d}\n")
    with Runner(SEQUENCE, "--log", log, env=env) as runner:
        part.expect(runner.wait_for(lambda: runner.seen), "it did not begin")
        began, began_s = time.time(), time.monotonic()
        for jump_s in JUMPS_S[1:]:
            time.sleep(2.2)
            beside = folder / "next"
            beside.write_text(f"{jump_s:+d}\n")
            beside.replace(off)
        code = runner.wait()
        lasted_s = time.monotonic() - began_s
    now = held(log)
    part.expect(code == 0 and not runner.warnings, f"exit code {code}, and it said {runner.said}")
    part.expect(now.newest == whole, f"its reps are not those of an undisturbed run: {now.newest}")
    part.expect(now.whole == "ok" and len(now.sessions) == 2, f"{now.whole}, {len(now.sessions)} sessions")
    *_, (_, length_s, ended, started) = now.sessions
    part.expect(ended and abs(length_s - whole[-1][3]) < 5, f"the session took {length_s:.1f} s")
    wrong_by_s = abs(_seconds(started) - began)
    part.expect(wrong_by_s < 6, f"the session's start is off by {wrong_by_s:.0f} s after the clock was set right")
    part.expect(now.today == now.count == earlier + len(whole), f"{now.today} reps today of {now.count}")
    strange = [one for one in runner.seen if one.today not in (None, one.reps, earlier + one.reps)]
    part.expect(not strange, f"Today said {[one.today for one in strange][:3]}, with {earlier} from before")
    last = runner.seen[-1]
    part.expect(last.today == earlier + last.reps, f"Today said {last.today} in the end")
    part.figures |= {
        "jumps, h": [jump_s // HOUR for jump_s in JUMPS_S], "reps": len(now.newest), "length_s": round(length_s, 1),
        "it took, s": round(lasted_s, 1), "start off by, s": round(wrong_by_s, 1), "of today": now.today,
    }  # fmt: skip
    return part


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


def _text(content: bytes) -> bytes:
    return b"no database " * 500


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _pages(content: bytes) -> bytes:
    return content[:4096] + b"\x07" * 8192 + content[3 * 4096 :]


def _noise(content: bytes) -> bytes:
    return content[:100] + random.Random(0).randbytes(len(content) - 100)


def _zeros(content: bytes) -> bytes:
    return bytes(len(content))


DAMAGES = (_text, _half, _pages, _noise, _zeros)


def corrupt(folder: Path) -> Part:
    """A damaged history is set aside whole, a new one begun, and that is said; under a run the counting goes on."""
    part, whole, said = Part("corrupt"), undisturbed(SEQUENCE, folder), []
    for damage in DAMAGES:
        name, log = damage.__name__[1:], folder / damage.__name__
        _run(log)
        file = log / FILE
        file.write_bytes(damage(file.read_bytes()))
        spoilt = file.read_bytes()
        runner = _run(log)
        aside = [place for place in log.glob(f"{FILE}.damaged-*") if not place.name.endswith(("-wal", "-shm"))]
        part.expect(runner.process.returncode == 0, f"{name}: exit code {runner.process.returncode}")
        part.expect([place.read_bytes() for place in aside] == [spoilt], f"{name}: it was not set aside as it was")
        told = [line for line in runner.warnings if "is damaged: it is now" in line]
        part.expect(len(told) == len(runner.warnings) == 1, f"{name}: it said {runner.said}")
        part.expect(held(log).newest == whole and len(held(log).sessions) == 1, f"{name}: the new one is not whole")
        part.expect(not _run(log).warnings and held(log).count == 2 * len(whole), f"{name}: the run after is not clean")
        said += told
    part.figures["said"] = sorted({line.replace(str(folder), "") for line in said})
    _under_a_run(part, folder / "under")
    return part


def _under_a_run(part: Part, log: Path) -> None:
    """The file is overwritten while a process has it open."""
    _run(log)
    with Runner(SEQUENCE, "--log", log) as runner:
        part.expect(runner.wait_for_reps(3), "under a run: it did not count")
        with (log / FILE).open("r+b") as file:
            file.write(os.urandom((log / FILE).stat().st_size))
        code = runner.wait()
    part.expect(code in (0, 1) and runner.announced == 12, f"under a run: exit code {code}, {runner.announced} reps")
    part.expect(len(runner.warnings) == code, f"under a run: it said {runner.said}")
    next_one = _run(log)
    part.expect(next_one.process.returncode == 0 and held(log).whole == "ok", f"after it: {next_one.said}")
    part.figures["under a run"] = [line.replace(str(log), "") for line in (*runner.warnings, *next_one.warnings)]


def _run(log: Path) -> Runner:
    """A run from its beginning to its end."""
    with Runner(SEQUENCE, "--log", log, web=False) as runner:
        runner.wait()
    return runner
