"""The job behind `evaluate`: heads against labelled sets, as one page, one JSON and, if wanted, one workbook."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from classifier.evaluation import page, sheet
from classifier.evaluation.measure import measure, steps
from classifier.evaluation.play import ListeningHead
from classifier.evaluation.report import HeadInfo, Report, Result
from classifier.evaluation.screen import LabelledSet, screened
from configs.loader import load
from configs.saved import save_config
from configs.schema import Actions, Counting, Evaluate
from keypoints.errors import InputError, RepSightError

#: Called with how many sequences of how many are done.
Progress = Callable[[int, int], None]


def evaluate(
    heads: Sequence[Path],
    sets: Sequence[LabelledSet],
    actions: Actions,
    settings: Evaluate,
    out: Path,
    *,
    command: str = "",
    progress: Progress = lambda done, total: None,
) -> tuple[Report, list[Path]]:
    """Measure every head on every set and write report.html, report.json and, by `settings.xlsx`, report.xlsx.

    Returns what was found, and the files written. On Ctrl-C what is measured so far is written, then KeyboardInterrupt
    goes on. Raises ModelError for a file that is no head, InputError when no sequence can be measured or `out` can't
    be written, both before anything is measured.
    """
    opened, counting, classes = check(heads, actions, settings, out)
    infos = tuple(_info(head) for head in opened)
    known = {name for info in infos for name in info.actions}
    good = tuple(screened(each, actions, known) for each in sets)
    if not any(each.records for each in good):
        said = next((line for each in good for line in each.problems), None)
        raise InputError("no sequence that can be measured", file=", ".join(s.name for s in good), hint=said)

    total = sum(steps(each.records, settings.robustness) for each in good) * len(opened)
    tally = _Tally(total, progress)
    results: list[Result] = []
    try:
        for i, head in enumerate(opened):
            for j, each in enumerate(good):
                outcome = measure(head, each.records, actions, counting, settings, classes, tally)
                results.append(Result(i, j, outcome))
                tally.jump((i * len(good) + j + 1) / (len(opened) * len(good)))
    except KeyboardInterrupt:
        _write(Report(command, settings, infos, good, tuple(results), stopped=True), out)
        raise
    report = Report(command, settings, infos, good, tuple(results))
    return report, _write(report, out)


def check(
    heads: Sequence[Path], actions: Actions, settings: Evaluate, out: Path
) -> tuple[list[ListeningHead], Counting, frozenset[str]]:
    """What can be told before anything is read: the heads opened, how reps are counted, and whose are scored.

    Raises ModelError for a file that is no head, InputError for a wrong setting or when `out` can't be written.
    """
    opened = [ListeningHead(path) for path in heads]
    counting = load(Counting, settings.counting) if isinstance(settings.counting, str) else settings.counting
    classes = _classes(settings, actions, opened)
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".report"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror or error}", file=out) from None
    return opened, counting, classes


class _Tally:
    """Counts sequences for the progress bar; what turned out not to be needed is jumped over."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self) -> None:
        self._done = min(self._done + 1, self._total)
        self._progress(self._done, self._total)

    def jump(self, share: float) -> None:
        self._done = max(self._done, round(share * self._total))
        self._progress(self._done, self._total)


def _classes(settings: Evaluate, actions: Actions, heads: Sequence[ListeningHead]) -> frozenset[str]:
    """The actions whose reps are scored: the same ones for every head."""
    known = {a.name for head in heads for a in head.card.actions if a.kind == "reps"}
    if settings.classes == "auto":
        return frozenset(known)
    named = known | {name for name, action in actions.actions.items() if action.kind == "reps"}
    for name in settings.classes:
        if name not in named:
            raise InputError("not an action with reps", field="classes", expected=", ".join(sorted(named)), found=name)
    return frozenset(settings.classes)


def _info(head: ListeningHead) -> HeadInfo:
    content = head.path.read_bytes()
    card = head.card
    return HeadInfo(
        card.name, head.path.name, hashlib.sha256(content).hexdigest(), len(content) / 1000, card.version, card.window,
        card.rate_hz, tuple(a.name for a in card.actions), card.trained_on,
    )  # fmt: skip


def _write(report: Report, out: Path) -> list[Path]:
    """Each file whole or not at all."""
    content = report.content()
    parts: dict[str, Callable[[], bytes]] = {
        "report.html": lambda: page.render(report).encode(),
        "report.json": lambda: (json.dumps(_rounded(content), indent=1) + "\n").encode(),
    }
    if report.settings.xlsx:
        parts["report.xlsx"] = lambda: sheet.workbook(report)
    written = []
    for name, make in parts.items():
        path, partial = out / name, out / f".{name}.partial"
        try:
            partial.write_bytes(make())
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise RepSightError(f"{path}: the report can't be written: {error.strerror}") from None
        written.append(path)
    save_config("evaluate", report.settings, out, report.command)
    return written


def _rounded(value: Any) -> Any:
    """Floats with six digits: sums in another order end in the same file."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
