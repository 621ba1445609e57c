"""Reps and holds out of a head's predictions: causal, in seconds and never in frames.

The head says at every frame what the action is and how far through a rep the person is. The share of the range
of motion, (1 - cos phase) / 2, is 0 at the start posture and 1 at the turning point of a full rep. A rep is one
excursion of that share: out by at least the counted share of a full rep, and most of the way back. It belongs
to the action that was likeliest from its start to its end; without one clear action it is not counted. What is hardly
one, by that probability, the range of motion and how plainly the phase went back, waits for the next one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.doubt import Doubt
from classifier.excursion import ExcursionDetector
from classifier.head import Prediction
from classifier.rep import Rep
from configs.schema import Actions, Counting
from keypoints import skeleton
from keypoints.card import CardAction
from keypoints.errors import ModelError
from keypoints.types import FloatArray

#: Weight of a moment at the start posture beside one at the turning point, when a rep's action is decided.
_LEAST_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Count:
    """What the counter says after one frame.

    action: the action shown, None while nothing is known. confidence: of that action, 0-1. phase: radians in
    [0, 2 pi), None outside an action of kind reps. holding: a hold is running. visible: the joints that the
    action needs are in the picture, or were a moment ago; where it needs none (standing), those of the last exercise
    counted, or of a whole body. countable: its phase can be told from this view. new_reps: counted at this frame.
    """

    action: str | None
    confidence: float
    phase: float | None
    holding: bool
    visible: bool
    countable: bool
    new_reps: tuple[Rep, ...]

    def without_new_reps(self) -> Count:
        """The same a frame later, when nothing new was seen."""
        return replace(self, new_reps=())


class _History:
    """What was seen lately, a row a moment, oldest first.

    Columns: time_s. share: of the range of motion. sine: of the phase, above 0 on the way to the turning point. shown:
    the action shown then. probabilities. needed: for each action, whether its joints were seen.
    """

    def __init__(self, actions: int) -> None:
        columns: list[Any] = [
            ("time_s", "f8"), ("share", "f8"), ("sine", "f8"), ("shown", "i8"), ("probabilities", "f8", actions),
            ("needed", "?", actions),
        ]  # fmt: skip
        self._keep(np.zeros(128, columns))
        self._first = self._end = 0

    def add(self, *moment: object) -> None:
        """The newest moment, its columns in order."""
        if self._end == len(self._rows):
            kept = self._rows[self._first :]
            rows = np.zeros(max(128, 2 * len(kept)), self._rows.dtype)
            rows[: len(kept)] = kept
            self._keep(rows)
            self._first, self._end = 0, len(kept)
        self._rows[self._end] = moment
        self._end += 1

    def forget_before(self, time_s: float) -> None:
        """Drop the moments older than that."""
        while self._first < self._end and self._time_s[self._first] < time_s:
            self._first += 1

    def between(self, start_s: float, end_s: float) -> NDArray[Any]:
        """The moments from one time to the other, both included."""
        time_s = self._time_s[self._first : self._end]
        first, end = time_s.searchsorted(start_s), time_s.searchsorted(end_s, "right")
        return self._rows[self._first + first : self._first + end]

    def _keep(self, rows: NDArray[Any]) -> None:
        self._rows, self._time_s = rows, rows["time_s"]


class RepCounter:
    """Counts reps and times holds for one person."""

    def __init__(self, classes: Sequence[CardAction], actions: Actions, settings: Counting | None = None) -> None:
        """classes: the head's, in the order of its output. Raises ModelError for a class that `actions` lacks."""
        for entry in classes:
            if entry.name not in actions.actions:
                raise ModelError("an action that configs/actions.yaml does not have", field="actions",
                                 expected=", ".join(actions.names), found=entry.name)  # fmt: skip
        self._names = [entry.name for entry in classes]
        self._actions = [actions.actions[name] for name in self._names]
        self._range = actions.range_of_motion
        self._settings = settings or Counting()
        # Which joints each action needs, of the left and of the right side: (joints, sides, actions).
        # The last column is a whole body.
        needs = np.zeros((skeleton.COUNT, 2, len(self._actions) + 1), np.bool_)
        for number, joints in enumerate([*(action.needs for action in self._actions), self._settings.whole_body]):
            for joint in joints:
                for side, name in enumerate(("left", "right")):
                    needs[skeleton.INDEX[f"{name}_{joint}"], side, number] = True
        self._needs = needs.reshape(skeleton.COUNT, -1)
        # The actions of which a detector counts the reps.
        self._counted = {
            at_turn: {
                i for i, a in enumerate(self._actions) if a.kind == "reps" and (a.counted_at == "turn") == at_turn
            }
            for at_turn in (False, True)
        }
        # Counted at the turning point is counted on return to it: the same detector on the mirrored signal.
        self._detectors = {
            at_turn: ExcursionDetector(
                self._range.counted, self._range.way_back, self._settings.turned_back, self._settings.highest_base
            )
            for at_turn in (False, True)
        }
        self._doubt = Doubt(self._settings.enough, self._settings.wait_s)
        self.reps: dict[str, int] = {}
        self.holds_s: dict[str, float] = {}
        self.lose_person()

    def lose_person(self) -> None:
        """The person is gone: what is in progress is dropped, counts are kept."""
        self._belief: NDArray[np.float64] | None = None
        self._shown: int | None = None
        self._time_s: float | None = None
        self._history = _History(len(self._names))
        self._hold_since_s: float | None = None
        self._held_until_s: float | None = None
        self._value: float | None = None
        self._latest = 0.0
        self._certainty = 1.0
        self._exercise: int | None = None
        self._visible_s: float | None = None
        for detector in self._detectors.values():
            detector.reset()
        self._doubt.reset()

    def update(self, time_s: float, keypoints: FloatArray, prediction: Prediction) -> Count:
        """One frame with the person in it. keypoints: float32 (17, 3), the newest of the window."""
        elapsed = 0.0 if self._time_s is None else time_s - self._time_s
        probabilities = prediction.probabilities.astype(np.float64)
        self._believe(probabilities, elapsed)
        self._choose()
        cosine, sine = prediction.phase.tolist() if prediction.phase is not None else (1.0, 0.0)
        self._latest = (1 - min(1.0, max(-1.0, cosine))) / 2
        value = self._smooth(self._latest, elapsed)
        self._time_s = time_s
        shown = self._shown
        assert shown is not None and self._belief is not None
        needed = self._needed(keypoints)
        self._history.add(time_s, value, sine, shown, probabilities, needed[:-1])
        self._forget(time_s)

        new = self._completed(time_s, value)
        holding = self._hold(time_s, bool(new))
        rep_shown = self._actions[shown].kind == "reps"
        phase = math.atan2(sine, cosine) % (2 * math.pi) if rep_shown and prediction.phase is not None else None
        visible = self._visible(time_s, shown, needed)
        # A head trained on squared error answers with a short phase vector where it can't tell the phase.
        keep = math.exp(-elapsed / self._settings.certainty_s)
        self._certainty = keep * self._certainty + (1 - keep) * min(1.0, math.hypot(cosine, sine))
        countable = not rep_shown or self._certainty >= self._settings.least_certainty
        belief = float(self._belief[shown])
        return Count(self._names[shown], belief, phase, holding, visible, countable, new)

    def finish(self) -> tuple[Rep, ...]:
        """The source has ended: a rep that is done by what was last seen counts, though its average lags behind."""
        if self._time_s is None:
            return ()
        return self._completed(self._time_s, self._latest)

    def _believe(self, probabilities: NDArray[np.float64], elapsed: float) -> None:
        """Average the probabilities over time: a single odd window changes nothing."""
        if self._belief is None:
            self._belief = probabilities
            return
        keep = math.exp(-elapsed / self._settings.belief_s)
        self._belief = keep * self._belief + (1 - keep) * probabilities

    def _choose(self) -> None:
        """Show the likeliest action, and change only when another leads by a margin."""
        assert self._belief is not None
        best = int(self._belief.argmax())
        if self._shown is None or self._belief[best] > self._belief[self._shown] + self._settings.switch_margin:
            self._shown = best

    def _smooth(self, value: float, elapsed: float) -> float:
        """A light low-pass on the share of the range of motion, against flicker at the thresholds."""
        if self._value is None:
            self._value = value
        keep = math.exp(-elapsed / self._settings.smooth_s) if self._settings.smooth_s > 0 else 0.0
        self._value = keep * self._value + (1 - keep) * value
        return self._value

    def _forget(self, time_s: float) -> None:
        """Drop what is older than the rep in progress, and than what a rep is judged by."""
        since = time_s - self._settings.look_back_s
        for detector in self._detectors.values():
            if detector.in_progress_since is not None:
                since = min(since, detector.in_progress_since)
        self._history.forget_before(since - 1.0)

    def _needed(self, keypoints: FloatArray) -> NDArray[np.bool_]:
        """For each action, and for a whole body, whether its joints are seen on one side of the body at least."""
        missing = (keypoints[:, 2] < self._settings.seen_confidence) @ self._needs
        left, right = ~missing.reshape(2, -1)
        return np.logical_or(left, right)

    def _visible(self, time_s: float, shown: int, needed: NDArray[np.bool_]) -> bool:
        """Whether what must be seen is, or was a moment ago: joints flicker at the picture's border."""
        at_rest = -1 if self._exercise is None else self._exercise
        wanted = at_rest if self._actions[shown].kind == "rest" else shown
        if needed[wanted] or self._visible_s is None:
            self._visible_s = time_s
        return bool(time_s - self._visible_s < self._settings.unseen_s)

    def _completed(self, time_s: float, value: float) -> tuple[Rep, ...]:
        """The reps that this share of the range of motion completes; they are counted."""
        new: list[Rep] = []
        for at_turn in (False, True):
            found = self._found(time_s, value, at_turn)
            if found is not None:
                new += self._doubt.add(*found)
        for rep in new:
            self.reps[rep.action] = self.reps.get(rep.action, 0) + 1
            self._exercise = self._names.index(rep.action)
        return tuple(new)

    def _found(self, time_s: float, value: float, at_turn: bool) -> tuple[Rep, float] | None:
        """The rep that is done now, if one, and the evidence that it is one, 0-1."""
        done = self._detectors[at_turn].update(time_s, 1 - value if at_turn else value)
        if done is None:
            return None
        start_s = min(done.start_s, time_s - self._settings.look_back_s)
        rows = self._history.between(start_s, done.end_s)
        # The far half of a rep tells the action; near its start posture many actions look alike.
        weights = np.abs(rows["share"] - float(at_turn)) + _LEAST_WEIGHT
        mean = weights @ rows["probabilities"] / weights.sum()
        best = int(mean.argmax())
        if best not in self._counted[at_turn] or mean[best] < self._settings.clear_action:
            return None
        seen = rows["needed"][:, best].mean()
        farthest = int(weights.argmax())
        # The phase points back on a way back that is made; a share that falls while it points on was relabelled.
        back = rows["sine"][farthest:].mean() * (1 if at_turn else -1)
        # A change of action drops the rep: nothing else was likeliest at the turning point or is nearly so now, and
        # nothing else was shown since, which lags behind.
        probabilities = rows["probabilities"]
        rivals = np.flatnonzero(probabilities[-1] >= self._settings.rival)
        others = {int(probabilities[farthest].argmax()), *rivals.tolist(), *rows["shown"][farthest:].tolist()}
        switched = any(i != best and self._actions[i].kind != "rest" for i in others)
        if switched or back < 0 or seen < self._settings.seen_share:
            return None
        motion = min(done.peak - done.base, 1.0)
        shallow = motion < self._range.full
        rep = Rep(self._names[best], done.start_s, done.end_s, time_s, motion, shallow, done.turned_s)
        return rep, float(mean[best] * motion * back)

    def _hold(self, time_s: float, counted: bool) -> bool:
        """Time a hold: it begins with its action or after the last rep, and shows once it has lasted a while."""
        assert self._shown is not None
        name, action = self._names[self._shown], self._actions[self._shown]
        if action.kind != "hold" or counted:
            self._hold_since_s = None if action.kind != "hold" else time_s
            return False
        if self._hold_since_s is None:
            self._hold_since_s = self._held_until_s = time_s
        if time_s - self._hold_since_s < self._settings.hold_after_s:
            self._held_until_s = self._hold_since_s
            return False
        assert self._held_until_s is not None
        self.holds_s[name] = self.holds_s.get(name, 0.0) + time_s - self._held_until_s
        self._held_until_s = time_s
        return True
