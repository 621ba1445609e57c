"""Random scripts as people film them, and the part of each that the clip shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from data import motion_stand, motion_walk
from data.body import Body
from data.script import EXERCISES, OTHERS, Builder, Script, Span, pick
from keypoints.errors import InputError

#: What the main part of a scene is; stand and other get more time from the ways in, between and out.
MAIN = (*EXERCISES, "stand", "other")
_WEIGHTS = np.array([1.0] * len(EXERCISES) + [0.5, 1.6])


def draw(
    rng: np.random.Generator, body: Body, transitions: float = 0.4, weights: Mapping[str, float] | None = None
) -> tuple[Script, float, float]:
    """A script and the seconds from which to which it is shown; a share of `transitions` shows a change.

    weights: how many times as often as usual an action is the main one. Raises InputError for an unknown action.
    """
    if unknown := set(weights or {}) - set(MAIN):
        raise InputError("no such action", field="weights", expected=", ".join(MAIN), found=", ".join(sorted(unknown)))
    share = _WEIGHTS * [(weights or {}).get(name, 1.0) for name in MAIN]
    main = str(rng.choice(MAIN, p=share / share.sum()))
    seconds = float(np.exp(rng.uniform(np.log(2.0), np.log(26.0))))
    builder = Builder(rng, body)
    if main in ("stand", "other"):
        return rest(rng, body, seconds, main)
    if rng.random() < transitions:
        return _change(rng, builder, main)
    return _trimmed(rng, builder, main, seconds)


def rest(rng: np.random.Generator, body: Body, seconds: float, main: str = "other") -> tuple[Script, float, float]:
    """No exercise throughout: one thing, or a few after each other."""
    builder = Builder(rng, body)
    while builder.now < seconds + 1.0:
        maker = motion_stand.stand if main == "stand" else pick(rng, OTHERS)
        part = seconds + 1.0 - builder.now
        if part > 5.0 and rng.random() < 0.5:
            part *= rng.uniform(0.3, 0.7)
        builder.add(maker(rng, body), part)
        if main == "other" and rng.random() < 0.25:
            builder.add(motion_stand.stand(rng, body), rng.uniform(1.0, 5.0))
    # A person who travels is at the middle of the floor half way through.
    spans = tuple(_centred(span) for span in builder.spans)
    return Script(spans, builder.spans[0].move.view), 0.5, 0.5 + seconds


def _centred(span: Span) -> Span:
    return replace(span, origin_s=(span.start_s + span.end_s) / 2)


def _trimmed(rng: np.random.Generator, builder: Builder, main: str, seconds: float) -> tuple[Script, float, float]:
    """One exercise, cut anywhere, or exactly at the ends of reps."""
    move = EXERCISES[main](rng, builder.body)
    builder.exercise(move, seconds + 6.0)
    script = Script(tuple(builder.spans), move.view)
    track = builder.spans[0].track
    if track is not None and track.reps and rng.random() < 0.35:
        count = 1 if rng.random() < 0.5 else int(rng.integers(1, len(track.reps) + 1))
        first = int(rng.integers(0, len(track.reps) - count + 1))
        begin = max(0.0, track.reps[first].start_s - abs(rng.normal(0, 0.12)))
        end = min(script.end_s, track.reps[first + count - 1].end_s + abs(rng.normal(0, 0.12)))
        if end - begin > 1.2:
            return script, begin, min(end, begin + 30.0)
    seconds = min(seconds, script.end_s - 0.05)
    begin = float(rng.uniform(0, script.end_s - seconds))
    return script, begin, begin + seconds


def _change(rng: np.random.Generator, builder: Builder, main: str) -> tuple[Script, float, float]:
    """Into an exercise and out of it, from one to another, or with a rest between."""
    body = builder.body
    kind = str(rng.choice(["in_out", "rest_between", "walk_in", "two", "other_first"], p=[0.4, 0.18, 0.14, 0.14, 0.14]))
    move = EXERCISES[main](rng, body)

    def stand(low: float, high: float) -> None:
        builder.add(motion_stand.ready(rng, body), rng.uniform(low, high))

    def work(seconds: float | None = None) -> None:
        builder.exercise(move, seconds or rng.uniform(3.0, 14.0), lead_s=float(rng.choice([0.0, rng.uniform(0, 1.5)])),
                         tail_s=float(rng.choice([0.0, rng.uniform(0, 1.5)])))  # fmt: skip

    if kind == "walk_in":
        walk = motion_walk.gait(rng, body, "walk")
        builder.add(walk, rng.uniform(1.5, 4.0))
        builder.spans[-1] = _ending(builder.spans[-1])
        stand(0.4, 2.0)
        work()
    elif kind == "other_first":
        if rng.random() < 0.5:
            builder.add(pick(rng, OTHERS)(rng, body), rng.uniform(2.0, 6.0))
            builder.spans[-1] = _ending(builder.spans[-1])
        else:
            stand(1.0, 5.0)
        if rng.random() < 0.6:
            stand(0.5, 2.0)
        work(rng.uniform(2.0, 8.0))
        if rng.random() < 0.5:
            stand(0.5, 2.0)
        builder.add(pick(rng, OTHERS)(rng, body), rng.uniform(2.0, 5.0))
    elif kind == "two" or (kind == "rest_between" and main in ("push_up", "plank")):
        work(rng.uniform(3.0, 9.0))
        if main in ("push_up", "plank") and rng.random() < 0.7:
            move = EXERCISES["plank" if main == "push_up" else "push_up"](rng, body)
        else:
            if rng.random() < 0.6 and move.upright:
                stand(0.5, 3.0)
            move = EXERCISES[str(rng.choice(list(EXERCISES)))](rng, body)
        work(rng.uniform(3.0, 9.0))
    elif kind == "rest_between":
        work(rng.uniform(3.0, 8.0))
        if move.upright:
            stand(1.0, 5.0)
        else:
            builder.add(pick(rng, OTHERS)(rng, body), rng.uniform(1.5, 4.0))
        work(rng.uniform(3.0, 8.0))
    else:
        stand(0.6, 5.0)
        work()
        if rng.random() < 0.75:
            stand(0.8, 4.0)
    script = Script(tuple(builder.spans), move.view)
    begin, end = 0.0, script.end_s
    if end > 30.0:
        begin = float(rng.uniform(0, end - 30.0))
        end = begin + 30.0
    return script, begin, end


def _ending(span: Span) -> Span:
    """The same span, of which a walker reaches the middle of the floor at the end."""
    return replace(span, origin_s=span.end_s)
