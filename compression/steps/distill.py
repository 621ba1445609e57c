"""The step `distill`: a model is trained further on what a teacher says, beside the labels."""

from __future__ import annotations

from compression.step import Artefact, Context, Metrics, register
from configs.compression import DistillStep


@register("distill")
def step(artefact: Artefact, config: DistillStep, context: Context) -> tuple[Artefact, Metrics]:
    """Train a checkpoint further; its shape and its masks stay."""
    teacher = context.model(config.teacher, "teacher")
    if artefact.kind == "head":
        from compression.headtuning import tune_head

        return tune_head(artefact, config, context, teacher, config.soft)
    from compression.posetuning import tune_pose

    return tune_pose(artefact, config, context, teacher, config.soft, config.teacher_side)
