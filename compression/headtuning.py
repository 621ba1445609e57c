"""Heads trained further, pruned or masked, with or without a teacher."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from classifier.heads import HeadModel
from classifier.job import examples_of
from classifier.training import Beside, train
from compression.heads import Head, read_head, write_head
from compression.masks import hold, require_masked
from compression.posetuning import write_curve
from compression.step import Artefact, Context, Metrics
from configs.loader import load_actions
from configs.schema import TrainHead
from configs.tuning import Soft, Tuning
from data.collect import for_training
from keypoints.errors import ModelError


def tune_head(
    artefact: Artefact, config: Tuning, context: Context, teacher: Path | None = None, soft: Soft | None = None
) -> tuple[Artefact, Metrics]:
    """Train a head's checkpoint as `config.head` says, and write it with its curve into the folder of the step.

    Without `data` it learns from synthetic people, who are made once. The weights stay float: the step `quantize`
    rounds them. teacher: a head file or checkpoint that it learns from as well, as `soft` says.
    Raises ModelError when the teacher's actions or windows are not the student's.
    """
    head = read_head(artefact.path)
    names = {action.name for action in head.card.actions}
    asked = config.head or TrainHead()
    own = asked.classes == "data"
    strange = asked.leave_out if own else tuple(name for name in load_actions().names if name not in names)
    settings = asked.model_copy(
        update={"window": head.card.window, "rate_hz": head.card.rate_hz, "head": head.name, "weights": "fp32",
                "base": None, "freeze": False, "leave_out": strange}
    )  # fmt: skip
    beside = _taught(head, read_head(teacher), soft or Soft(), settings) if teacher is not None else None
    if not settings.data:
        context.report(f"synthesizing {settings.synthetic} sequences")
    learnt = for_training(settings, context.root, load_actions(), say=context.report, problem=context.report)
    actions = learnt.actions.without(strange)
    if own and set(actions.names) != names:
        raise ModelError("the data shows other classes than the head's", field="classes",
                         expected=", ".join(sorted(names)), found=", ".join(actions.names))  # fmt: skip
    examples, subjects = examples_of(learnt.sequences, learnt.validation, actions, settings)

    def on_epoch(point: dict[str, float]) -> None:
        context.report(f"epoch {point['epoch']:.0f} of {settings.epochs}: loss {point['training_loss']:.3f}, "
                       f"held out {point['loss']:.3f}, accuracy {point['accuracy']:.3f}")  # fmt: skip

    extra = {"beside": beside} if beside is not None else {}
    trained = train(examples, subjects, len(names), settings, context.scratch / "training.checkpoint", on_epoch,
                    start=head.model.requires_grad_(True), keep=hold, **extra)  # fmt: skip
    shares = require_masked(trained.model)
    found = {f"validation_{k}": round(v, 4) for k, v in trained.metrics.items() if math.isfinite(v)}
    card = head.card.model_copy(update={
        "temperature": round(trained.temperature, 4), "metrics": {**head.card.metrics, **found},
        "trained_on": tuple(dict.fromkeys([*head.card.trained_on, *learnt.said])),
    })  # fmt: skip
    path = context.folder / "head.pt"
    write_head(replace(head, model=trained.model, card=card), path)
    curve = [{"step": m["epoch"], "training": m["training_loss"], "held_out": m["loss"]} for m in trained.curve]
    write_curve(curve, context.folder)
    metrics = {**found, "epochs": len(curve), "windows": len(examples), "zero_share": shares["zero_share"]}
    return Artefact(path, "head"), metrics | ({"teacher": teacher.name} if teacher else {})


def _taught(head: Head, teacher: Head, soft: Soft, settings: TrainHead) -> Beside:
    """What adds the teacher's part to the loss of a batch: its probabilities, softened, and its phases."""
    mine, its = head.card, teacher.card
    for field in ("window", "rate_hz"):
        if getattr(mine, field) != getattr(its, field):
            raise ModelError("the teacher reads other windows", field=field, expected=getattr(mine, field),
                             found=getattr(its, field))  # fmt: skip
    if [a.name for a in mine.actions] != [a.name for a in its.actions]:
        raise ModelError("the teacher knows other actions", field="actions",
                         expected=", ".join(a.name for a in mine.actions),
                         found=", ".join(a.name for a in its.actions))  # fmt: skip
    model: HeadModel = teacher.model.eval().requires_grad_(False)
    answers = settings.window - settings.window // 3  # as the loss on labels: not the first samples, of short history

    def beside(loss: Tensor, keypoints: Tensor, logits: Tensor, phase: Tensor) -> Tensor:
        with torch.no_grad():
            wanted, turn = model.history(keypoints)
        count = min(answers, logits.shape[1], wanted.shape[1])
        found, wanted = (part[:, -count:].flatten(0, 1) / soft.temperature for part in (logits, wanted))
        apart = (
            functional.kl_div(found.log_softmax(-1), wanted.softmax(-1), reduction="batchmean") * soft.temperature**2
        )
        off = ((phase[:, -count:] - turn[:, -count:]) ** 2).sum(-1).mean()
        return soft.labels * loss + soft.outputs * (apart + settings.phase_weight * off)

    return beside
