"""The job behind `train-head`: labelled sequences in, one head file out, the learning curve beside it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from classifier.classic import TrainedClassic, export_classic, train_classic
from classifier.curve import write_curve
from classifier.examples import Examples, cut
from classifier.export import export_head
from classifier.few_shot import train_few_shot
from classifier.head import SHIPPED, OnnxHead
from classifier.heads.registry import FEW_SHOT, bodies, classic, names
from classifier.parts import not_validated
from classifier.restore import architecture, on_base
from classifier.teaching import teach
from classifier.training import Trained, train
from configs.saved import save_config
from configs.schema import Actions, TrainHead
from keypoints.card import CardAction, HeadCard
from keypoints.errors import InputError
from keypoints.files import require_writable, whole
from keypoints.told import Report
from keypoints.types import KeypointSequence


def check(config: TrainHead, actions: Actions, out: Path, *, head: str | None = None) -> None:
    """Look at what may be wrong before hours are spent; head: which one the user asks for, if any.

    Raises InputError for an unknown head or action, a base that is none, settings that do not go together, or an `out`
    that can't be written.
    """
    if config.head not in names():
        raise InputError("no such head", field="head", expected=" or ".join(names()), found=config.head)
    if config.base is not None and classic(config.head) is not None:
        raise InputError(f"{config.head} begins with no other head", field="base",
                         expected=f"one of {', '.join([*bodies(), FEW_SHOT])}, or no base")  # fmt: skip
    if config.freeze and config.head not in bodies():
        raise InputError(f"{config.head} is not trained by gradient", field="freeze", expected=", ".join(bodies()))
    if config.freeze and config.base is None:
        raise InputError("there is no body to keep", field="freeze", expected="a head file to begin with: --base FILE")
    if config.base is not None:
        _check_base(Path(config.base), head if config.head in bodies() else None)
    if config.classes == "data" and not config.data:
        raise InputError(
            "classes that come from data need some", field="classes", hint="give labelled sets with --data"
        )
    if config.classes == "actions":
        if config.kinds:
            raise InputError("is of classes that come from data", field="kinds", expected="classes=data")
        _known(actions, config.leave_out)
    _check_out(out)


def check_teaching(config: TrainHead, out: Path, *, head: str | None = None, resume: bool = False) -> None:
    """`check` for `teach_head`; head: which one the user asks for, if any. Raises InputError."""
    base = Path(config.base or SHIPPED)
    _check_base(base, head)
    if config.leave_out:
        raise InputError("a head that is taught keeps the actions that it has", field="leave_out", hint="leave it out")
    if config.classes != "actions":
        raise InputError("a head that is taught keeps the actions that it has", field="classes", hint="leave it out")
    if resume:
        raise InputError("a teaching takes minutes, and begins anew each time", field="--resume", hint="leave it out")
    if base.resolve() == out.resolve():
        raise InputError("would replace the head that it begins with", file=out, field="--out")
    _check_out(out)


def _check_base(base: Path, head: str | None) -> None:
    """Raise InputError when no training can begin with the file, or it is another head than `head`."""
    name = architecture(OnnxHead(base).card)
    if name not in bodies():
        raise InputError("no training can begin with it", file=base, expected=" or ".join(bodies()), found=name)
    if head not in (None, name):
        raise InputError(f"is not what {base.name} is, and what it stays", field="--head", expected=name, found=head,
                         hint="leave --head out, or give another --base")  # fmt: skip


def _check_out(out: Path) -> None:
    if out.suffix != ".onnx":
        raise InputError("not the name of a head file", file=out, expected="a name that ends in .onnx")
    require_writable(out)


def train_head(
    sequences: Sequence[KeypointSequence],
    actions: Actions,
    config: TrainHead,
    out: Path,
    *,
    trained_on: Sequence[str],
    command: str,
    validation: Sequence[KeypointSequence] = (),
    resume: bool = False,
    on_cut: Callable[[int], None] = lambda done: None,
    on_epoch: Report = lambda metrics: None,
    note: Callable[[str], None] = lambda line: None,
) -> HeadCard:
    """Train a head on `sequences` and write it to `out`; returns its card.

    validation: the sequences to validate on; without any they are drawn from `sequences` by subject.
    Beside `out` lie `NAME.config.yaml` (the settings, for --config), `NAME.classes.json` (the class of each output),
    `NAME.curve.json` (every epoch's metrics), `NAME.curve.png` and, until the run is done, `NAME.checkpoint`, from
    which `resume` goes on if it is there. A KeyboardInterrupt says how. note: told what a user should know of the draw.
    """
    check(config, actions, out)
    config = on_base(config)
    checkpoint = checkpoint_of(out)
    if not resume and checkpoint.exists():
        note(f"{checkpoint} is of a training that was stopped; it begins anew, --resume would have gone on with that")
        checkpoint.unlink()
    actions = _known(actions, config.leave_out)
    examples, subjects = examples_of(sequences, validation, actions, config, on_cut)
    alone = [actions.names[number] for number in not_validated(examples, subjects)]
    if alone:
        note(f"trained on, but not validated, since one subject or recording alone shows it: {', '.join(alone)}")
    try:
        trained, export = _trained(examples, subjects, actions, config, checkpoint, on_epoch)
    except KeyboardInterrupt:
        done = checkpoint.exists()
        raise KeyboardInterrupt(f"stopped; {'the same command with --resume goes on' if done else 'nothing is kept'}"
                                ) from None  # fmt: skip
    settings = config.model_dump_json(indent=1)
    card = HeadCard(
        name=f"repsight-{config.head}", version="1", licence="AGPL-3.0-or-later", trained_on=tuple(trained_on),
        metrics={f"validation_{k}": round(v, 4) for k, v in trained.metrics.items() if math.isfinite(v)}
        | {"windows": len(examples)},
        made_by={"command": command, "settings_sha256": hashlib.sha256(settings.encode()).hexdigest()},
        actions=_classes(actions, config),
        window=config.window, rate_hz=config.rate_hz, temperature=round(trained.temperature, 4),
    )  # fmt: skip
    export(card, out)
    _describe(config, card, out, command)
    write_curve(trained.curve, out.with_suffix(".curve.json"), out.with_suffix(".curve.png"))
    checkpoint.unlink(missing_ok=True)
    return card


def examples_of(
    sequences: Sequence[KeypointSequence],
    validation: Sequence[KeypointSequence],
    actions: Actions,
    config: TrainHead,
    on_cut: Callable[[int], None] = lambda done: None,
) -> tuple[Examples, list[str]]:
    """The windows of all sequences, those of `validation` held out, and whom each sequence shows. actions: those that
    are left when `config.leave_out` is."""
    everybody = [*sequences, *validation]
    examples = cut(
        everybody, actions, length=config.window, rate_hz=config.rate_hz, every_s=config.every_s,
        seed=config.seed, leave_out=config.leave_out, progress=on_cut,
    )  # fmt: skip
    subjects = [one.subject or one.source or str(i) for i, one in enumerate(everybody)]
    return replace(examples, held_out=frozenset(range(len(sequences), len(everybody)))), subjects


def checkpoint_of(out: Path) -> Path:
    """Where a training of the head file `out` keeps what it has after each epoch."""
    return out.with_suffix(".checkpoint")


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
    on_step: Report = lambda metrics: None,
) -> HeadCard:
    """Teach the head of `config.base`, the shipped one without it, the action `name`: `classifier.teaching.teach`."""
    check_teaching(config, out)
    base = Path(config.base or SHIPPED)
    card = teach(base, name, recordings, others, actions, config, out, trained_on=trained_on, command=command,
                 on_step=on_step)  # fmt: skip
    _describe(config, card, out, command)
    return card


def _classes(actions: Actions, config: TrainHead) -> tuple[CardAction, ...]:
    """What the card says of each output; classes that come from data define themselves, for who has no such action."""
    own = config.classes == "data"
    return tuple(
        CardAction(name=name, kind=action.kind, definition=action.model_dump(mode="json") if own else None)
        for name, action in actions.actions.items()
    )


def _describe(config: TrainHead, card: HeadCard, out: Path, command: str) -> None:
    """Write the settings of a head and the name of each of its outputs, by number, beside it."""
    save_config("train_head", config, out, command)
    with whole(out.with_suffix(".classes.json")) as partial:
        names = {str(i): action.name for i, action in enumerate(card.actions)}
        partial.write_text(json.dumps(names, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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
