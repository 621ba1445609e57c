"""What is counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rep:
    """One counted rep.

    start_s, end_s: seconds of the source; end_s is when the way back was done. counted_at_s: when it was counted.
    range_of_motion: share of a full rep, 0-1. shallow: counted, but short of a full rep. turned_s: when it was farthest
    from where it began; None where nobody looked.
    """

    action: str
    start_s: float
    end_s: float
    counted_at_s: float
    range_of_motion: float
    shallow: bool
    turned_s: float | None = None
