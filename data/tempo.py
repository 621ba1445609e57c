"""Sets of reps in time: how far along a rep a person is at every moment, with pauses, shallow and failed reps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.draft import Beat
from data.kinematics import Floats, ease
from data.motion import Move

#: A smaller excursion than this is no rep (configs/actions.yaml, range_of_motion.counted).
COUNTED = 0.30
#: This share of the way back completes a rep (range_of_motion.way_back).
WAY_BACK = 0.80


@dataclass(frozen=True)
class RepMark:
    """One cycle: it starts, passes its turning point (reached at turn_s, left at leave_s) and ends; the excursion
    goes from `base` to `peak` and back to `after`."""

    start_s: float
    turn_s: float
    leave_s: float
    end_s: float
    base: float
    peak: float
    after: float

    @property
    def range(self) -> float:
        """Share of a full rep."""
        return min(self.peak, 1.0) - max(self.base, 0.0)


@dataclass(frozen=True)
class Track:
    """Knots of the excursion: at times (K,) seconds it has values (K,); piece k runs from knot k to k + 1.

    way: (K - 1,) +1 towards the turning point, -1 back, 0 at rest. side, done: (K - 1,). bend: (K - 1,) how
    uneven the speed is within the piece.
    """

    times: Floats
    values: Floats
    way: Floats
    side: Floats
    done: Floats
    bend: Floats
    reps: tuple[RepMark, ...]

    @property
    def end_s(self) -> float:
        return float(self.times[-1])

    def later(self, seconds: float) -> Track:
        """The same set, begun `seconds` later."""
        reps = tuple(
            replace(m, start_s=m.start_s + seconds, turn_s=m.turn_s + seconds, leave_s=m.leave_s + seconds,
                    end_s=m.end_s + seconds) for m in self.reps
        )  # fmt: skip
        return replace(self, times=self.times + seconds, reps=reps)

    def piece(self, time_s: Floats) -> Floats:
        """The piece (N,) that each moment lies in."""
        last = len(self.times) - 2
        return np.clip(np.searchsorted(self.times, time_s, side="right") - 1, 0, last)

    def beat(self, time_s: Floats) -> Beat:
        """The excursion and its company at moments (N,); before the first and after the last knot it rests."""
        k = self.piece(time_s)
        length = np.maximum(self.times[k + 1] - self.times[k], 1e-6)
        x = np.clip((time_s - self.times[k]) / length, 0, 1) ** self.bend[k]
        step = 0.6 * ease(x) + 0.4 * (0.5 - 0.5 * np.cos(np.pi * x))
        e = self.values[k] + (self.values[k + 1] - self.values[k]) * step
        return Beat(time_s, e, self.side[k], self.done[k])

    def phase(self, time_s: Floats) -> Floats:
        """Cosine and sine (N, 2) of the phase: arccos(1 - 2e) on the way there, 2 pi minus that on the way back."""
        e = np.clip(self.beat(time_s).excursion, 0, 1)
        sine = 2 * np.sqrt(e * (1 - e)) * np.where(self.way[self.piece(time_s)] < 0, -1.0, 1.0)
        return np.stack([1 - 2 * e, sine], -1)


def pick_rep_s(rng: np.random.Generator, move: Move) -> float:
    """Seconds of a usual rep: log-uniform, three in four within the usual range."""
    shortest, short, long, longest = move.rep_s
    low, high = (short, long) if rng.random() < 0.75 else (shortest, longest)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def make_set(
    rng: np.random.Generator, move: Move, count: int, lead_s: float = 0.0, tail_s: float = 0.0, full: bool = False
) -> Track:
    """`count` reps of one set, after `lead_s` and before `tail_s` seconds in the start posture; `full`: none fails."""
    rep_s = pick_rep_s(rng, move)
    there = rng.uniform(0.32, 0.66) if rng.random() < 0.75 else rng.uniform(0.18, 0.82)
    turn_pause = rng.uniform(0.05, 1.2) if rng.random() < 0.35 else 0.0
    start_pause = rng.uniform(0.05, 1.2) if rng.random() < 0.4 else 0.0
    long_pause = 0.05 if rng.random() < 0.4 else 0.0
    tired = rng.uniform(0.1, 0.8) if rng.random() < 0.35 and not full else 0.0  # slower and less deep at the end
    shallow = rng.random() < move.shallow and not full
    peak_mean = rng.uniform(0.4, 0.72) if shallow else rng.uniform(min(0.85, move.deepest), move.deepest)
    peak_mean = min(peak_mean, move.deepest)
    spread, unsteady = rng.uniform(0.01, 0.07), rng.uniform(0.03, 0.2)
    deadlift = move.action == "deadlift"
    base_mean = rng.uniform(-0.2, move.lowest) if deadlift else rng.uniform(0.0, 0.06)
    base_spread = rng.uniform(0.0, 0.05)
    skew = rng.uniform(0.75, 1.35, 2)
    sides = rng.choice([1.0, -1.0])
    if move.one_side:
        sides = float(move.one_side)

    times, values, way, side, done, bend = [0.0], [0.0], [], [], [], []
    marks: list[RepMark] = []
    begun = 0

    def go(seconds: float, to: float, direction: float) -> None:
        if seconds < 0.02 and to == values[-1]:
            return
        times.append(times[-1] + max(seconds, 0.02))
        values.append(to)
        way.append(direction)
        side.append(sides)
        done.append(float(begun))
        bend.append(skew[0] if direction > 0 else skew[1] if direction < 0 else 1.0)

    def base() -> float:
        value = base_mean + rng.normal(0, base_spread)
        return float(np.clip(value, -0.22, 0.5) if deadlift else np.clip(value, 0.0, 0.18))

    if deadlift and rng.random() < 0.6:  # from standing down to the bar first
        values[0] = float(rng.uniform(0.95, 1.0))
        go(lead_s, values[0], 0)
        go(rng.uniform(0.8, 2.2), base(), -1)
        if rng.random() < 0.6:
            go(rng.uniform(0.2, 1.5), values[-1], 0)
    else:
        values[0] = base() if deadlift else 0.0
        go(lead_s, values[0], 0)
    for rep in range(count):
        spent = tired * rep / max(count, 6)
        unit_s = rep_s * (1 + spent) * np.exp(rng.normal(0, unsteady))
        peak = float(np.clip((peak_mean + rng.normal(0, spread)) * (1 - 0.25 * spent), 0.32, 1.4))
        kind = 0.5 if full else rng.random()
        if kind < 0.05:
            peak = float(rng.uniform(0.33, 0.6))
        elif kind < 0.085:
            peak = float(rng.uniform(0.08, 0.24))
        start, low = times[-1], values[-1]
        failed = 0.05 <= kind < 0.085
        if not deadlift:
            peak = max(peak, low + 0.05)
        elif failed:  # the bar hardly leaves the floor
            peak = max(low, 0.0) + peak
        elif kind < 0.05:  # short of lock-out
            peak = max(low, 0.0) + float(rng.uniform(0.4, 0.75)) * (1 - max(low, 0.0))
        else:
            peak = float(np.clip(rng.normal(0.98, 0.03), 0.85, 1.04))
        go(unit_s * there, peak, 1)
        turn, leave = times[-1], times[-1]
        if turn_pause and not failed and rng.random() < 0.8:
            go(turn_pause * rng.uniform(0.4, 1.5), peak, 1)
            leave = times[-1]
        if kind > 0.97 and not deadlift:  # fails on the way back, goes down again
            middle = low + (peak - low) * rng.uniform(0.35, 0.7)
            go(unit_s * 0.3, middle, -1)
            go(unit_s * 0.35, peak, 1)
            leave = times[-1]
        # Back far enough to complete the rep; a deadlift is complete at its top.
        after = base() if deadlift else min(base(), max(low, 0.0) + 0.12 * (peak - max(low, 0.0)))
        rests = bool(start_pause) and rng.random() < 0.8
        swings = move.beyond > 0 and peak > 0.3
        go(unit_s * (1 - there), -move.beyond * rng.uniform(0.6, 1.1) if swings else after, -1)
        marks.append(RepMark(start, turn, leave, times[-1], low, peak, values[-1]))
        if move.alternating:
            sides = -sides
        begun += 1
        if swings and (rests or rep == count - 1):  # down again
            go(unit_s * 0.2, 0.0, -1)
        if rests:
            go(start_pause * rng.uniform(0.3, 1.6), values[-1], -1)
        if rng.random() < long_pause and values[-1] >= -1e-9:
            go(rng.uniform(1.5, 4.5), values[-1], -1)
    if deadlift and rng.random() < 0.4:  # stays up after the last pull
        go(rep_s * there, 1.0, 1)
        marks.append(RepMark(times[-2], times[-1], times[-1], times[-1] + tail_s, values[-2], 1.0, 1.0))
        go(tail_s, 1.0, 1)
    else:
        go(tail_s, values[-1], -1)
    knots = [np.asarray(v, np.float64) for v in (times, values, way, side, done, bend)]
    return Track(knots[0], knots[1], knots[2], knots[3], knots[4], knots[5], tuple(marks))


def even_set(count: int, there_s: float, back_s: float, turn_s: float = 0.1, rest_s: float = 0.3) -> Track:
    """`count` full, even reps, as a demonstration: seconds to the turning point, there, back, and between reps."""
    times, values, way, marks = [0.0], [0.0], [], []
    for _ in range(count):
        start = times[-1]
        for seconds, value, direction in ((there_s, 1.0, 1), (turn_s, 1.0, 1), (back_s, 0.0, -1), (rest_s, 0.0, -1)):
            times.append(times[-1] + seconds)
            values.append(value)
            way.append(direction)
        turn = start + there_s
        marks.append(RepMark(start, turn, turn + turn_s, turn + turn_s + back_s, 0.0, 1.0, 0.0))
    done = np.repeat(np.arange(count), 4).astype(np.float64)
    side = np.where(done % 2, -1.0, 1.0)
    there = np.asarray(way, np.float64)
    return Track(np.asarray(times), np.asarray(values), there, side, done, np.ones(len(way)), tuple(marks))


def seen_reps(track: Track, begin_s: float, end_s: float, at_turn: bool) -> list[tuple[float, float]]:
    """Start and end of the reps that count when only [begin_s, end_s] is seen.

    The turning point must be passed in the picture and 80 % of the way back be done (or, `at_turn`, the turning
    point be reached); `at_turn` reps end there.
    """
    reps = []
    for mark in track.reps:
        if mark.range < COUNTED:
            continue
        if at_turn:
            seen_low = float(track.beat(np.array([max(mark.start_s, begin_s)])).excursion[0])
            if mark.turn_s <= end_s and mark.turn_s > begin_s and mark.peak - max(seen_low, 0.0) >= COUNTED:
                reps.append((max(mark.start_s, begin_s), mark.turn_s))
            continue
        if mark.leave_s < begin_s:
            continue
        stop = min(mark.end_s, end_s)
        e = float(track.beat(np.array([stop])).excursion[0])
        back = (mark.peak - e) / max(mark.peak - mark.base, 1e-6)
        if stop > mark.leave_s and back >= WAY_BACK:
            reps.append((max(mark.start_s, begin_s), stop))
    return reps
