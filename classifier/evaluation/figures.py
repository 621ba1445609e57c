"""The headline figures of a report: their names, what they mean, which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from classifier.evaluation.bootstrap import Estimate
from classifier.evaluation.measure import Outcome

Value = Estimate | float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that sums up a head on a set. digits: shown after the point. higher: whether more is better.
    path: where it is in an `Outcome`."""

    name: str
    unit: str
    digits: int
    higher: bool
    meaning: str
    path: str

    def of(self, outcome: Outcome) -> Value:
        """The figure of an outcome, or None where it was not measured."""
        value: Any = outcome
        for name in self.path.split("."):
            value = None if value is None else getattr(value, name)
        found: Value = value
        return found

    def best(self, values: list[Value]) -> float | None:
        """The best of several, when they differ as shown."""
        known = [round(v, self.digits) for v in map(number, values) if v is not None]
        if len(set(known)) < 2:
            return None
        return max(known) if self.higher else min(known)


def number(value: Value) -> float | None:
    """The figure itself, without its interval."""
    return value.value if isinstance(value, Estimate) else value


FIGURES: tuple[Figure, ...] = (
    Figure("exact", "", 3, True, "share of the sequences whose reps are counted exactly",
           "counts.exact"),
    Figure("OBO", "", 3, True, "share of them that are off by one rep at most", "counts.obo"),
    Figure("MAE", "", 3, False, "mean of |counted - true| / true", "counts.mae"),
    Figure("ghosts", "/min", 2, False, "reps counted of an action that is not shown, per minute of recording",
           "ghosts.per_min"),
    Figure("second accuracy", "", 3, True,
           "share of the labelled seconds in which the right action is shown, from 1 s after a change of action",
           "seconds.accuracy"),
    Figure("macro F1", "", 3, True, "mean over the actions of the F1 of those seconds",
           "seconds.macro.f1"),
    Figure("window accuracy", "", 3, True, "share of the single windows that the head itself names rightly",
           "windows.accuracy"),
    Figure("calibration error", "", 3, False, "mean distance between the head's confidence and how often it is right",
           "calibration.expected_error"),
    Figure("rep F1", "", 3, True, "F1 of the single reps counted, against the labelled intervals",
           "events.f1"),
    Figure("delay", "s", 2, False, "median time from the labelled end of a rep to its count",
           "events.delay_median_s"),
    Figure("delay p90", "s", 2, False, "the time within which nine of ten reps are counted after their labelled end",
           "events.delay_p90_s"),
    Figure("latency", "ms", 2, False, "window, head and counter together, median of a frame, on one thread",
           "latency.p50"),
    Figure("latency p99", "ms", 2, False, "the same, in 99 of 100 frames at most", "latency.p99"),
)  # fmt: skip
