"""The step `finetune`: a model of any shape is trained further on labelled pictures, or on labelled sequences."""

from __future__ import annotations

from compression.step import Artefact, Context, Metrics, register
from configs.compression import FinetuneStep


@register("finetune")
def step(artefact: Artefact, config: FinetuneStep, context: Context) -> tuple[Artefact, Metrics]:
    """Train a checkpoint further; its shape and its masks stay."""
    if artefact.kind == "head":
        from compression.headtuning import tune_head

        return tune_head(artefact, config, context)
    from compression.posetuning import tune_pose

    return tune_pose(artefact, config, context)
