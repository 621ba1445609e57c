"""The step `sweep`: the whole network pruned at many ratios, whole channels and single weights, measured and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compression.points import Measurement, Point, measure
from compression.step import Artefact, Context, Metrics, register
from compression.steps.mask import NOTE
from compression.steps.sensitivity import table
from configs.measuring import SweepStep
from keypoints.errors import InputError


@register("sweep")
def step(artefact: Artefact, config: SweepStep, context: Context) -> tuple[Artefact, Metrics]:
    """Sweep a rewritten pose checkpoint, which is passed on as it is."""
    if artefact.kind != "pose":
        raise InputError("only pose models are swept", file=artefact.path, field="step", expected="a pose model")
    trained = (False, True) if config.tune else (False,)
    points = [Point("structured", 0.0, tuned=tuned) for tuned in trained]
    points += [Point(kind, r, tuned=tuned) for kind in config.kinds for tuned in trained for r in config.ratios]
    measured = measure(
        points, artefact.path, config, context.scratch / "points.jsonl", context.root / "images", context.report
    )  # fmt: skip
    table(measured, context.folder / "sweep.csv")
    plot(measured, context.folder / "sweep.png")
    return artefact, {
        "points": [
            {"kind": m.point.kind, "ratio": m.point.ratio, "tuned": m.point.tuned, "gone": m.gone, "ap": round(m.ap, 4),
             "crop_recall": round(m.crop_recall, 4), "parameters": m.parameters, "macs": m.macs}
            for m in measured
        ],
        "note": NOTE,
    }  # fmt: skip


def plot(measured: Sequence[Measurement], path: Path) -> None:
    """AP and crop recall over the share that is gone, a line for each kind, with and without training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    whole = {m.point.tuned: m for m in measured if not m.point.ratio}
    lines = dict.fromkeys((m.point.kind, m.point.tuned) for m in measured if m.point.ratio)
    for axes, name, title in zip(figure.subplots(1, 2), ("ap", "crop_recall"), ("AP", "crop recall"), strict=True):
        for kind, tuned in lines:
            line = [m for m in measured if m.point.ratio and (m.point.kind, m.point.tuned) == (kind, tuned)]
            line = [whole[tuned], *sorted(line, key=lambda m: m.gone)]
            what = {"structured": "whole channels", "unstructured": "single weights"}[kind]
            axes.plot([m.gone for m in line], [getattr(m, name) for m in line], "o-" if tuned else "o:",
                      label=f"{what}, {'tuned' if tuned else 'not tuned'}")  # fmt: skip
        axes.set(xlabel="share that is gone", title=title, xlim=(0, 1), ylim=(0, None))
    axes.legend()
    figure.supxlabel("single weights: no dense runtime gains speed from zeros", fontsize="small")
    figure.savefig(path, dpi=100)
