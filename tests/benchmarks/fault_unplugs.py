"""The part of faults.py in which the camera is unplugged and plugged in again, and what is to be counted then."""

from __future__ import annotations

import bisect
import json
import time
from pathlib import Path

import fault_camera
from fault_runs import Part, Runner, held, reported, undisturbed

from edge.live import retry_waits

#: s. Of a reopened stream until its first frame is read. A rep that begins so long after is seen whole: the subject
#: is locked after half a second, and the first posture takes a moment to be told from the last.
OPEN_S, WARM_S = 1.0, 1.0
#: s. Until a rep that is over is counted, and how far the counter's start and end of a rep may be from another run's.
LAG_S, LOOSE_S = 0.4, 0.6
#: Of the frames that were sent, to be looked at by a machine that is idle.
LEAST_SEEN = 0.7
#: What a process may grow by after the first fifth.
MOST_GROWTH_MB, MOST_GROWTH = 32.0, 4


def unplugs(times: int, seed: int, folder: Path) -> Part:
    """The camera is unplugged again and again."""
    part, film = Part("unplugs"), folder / "film.bin"
    clip = undisturbed("demo", folder)
    film_s = fault_camera.make_film(film)
    port, since_s = fault_camera.free_port(), time.monotonic()
    ups, recovered_s, silent = [], [], 0
    server = fault_camera.plug_in(film, port, since_s)
    log, report = folder / "log", folder / "report.json"
    try:
        with Runner(f"http://127.0.0.1:{port}/", "--log", log, "--json", report) as runner:
            part.expect(runner.wait_for(lambda: runner.seen), "it did not begin")
            back_s = runner.seen[0].at_s
            for number, (up_s, down_s) in zip(range(times + 1), fault_camera.lengths(seed), strict=False):
                time.sleep(up_s)
                runner.sample()
                server.kill()
                server.wait()
                gone_s = time.monotonic()
                ups.append((back_s, gone_s))
                if number == times:
                    break
                before = len(runner.seen)
                time.sleep(down_s)
                server = fault_camera.plug_in(film, port, since_s)
                up_again_s = time.monotonic()
                # Until the attempt that is due then.
                allowed_s = _next_try(up_again_s - gone_s) - (up_again_s - gone_s) + OPEN_S

                def there(before: int = before) -> float | None:
                    now = runner.seen[before:]
                    lost = next((i for i, one in enumerate(now) if one.state == "camera lost"), len(now))
                    return next((one.at_s for one in now[lost:] if one.state != "camera lost"), None)

                if not runner.wait_for(there, 30.0):
                    part.expect(False, f"cycle {number + 1}: no frame within 30 s")
                    break
                silent += not any(one.state == "camera lost" for one in runner.seen[before:])
                back_s = there() or up_again_s
                recovered_s.append(back_s - up_again_s)
                part.expect(back_s - up_again_s <= allowed_s, f"cycle {number + 1}: {back_s - up_again_s:.1f} s until "
                            f"the first frame, where {allowed_s:.1f} are due")  # fmt: skip
            time.sleep(1.0)
            part.expect(runner.process.poll() is None, "it ended by itself")
            part.expect(runner.interrupt() == 0, f"exit code {runner.process.returncode}")
            part.wrong += [f"unplugs: it said: {line}" for line in runner.warnings]
    finally:
        server.kill()
        server.wait()
    part.expect(not silent, f"{silent} times it was not said that the camera is lost")
    # When the source's time began, by the machine's clock: a viewer is told of a reading soon after, never before.
    zero_s = min(one.at_s - one.time_s for one in runner.seen)
    played = [
        (action, since_s + loop * film_s + start_s, since_s + loop * film_s + end_s)
        for loop in range(int((ups[-1][1] - since_s) / film_s) + 1) for action, start_s, end_s, _ in clip
    ]  # fmt: skip
    found = reported(report)
    extra, missed, whole, cut = _match(played, [(rep[0], zero_s + rep[1], zero_s + rep[2]) for rep in found], ups)
    part.wrong += [f"unplugs: {line}" for line in (*extra, *missed)]
    kept = held(log)
    part.expect(kept.whole == "ok" and kept.newest == found, "the session log is not what the report says")
    part.expect(len(kept.sessions) == 1 and kept.sessions[0][2], "the log does not hold one session that was ended")
    for what, most in (("rss_mb", MOST_GROWTH_MB), ("files", MOST_GROWTH), ("threads", MOST_GROWTH)):
        late = getattr(runner, what)[len(runner.rss_mb) // 5 :]
        grown = max(late) - late[0]
        part.figures[f"{what} at most, growth"] = [round(max(late), 1), round(grown, 1)]
        part.expect(grown <= most, f"{what} grew by {grown:.0f}")
    content = json.loads(report.read_text())
    sent = fault_camera.FPS * sum(gone_s - up_s for up_s, gone_s in ups)
    part.expect(content["frames"] >= LEAST_SEEN * sent, f"this machine is too busy to tell: {content['frames']} of "
                f"{sent:.0f} frames were looked at, and the rest of this says little")  # fmt: skip
    part.figures |= {
        "cycles": len(recovered_s), "seconds": round(content["duration_s"]), "fps": content["fps"],
        "recovered_s, median and most": [round(sorted(recovered_s)[len(recovered_s) // 2], 2),
                                         round(max(recovered_s), 2)] if recovered_s else [],
        "seen whole": whole, "of them missed": len(missed), "cut by an unplugging": cut, "counted": len(found),
        "totals": content["totals"], "steps": content["steps"],
        "said": sorted({line for line in runner.said if "http" not in line}),
    }  # fmt: skip
    return part


def _next_try(after_s: float) -> float:
    """Seconds from the loss of a stream to the first attempt to reopen it that comes so long after it or later."""
    due_s = 0.0
    for wait_s in retry_waits():
        due_s += wait_s
        if due_s >= after_s:
            return due_s
    raise AssertionError("it never gives up")


def _match(
    played: list[tuple[str, float, float]], counted: list[tuple[str, float, float]], ups: list[tuple[float, float]]
) -> tuple[list[str], list[str], int, int]:
    """What was counted and not played, what was seen whole and not counted; how many were seen whole, and in part."""
    left, extra = list(played), []
    for action, start_s, end_s in counted:
        near = [one for one in left if one[0] == action and one[1] < end_s + LOOSE_S and one[2] > start_s - LOOSE_S]
        if near:
            # By what they share: of a rep whose end nobody saw, the count goes on until the picture is back.
            left.remove(max(near, key=lambda one: min(end_s, one[2]) - max(start_s, one[1])))
        else:
            place = bisect.bisect([gone_s for _, gone_s in ups], start_s)
            extra.append(f"a {action} was counted that nobody did, or twice: at {start_s - ups[0][0]:.1f} to "
                         f"{end_s - ups[0][0]:.1f} s, in the {place + 1}. time it was plugged in")  # fmt: skip

    def seen(rep: tuple[str, float, float]) -> bool:
        return any(up_s + WARM_S <= rep[1] and rep[2] + LAG_S <= gone_s for up_s, gone_s in ups)

    missed = [f"a {action} was seen whole and not counted: at {start_s - ups[0][0]:.1f} to {end_s - ups[0][0]:.1f} s"
              for action, start_s, end_s in left if seen((action, start_s, end_s))]  # fmt: skip
    whole = sum(map(seen, played))
    during = sum(rep[1] < ups[-1][1] and rep[2] > ups[0][0] for rep in played)
    return extra, missed, whole, during - whole
