"""The page of a compression report: pictures of what each figure costs another, and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape

from classifier.evaluation.page import table, whole
from classifier.evaluation.svg import drawing, text
from compression.accuracy import Pck
from compression.candidates import Candidate
from compression.step import Record

#: Size of a picture, its left and lower margin, px.
_WIDTH, _HEIGHT, _LEFT, _FOOT = 420.0, 260.0, 46.0, 42.0

#: Of the names in a picture, px: about the width of a letter, and the height of a line.
_LETTER, _LINE = 6.0, 11.0

#: What a picture has across: its name, unit, and how a candidate is read.
_ACROSS: tuple[tuple[str, Callable[[Candidate], float]], ...] = (
    ("size, MB", lambda c: c.bytes / 1e6),
    ("multiply-accumulates, M", lambda c: c.macs / 1e6),
    ("latency, ms", lambda c: c.latency.p50),
)

#: What it has upwards, where it was measured.
_UP: tuple[tuple[str, Callable[[Candidate], float | None]], ...] = (
    ("AP", lambda c: c.accuracy.ap if c.accuracy else None),
    ("crop recall", lambda c: c.accuracy.crop_recall if c.accuracy else None),
    ("PCK", lambda c: c.frames.share if c.frames else None),
)


def render(found: Sequence[Candidate], history: Sequence[Record], command: str) -> str:
    """The whole page. found: the first one is what the others are compared with. history: the steps before."""
    body = [f"<header><h1>Compression</h1>{f'<p><code>{escape(command)}</code></p>' if command else ''}</header>"]
    body.append(f"<section><h2>Candidates</h2>{_figures(found)}</section>")
    pictures = [
        f"<figure><figcaption>{up} by {across.partition(',')[0]}</figcaption>"
        f"{pareto(found, (across, x), (up, y))}</figure>"
        for up, y in _UP if all(y(c) is not None for c in found) for across, x in _ACROSS
    ]  # fmt: skip
    if pictures:
        body.append("<section><h2>What it costs</h2><p>Further up and further left is better. A line joins those that "
                    f"no other beats in both.</p><div class=pair>{''.join(pictures)}</div></section>")  # fmt: skip
    body.append(_actions(found))
    body.append(_resources(found))
    body.append(_steps(history))
    return whole("Compression", [part for part in body if part])


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The indices of the points that no other beats: none is at most as far right and at least as high, and one of
    both strictly; from left to right."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    kept: list[int] = []
    for i in order:
        if not kept or points[i][1] > points[kept[-1]][1]:
            kept.append(i)
    return kept


def pareto(
    found: Sequence[Candidate],
    across: tuple[str, Callable[[Candidate], float]],
    up: tuple[str, Callable[[Candidate], float | None]],
) -> str:
    """Each candidate as a dot, and the line of those that no other beats."""
    points = [(across[1](c), up[1](c) or 0.0) for c in found]
    most = 1.08 * max(max(x for x, _ in points), 1e-9)
    low, high = min(y for _, y in points), max(y for _, y in points)
    pad = max(0.15 * (high - low), 0.01)
    low, high = low - pad, high + pad

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return (_LEFT + x / most * (_WIDTH - _LEFT - 10),
                8 + (high - y) / (high - low) * (_HEIGHT - _FOOT - 8))  # fmt: skip

    foot = _HEIGHT - _FOOT
    parts = [f'<line class="rule" x1="{_LEFT}" y1="{foot}" x2="{_WIDTH - 10}" y2="{foot}"/>']
    for share in (0.0, 0.5, 1.0):
        x, y = most * share, low + (high - low) * share
        parts.append(text(place((x, low))[0], foot + 16, f"{x:.3g}", anchor="end" if share == 1 else "middle"))
        parts.append(text(_LEFT - 6, place((0, y))[1] + 4, f"{y:.3f}", anchor="end"))
    parts.append(text((_LEFT + _WIDTH) / 2, _HEIGHT - 8, escape(across[0])))
    line = " ".join("{:.1f},{:.1f}".format(*place(points[i])) for i in front(points))
    parts.append(f'<polyline class="share" points="{line}"/>')
    labels = _apart([place(point) for point in points], [candidate.name for candidate in found])
    for candidate, point, (label_x, label_y, anchor) in zip(found, points, labels, strict=True):
        x, y = place(point)
        said = f"{candidate.name}: {across[0]} {point[0]:.3g}, {up[0]} {point[1]:.3f}"
        parts.append(f'<circle class="right" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(said)}</title></circle>')
        parts.append(text(label_x, label_y, escape(candidate.name), "band", anchor))
    return drawing(_WIDTH, _HEIGHT, parts, f"{up[0]} by {across[0]}", "pareto")


def _apart(dots: Sequence[tuple[float, float]], names: Sequence[str]) -> list[tuple[float, float, str]]:
    """Where the name of each dot begins, or ends: beside it, and above or below where another's name is already."""
    taken: list[tuple[float, float, float]] = []
    found = []
    for (x, y), name in zip(dots, names, strict=True):
        anchor = "end" if x > 0.7 * _WIDTH else "start"
        at = x - 7 if anchor == "end" else x + 7
        low, high = sorted((at, at + (-1 if anchor == "end" else 1) * _LETTER * len(name)))
        rows = (y - 5 + _LINE * (-1) ** i * ((i + 1) // 2) for i in range(4 * len(dots)))
        free = (r for r in rows if 8 < r < _HEIGHT - _FOOT
                and not any(abs(r - other) < _LINE and low < b and a < high for a, b, other in taken))  # fmt: skip
        row = next(free, y - 5)
        taken.append((low, high, row))
        found.append((at, row, anchor))
    return found


def _figures(found: Sequence[Candidate]) -> str:
    head = ["model", "size <small>MB</small>", "parameters <small>M</small>", "MACs <small>M</small>",
            "latency <small>ms p50</small>", "<small>p90</small>", "times as fast"]  # fmt: skip
    measured = [(name, of) for name, of in (*_UP, _CLIPS) if found[0] and of(found[0]) is not None]
    lines = []
    for c in found:
        cells = [escape(c.name), f"{c.bytes / 1e6:.2f}", f"{c.parameters / 1e6:.2f}", f"{c.macs / 1e6:.0f}",
                 f"{c.latency.p50:.2f}", f"{c.latency.p90:.2f}", f"{c.latency.ratio:.2f}"]  # fmt: skip
        for _, of in measured:
            value, first = of(c), of(found[0])
            assert value is not None and first is not None
            change = "" if c is found[0] else f" <small>{value - first:+.3f}</small>"
            cells.append(f"{value:.3f}{change}")
        lines.append(cells)
    note = (f"<p>Latency: of the model alone, one thread, {found[0].latency.frames} frames, all models in turn in one "
            "process; times as fast: the median over the rounds of the first model's time by this one's. Small "
            "numbers: the change against the first model. Checkpoints were exported to float ONNX for this."
            "</p>")  # fmt: skip
    return table([*head, *(name for name, _ in measured)], lines) + note


_CLIPS: tuple[str, Callable[[Candidate], float | None]] = ("clips PCK", lambda c: c.clips.share if c.clips else None)


def _actions(found: Sequence[Candidate]) -> str:
    parts = []
    for title, of, meaning in (
        ("On labelled frames", lambda c: c.frames, "Share of the joints within 0.2 torsos of the truth."),
        ("In clips", lambda c: c.clips, "Share of the joints within 0.2 torsos of where the first model sees them: "
         "this tells what changed, not what is right."),
    ):  # fmt: skip
        seen: list[Pck] = [value for value in map(of, found) if value is not None]
        names = sorted(seen[0].actions) if seen else []
        if names:
            lines = [[escape(name.replace("_", " ")), *(_change(p, seen[0], name) for p in seen)] for name in names]
            parts.append(
                f"<h3>{title}</h3><p>{meaning}</p>" + table(["action", *(escape(c.name) for c in found)], lines)
            )
    return f"<section><h2>By action</h2>{''.join(parts)}</section>" if parts else ""


def _change(one: Pck, first: Pck, name: str) -> str:
    value = one.actions.get(name, 0.0)
    return f"{value:.3f}" + ("" if one is first else f" <small>{value - first.actions[name]:+.3f}</small>")


def _resources(found: Sequence[Candidate]) -> str:
    lines = [[escape(c.name), f"{c.use.peak_mb:.0f}", f"{c.use.cpu_ms:.1f}", f"{c.use.energy_mj:.1f}"] for c in found]
    source = escape(str(found[0].use.as_metrics()["energy"]))
    return ("<section><h2>What running it takes</h2>"
            + table(["model", "peak memory <small>MB</small>", "processor time <small>ms a frame</small>",
                     "energy <small>mJ a frame</small>"], lines)
            + f"<p>Each in a process of its own on one thread, Python and the runtime included. Energy: {source}.</p>"
            "</section>")  # fmt: skip


def _steps(history: Sequence[Record]) -> str:
    if not history:
        return ""
    lines = [[f"{r.number} {escape(r.name)}", escape(r.step), f"{r.seconds:.0f}", f"{r.cpu_s:.0f}",
              f"{r.peak_memory_mb:.0f}"] for r in history]  # fmt: skip
    details = "".join(
        f"<details><summary>{r.number} {escape(r.name)}</summary><pre><code>"
        f"{escape(json.dumps({'config': r.config, 'metrics': r.metrics}, indent=1)[:4000])}</code></pre></details>"
        for r in history
    )
    return ("<section><h2>The steps</h2>"
            + table(["step", "kind", "<small>s</small>", "processor <small>s</small>", "peak memory <small>MB</small>"],
                    lines, words=2) + details + "</section>")  # fmt: skip
