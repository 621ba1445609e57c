"""The pictures of a report as inline SVG: timelines, the confusion matrix, the reliability plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from zlib import crc32

import numpy as np

from classifier.evaluation.labels import BINS, Calibration, LabelScore
from classifier.evaluation.measure import Shown
from keypoints.labels import Segment

#: Top and height of a row of a drawing.
Row = tuple[float, float]

#: Hues of the actions, degrees; those of heads taught later take one by their name.
_HUES = {
    "squat": 212, "push_up": 24, "lunge": 265, "sit_up": 340, "jumping_jack": 45, "biceps_curl": 160,
    "shoulder_press": 190, "pull_up": 5, "deadlift": 95, "plank": 300,
}  # fmt: skip
_GREY = ("stand", "other", "none")

#: A timeline: width, the gutter for row names, and the rows' tops and heights, px of the drawing.
_WIDTH, _GUTTER = 720.0, 52.0
_TRUE, _REPS, _SHOWN, _SHARE = (4, 20), (27, 8), (44, 20), (70, 40)
_HEIGHT = 140


def colour(action: str) -> str:
    """The CSS colour of an action, readable on light and dark pages."""
    if action in _GREY:
        return {"stand": "#9aa5b1", "other": "#b8b2a7", "none": "transparent"}[action]
    return f"hsl({_HUES.get(action, crc32(action.encode()) % 360)} 55% 58%)"


def timeline(shown: Shown) -> str:
    """Truth above (segments, labelled reps), what was shown and counted below, over the seconds of a sequence."""
    times = shown.labelled.sequence.time_s
    end_s = max(float(times[-1]), *(s.end_s for s in shown.truth.segments), 1e-3)
    scale = (_WIDTH - _GUTTER - 8) / end_s

    def x(time_s: float) -> float:
        return _GUTTER + time_s * scale

    parts = [_row_name("true", _TRUE), *_bands(shown.truth.segments, x, _TRUE)]
    for event in shown.truth.events or ():
        said = f"{event.action}, {event.start_s:.1f}–{event.end_s:.1f} s"
        wide = (event.end_s - event.start_s) * scale - 1.5
        parts.append(_rect(x(event.start_s) + 0.75, _REPS, wide, f'fill="{colour(event.action)}"', said))
    parts += [_row_name("shown", _SHOWN), *_bands(shown.played.segments, x, _SHOWN), _row_name("phase", _SHARE)]
    top, height = _SHARE
    parts.append(f'<line class="rule" x1="{_GUTTER}" y1="{top + height}" x2="{_WIDTH - 8}" y2="{top + height}"/>')
    points = [(x(float(t)), top + height * (1 - float(s))) for t, s in zip(times, shown.played.share, strict=True)]
    parts += [f'<polyline class="share" points="{line}"/>' for line in _lines(points)]
    totals: dict[str, int] = {}
    for rep in shown.played.reps:
        totals[rep.action] = totals.get(rep.action, 0) + 1
        said = f"{rep.action} {totals[rep.action]}, counted at {rep.counted_at_s:.2f} s"
        place = x(rep.counted_at_s)
        parts.append(_rect(place - 1, _SHARE, 2, f'fill="{colour(rep.action)}"', said))
        parts.append(text(place, top + height + 11, str(totals[rep.action]), "small"))
    step = _nice(end_s / 8)
    for i in range(int(end_s / step) + 1):
        parts.append(
            f'<text class="axis" x="{x(i * step):.1f}" y="{_HEIGHT - 2}" text-anchor="middle">{i * step:g} s</text>'
        )
    return drawing(_WIDTH, _HEIGHT, parts, f"timeline of {shown.labelled.name}", "wide")


def confusion(score: LabelScore) -> str:
    """The matrix as a table of squares: a row for each true action, shaded by its share."""
    names, cell, left, top = score.names, 40.0, 104.0, 92.0
    matrix = np.array(score.confusion)
    rows = [i for i in range(len(names)) if matrix[i].sum()]
    parts = []
    for j, name in enumerate(names):
        parts.append(_turned(left + (j + 0.5) * cell + 4, top - 8, -50, _words(name), "start"))
    for at, i in enumerate(rows):
        y = top + at * cell
        parts.append(text(left - 8, y + cell / 2 + 4, _words(names[i]), anchor="end"))
        for j, name in enumerate(names):
            x, n, whole = left + j * cell, matrix[i, j], matrix[i].sum()
            said = f"{_words(names[i])} said to be {_words(name)}: {n} of {whole}"
            kind = "right" if i == j else "wrong"
            look = f'class="{kind if n else "empty"}" fill-opacity="{0.12 + 0.78 * n / whole if n else 0.1:.2f}"'
            parts.append(_rect(x + 1, (y + 1, cell - 2), cell - 2, look, said))
            if n:
                parts.append(text(x + cell / 2, y + cell / 2 + 4, str(n), "cell strong" if n > whole / 2 else "cell"))
    return drawing(left + len(names) * cell + 44, top + len(rows) * cell + 6, parts, "confusion matrix", "matrix")


def reliability(found: Calibration) -> str:
    """How often the head is right, by how sure it is; on the diagonal it means it. Below, how many windows."""
    side, left, top, foot = 240.0, 40.0, 10.0, 44.0
    most = max((b.windows for b in found.bins), default=1) or 1
    parts = [f'<line class="rule dashed" x1="{left}" y1="{top + side}" x2="{left + side}" y2="{top}"/>']
    step = side / BINS
    for i, b in enumerate(found.bins):
        x, tall, many = left + i * step + 1, side * b.accuracy, 30 * b.windows / most
        if b.windows:
            said = f"{b.windows} windows, confidence {b.confidence:.2f}, right {b.accuracy:.2f}"
            parts.append(_rect(x, (top + side - tall, tall), step - 2, 'class="right" fill-opacity="0.7"', said))
            parts.append(_rect(x, (top + side + foot + 30 - many, many), step - 2, 'class="count"', said))
    for at in (0.0, 0.5, 1.0):
        parts.append(text(left + at * side, top + side + 16, f"{at:g}"))
        parts.append(text(left - 6, top + side * (1 - at) + 4, f"{at:g}", anchor="end"))
    parts.append(text(left + side / 2, top + side + 32, "confidence"))
    parts.append(_turned(12, top + side / 2, -90, "right", "middle"))
    return drawing(left + side + 12, top + side + foot + 32, parts, "reliability plot", "square")


def _bands(segments: Sequence[Segment], x: Callable[[float], float], row: Row) -> Iterable[str]:
    for segment in segments:
        start, wide = x(segment.start_s), x(segment.end_s) - x(segment.start_s)
        said = f"{segment.action}, {segment.start_s:.1f}–{segment.end_s:.1f} s"
        yield _rect(start, row, wide, f'fill="{colour(segment.action)}"', said)
        word = _words(segment.action)
        if wide > 6.2 * len(word) + 6:
            yield text(start + 5, row[0] + 14, word, "band", "start")


def _rect(x: float, row: Row, wide: float, look: str, said: str) -> str:
    """A rounded rectangle that says something under the mouse."""
    y, high = row
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0.5):.1f}" height="{high:.1f}"'
    return f'<rect {place} rx="2" {look}><title>{escape(said)}</title></rect>'


def text(x: float, y: float, words: str, look: str = "axis", anchor: str = "middle") -> str:
    """Words (HTML) at a place of a drawing."""
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _turned(x: float, y: float, degrees: float, text: str, anchor: str) -> str:
    turn = f"translate({x:.1f} {y:.1f}) rotate({degrees:g})"
    return f'<text class="axis" transform="{turn}" text-anchor="{anchor}">{text}</text>'


def _row_name(name: str, row: Row) -> str:
    return text(_GUTTER - 6, row[0] + row[1] / 2 + 4, name, anchor="end")


def _lines(points: Sequence[tuple[float, float]]) -> Iterable[str]:
    """The known stretches of a line, at most about one point a pixel."""
    run: list[str] = []
    last_x = -math.inf
    for x, y in points:
        if math.isnan(y):
            if len(run) > 1:
                yield " ".join(run)
            run, last_x = [], -math.inf
        elif x - last_x >= 0.7:
            run.append(f"{x:.1f},{y:.1f}")
            last_x = x
    if len(run) > 1:
        yield " ".join(run)


def _nice(step: float) -> float:
    """The next of 1, 2, 5, 10, ... from `step` up."""
    power = 10 ** math.floor(math.log10(max(step, 0.1)))
    return float(next(power * n for n in (1, 2, 5, 10) if power * n >= step))


def _words(name: str) -> str:
    return escape(name.replace("_", " "))


def drawing(width: float, height: float, parts: Iterable[str], said: str, kind: str) -> str:
    """A whole drawing; said: what it shows, for those who can't see it."""
    size = f'width="{width:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg class="{kind}" {size} role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'
