"""The step `align`: as many channels as a processor multiplies at once."""

from __future__ import annotations

from compression.align import align
from compression.checkpoint import load_network, save_network
from compression.cost import costs
from compression.step import Artefact, Context, Metrics, register
from configs.compression import AlignStep
from keypoints.errors import InputError


@register("align")
def step(artefact: Artefact, config: AlignStep, context: Context) -> tuple[Artefact, Metrics]:
    """Widen a pose checkpoint; metrics: by layer, the channels before and after."""
    if artefact.kind != "pose":
        raise InputError("a head has no such channels", file=artefact.path, field="step", expected="a pose model")
    network = load_network(artefact.path)
    widened = align(network, config.multiple, config.least)
    path = context.folder / "pose.pt"
    save_network(network, path)
    return Artefact(path, "pose"), {**costs(network, 320).as_metrics(), "widened": widened}
