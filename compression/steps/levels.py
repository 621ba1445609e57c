"""The step `levels`: grids of the pose head that find next to nobody at the size it will be used at leave."""

from __future__ import annotations

from compression.checkpoint import load_network, save_network
from compression.cost import costs
from compression.levels import drop_levels
from compression.step import Artefact, Context, Metrics, register
from configs.compression import LevelsStep
from keypoints.errors import InputError


@register("levels")
def step(artefact: Artefact, config: LevelsStep, context: Context) -> tuple[Artefact, Metrics]:
    """Take levels from a pose checkpoint."""
    if artefact.kind != "pose":
        raise InputError("a head of stage 2 has no levels", file=artefact.path, field="step", expected="a pose model")
    network = load_network(artefact.path)
    before = costs(network, config.side)
    drop_levels(network, config.drop)
    path = context.folder / "pose.pt"
    save_network(network, path)
    after = costs(load_network(path), config.side)
    context.report(f"{1 - after.macs / before.macs:.0%} of the MACs are gone")
    return Artefact(path, "pose"), {**after.as_metrics(), "side": config.side, "before": before.as_metrics()}
