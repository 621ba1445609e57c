"""The job behind `train-head`: labelled sequences in, one head file out, the learning curve beside it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from classifier.classic import TrainedClassic, export_classic, train_classic
from classifier.examples import Examples, cut
from classifier.export import export_head
from classifier.few_shot import train_few_shot
from classifier.head import SHIPPED
from classifier.heads.registry import FEW_SHOT, classic, names
from classifier.restore import on_base
from classifier.teaching import teach
from classifier.training import Report, Trained, train
from configs.schema import Actions, TrainHead
from keypoints.card import CardAction, HeadCard
from keypoints.errors import InputError
from keypoints.types import KeypointSequence


def check(config: TrainHead, out: Path) -> None:
    """Look at what may be wrong before hours are spent: raises InputError for an unknown head or an `out` that
    can't be written."""
    if config.head not in names():
        raise InputError("no such head", field="head", expected=" or ".join(names()), found=config.head)
    if out.suffix != ".onnx":
        raise InputError("not the name of a head file", file=out, expected="a name that ends in .onnx")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        trial = out.with_suffix(".trial")
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out) from None


def train_head(
    sequences: Sequence[KeypointSequence],
    actions: Actions,
    config: TrainHead,
    out: Path,
    *,
    trained_on: Sequence[str],
    command: str,
    resume: bool = False,
    on_cut: Callable[[int], None] = lambda done: None,
    on_epoch: Report = lambda metrics: None,
) -> HeadCard:
    """Train a head on `sequences` and write it to `out`; returns its card.

    Beside `out` lie `NAME.curve.json` (every epoch's metrics), `NAME.curve.png`, `NAME.settings.json` and,
    until the run is done, `NAME.checkpoint`, from which `resume` goes on.
    """
    check(config, out)
    config = on_base(config)
    checkpoint = out.with_suffix(".checkpoint")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    actions = _known(actions, config.leave_out)
    examples = cut(
        sequences, actions, length=config.window, rate_hz=config.rate_hz, every_s=config.every_s,
        seed=config.seed, leave_out=config.leave_out, progress=on_cut,
    )  # fmt: skip
    subjects = [s.subject or s.source or str(i) for i, s in enumerate(sequences)]
    trained, export = _trained(examples, subjects, actions, config, checkpoint, on_epoch)
    settings = config.model_dump_json(indent=1)
    card = HeadCard(
        name=f"repsight-{config.head}", version="1", licence="AGPL-3.0-or-later", trained_on=tuple(trained_on),
        metrics={f"validation_{k}": round(v, 4) for k, v in trained.metrics.items() if math.isfinite(v)}
        | {"windows": len(examples)},
        made_by={"command": command, "settings_sha256": hashlib.sha256(settings.encode()).hexdigest()},
        actions=tuple(CardAction(name=n, kind=a.kind) for n, a in actions.actions.items()),
        window=config.window, rate_hz=config.rate_hz, temperature=round(trained.temperature, 4),
    )  # fmt: skip
    export(card, out)
    out.with_suffix(".settings.json").write_text(settings)
    out.with_suffix(".curve.json").write_text(json.dumps(trained.curve, indent=1))
    plot_curve(trained.curve, out.with_suffix(".curve.png"))
    checkpoint.unlink(missing_ok=True)
    return card


def teach_head(
    name: str,
    recordings: Sequence[KeypointSequence],
    others: Sequence[KeypointSequence],
    actions: Actions,
    config: TrainHead,
    out: Path,
    *,
    trained_on: Sequence[str],
    command: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> HeadCard:
    """Teach the head of `config.base`, the shipped one without it, the action `name`: `classifier.teaching.teach`."""
    check(config, out)
    base = Path(config.base or SHIPPED)
    if base.resolve() == out.resolve():
        raise InputError("would replace the head that it begins with", file=out, field="--out")
    return teach(base, name, recordings, others, actions, config, out, trained_on=trained_on, command=command,
                 on_step=lambda metrics: progress(int(metrics["step"]), config.teach.steps))  # fmt: skip


def _trained(
    examples: Examples,
    subjects: Sequence[str],
    actions: Actions,
    config: TrainHead,
    checkpoint: Path,
    report: Report,
) -> tuple[Trained | TrainedClassic, Callable[[HeadCard, Path], None]]:
    """The trained head, by the trainer of its kind, and what writes it to a file."""
    if classic(config.head) is not None:
        fitted = train_classic(examples, subjects, actions.names, config, report)
        return fitted, lambda card, path: export_classic(fitted, card, path)
    if config.head == FEW_SHOT:
        trained = train_few_shot(examples, subjects, len(actions.names), config)
    else:
        trained = train(examples, subjects, len(actions.names), config, checkpoint, report)
    return trained, lambda card, path: export_head(trained.model, card, path)


def _known(actions: Actions, leave_out: Sequence[str]) -> Actions:
    """The actions that the head learns. Raises InputError when one to leave out is none of them."""
    for name in leave_out:
        if name not in actions.actions:
            raise InputError("no such action", field="leave_out", expected=", ".join(actions.names), found=name)
    return actions.without(leave_out)


def plot_curve(curve: Sequence[dict[str, float]], path: Path) -> None:
    """The learning curve as a picture, over epochs or over windows: losses on the left, accuracy on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    across = "windows" if "windows" in curve[-1] else "epoch"
    epochs = [m[across] for m in curve]
    losses.plot(epochs, [m["training_loss"] for m in curve], label="training")
    losses.plot(epochs, [m["loss"] for m in curve], label="validation")
    losses.set(xlabel=across, title="loss")
    losses.legend()
    accuracy.plot(epochs, [m["accuracy"] for m in curve], label="action accuracy")
    if "excursion_error" in curve[-1]:
        accuracy.plot(epochs, [m["excursion_error"] for m in curve], label="error of the share of the range of motion")
    accuracy.set(xlabel=across, title="validation", ylim=(0, 1))
    accuracy.legend()
    figure.savefig(path, dpi=100)
