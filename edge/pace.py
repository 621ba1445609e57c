"""How fast the last rep was, and how long the set or the rest after it has gone on."""

from __future__ import annotations

import math

from classifier.rep import Rep
from edge.reading import Reading

#: Seconds without a rep or a hold after which the user rests.
REST_AFTER_S = 5.0
#: Share of a rep's way, from start posture to turning point, beyond which it is under way.
_UNDER_WAY = 0.3


class Pace:
    """Tells sets and rests out of readings, by the rule of the history: another exercise or a long pause begins a set.

    last: the newest rep, None before the first. set_s: how long the set has gone on, None outside one. rest_s: how
    long the rest after it has, None outside one. moved_s: when somebody was last seen at work, counted or not.
    """

    def __init__(self, set_pause_s: float = 15.0) -> None:
        """set_pause_s: a longer pause between two reps ends a set."""
        self._set_pause_s = set_pause_s
        self.last: Rep | None = None
        self.set_s: float | None = None
        self.rest_s: float | None = None
        self.moved_s = -math.inf
        self._began_s = self._active_s = -math.inf  # of the set, and when it was last worked at

    def update(self, reading: Reading) -> None:
        """Readings come in the order of time."""
        now_s, holds = reading.time_s, reading.state == "hold"
        for rep in reading.new_reps:
            last = self.last
            if last is None or rep.action != last.action or rep.start_s - last.end_s > self._set_pause_s:
                self._began_s = rep.start_s
            self.last, self._active_s = rep, max(self._active_s, rep.end_s)
        moves = reading.phase is not None and (1 - math.cos(reading.phase)) / 2 > _UNDER_WAY
        if moves or holds or reading.new_reps:
            self.moved_s = now_s
        if holds:
            self._began_s = self._active_s = now_s  # its seconds are the large number
        elif moves and now_s - self._active_s < REST_AFTER_S:  # what does not end in a rep does not end a rest
            self._active_s = now_s
        self.set_s = self.rest_s = None
        if now_s - self._active_s < REST_AFTER_S:
            self.set_s = now_s - self._began_s if self._active_s > self._began_s else None
        elif math.isfinite(self._active_s):
            self.rest_s = now_s - self._active_s
