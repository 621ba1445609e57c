"""What a look at one thing ends in; `edge.doctor` and `edge.pi.checks` collect them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    state: `ok`; `note` where something is absent or poor, and `run` works all the same; `fault` where it can't.
    mend: the command or the step that helps; empty when all is well.
    """

    area: str
    name: str
    state: Literal["ok", "note", "fault"]
    found: str
    mend: str = ""


def check(area: str, name: str, fine: bool, found: str, mend: str, otherwise: Literal["note", "fault"]) -> Check:
    """One that is `ok`, or `otherwise` and has to be mended."""
    return Check(area, name, "ok", found) if fine else Check(area, name, otherwise, found, mend)
