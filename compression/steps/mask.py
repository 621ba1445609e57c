"""The step `mask`: the smallest weights of a network become zero, and stay it through training."""

from __future__ import annotations

from typing import Any

from compression.checkpoint import load_network, save_network
from compression.heads import Head, read_head, write_head
from compression.masks import carry, masks_of, require_masked, smallest
from compression.step import Artefact, Context, Metrics, register
from configs.compression import MaskStep, ReapplyStep
from keypoints.errors import InputError

#: What reports say beside every mask.
NOTE = "a mask makes no dense runtime faster: zeros are multiplied like any other number"


@register("mask")
def step(artefact: Artefact, config: MaskStep, context: Context) -> tuple[Artefact, Metrics]:
    """Mask a checkpoint, and hold the written file against what was asked for."""
    network, head = read(artefact)
    carry(network, smallest(network, config.ratio, config.scope))
    written = write(network, head, context)
    shares = require_masked(read(written)[0], config.ratio, config.scope)
    context.report(f"{shares['masked']} of {shares['weights']} weights are zero; {NOTE}")
    return written, {**shares, "note": NOTE}


def reapply(artefact: Artefact, config: ReapplyStep, context: Context) -> tuple[Artefact, Metrics]:
    """Give a checkpoint the masks of an earlier step, and hold the written file against them."""
    masked = context.artefact(context.record(config.mask))
    masks = masks_of(read(masked)[0]) if masked else {}
    if not masks:
        raise InputError("has no masks", field="mask", expected="a step mask", found=config.mask)
    network, head = read(artefact)
    carry(network, masks)
    written = write(network, head, context)
    shares = require_masked(read(written)[0])
    return written, {**shares, "note": NOTE}


def read(artefact: Artefact) -> tuple[Any, Head | None]:
    """The network of a checkpoint, with its masks; and of a head all that belongs to it."""
    if artefact.kind == "pose":
        return load_network(artefact.path), None
    head = read_head(artefact.path)
    return head.model, head


def write(network: Any, head: Head | None, context: Context) -> Artefact:
    """Write the network that `read` gave into the folder of a step."""
    if head is None:
        path = context.folder / "pose.pt"
        save_network(network, path)
        return Artefact(path, "pose")
    path = context.folder / "head.pt"
    write_head(head, path)
    return Artefact(path, "head")
