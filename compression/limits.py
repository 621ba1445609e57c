"""What a gate holds a model against: each figure, its limit, and whether it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of a model. before: of what it is held against, or None. least, most: the limits that it has."""

    name: str
    found: float
    before: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it keeps its limits; what is not a number keeps none."""
        above = self.least is None or self.found >= self.least - 1e-9
        return above and (self.most is None or self.found <= self.most + 1e-9)

    def __str__(self) -> str:
        limits = [f"expected at least {self.least:.4g}"] if self.least is not None else []
        limits += [f"expected at most {self.most:.10g}"] if self.most is not None else []
        limits += [f"{self.before:.4g} before"] if self.before is not None else []
        return f"{self.name} {self.found:.10g}" + (f" ({', '.join(limits)})" if limits else "")

    def as_metrics(self) -> dict[str, Any]:
        """For a record."""
        return {"found": self.found, "before": self.before, "least": self.least, "most": self.most,
                "passed": self.passed}  # fmt: skip


def against(name: str, found: float, before: float, drop: float | None, least: float | None) -> Check:
    """The check of a figure that may drop by so much, and has a floor of its own."""
    floors = [value for value in (None if drop is None else before - drop, least) if value is not None]
    return Check(name, round(found, 4), round(before, 4), max(floors) if floors else None)
