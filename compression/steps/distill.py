"""The step `distill`: a model is trained further on what a teacher says, beside the labels."""

from __future__ import annotations

from pathlib import Path

from compression.step import Artefact, Context, Metrics, register
from configs.compression import DistillStep
from keypoints.errors import InputError


@register("distill")
def step(artefact: Artefact, config: DistillStep, context: Context) -> tuple[Artefact, Metrics]:
    """Train a checkpoint further; its shape and its masks stay."""
    teacher = teacher_of(config.teacher, context)
    if artefact.kind == "head":
        from compression.headtuning import tune_head

        return tune_head(artefact, config, context, teacher, config.soft)
    from compression.posetuning import tune_pose

    return tune_pose(artefact, config, context, teacher, config.soft, config.teacher_side)


def teacher_of(name: str, context: Context) -> Path:
    """The checkpoint of a teacher: a file, what the plan began with, or what an earlier step made."""
    if name == "source" and context.source is not None:
        return context.source.path
    if Path(name).is_file():
        return Path(name)
    known = {record.name for record in context.history} | {str(record.number) for record in context.history}
    made = context.artefact(context.record(name)) if name in known else None
    if made is None:
        raise InputError("no such teacher", field="teacher", found=name,
                         expected=" or ".join(["a checkpoint", "source", *sorted(known)]))  # fmt: skip
    return made.path
