"""Teach a trained head an action from a few recorded reps, while it goes on answering everything else as before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from classifier.augment import augment
from classifier.examples import UNKNOWN, Examples, cut
from classifier.export import export_head, round_weights
from classifier.head import OnnxHead
from classifier.heads import HeadModel
from classifier.practice import Lesson, define, lesson, practise
from classifier.restore import load_head
from classifier.training import Windows, relabelled
from configs.schema import Actions, Teach, TrainHead
from keypoints.card import CardAction, HeadCard
from keypoints.errors import InputError
from keypoints.told import Report
from keypoints.types import KeypointSequence

#: The action that stands for everything unknown, and how much less likely than it a new action is at first, as a logit.
_OTHER = "other"
_DOUBT = 1.0
#: Steps between two reports.
_REPORT_EVERY = 25


def teach(
    base: Path,
    name: str,
    recordings: Sequence[KeypointSequence],
    others: Sequence[KeypointSequence],
    actions: Actions,
    config: TrainHead,
    out: Path,
    *,
    trained_on: Sequence[str] = (),
    command: str = "",
    on_step: Report = lambda metrics: None,
) -> HeadCard:
    """Write to `out` the head of `base`, which now knows the action `name` as well; returns its card.

    recordings: of that action; their reps are found when they do not say them. others: labelled sequences of the
    actions that the head has, on which it is to answer as before; those of actions that it does not have are left out.
    `name` may be an action that the head has: then it learns more of it.

    Learning without forgetting: Li and Hoiem, "Learning without Forgetting" (ECCV 2016), with replayed examples.
    """
    card = OnnxHead(base).card
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    lessons = [lesson(recording) for recording in recordings]
    if not lessons:
        raise InputError("nothing to learn from", field="--add", expected="recordings of the action")
    classes = _classes(card, name, lessons, actions)
    index = [entry.name for entry in classes].index(name)
    same: dict[str, Any] = {"length": card.window, "rate_hz": card.rate_hz, "seed": config.seed}
    new = practise(lessons, index, how=config.teach.practice, **same)
    old = replay(others, card, actions, every_s=config.every_s, **same)

    teacher = load_head(base).eval()
    model = _widened(base, card, len(classes))
    _fit(model, teacher, new, old, card, config, on_step)
    model.eval()
    if config.weights == "int8":
        round_weights(model)
    taught = card.model_copy(update={
        "actions": classes,
        "trained_on": tuple(dict.fromkeys([*card.trained_on, *trained_on])),
        "metrics": {"taught_reps": sum(len(one.reps_s) for one in lessons)},
        "made_by": {"command": command, "taught": name, "base": card.made_by},
    })  # fmt: skip
    export_head(model, taught, out)
    return taught


def _classes(card: HeadCard, name: str, lessons: Sequence[Lesson], actions: Actions) -> tuple[CardAction, ...]:
    """The classes of the head that is taught: those that it has, and the new one at the end."""
    for entry in card.actions:
        if entry.name == name:
            if entry.kind != "reps":
                raise InputError("has no reps", field="--add", expected="an action of kind reps", found=name)
            return card.actions
    known = actions.actions.get(name)
    if known is not None:
        return (*card.actions, CardAction(name=name, kind=known.kind))
    definition: dict[str, Any] = define(lessons).model_dump(mode="json")
    return (*card.actions, CardAction(name=name, kind="reps", definition=definition))


def replay(
    sequences: Sequence[KeypointSequence], card: HeadCard, actions: Actions, *, every_s: float, **same: Any
) -> Examples:
    """Windows of what the head knows already, and of nothing else."""
    names = {entry.name for entry in card.actions}
    return cut(sequences, actions, every_s=every_s, leave_out=set(actions.names) - names, **same)


def _widened(base: Path, card: HeadCard, classes: int) -> HeadModel:
    """The model of a head file with outputs for so many classes. What it never saw it has called `other` so far: that
    is where a new action is looked for."""
    model = load_head(base)
    old = model.action
    if classes > old.out_features:
        names = [entry.name for entry in card.actions]
        like = names.index(_OTHER) if _OTHER in names else len(names) - 1
        model.action = nn.Linear(old.in_features, classes)
        with torch.no_grad():
            model.action.weight.copy_(torch.cat([old.weight, old.weight[like : like + 1]]))
            model.action.bias.copy_(torch.cat([old.bias, old.bias[like : like + 1] - _DOUBT]))
    return model


def _fit(
    model: HeadModel,
    teacher: HeadModel,
    new: Examples,
    old: Examples,
    card: HeadCard,
    config: TrainHead,
    report: Report,
) -> None:
    """Draw batches of both kinds; every sample without a label is to be answered as the teacher does."""
    how = config.teach
    generator = torch.Generator().manual_seed(config.seed)
    model.body.requires_grad_(not config.freeze)
    optimizer = torch.optim.AdamW(model.parameters(), how.learning_rate, weight_decay=0.0)
    at_first = [weight.detach().clone() for weight in model.body.parameters()]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.learning_rate, total_steps=how.steps)
    of_new = round(how.share * how.batch)
    windows = Windows(new), Windows(old)
    crowded = _crowded(model, teacher, how)
    model.train()
    total = 0.0
    for step in range(how.steps):
        parts = [
            windows[0][torch.randint(len(new), (of_new,), generator=generator)],
            _unlabelled(*windows[1][torch.randint(len(old), (how.batch - of_new,), generator=generator)]),
        ]
        keypoints, action, phase = (torch.cat(part) for part in zip(*parts, strict=True))
        keypoints, origin = augment(keypoints, how.augment, generator)
        action, phase = relabelled(action, phase, origin)
        loss = _loss(model, teacher, keypoints, action, phase, crowded, card.temperature, config.phase_weight)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for weight, first in zip(model.body.parameters(), at_first, strict=True):
                weight.lerp_(first, how.anchor)
        total += float(loss.detach())
        if (step + 1) % _REPORT_EVERY == 0:
            report({"step": step + 1.0, "steps": float(how.steps), "training_loss": total / _REPORT_EVERY})
            total = 0.0


def _crowded(model: HeadModel, teacher: HeadModel, how: Teach) -> Tensor:
    """What is added to the logits (C,) while they are taught. A new action is `how.share` of a batch, but `how.prior`
    of what people do: whoever just begins to move is not taken to be doing it.

    Menon et al., "Long-tail learning via logit adjustment" (ICLR 2021).
    """
    taught, done = torch.tensor([how.share, how.prior]).logit()
    logits = torch.zeros(model.action.out_features)
    logits[teacher.action.out_features :] = taught - done
    return logits


def _unlabelled(keypoints: Tensor, action: Tensor, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return keypoints, torch.full_like(action, UNKNOWN), torch.zeros_like(phase)


def _loss(
    model: HeadModel,
    teacher: HeadModel,
    keypoints: Tensor,
    action: Tensor,
    phase: Tensor,
    crowded: Tensor,
    temperature: float,
    weight: float,
) -> Tensor:
    """Cross-entropy with the label or, without one, with the teacher's probabilities; and the same for the phase."""
    logits, found = model.history(keypoints)
    with torch.no_grad():
        before, phase_before = teacher.history(keypoints)
    answered = logits.shape[1]
    first = answered // 3  # with less of a window before it, a sample can't be told
    logits, found, before, phase_before = (part[:, first:] for part in (logits, found, before, phase_before))
    action, phase = action[:, -logits.shape[1] :], phase[:, -logits.shape[1] :]
    labelled = action != UNKNOWN
    target = torch.zeros_like(logits)
    target[..., : before.shape[-1]] = (before / temperature).softmax(-1)
    label = nn.functional.one_hot(action.clamp(min=0), logits.shape[-1]).float()
    target = torch.where(labelled[..., None], label, target)
    told = (phase != 0).any(-1, keepdim=True) & labelled[..., None]
    phase_target = torch.where(told, phase, phase_before)
    crossed = -(target * (logits / temperature + crowded).log_softmax(-1)).sum(-1).mean()
    squared: Tensor = ((found - phase_target) ** 2).sum(-1).mean()
    return crossed + weight * squared
