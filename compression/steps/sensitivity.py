"""The step `sensitivity`: each block is pruned alone at several ratios, and what that costs is measured and drawn."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compression import pruning
from compression.checkpoint import load_network
from compression.points import Measurement, Point, measure
from compression.step import Artefact, Context, Metrics, register
from configs.measuring import SensitivityStep
from keypoints.errors import InputError

#: What a plan can do with the ratios that are proposed: in twentieths.
_STEPS_OF = 0.05

_NAMES = {"ap": "AP", "crop_recall": "crop recall"}


@register("sensitivity")
def step(artefact: Artefact, config: SensitivityStep, context: Context) -> tuple[Artefact, Metrics]:
    """Scan a rewritten pose checkpoint; it is passed on as it is, with a proposed ratio for each block."""
    if artefact.kind != "pose":
        raise InputError("heads have no blocks to scan", file=artefact.path, field="step", expected="a pose model")
    groups = pruning.prunable(load_network(artefact.path), config.criterion, config.head)
    known = pruning.blocks(groups)
    blocks = list(config.blocks) or known
    for ratio in config.ratios:  # what can't be pruned is told now, not after an hour
        pruning.ask(groups, None, dict.fromkeys(blocks, ratio), round_to=config.round_to)
    tuned = config.tune is not None
    points = [Point("structured", 0.0, tuned=tuned)]
    points += [Point("structured", ratio, block, tuned) for block in blocks for ratio in config.ratios]
    whole, *measured = measure(
        points, artefact.path, config, context.scratch / "points.jsonl", context.root / "images", context.report
    )
    by_block = {block: [m for m in measured if m.point.block == block] for block in blocks}
    channels = {block: sum(group.count for group in groups if group.block == block) for block in blocks}
    proposed = propose(whole, by_block, channels, config)
    table(measured, context.folder / "sensitivity.csv")
    for block in blocks:
        plot_block(block, whole, by_block[block], proposed[block], context.folder / f"{block}.png")
    heat_map(whole, by_block, config.ratios, context.folder / "heat-map.png")
    return artefact, {
        "ap": whole.ap, "crop_recall": whole.crop_recall, "points": len(measured), "proposed": proposed,
        "tuned": tuned,
        "losses": {block: {str(m.point.ratio): round(_loss(whole, m), 4) for m in by_block[block]} for block in blocks},
    }  # fmt: skip


def propose(
    whole: Measurement,
    by_block: dict[str, list[Measurement]],
    channels: dict[str, int],
    config: SensitivityStep,
) -> dict[str, float]:
    """A ratio for each block at which it loses as much as every other, of AP or crop recall, whichever loses more.

    That loss is `allowed_loss`; or, with a `target`, whatever makes this share of all `channels` go. Between measured
    ratios the loss is taken to lie on a line, and never to fall.
    """

    def ratios(allowed: float) -> dict[str, float]:
        return {block: _ratio_at(allowed, whole, measured) for block, measured in by_block.items()}

    if config.target is None:
        found = ratios(config.allowed_loss)
    else:
        low, high = 0.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            gone = sum(ratio * channels[block] for block, ratio in ratios(middle).items()) / sum(channels.values())
            low, high = (middle, high) if gone < config.target else (low, middle)
        found = ratios(high)
    return {block: round(int(ratio / _STEPS_OF + 1e-6) * _STEPS_OF, 2) for block, ratio in found.items()}


def _ratio_at(allowed: float, whole: Measurement, measured: Sequence[Measurement]) -> float:
    """The largest ratio whose loss is at most `allowed`; no larger than the largest that was measured."""
    ordered = sorted(measured, key=lambda m: m.point.ratio)
    ratios = np.array([0.0, *(m.point.ratio for m in ordered)])
    losses = np.maximum.accumulate([0.0, *(max(0.0, _loss(whole, m)) for m in ordered)])
    last = int(np.flatnonzero(losses <= allowed)[-1])
    if last == len(ratios) - 1:
        return float(ratios[last])
    share = (allowed - losses[last]) / (losses[last + 1] - losses[last])
    return float(ratios[last] + share * (ratios[last + 1] - ratios[last]))


def _loss(whole: Measurement, measured: Measurement) -> float:
    """What a point loses of AP or of crop recall, whichever is more."""
    return max(whole.ap - measured.ap, whole.crop_recall - measured.crop_recall)


def table(measured: Sequence[Measurement], path: Path) -> None:
    """Every point as a row."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["kind", "block", "ratio", "tuned", "gone", "ap", "crop_recall", "parameters", "macs"])
        for m in measured:
            point = m.point
            rows.writerow([point.kind, point.block or "all", point.ratio, point.tuned, m.gone, round(m.ap, 4),
                           round(m.crop_recall, 4), m.parameters, m.macs])  # fmt: skip


def plot_block(block: str, whole: Measurement, measured: Sequence[Measurement], proposed: float, path: Path) -> None:
    """AP and crop recall of one block over the ratio, and the ratio that is proposed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    line = [whole, *sorted(measured, key=lambda m: m.point.ratio)]
    ratios = [m.point.ratio for m in line]
    axes.plot(ratios, [m.ap for m in line], "o-", label="AP")
    axes.plot(ratios, [m.crop_recall for m in line], "s-", label="crop recall")
    axes.axvline(proposed, color="grey", linestyle=":", label=f"proposed: {proposed:.2f}")
    axes.set(xlabel="share of the block's channels that is pruned", title=block, ylim=(0, None), xlim=(0, 1))
    axes.legend()
    figure.savefig(path, dpi=90)


def heat_map(whole: Measurement, by_block: dict[str, list[Measurement]], ratios: Sequence[float], path: Path) -> None:
    """What every block loses at every ratio, of AP and of crop recall."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 + 1.1 * len(ratios), 1.5 + 0.3 * len(by_block)), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("ap", "crop_recall"), strict=True):
        losses = np.array([[getattr(whole, name) - getattr(m, name) for m in by_block[block]] for block in by_block])
        image = axes.imshow(losses, cmap="magma_r", vmin=0, vmax=getattr(whole, name) or 1, aspect="auto")
        axes.set_xticks(range(len(ratios)), [f"{ratio:.0%}" for ratio in ratios])
        axes.set_yticks(range(len(by_block)), list(by_block))
        axes.set(title=f"loss of {_NAMES[name]}", xlabel="channels pruned")
        figure.colorbar(image, ax=axes)
    figure.savefig(path, dpi=90)
