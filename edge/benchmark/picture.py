"""The picture of a benchmark: one bar a contender, its stages stacked, and the figures of each stage under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.benchmark.chain import CHAINED
from edge.look import Color
from edge.paint import BOLD, CAP, MEDIUM, REGULAR, Image, draw_text, text_width
from edge.report import check_writable
from keypoints.errors import InputError, RepSightError

#: Okabe and Ito's colours (2008), BGR, with a second purple; grey for what can't be told apart.
COLORS: Mapping[str, Color] = {
    "letterbox": (233, 180, 86), "pose": (178, 114, 0), "track": (167, 121, 204), "smooth": (128, 70, 120),
    "window": (66, 214, 236), "head": (0, 159, 230), "count": (0, 94, 213), "draw": (115, 158, 0),
    "the rest": (190, 190, 190), "decode": (150, 150, 150), "log": (110, 110, 110),
}  # fmt: skip

WIDTH, MARGIN = 1600, 60
_INK: Color = (30, 26, 24)
_SOFT: Color = (120, 112, 106)
_LINE: Color = (226, 222, 218)

#: A part is named inside its bar when its name fits.
_BAR, _ROW, _GAP, _AXIS = 56, 40, 104, 60


@dataclass(frozen=True, slots=True)
class Bar:
    """One contender. parts: ms by stage, that add up to its mean; p50 and p99 of the whole, ms; note: behind it."""

    name: str
    what: str
    parts: Mapping[str, float]
    p50: float
    p99: float
    note: str = ""


def bar(name: str, what: str, stages: Mapping[str, Mapping[str, float]], note: str = "") -> Bar:
    """The bar of measured stages; what lies between them and the whole is `the rest`."""
    mean = {stage: values.get("mean") or values["p50"] for stage, values in stages.items()}
    parts = {stage: mean[stage] for stage in CHAINED if mean.get(stage, 0.0) > 0}
    rest = mean["chain"] - sum(parts.values())
    if rest > 0.001 * mean["chain"]:
        parts["the rest"] = rest
    return Bar(name, what, parts, stages["chain"]["p50"], stages["chain"]["p99"], note)


def draw_picture(
    title: str,
    lines: Sequence[str],
    panels: Sequence[Sequence[Bar]],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Image:
    """uint8 (H, 1600, 3) BGR. lines: under the title. panels: bars, those of each on a scale of their own. head and
    rows: a table; a row that begins with the name of a stage gets its colour."""
    top = 110 + 34 * len(lines)
    tops = [top + sum(_GAP * len(panel) + _AXIS for panel in panels[:place]) for place in range(len(panels) + 1)]
    height = tops[-1] + (40 + _ROW * len(rows) + MARGIN if head else 0)
    canvas = np.full((height, WIDTH, 3), 255, np.uint8)
    draw_text(canvas, title, (MARGIN, 72), 44, _INK, BOLD, fit=WIDTH - 2 * MARGIN)
    for number, line in enumerate(lines):
        draw_text(canvas, line, (MARGIN, 112 + 34 * number), 22, _SOFT, REGULAR, fit=WIDTH - 2 * MARGIN)
    for y, panel in zip(tops, panels, strict=False):
        _draw_panel(canvas, panel, y)
    if head:
        _draw_table(canvas, tops[-1] + 30, head, rows)
    return canvas


def check_picture(path: Path, what: str) -> None:
    """As `check_writable`, and raise InputError when no picture can have this name. what: the option that names it."""
    check_writable(path, what)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError("not the name of a picture", file=path, field=what, found=path.suffix or "no suffix",
                         expected="a name that ends in .png or .jpg")  # fmt: skip


def write_picture(image: Image, path: Path) -> None:
    """Write a .png or .jpg. Raises RepSightError when that fails."""
    try:
        written = cv2.imwrite(str(path), image)
    except cv2.error:
        written = False
    if not written:
        raise RepSightError(f"{path}: the picture can't be written; give a .png in a folder that can be written to")


def _step(longest: float) -> float:
    """A round number that goes into `longest` five to ten times or so."""
    power = 10 ** np.floor(np.log10(longest / 5))
    return float(min((f * power for f in (1, 2, 5, 10) if longest / (f * power) <= 8), default=10 * power))


def _draw_panel(canvas: Image, panel: Sequence[Bar], top: int) -> None:
    """Bars under each other, and their scale."""
    axis = top + _GAP * len(panel) + 10
    longest = max(max(sum(each.parts.values()), each.p99) for each in panel)
    step = _step(longest)
    ticks = int(np.ceil(longest * 1.001 / step))
    scale = (WIDTH - 2 * MARGIN) / (ticks * step)
    for tick in range(ticks + 1):
        x = MARGIN + round(tick * step * scale)
        for row in range(len(panel)):  # behind the bars, not through the words above them
            cv2.line(canvas, (x, top + _GAP * row + 40), (x, top + _GAP * row + _BAR + 38), _LINE, 2)
        text = f"{tick * step:g}" + (" ms" if tick == ticks else "")
        draw_text(canvas, text, (x - text_width(text, 20) // (1 if tick == ticks else 2), axis + 24), 20, _SOFT)
    for number, each in enumerate(panel):
        _draw_bar(canvas, each, top + _GAP * number, scale)


def _draw_bar(canvas: Image, each: Bar, y: int, scale: float) -> None:
    """Name above, parts side by side, a whisker to the p99, and what to read at the end."""
    end = draw_text(canvas, each.name, (MARGIN, y + 30), 24, _INK, BOLD, fit=520)
    end = draw_text(canvas, f"   {each.what}", (end, y + 30), 22, _SOFT, REGULAR)
    said = f"p50 {each.p50:.3g} ms, p99 {each.p99:.3g} ms" + (f"   {each.note}" if each.note else "")
    width = text_width(said, 22)
    draw_text(canvas, said, (max(end + 24, WIDTH - MARGIN - width), y + 30), 22, _INK, MEDIUM)
    top, low = y + 42, y + 42 + _BAR - 10
    left = 0.0
    for stage, taken in each.parts.items():
        x0, x1 = MARGIN + round(left * scale), MARGIN + round((left + taken) * scale)
        left += taken
        if x1 <= x0:
            continue
        color = COLORS.get(stage, COLORS["the rest"])
        cv2.rectangle(canvas, (x0, top), (x1 - 1, low), color, -1)
        if text_width(stage, 22, BOLD) + 16 < x1 - x0:
            ink = (255, 255, 255) if sum(color) < 400 else _INK
            draw_text(canvas, stage, (x0 + 8, (top + low) // 2 + round(11 * CAP)), 22, ink, BOLD)
    x, tail, middle = MARGIN + round(left * scale), MARGIN + round(each.p99 * scale), (top + low) // 2
    if tail > x + 4:
        cv2.line(canvas, (x, middle), (tail, middle), _INK, 2)
        cv2.line(canvas, (tail, middle - 9), (tail, middle + 9), _INK, 2)


def _draw_table(canvas: Image, y: int, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Names left, numbers right-aligned in columns."""
    first, step = MARGIN + 520, (WIDTH - 2 * MARGIN - 520) // max(1, len(head) - 1)
    for column, text in enumerate(head[1:], 1):
        right = first + step * column
        draw_text(canvas, text, (right - text_width(text, 22), y), 22, _SOFT, MEDIUM)
    draw_text(canvas, head[0], (MARGIN, y), 22, _SOFT, MEDIUM)
    cv2.line(canvas, (MARGIN, y + 12), (WIDTH - MARGIN, y + 12), _SOFT, 2)
    for number, row in enumerate(rows, 1):
        base = y + _ROW * number
        if row[0] in COLORS:
            cv2.rectangle(canvas, (MARGIN, base - 18), (MARGIN + 24, base + 4), COLORS[row[0]], -1)
        weight = BOLD if row[0] == "chain" else REGULAR
        draw_text(canvas, row[0], (MARGIN + 40, base), 22, _INK, weight)
        for column, text in enumerate(row[1:], 1):
            draw_text(canvas, text, (first + step * column - text_width(text, 22, weight), base), 22, _INK, weight)
