"""The history as a picture: reps and holds, day by day, drawn with OpenCV in the look of the screens."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.history.read import Bests, Session
from edge.look import GREEN, INK, ORANGE, SKY, SOFT, VERMILLION, WHITE, YELLOW, Color
from edge.paint import BOLD, REGULAR, Image, draw_text, text_width
from edge.words import clock, name_of, plural_of, title_of
from keypoints.errors import InputError

WIDTH, HEIGHT = 1280, 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 930, 178, 652  # of the bars; the right of the picture is for the legend
_GAP = 64  # between reps and holds
_GRID: Final[Color] = (64, 56, 52)
#: More days than these are shown by weeks.
_MOST_BARS: Final = 92

#: Okabe and Ito (2008), those that can be told apart on a dark ground; what has no colour of its own is grey.
_COLORS: Final[tuple[Color, ...]] = (GREEN, SKY, ORANGE, YELLOW, VERMILLION, (190, 150, 225), (225, 140, 60))
_OTHERS: Final[Color] = (150, 150, 150)


def draw_days(sessions: Sequence[Session], bests: Bests, streak: int, today: date, days: int) -> Image:
    """The last `days` up to `today`: the reps of each day, or week, by exercise, and the minutes held, if any.

    Returns uint8 (720, 1280, 3) BGR.
    """
    wide = 1 if days <= _MOST_BARS else 7
    bars = math.ceil(days / wide)
    firsts = [today - timedelta(days=wide * (bars - i) - 1) for i in range(bars)]
    reps: dict[date, Counter[str]] = {first: Counter() for first in firsts}
    held: dict[date, Counter[str]] = {first: Counter() for first in firsts}
    trained = set()
    for session in sessions:
        day = session.started.date()
        if not (0 <= (today - day).days < days and session.done):
            continue
        trained.add(day)
        first = firsts[bars - 1 - (today - day).days // wide]
        for done in session.sets:
            reps[first][done.action] += done.reps
        for hold in session.holds:
            held[first][hold.action] += hold.seconds  # type: ignore[assignment]
    totals, totals_s = sum(reps.values(), Counter()), sum(held.values(), Counter())
    order = [action for action, _ in totals.most_common()] + [action for action, _ in totals_s.most_common()]
    colors = {action: _COLORS[i] if i < len(_COLORS) else _OTHERS for i, action in enumerate(dict.fromkeys(order))}

    canvas = np.full((HEIGHT, WIDTH, 3), INK, np.uint8)
    draw_text(canvas, f"{totals.total():.0f} reps", (_LEFT - 4, 74), 50, WHITE, BOLD)
    row = f", {streak} in a row" if streak > 1 else ""
    draw_text(canvas, f"on {len(trained)} of the last {days} days{row}", (_LEFT - 2, 112), 26, SOFT, REGULAR)
    split = _BOTTOM - 130 if totals_s else _BOTTOM
    each = "day" if wide == 1 else "week"
    _bars(canvas, firsts, reps, colors, _TOP, split - (_GAP if totals_s else 0), f"reps a {each}", 1)
    if totals_s:
        _bars(canvas, firsts, held, colors, split, _BOTTOM, f"minutes held a {each}", 60)
    _dates(canvas, firsts)
    _legend(canvas, colors, totals, totals_s, bests)
    return canvas


def save(picture: Image, path: Path) -> None:
    """Write the picture as PNG. Raises InputError when that fails."""
    if not cv2.imwrite(str(path), picture):
        raise InputError("can't be written", file=path, field="--plot")


def _bars(
    canvas: Image, days: Sequence[date], amounts: Mapping[date, Mapping[str, float]], colors: Mapping[str, Color],
    top: int, bottom: int, title: str, unit: float,
) -> None:  # fmt: skip
    """Stacked bars between two heights, with a scale whose steps are 1, 2 or 5 times a power of ten."""
    most = max((sum(amounts[day].values()) for day in days), default=0) / unit
    step = _step(most, 4 if bottom - top > 200 else 2)
    end = max(step, math.ceil(most / step) * step)
    for i in range(round(end / step) + 1):
        y = bottom - round((bottom - top) * i * step / end)
        cv2.line(canvas, (_LEFT, y), (_RIGHT, y), _GRID, 1)
        label = f"{i * step:g}"
        draw_text(canvas, label, (_LEFT - 12 - text_width(label, 18), y + 6), 18, SOFT)
    draw_text(canvas, title, (_LEFT, top - 12), 18, SOFT)
    slot = (_RIGHT - _LEFT) / len(days)
    wide = max(1, round(0.36 * slot))
    for i, day in enumerate(days):
        middle, below = _LEFT + (i + 0.5) * slot, 0.0
        for action in colors:
            amount = amounts[day].get(action, 0.0) / unit
            if amount <= 0:
                continue
            low, high = (bottom - round((bottom - top) * value / end) for value in (below, below + amount))
            left, right = round(middle) - wide, round(middle) + wide
            cv2.rectangle(canvas, (left, min(high + 1, low - 1)), (right, low - 1), colors[action], -1)
            below += amount


def _step(most: float, lines: int) -> float:
    """The smallest 1, 2 or 5 times a power of ten that needs no more than so many lines."""
    rough = max(most, 1e-9) / lines
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next((m * power for m in (1, 2, 5) if m * power >= rough), 10 * power))


def _dates(canvas: Image, days: Sequence[date]) -> None:
    """The date under every Monday, or under bars that are weeks: as many as there is room for."""
    slot = (_RIGHT - _LEFT) / len(days)
    weeks = len(days) > 1 and (days[1] - days[0]).days == 7
    marked = [i for i, day in enumerate(days) if weeks or day.weekday() == 0]
    for i in marked[:: max(1, math.ceil(100 / (slot if weeks else 7 * slot)))]:
        middle = round(_LEFT + (i + 0.5) * slot)
        cv2.line(canvas, (middle, _BOTTOM + 2), (middle, _BOTTOM + 8), SOFT, 1)
        label = f"{days[i].day} {days[i]:%b}"
        draw_text(canvas, label, (middle - text_width(label, 18) // 2, _BOTTOM + 30), 18, SOFT)


def _legend(
    canvas: Image, colors: Mapping[str, Color], totals: Mapping[str, float], totals_s: Mapping[str, float], bests: Bests
) -> None:
    """What each colour is, how much of it there was, and the best set or the longest hold so far."""
    left, y = _RIGHT + 50, _TOP + 6
    for action, color in list(colors.items())[:8]:
        cv2.rectangle(canvas, (left, y - 16), (left + 18, y + 2), color, -1)
        if action in totals:
            name = f"{totals[action]:.0f} {plural_of(action) if totals[action] != 1 else name_of(action)}"
            best = f"best set {bests.reps.get(action, 0)}"
        else:
            name = f"{title_of(action)} {clock(totals_s[action])}"
            best = f"longest {clock(bests.holds_s.get(action, 0.0))}"
        draw_text(canvas, name, (left + 32, y), 24, WHITE, fit=WIDTH - left - 56)
        draw_text(canvas, best, (left + 32, y + 26), 19, SOFT, REGULAR)
        y += 66
