"""How a training goes, for those who watch: a line as it runs, a line at its end, the learning curve as a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keypoints.card import HeadCard

#: What the error of the phase is called wherever it is shown.
EXCURSION_ERROR = "error of the share of a rep"


def line(metrics: dict[str, float], epochs: int = 0) -> str:
    """One report in words: of some steps of a teaching, of a fit to some windows, or of one of `epochs`."""
    if "step" in metrics:
        return f"step {metrics['step']:.0f}/{metrics['steps']:.0f}: loss {metrics['training_loss']:.3f}"
    what = f"{metrics['windows']:.0f} windows" if "windows" in metrics else f"epoch {metrics['epoch']:.0f}/{epochs}"
    losses = f"loss {metrics['training_loss']:.3f}, held out {metrics['loss']:.3f}"
    return f"{what}: {losses}, accuracy {metrics['accuracy']:.3f}"


def summary(card: HeadCard) -> str:
    """What a training says of its head at the end."""
    said = f"on people held out: action accuracy {card.metrics['validation_accuracy']:.3f}"
    error = card.metrics.get("validation_excursion_error")
    return said if error is None else f"{said}, {EXCURSION_ERROR} {error:.3f}"


def write_curve(reports: Sequence[dict[str, float]], data: Path, picture: Path) -> None:
    """Write the metrics of every epoch or fit as JSON, null where one was not measured, and as a picture."""
    curve = [{name: value if math.isfinite(value) else None for name, value in one.items()} for one in reports]
    data.write_text(json.dumps(curve, indent=1, allow_nan=False))
    _plot(curve, picture)


def _plot(curve: Sequence[dict[str, float | None]], path: Path) -> None:
    """The learning curve as a picture, over epochs or over windows: losses on the left, accuracy on the right. What
    was never measured has no line; a dot stands for each epoch, so that a single one is seen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    across = "windows" if "windows" in curve[-1] else "epoch"

    def draw(axes: Any, lines: dict[str, str], **shown: Any) -> None:
        for name, label in lines.items():
            points = [(m[across], m[name]) for m in curve if m.get(name) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), marker=".", label=label)
        axes.set(xlabel=across, **shown)
        axes.legend()

    losses, accuracy = figure.subplots(1, 2)
    draw(losses, {"training_loss": "training", "loss": "validation"}, title="loss")
    draw(
        accuracy,
        {"accuracy": "action accuracy", "excursion_error": EXCURSION_ERROR},
        title="validation",
        ylim=(-0.04, 1.04),
    )
    figure.savefig(path, dpi=100)
