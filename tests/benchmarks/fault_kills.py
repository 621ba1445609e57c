"""The part of faults.py in which a run is killed again and again, into one log folder."""

from __future__ import annotations

import random
import time
from pathlib import Path

from fault_runs import SEQUENCE, Held, Part, Runner, held, undisturbed


def kills(times: int, seed: int, folder: Path) -> Part:
    """Kill -9 at random moments, into one log folder."""
    part, log, chance = Part("kills"), folder / "log", random.Random(seed)
    whole = undisturbed(SEQUENCE, folder)
    before, when, unsaved, unheard, start_s = Held("ok", {}, [], 0), [0, 0, 0], 0, 0, 1.0
    for number in range(1, times + 1):
        kind = chance.choices((0, 1, 2), (1, 2, 2))[0] if number > 1 else 1
        with Runner(SEQUENCE, "--log", log) as runner:
            if kind == 0:
                time.sleep(chance.uniform(0.0, start_s))
            else:
                part.expect(runner.wait_for(lambda: runner.seen), f"run {number} did not begin")
                start_s = runner.seen[0].at_s - runner.began_s if number == 1 and runner.seen else start_s
                if kind == 1:
                    time.sleep(chance.uniform(0.0, 10.0))
                else:
                    runner.wait_for_reps(chance.randint(1, 8))
                    time.sleep(chance.uniform(0.0, 0.03))
            runner.kill()
        when[kind] += 1
        now = held(log)
        name = f"kill {number}"
        part.expect(now.whole == "ok", f"{name}: {now.whole}")
        begun = len(now.sessions) - len(before.sessions)
        part.expect(begun == 1 or (begun == 0 and not runner.announced), f"{name}: {begun} sessions more")
        part.expect(all(now.reps.get(session) == reps for session, reps in before.reps.items()),
                    f"{name}: an earlier session has changed")  # fmt: skip
        reps = now.newest if begun else []
        part.expect(reps == whole[: len(reps)], f"{name}: its reps are not the first of an undisturbed run: {reps}")
        # What was shown is kept; the newest may have been written in the moment before it would have been shown.
        part.expect(0 <= len(reps) - runner.announced <= 1, f"{name}: {len(reps)} reps are saved, and "
                    f"{runner.announced} were announced")  # fmt: skip
        unsaved += len(reps) < runner.announced
        unheard += len(reps) > runner.announced
        part.expect(now.today == now.count, f"{name}: {now.today} reps today of {now.count}")
        _board(part, name, runner, before.count)
        part.wrong += [f"{name}: it said: {line}" for line in runner.warnings]
        before = now
    with Runner(SEQUENCE, "--log", log) as runner:
        part.expect(runner.wait() == 0, f"the run after them: exit code {runner.process.returncode}")
        _board(part, "the run after them", runner, before.count)
    now = held(log)
    part.expect(now.newest == whole, f"the run after them saved {len(now.newest)} of {len(whole)} reps")
    part.expect(now.today == now.count == before.count + len(whole), f"{now.today} reps today of {now.count}")
    part.figures |= {
        "kills": times, "while it began, anywhere, at a rep": when, "sessions": len(now.sessions), "reps": now.count,
        "of today": now.today, "announced and not saved": unsaved, "saved and not yet announced": unheard,
        "said": sorted({line for line in runner.said if "http" not in line}),
    }  # fmt: skip
    return part


def _board(part: Part, name: str, runner: Runner, earlier: int) -> None:
    """The line of the day is there once there was something before, and never says another number than the sum."""
    off = [one for one in runner.seen if one.today is not None and one.today != earlier + one.reps]
    part.expect(not off, f"{name}: Today says {off[0].today if off else 0} with {earlier} from before and this run's")
    part.expect(not earlier or all(one.today is not None for one in runner.seen), f"{name}: Today is not shown")
