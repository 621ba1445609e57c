"""Heads and baselines on the same videos, in one table: accuracy, latency, size, memory; page, JSON and text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from classifier.baselines.contenders import Alone, Answer, Kind
from classifier.baselines.run import open_baseline
from classifier.evaluation import labels, page
from classifier.evaluation.bootstrap import CONFIDENCE, Draws
from classifier.evaluation.labels import LabelScore, Moments
from classifier.head import OnnxHead
from configs.loader import load
from configs.saved import save_config
from configs.schema import Counting, Evaluate
from keypoints.errors import InputError, RepSightError, SourceError
from keypoints.files import require_writable, whole
from keypoints.labels import LEFT_OUT, LabelledFile
from keypoints.yolo import SHIPPED as SHIPPED_POSE

Progress = Callable[[int, int], None]

#: The version of the JSON's shape.
FORMAT = 1

_MEANINGS = (
    ("accuracy", "videos whose action is right; a head's is the one that it says in most frames"),
    ("macro F1", "the mean of F1 over the classes, each counted alike"),
    ("answer", "ms of one core until the network has answered once, from decoded frames: of a baseline for one clip,"
     " of a head for one frame with the pose model before it; the median"),
    ("video", "ms of all answers for a video, together; the median"),
    ("frame", "that, over the frames of the video"),
    ("size", "of the files; of a head with the pose model"),
    ("memory", "the most that a process held that does nothing else"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who takes part. labels: what it can say. weights: what its training began with, where that is known."""

    kind: Kind
    path: Path
    name: str
    labels: tuple[str, ...]
    weights: str
    trained_on: tuple[str, ...]
    size_kb: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; times are medians in ms, of decoded frames."""

    candidate: Candidate
    score: LabelScore
    answer_ms: float
    video_ms: float
    frame_ms: float
    peak_mb: float
    said: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """What one comparison found. problems: one line for each video that could not be read, or class that none knows."""

    name: str
    videos: int
    groups: int
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    command: str


def check(heads: Sequence[Path], baselines: Sequence[Path], out: Path) -> list[Candidate]:
    """Who takes part, baselines first. Raises ModelError for a file that is none of its kind, InputError when `out`
    can't be written."""
    found: list[Candidate] = []
    for path in baselines:
        card = open_baseline(path).card
        found.append(Candidate("baseline", path, card.name, card.labels, card.weights, card.trained_on, _kb(path)))
    for path in heads:
        own = OnnxHead(path).card
        names = tuple(action.name for action in own.actions)
        found.append(Candidate("head", path, own.name, names, "its own", own.trained_on, _kb(path) + _kb(SHIPPED_POSE)))
    require_writable(out / "baselines.json")
    return found


def compare(
    candidates: Sequence[Candidate], files: Sequence[LabelledFile], name: str, settings: Evaluate, out: Path, *,
    command: str = "", progress: Progress = lambda done, total: None,
) -> tuple[Table, list[Path]]:  # fmt: skip
    """Ask every candidate about every video, each in a process of its own, and write baselines.html and .json.

    Raises InputError when no video can be read.
    """
    counting = load(Counting, settings.counting) if isinstance(settings.counting, str) else settings.counting
    problems: dict[str, None] = {}
    true = sorted({file.label for file in files})
    rows: list[Row] = []
    for candidate in candidates:
        lacking = [label for label in true if label not in candidate.labels]
        if lacking:
            problems[f"{candidate.path.name} does not know {', '.join(lacking)}: these are all wrong"] = None
    read: list[LabelledFile] = []
    answers: list[list[Answer]] = [[] for _ in candidates]
    with ExitStack() as stack:
        alone = [stack.enter_context(Alone(one.kind, one.path, counting)) for one in candidates]
        for done, file in enumerate(files, start=1):
            try:  # in turn, so that a busy moment of the machine is everybody's
                said = [ask(file.path) for ask in alone]
            except SourceError as error:
                problems[f"{LEFT_OUT}{error}"] = None
            else:
                read.append(file)
                for own, answer in zip(answers, said, strict=True):
                    own.append(answer)
            progress(done, len(files))
        if not read:
            raise InputError("no video that can be read", file=name, hint=next(iter(problems), None))
        for candidate, own, ask in zip(candidates, answers, alone, strict=True):
            rows.append(_row(candidate, read, own, settings, ask.peak_mb()))
    table = Table(name, len(read), len({file.group for file in read}), tuple(rows), tuple(problems), command)
    return table, _write(table, settings, out)


def lines(table: Table) -> list[str]:
    """The table as text."""
    head = ("", "weights", "accuracy", "macro F1", "answer ms", "video ms", "frame ms", "size MB", "memory MB")
    cells = [head, *(tuple(_cells(row)) for row in table.rows)]
    wide = [max(len(row[i]) for row in cells) for i in range(len(head))]
    said = f"{table.name}: {table.videos} videos"
    return [said, *("  ".join(f"{cell:{'<' if i < 2 else '>'}{wide[i]}}" for i, cell in enumerate(row)).rstrip()
                    for row in cells)]  # fmt: skip


def figures(table: Table) -> dict[str, float]:
    """The figures of every row, as `FILE/figure`."""
    found: dict[str, float] = {}
    for row in table.rows:
        values = {"accuracy": row.score.accuracy.value, "macro_f1": row.score.macro.f1, "answer_ms": row.answer_ms,
                  "video_ms": row.video_ms, "size_kb": row.candidate.size_kb, "peak_mb": row.peak_mb}  # fmt: skip
        found |= {f"{row.candidate.path.name}/{name}": value for name, value in values.items()}
    return found


def content(table: Table) -> dict[str, Any]:
    """The table as JSON holds it."""
    rows = []
    for row in table.rows:
        one = asdict(row)
        one["candidate"]["path"] = row.candidate.path.name
        rows.append(one)
    return {"format": FORMAT, "command": table.command, "set": table.name, "videos": table.videos,
            "groups": table.groups, "rows": rows, "problems": list(table.problems)}  # fmt: skip


def _row(
    candidate: Candidate, files: Sequence[LabelledFile], each: Sequence[Answer], settings: Evaluate, peak: float
) -> Row:
    draws = Draws([file.group for file in files], settings.draws, settings.seed)
    moments = [Moments((f.label,), (a.said,), (a.confidence,)) for f, a in zip(files, each, strict=True)]
    score = labels.score(moments, draws)
    assert score is not None
    return Row(
        candidate, score, _median([ms for answer in each for ms in answer.answer_ms]),
        _median([answer.video_ms for answer in each]), _median([answer.video_ms / answer.frames for answer in each]),
        peak, {file.name: answer.said for file, answer in zip(files, each, strict=True)},
    )  # fmt: skip


def _cells(row: Row) -> list[str]:
    score, candidate = row.score, row.candidate
    return [candidate.path.name, candidate.weights, f"{score.accuracy.value:.3f}", f"{score.macro.f1:.3f}",
            f"{row.answer_ms:.1f}", f"{row.video_ms:.0f}", f"{row.frame_ms:.2f}", f"{candidate.size_kb / 1000:.1f}",
            f"{row.peak_mb:.0f}"]  # fmt: skip


def _write(table: Table, settings: Evaluate, out: Path) -> list[Path]:
    parts = {
        "baselines.html": _page(table, settings),
        "baselines.json": json.dumps(content(table), indent=1) + "\n",
    }
    for name, text in parts.items():
        try:
            with whole(out / name) as partial:
                partial.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RepSightError(f"{out / name}: the report can't be written: {error.strerror}") from None
    save_config("evaluate", settings, out, table.command)
    return [out / name for name in parts]


def _page(table: Table, settings: Evaluate) -> str:
    rows = []
    for row in table.rows:
        name, weights, accuracy, *rest = _cells(row)
        low, high = row.score.accuracy.low, row.score.accuracy.high
        sure = "" if low is None or high is None else f" <small>{low:.3f}–{high:.3f}</small>"
        rows.append([f"{escape(name)}<small>{escape(row.candidate.name)}</small>", escape(weights), accuracy + sure,
                     *rest])  # fmt: skip
    units = ("answer <small>ms</small>", "video <small>ms</small>", "frame <small>ms</small>",
             "size <small>MB</small>", "memory <small>MB</small>")  # fmt: skip
    head = ("", "weights", "accuracy", "macro F1", *units)
    lead = f"<p class='lead'>{table.videos} videos of {table.groups} sources</p>"
    parts = [
        f"<header><h1>Heads and baselines</h1><p><code>{escape(table.command)}</code></p></header>",
        f"<section><h2>{escape(table.name)}</h2>{lead}{page.table(head, rows, words=2)}</section>",
    ]
    parts.append("<section><h2>By class, F1</h2>" + _by_class(table) + "</section>")
    if table.problems:
        found = "".join(f"<li>{escape(line)}</li>" for line in table.problems)
        parts.append(f"<section><h2>Odd, or not read</h2><ul>{found}</ul></section>")
    trained = [[escape(r.candidate.path.name), escape("; ".join(r.candidate.trained_on))] for r in table.rows]
    parts.append("<section><h2>Trained on</h2>" + page.table(("", "what"), trained, words=2) + "</section>")
    meanings = [[name, escape(text)] for name, text in _MEANINGS]
    sure = f"<p>Intervals hold {CONFIDENCE:.0%} of {settings.draws} bootstrap draws of whole sources.</p>"
    known = page.table(("figure", "meaning"), meanings, words=2)
    parts.append(f"<section><h2>What the figures mean</h2>{known}{sure}</section>")
    return page.whole("Heads and baselines", parts)


def _by_class(table: Table) -> str:
    names = sorted({name for row in table.rows for name in row.score.classes})
    rows = [[escape(name.replace("_", " ")), *(f"{row.score.classes[name].f1:.3f}" for row in table.rows)]
            for name in names]  # fmt: skip
    return page.table(("class", *(escape(row.candidate.path.name) for row in table.rows)), rows)


def _kb(path: Path) -> float:
    return path.stat().st_size / 1000


def _median(values: Sequence[float]) -> float:
    return round(float(np.median(values)), 4)
