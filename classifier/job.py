"""The job behind `train-head`: labelled sequences in, one head file out, the learning curve beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from classifier.examples import cut
from classifier.export import export_head
from classifier.heads.registry import names
from classifier.training import Report, train
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
    checkpoint = out.with_suffix(".checkpoint")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    actions = _known(actions, config.leave_out)
    examples = cut(
        sequences, actions, length=config.window, rate_hz=config.rate_hz, every_s=config.every_s,
        seed=config.seed, leave_out=config.leave_out, progress=on_cut,
    )  # fmt: skip
    subjects = [s.subject or s.source or str(i) for i, s in enumerate(sequences)]
    trained = train(examples, subjects, len(actions.names), config, checkpoint, on_epoch)
    settings = config.model_dump_json(indent=1)
    card = HeadCard(
        name=f"repsight-{config.head}", version="1", licence="AGPL-3.0-or-later", trained_on=tuple(trained_on),
        metrics={f"validation_{k}": round(v, 4) for k, v in trained.metrics.items()} | {"windows": len(examples)},
        made_by={"command": command, "settings_sha256": hashlib.sha256(settings.encode()).hexdigest()},
        actions=tuple(CardAction(name=n, kind=a.kind) for n, a in actions.actions.items()),
        window=config.window, rate_hz=config.rate_hz, temperature=round(trained.temperature, 4),
    )  # fmt: skip
    export_head(trained.model, card, out)
    out.with_suffix(".settings.json").write_text(settings)
    out.with_suffix(".curve.json").write_text(json.dumps(trained.curve, indent=1))
    plot_curve(trained.curve, out.with_suffix(".curve.png"))
    checkpoint.unlink(missing_ok=True)
    return card


def _known(actions: Actions, leave_out: Sequence[str]) -> Actions:
    """The actions that the head learns. Raises InputError when one to leave out is none of them."""
    for name in leave_out:
        if name not in actions.actions:
            raise InputError("no such action", field="leave_out", expected=", ".join(actions.names), found=name)
    return actions.without(leave_out)


def plot_curve(curve: Sequence[dict[str, float]], path: Path) -> None:
    """The learning curve as a picture: losses on the left, accuracy on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    epochs = [m["epoch"] for m in curve]
    losses.plot(epochs, [m["training_loss"] for m in curve], label="training")
    losses.plot(epochs, [m["loss"] for m in curve], label="validation")
    losses.set(xlabel="epoch", title="loss")
    losses.legend()
    accuracy.plot(epochs, [m["accuracy"] for m in curve], label="action accuracy")
    accuracy.plot(epochs, [m["excursion_error"] for m in curve], label="error of the share of the range of motion")
    accuracy.set(xlabel="epoch", title="validation", ylim=(0, 1))
    accuracy.legend()
    figure.savefig(path, dpi=100)
