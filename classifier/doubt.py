"""A set, or one odd movement? What is hardly a rep counts once the movements beside it say so."""

from __future__ import annotations

from dataclasses import replace

from classifier.rep import Rep


class Doubt:
    """Holds doubtful reps back until there is enough evidence of a set.

    Somebody who ties their shoes makes one weak squat; somebody who squats in a bad light makes many. So evidence adds
    up over the reps of one exercise that follow each other: a clear rep is enough by itself and counts at once, as
    does every rep after it; weak ones wait, and count together or not at all.
    """

    def __init__(self, enough: float, wait_s: float) -> None:
        """enough: evidence that makes a set. wait_s: a longer time without a rep ends it."""
        self._enough, self._wait_s = enough, wait_s
        self.reset()

    def reset(self) -> None:
        """Somebody else comes: what was held back is dropped."""
        self._held: list[Rep] = []
        self._last: Rep | None = None
        self._evidence = 0.0

    def add(self, rep: Rep, evidence: float) -> tuple[Rep, ...]:
        """The reps that count now, oldest first, all counted when this one was; the rep itself is the last of them."""
        last = self._last
        if last is None or rep.action != last.action or rep.start_s - last.end_s > self._wait_s:
            self.reset()
        self._last = rep
        self._evidence += evidence
        self._held.append(rep)
        if self._evidence < self._enough:
            return ()
        sure = tuple(replace(held, counted_at_s=rep.counted_at_s) for held in self._held)
        self._held = []
        return sure
