"""Scripts: who does what when - exercises, pauses and the ways between them - as postures with labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from data import (
    motion_arms,
    motion_daily,
    motion_floor,
    motion_ground,
    motion_legs,
    motion_other,
    motion_walk,
)
from data.body import Body
from data.draft import Beat
from data.kinematics import Floats, ease, vec
from data.motion import Maker, Move
from data.posture import Posture, blend
from data.tempo import Track, make_set, seen_reps

EXERCISES: dict[str, Maker] = {
    "squat": motion_legs.squat, "plank": motion_floor.plank, "push_up": motion_floor.push_up,
    "lunge": motion_legs.lunge, "sit_up": motion_floor.sit_up, "jumping_jack": motion_legs.jumping_jack,
    "biceps_curl": motion_arms.biceps_curl, "shoulder_press": motion_arms.shoulder_press,
    "pull_up": motion_arms.pull_up, "deadlift": motion_legs.deadlift,
}  # fmt: skip

#: Ways to do none of the exercises, with weights; how people behave in front of a camera.
OTHERS: dict[Maker, float] = {
    motion_walk.walk: 6, motion_walk.run: 2.5, motion_walk.march: 1.4, motion_walk.rope: 0.8, motion_walk.kick: 0.7,
    motion_other.seated: 5, motion_other.chair: 1.8, motion_other.arm_work: 3, motion_other.dance: 2,
    motion_other.swing: 1, motion_other.bend_down: 1.2, motion_daily.stretch: 2.4, motion_daily.tie_shoes: 0.8,
    motion_daily.pick_up: 1.5, motion_ground.yoga: 3, motion_ground.lying: 2, motion_ground.climber: 0.5,
}  # fmt: skip

#: A pause that would be called something else for less than this keeps the name of the exercise, s.
_SHORTEST_S = 0.6

#: Moves on the floor whose hands, not feet, stay where they are on the way down.
_PRONE = ("push_up", "plank")

Keys = list[Posture]


@dataclass(frozen=True)
class Span:
    """One move from start_s to end_s; `track` holds its reps; `shift` moves it on the floor; `way_s` is the time of
    the way from the span before, along the one-frame postures `keys`, called `way_label`."""

    move: Move
    start_s: float
    end_s: float
    track: Track | None = None
    shift: Floats = field(default_factory=lambda: np.zeros(3))
    way_s: float = 0.0
    keys: Keys = field(default_factory=list)
    way_label: str = "other"
    origin_s: float = 0.0

    def posture(self, time_s: Floats) -> Posture:
        """The postures at moments (N,); outside of the span the person waits in its first or last one."""
        if self.track is None:
            beat = Beat.still(time_s, self.origin_s)
        else:
            local = self.track.beat(time_s - self.start_s)
            beat = replace(local, time_s=time_s, origin_s=self.origin_s)
        made = self.move.posture(beat)
        return made.moved(self.shift) if self.shift.any() else made


@dataclass(frozen=True)
class Script:
    """Spans in order; the first begins at 0. view: how the main move is filmed."""

    spans: tuple[Span, ...]
    view: str

    @property
    def end_s(self) -> float:
        return self.spans[-1].end_s

    def postures(self, time_s: Floats) -> tuple[Posture, Floats]:
        """The postures at moments (N,), and how firmly (N,) 0-1 the lowest point has to lie on the floor."""
        made: Posture | None = None
        firm = np.zeros(len(time_s))
        for i, span in enumerate(self.spans):
            low = 1.0 if span.move.contact == "lowest" else 0.0
            if i == 0:
                made, firm = span.posture(time_s), np.full(len(time_s), low)
                continue
            assert made is not None
            share = np.clip((time_s - span.start_s) / max(span.way_s, 1e-3), 0, 1)
            steps = [
                *(_repeat(key.moved(span.shift * 0), len(time_s)) for key in span.keys),
                span.posture(time_s),
            ]
            for k, step in enumerate(steps):
                part = ease(share * len(steps) - k)
                made = blend(made, step, part, lift=0.1)
            ground = bool(span.keys)
            firm = firm + (low - firm) * (share > 0)
            firm = np.where((share > 0) & (share < 1) & ground, 1.0, firm)
        assert made is not None
        return made, firm

    def labels(self, time_s: Floats) -> tuple[list[str], Floats]:
        """The action of each moment (N,) and cosine and sine of the phase (N, 2)."""
        names = np.full(len(time_s), self.spans[0].move.action, dtype=object)
        phase = np.tile([1.0, 0.0], (len(time_s), 1))
        for i, span in enumerate(self.spans):
            inside = time_s >= span.start_s
            names[inside], phase[inside] = span.move.action, (1.0, 0.0)
            body = span.start_s + (span.way_s if i else 0.0)
            here = (time_s >= body) & (time_s < span.end_s + 1e-6)
            if i:
                names[inside & (time_s < body)] = span.way_label
            if span.move.busy is not None and here.any():
                names[here] = _busy_labels(span.move, time_s[here])
            if span.track is not None:
                phase[here] = span.track.phase(time_s[here] - span.start_s)
                names[here] = _set_labels(span, time_s[here])
        phase[[name in ("stand", "other", "plank") for name in names]] = (1.0, 0.0)
        return list(names), phase

    def plates(self, time_s: Floats) -> Floats:
        """Radius of the plates and distance from the hands' middle (N, 2) m, see `Move.plates`."""
        held = np.zeros((len(time_s), 2))
        for i, span in enumerate(self.spans):  # taken up when the way there is done, laid down before the next
            held[(time_s >= span.start_s + (span.way_s if i else 0.0)) & (time_s < span.end_s)] = span.move.plates
            held[time_s >= span.end_s] = 0.0
        return held

    def reps(self, begin_s: float, end_s: float) -> Floats:
        """Start and end (k, 2) of the reps that count within the picture."""
        reps = [
            (span.start_s + a, span.start_s + b)
            for span in self.spans
            if span.track is not None
            for a, b in seen_reps(span.track, begin_s - span.start_s, min(end_s, span.end_s) - span.start_s,
                                  span.move.action == "deadlift")
        ]  # fmt: skip
        return np.asarray(reps, np.float64).reshape(-1, 2)

    def holds(self, begin_s: float, end_s: float) -> Floats:
        """Start and end (k, 2) of the planks of two seconds and more within the picture."""
        holds = []
        for i, span in enumerate(self.spans):
            if span.move.action == "plank":
                holds.append((span.start_s + (span.way_s if i else 0.0), span.end_s))
            elif span.move.idle == "plank" and span.track is not None:
                holds += [(a, b) for a, b in _pauses(span) if b - a > span.move.idle_after_s + _SHORTEST_S]
        seen = [(max(a, begin_s), min(b, end_s)) for a, b in holds]
        return np.asarray([(a, b) for a, b in seen if b - a >= 2.0], np.float64).reshape(-1, 2)


def _repeat(key: Posture, n: int) -> Posture:
    return key.take(np.zeros(n, np.intp))


def _pauses(span: Span) -> list[tuple[float, float]]:
    """From the end of each rep to the start of the next, with the lead and the tail of the set."""
    track = span.track
    assert track is not None
    if span.move.action == "deadlift":  # its pause of standing is the lock-out
        ends = [mark.turn_s for mark in track.reps]
        leaves = [mark.leave_s for mark in track.reps]
        first = track.times[np.argmax(track.way != 0)] if track.values[0] > 0.8 else 0.0
        edges = [(float(track.times[0]), float(first)), *zip(ends, leaves, strict=True)]
    else:
        ends = [float(track.times[0]), *(mark.end_s for mark in track.reps)]
        starts = [*(mark.start_s for mark in track.reps), track.end_s]
        edges = list(zip(ends, starts, strict=True))
    return [(span.start_s + a, span.start_s + b) for a, b in edges if b > a]


def _set_labels(span: Span, time_s: Floats) -> list[str]:
    """Inside a set: the exercise, and after a while in the start posture what that is called then."""
    names = np.full(len(time_s), span.move.action, dtype=object)
    assert span.track is not None
    opening = span.start_s + float(span.track.times[0])
    for begin, end in _pauses(span):
        wait = 0.0 if begin <= opening and span.move.idle == "stand" else span.move.idle_after_s
        if end - begin > wait + _SHORTEST_S:
            until = end - 0.25 if end < span.end_s - 1e-6 else end  # the next rep shows a little before it begins
            names[(time_s >= begin + wait) & (time_s < until)] = span.move.idle
    return list(names)


def _busy_labels(move: Move, time_s: Floats) -> Floats:
    """What a move that rests now and then is called (N,): `stand` while it does, if for long enough to see."""
    assert move.busy is not None
    names = np.where(move.busy(time_s) > 0.02, move.action, "stand").astype(object)
    edges = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]
    for begin, end in pairwise(edges):
        cut = begin == 0 or end == len(names)
        if names[begin] == "stand" and not cut and time_s[end] - time_s[begin] < _SHORTEST_S:
            names[begin:end] = move.action
    return names


def pick(rng: np.random.Generator, options: dict[Maker, float]) -> Maker:
    """One of the makers, by weight."""
    weights = np.asarray(list(options.values()))
    return list(options)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _floor_keys(rng: np.random.Generator, body: Body, move: Move) -> Keys:
    """The way from standing down to `move`."""
    if move.action in _PRONE or rng.random() < 0.3:
        keys = [motion_ground.crouch(rng, body, rng.uniform(0.35, 0.55))]
        if rng.random() < 0.5:
            keys.append(motion_ground.all_fours(rng, body).moved(vec(-0.1, 0, 0)))
        return keys
    return [
        motion_ground.crouch(rng, body, 0.45),
        motion_ground.sitting_floor(rng, body).moved(vec(-0.5, 0, 0)),
    ]


def lying_shift(move: Move) -> Floats:
    """Where a move on the floor has to be so that the way down from standing at the middle looks natural."""
    first = move.posture(Beat.still(np.zeros(1)))
    at = first.wrists if move.action in _PRONE else first.ankles
    ahead = float(-at[0, :, 1].mean())
    return vec((0.5 if move.action in _PRONE else 0.0) - ahead, 0, 0)


class Builder:
    """Appends spans one after the other, with the ways between them."""

    def __init__(self, rng: np.random.Generator, body: Body) -> None:
        self.rng, self.body = rng, body
        self.spans: list[Span] = []
        self.now = 0.0

    @property
    def upright(self) -> bool:
        return not self.spans or self.spans[-1].move.upright

    def add(self, move: Move, seconds: float, track: Track | None = None, way_s: float | None = None) -> None:
        """`seconds` of a move, after the way to it from the span before."""
        rng, keys, label = self.rng, [], "stand"
        shift = np.zeros(3) if move.upright or move.contact == "free" else lying_shift(move)
        way = 0.0
        if self.spans:
            last = self.spans[-1].move
            way = rng.uniform(0.4, 1.1)
            if last.upright != move.upright and "pull_up" not in (last.action, move.action):
                floor = move if last.upright else last
                keys = _floor_keys(rng, self.body, floor)
                keys = keys if last.upright else keys[::-1]
                way, label = rng.uniform(0.6, 1.3) * (1 + len(keys)), "other"
            elif not move.upright and not last.upright:
                label, way = "other", rng.uniform(0.4, 1.4)
            elif "shoulder_press" in (last.action, move.action) or "pull_up" in (last.action, move.action):
                label, way = "other", rng.uniform(0.6, 1.3)
            elif "other" in (last.action, move.action):
                label = move.action
        way = way if way_s is None else way_s
        if track is not None:  # the set begins when the way to it is done
            track = track.later(way)
            seconds = track.end_s - way
        self.spans.append(Span(move, self.now, self.now + way + seconds, track, shift, way, keys, label, self.now))
        self.now += way + seconds

    def exercise(self, move: Move, seconds: float, lead_s: float = 0.0, tail_s: float = 0.0) -> None:
        """A set of about `seconds`, or as long a hold."""
        if move.action == "plank":
            self.add(move, max(seconds, 2.0))
            return
        count = max(1, round(seconds / (1.15 * np.sqrt(move.rep_s[1] * move.rep_s[2]))))
        track = make_set(self.rng, move, int(min(count, 40)), lead_s, tail_s)
        self.add(move, track.end_s, track)
