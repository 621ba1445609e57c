"""How a pose training goes, for those who watch: a line an epoch, and the learning curve as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keypoints.files import whole


def line(metrics: dict[str, float], epochs: int) -> str:
    """One epoch in words."""
    return (f"epoch {metrics['epoch']:.0f}/{epochs}: loss {metrics['training_loss']:.3f}, "
            f"held out {metrics['loss']:.3f}, {_precision(metrics)}")  # fmt: skip


def summary(metrics: dict[str, float]) -> str:
    """The epoch that was kept in words."""
    return f"epoch {metrics['epoch']:.0f} was the best: {_precision(metrics)} on pictures held out"


def _precision(metrics: dict[str, float]) -> str:
    return f"pose AP {metrics['pose_ap']:.3f}, box AP {metrics['box_ap']:.3f}"


def write_curve(curve: Sequence[dict[str, float]], data: Path, picture: Path) -> None:
    """Write the figures of every epoch as JSON and as a picture: losses, precision, the learning rate."""
    from matplotlib.figure import Figure

    with whole(data) as partial:
        partial.write_text(json.dumps(list(curve), indent=1))
    figure = Figure(figsize=(12, 3.5), layout="constrained")
    epochs = [point["epoch"] for point in curve]

    def draw(axes: Any, lines: dict[str, str], **shown: Any) -> None:
        for name, label in lines.items():
            axes.plot(epochs, [point[name] for point in curve], marker=".", label=label)
        axes.set(xlabel="epoch", **shown)
        axes.locator_params(axis="x", integer=True)
        axes.legend()

    losses, precision, rate = figure.subplots(1, 3)
    draw(losses, {"training_loss": "training", "loss": "validation"}, title="loss")
    draw(precision, {"pose_ap": "pose AP", "pose_ap50": "pose AP at OKS 0.5", "box_ap": "box AP"}, title="validation",
         ylim=(-0.04, 1.04))  # fmt: skip
    draw(rate, {"learning_rate": "at the end of the epoch"}, title="learning rate")
    with whole(picture) as partial:
        figure.savefig(partial, dpi=100, format="png")
