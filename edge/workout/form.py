"""Form hints: a rep beside the person's own best ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from classifier.rep import Rep
from configs.language import Said
from configs.schema import Hints
from edge.words import Words, filled, words_in


class Done(Protocol):
    """What is known of a rep that was done: a `Rep`, or one out of the history."""

    @property
    def action(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def range_of_motion(self) -> float: ...
    @property
    def shallow(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Best:
    """What a person's best reps of an exercise are like: share of a full rep, and seconds from start to end."""

    range_of_motion: float
    seconds: float


class Form:
    """Compares each rep with the best of the same person's newest ones."""

    def __init__(self, settings: Hints, past: Iterable[Done] = (), words: Words | None = None) -> None:
        """past: earlier reps, oldest first. words: what a hint is said in; English without them."""
        self._settings, self._words = settings, words or words_in()
        self._reps: dict[str, deque[Done]] = {}
        for rep in past:
            self._remember(rep)

    def best(self, action: str) -> Best | None:
        """The middle of the person's best reps, by range of motion; None while there are too few to tell."""
        reps = self._reps.get(action, ())
        if len(reps) < self._settings.least_reps:
            return None
        ranked = sorted(reps, key=lambda rep: rep.range_of_motion, reverse=True)
        best = ranked[: max(3, round(self._settings.best_share * len(ranked)))]
        return Best(median(rep.range_of_motion for rep in best), median(rep.end_s - rep.start_s for rep in best))

    def judge(self, rep: Rep) -> Said | None:
        """What to say of this rep, None for a good one; it is one of the earlier ones from now on."""
        best, remarks, number = self.best(rep.action), self._words.remarks, self._words.number
        self._remember(rep)
        if not self._settings.enabled:
            return None
        if rep.shallow:
            return remarks.shallow
        if best is None:
            return None
        seconds = rep.end_s - rep.start_s
        if rep.range_of_motion < best.range_of_motion - self._settings.range_drop:
            return filled(remarks.further, range=f"{rep.range_of_motion:.0%}", best=f"{best.range_of_motion:.0%}")
        if seconds < self._settings.hurried * best.seconds:
            return filled(remarks.slower, seconds=number(seconds), best=number(best.seconds))
        return None

    def _remember(self, rep: Done) -> None:
        if not rep.shallow:
            self._reps.setdefault(rep.action, deque(maxlen=self._settings.newest)).append(rep)
