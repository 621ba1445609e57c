"""A few recorded reps of one action, practised in many ways: other tempos, orders, pauses, beginnings and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classifier.examples import UNKNOWN, Examples, Piece
from configs.schema import Action, Practice
from keypoints.cycles import dominant_motion, find_reps, from_start
from keypoints.errors import InputError
from keypoints.geometry import angles_deg
from keypoints.types import FloatArray, KeypointSequence

#: The joints that an action needs, by the joint angle that tells its reps: as in configs/actions.yaml.
_NEEDS = {"elbow": ("shoulder", "elbow"), "shoulder": ("shoulder", "elbow"), "hip": ("shoulder", "hip"),
          "knee": ("hip", "knee")}  # fmt: skip
#: Cosine of the phase beyond which a frame shows the start posture, and below whose negative the turning point.
_EXTREME = 0.8


@dataclass(frozen=True, slots=True)
class Lesson:
    """A recording of one action whose reps are known.

    reps_s: float64 (k, 2), k >= 1, start and end of each. phase: float32 (N, 2), cos and sin at each frame.
    """

    sequence: KeypointSequence
    reps_s: NDArray[np.float64]
    phase: FloatArray


def read_lesson(text: str) -> tuple[str, list[KeypointSequence]]:
    """The name of an action and its recordings, from `NAME=FILE[,FILE...]`. Raises InputError."""
    name, equals, files = text.partition("=")
    check_name(name)
    if not equals or not all(files.split(",")):
        raise InputError("no recording is named", field="--add", expected="NAME=FILE[,FILE...]", found=text,
                         hint="`repsight record` makes one")  # fmt: skip
    recordings = [KeypointSequence.load(file) for file in files.split(",")]
    return name, [replace(one, source=file) for one, file in zip(recordings, files.split(","), strict=True)]


def check_name(name: str) -> None:
    """Raise InputError for what can't be the name of an action."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError("not the name of an action", field="NAME", expected="lower case: step_up", found=repr(name))


def lesson(recording: KeypointSequence) -> Lesson:
    """The reps of a recording: as it says itself, else those of its dominant motion.

    Raises InputError when nothing is repeated in it.
    """
    name = recording.source or "recording"
    position = dominant_motion(recording.keypoints)
    if position is None:
        raise InputError("nobody moves", file=name, expected="reps of one action", hint="record it again, seen whole")
    reps_s, phase = find_reps(recording.time_s, from_start(position))
    if recording.reps_s is not None and recording.phase is not None:
        reps_s, phase = recording.reps_s, recording.phase
    if not len(reps_s):
        raise InputError("no rep is found", file=name, expected="reps, from the start posture and back to it")
    return Lesson(recording, reps_s, phase)


def define(lessons: Sequence[Lesson]) -> Action:
    """What `configs/actions.yaml` would say of an action that is new: its rep is told by the joint angle that changes
    most between the start posture and the turning point. Raises InputError when none is seen at both."""
    cosine = np.concatenate([one.phase[:, 0] for one in lessons])
    ends = {}
    for name in _NEEDS:
        angle = np.concatenate([angles_deg(one.sequence.keypoints, name) for one in lessons])
        postures = [angle[np.isfinite(angle) & (sign * cosine > _EXTREME)] for sign in (1, -1)]
        if all(map(len, postures)):
            ends[name] = [round(float(np.median(posture))) for posture in postures]
    if not ends:
        raise InputError("no joint angle is seen at the start posture and at the turning point", field="recording",
                         hint="record it again, seen whole")  # fmt: skip
    best = max(ends, key=lambda name: abs(ends[name][1] - ends[name][0]))
    full = {"angle": best, "start_deg": ends[best][0], "turn_deg": ends[best][1]}
    return Action.model_validate(
        {"kind": "reps", "start": "as recorded", "turn": "as recorded", "needs": _NEEDS[best], "full": full}
    )


def practise(
    lessons: Sequence[Lesson], action: int, *, length: int, rate_hz: float, seed: int, how: Practice
) -> Examples:
    """Windows of `length` samples at `rate_hz` out of `how.sets` sets made of the lessons' reps.

    action: the index that they get; samples at rest before and after a set are UNKNOWN.
    """
    rng = np.random.default_rng(seed)

    def pieces() -> Iterator[Piece]:
        for number in range(how.sets):
            one = lessons[number % len(lessons)]
            way = _play if rng.random() < 0.5 else _chain
            moments = np.array(list(way(one, rng, rate_hz, how)))
            earlier, later, share, known = moments.T
            points = _pose(one.sequence, earlier, later, share)
            phase = np.stack([np.interp(later, one.sequence.time_s, one.phase[:, i]) for i in range(2)], 1)
            label = np.where(known > 0, action, UNKNOWN)
            yield points, label, phase * (known > 0)[:, None], np.arange(rng.integers(1, 4), len(points), 3)

    return Examples.of(pieces(), length)


#: One sample: between the recording's moments `earlier` and `later`, s, at `share` of the way; whether it is labelled.
_Moment = tuple[float, float, float, bool]


def _play(one: Lesson, rng: np.random.Generator, rate_hz: float, how: Practice) -> Iterator[_Moment]:
    """The recording itself at another tempo, from somewhere on."""
    first, last = one.sequence.time_s[0], one.sequence.time_s[-1]
    begin = rng.uniform(first, one.reps_s[-1, 0]) if rng.random() < 0.5 else first
    for moment in np.arange(begin, last, _tempo(rng, how) / rate_hz):
        known = one.reps_s[0, 0] <= moment <= one.reps_s[-1, 1] + how.rest_s
        yield float(moment), float(moment), 0.0, bool(known)


def _chain(one: Lesson, rng: np.random.Generator, rate_hz: float, how: Practice) -> Iterator[_Moment]:
    """Reps in any order, one after the other or with pauses, between rests in the start posture."""
    tempo = _tempo(rng, how)
    reps = one.reps_s[rng.integers(len(one.reps_s), size=rng.integers(1, 6))]
    rest = round(rng.uniform(0, 2) * rate_hz)
    yield from ((reps[0, 0], reps[0, 0], 0.0, False) for _ in range(rest))
    end = reps[0, 0]
    for number, (start, stop) in enumerate(reps):
        if number:
            pause = rng.uniform(0, 1.0) if rng.random() < 0.3 else 0.1
            count = max(1, round(pause * rate_hz))
            yield from ((end, start, (i + 1) / (count + 1), True) for i in range(count))
        own = tempo * rng.uniform(0.85, 1.15)
        yield from ((moment, moment, 0.0, True) for moment in np.arange(start, stop, own / rate_hz))
        end = stop
    rest = round(rng.uniform(0, 1.5) * rate_hz)
    yield from ((end, end, 0.0, i < how.rest_s * rate_hz) for i in range(rest))


def _tempo(rng: np.random.Generator, how: Practice) -> float:
    """How fast the recording is played, from `1 / how.tempo` to `how.tempo` times."""
    return float(how.tempo ** rng.uniform(-1, 1))


def _pose(sequence: KeypointSequence, *moments: NDArray[np.float64]) -> FloatArray:
    """Keypoints (G, 17, 3) at `share` of the way between those of two moments each; a joint that is missing at any of
    the frames that it would come from is missing."""
    earlier, later, share = moments
    one, two = _at(sequence, earlier), _at(sequence, later)
    return _mixed(one, two, share)


def _at(sequence: KeypointSequence, time_s: NDArray[np.float64]) -> FloatArray:
    times = sequence.time_s
    right = np.clip(np.searchsorted(times, time_s), 1, len(times) - 1)
    share = np.clip((time_s - times[right - 1]) / (times[right] - times[right - 1]), 0, 1)
    return _mixed(sequence.keypoints[right - 1], sequence.keypoints[right], share)


def _mixed(one: FloatArray, two: FloatArray, share: NDArray[np.float64]) -> FloatArray:
    weight = share[:, None, None].astype(np.float32)
    both = ((one[..., 2:] > 0) | (weight == 1)) & ((two[..., 2:] > 0) | (weight == 0))
    mixed: FloatArray = (one * (1 - weight) + two * weight) * both
    return mixed
