"""Stage 2 as one: the subject's keypoints go in frame by frame, counts come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from classifier.counter import Count, RepCounter
from classifier.head import OnnxHead, Prediction
from classifier.motion import DominantMotion
from classifier.rep import Rep
from classifier.taught import with_taught
from classifier.window import Tick, Window
from configs.loader import load_actions
from configs.schema import Actions, Counting
from keypoints.clock import Clock, untimed
from keypoints.types import FloatArray


def _counted_at(time_s: float, reps: Sequence[Rep]) -> tuple[Rep, ...]:
    """A tick is answered when the first frame at or after it has come: that is when its reps are counted."""
    return tuple(replace(rep, counted_at_s=time_s) for rep in reps)


class ActionReader:
    """Window, head and counter for one person at a time; counts outlive the person."""

    def __init__(self, head: OnnxHead, actions: Actions | None = None, settings: Counting | None = None) -> None:
        """Raises ModelError when the head names an action that `actions` (the shipped ones) lacks."""
        self._head = head
        self._actions = with_taught(actions or load_actions(), head.card.actions)
        self._settings = settings or Counting()
        self._window = Window(head.card.window, head.card.rate_hz)
        self._motion = DominantMotion()
        self._counter = RepCounter(head.card.actions, self._actions, self._settings)
        self._seen_s: float | None = None
        self._last: Count | None = None

    @property
    def reps(self) -> dict[str, int]:
        """Counted so far, by action."""
        return dict(self._counter.reps)

    @property
    def holds_s(self) -> dict[str, float]:
        """Seconds held so far, by action."""
        return dict(self._counter.holds_s)

    def update(self, time_s: float, keypoints: FloatArray | None, clock: Clock = untimed) -> Count | None:
        """One frame. keypoints: float32 (17, 3), or None when the subject is not seen in it.

        The head is asked at its own rate, not at the camera's: between two samples the last count goes on, without
        new reps. So it does without the subject until they are lost; then None.
        """
        if keypoints is None or not (keypoints[:, 2] > 0).any():
            if self._seen_s is not None and time_s - self._seen_s >= self._settings.lost_after_s:
                self.forget()
            elif self._last is not None and self._last.new_reps:
                self._last = self._last.without_new_reps()
            return self._last
        self._seen_s = time_s
        with clock("window"):
            ticks = self._window.push(time_s, keypoints)
        with clock("head"):
            predictions = self._ask(ticks)
        with clock("count"):
            new = self._count(ticks, predictions)
            if self._last is not None and (new or self._last.new_reps):
                self._last = replace(self._last, new_reps=_counted_at(time_s, new))
        return self._last

    def finish(self) -> Count | None:
        """The source has ended: the last count, with the reps that were done by its end and not yet counted."""
        if self._last is None or self._seen_s is None:
            return self._last
        ticks = self._window.finish()
        new = [*self._count(ticks, self._ask(ticks)), *self._counter.finish()]
        self._last = replace(self._last, new_reps=_counted_at(self._seen_s, new))
        return self._last

    def forget(self) -> None:
        """Somebody else comes, or nobody: the rep in progress is dropped, counts are kept."""
        self._counter.lose_person()
        self._window.clear()
        self._motion.reset()
        self._seen_s = self._last = None

    def _ask(self, ticks: Sequence[Tick]) -> list[Prediction]:
        """What the head says at each tick."""
        return [self._with_phase(self._head(window), window) for _, window in ticks]

    def _count(self, ticks: Sequence[Tick], predictions: Sequence[Prediction]) -> list[Rep]:
        """Hand the ticks on to the counter; the reps that they complete."""
        new: list[Rep] = []
        for (tick_s, window), prediction in zip(ticks, predictions, strict=True):
            self._last = self._counter.update(tick_s, window[-1], prediction)
            new += self._last.new_reps
        return new

    def _with_phase(self, prediction: Prediction, window: FloatArray) -> Prediction:
        """The prediction, with a phase from the body's motion where the head gives none."""
        if prediction.phase is not None:
            return prediction
        likeliest = self._head.card.actions[int(prediction.probabilities.argmax())].name
        phase = self._motion.phase(window, self._head.card.rate_hz, self._actions.actions[likeliest])
        return Prediction(prediction.probabilities, phase)
