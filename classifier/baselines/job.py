"""The job behind `train-baseline`: labelled videos or pictures in, one baseline out, as a checkpoint and as ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.baselines import tensorrt
from classifier.baselines.clips import ROOM, read
from classifier.baselines.export import difference, example_clips, export_onnx, save_checkpoint
from classifier.baselines.registry import resolved
from classifier.baselines.run import open_baseline
from classifier.baselines.training import Fitted, Labelled, device_of, fit
from classifier.curve import write_curve
from configs.baselines import TrainBaseline
from configs.saved import save_config
from keypoints.card import BaselineCard
from keypoints.errors import InputError, RepSightError
from keypoints.files import require_writable
from keypoints.labels import LabelledFile
from keypoints.told import Say, Told


@dataclass(frozen=True, slots=True)
class Made:
    """A finished baseline. differences: of its exports to the network, the largest of a probability, by file."""

    card: BaselineCard
    files: tuple[Path, ...]
    differences: dict[Path, float]


@dataclass(frozen=True, slots=True)
class Material:
    """What is learnt from, as read. labels: the classes, in their order. test: None without a test part."""

    labels: tuple[str, ...]
    training: Labelled
    validation: Labelled
    test: Labelled | None


def check(settings: TrainBaseline, out: Path) -> TrainBaseline:
    """The settings with all that they leave to the model. Raises InputError for what is wrong at a glance."""
    if out.suffix != ".onnx":
        raise InputError("not the name of a baseline", file=out, expected="a name that ends in .onnx")
    full = resolved(settings)
    device_of(full)
    if full.tensorrt is True:
        tensorrt.require()
    if settings.weights is not None and not Path(settings.weights).is_file():
        raise InputError("no such file", file=settings.weights, field="weights")
    require_writable(out)
    return full


def checkpoint_of(out: Path) -> Path:
    """Where a training of the baseline `out` keeps what it has after each epoch."""
    return out.with_suffix(".checkpoint")


def material(
    train: Sequence[LabelledFile], validation: Sequence[LabelledFile], test: Sequence[LabelledFile],
    settings: TrainBaseline, told: Told,
) -> Material:  # fmt: skip
    """Read the files, once, as small pictures. Raises InputError when nothing of a class can be read."""
    assert settings.side is not None
    files = [*train, *validation, *test]
    found = read(files, settings.rate_hz, round(settings.side * ROOM), problem=told.problem, progress=told.progress)
    labels = tuple(sorted({file.label for file in files}))

    def part(of: Sequence[LabelledFile], name: str) -> Labelled:
        wanted = {file.path for file in of}
        here = [(file, pictures) for file, pictures in found if file.path in wanted]
        lacking = sorted(set(labels) - {file.label for file, _ in here})
        if lacking:
            raise InputError("nothing of it can be read", field=f"{name}: class {lacking[0]}")
        return Labelled([pictures for _, pictures in here], [labels.index(file.label) for file, _ in here])

    return Material(labels, part(train, "train"), part(validation, "validation"), part(test, "test") if test else None)


def train_baseline(
    given: Material,
    settings: TrainBaseline,
    out: Path,
    *,
    trained_on: Sequence[str],
    command: str,
    resume: bool = False,
    told: Told | None = None,
) -> Made:
    """Train a baseline and write it: `out` (ONNX), its checkpoint NAME.pt, where TensorRT is NAME.engine; beside them
    NAME.config.yaml, NAME.curve.json and .png, and until it is done NAME.checkpoint, from which `resume` goes on.

    A KeyboardInterrupt says how. Raises RepSightError when an export does not answer as the network does.
    """
    told = told or Told()
    full = check(settings, out)
    checkpoint = checkpoint_of(out)
    if not resume:
        checkpoint.unlink(missing_ok=True)
    try:
        fitted = fit(given.training, given.validation, len(given.labels), full, checkpoint, told.report, told.say)
    except KeyboardInterrupt:
        done = checkpoint.exists()
        raise KeyboardInterrupt(f"stopped; {'the same command with --resume goes on' if done else 'nothing is kept'}"
                                ) from None  # fmt: skip
    card = _card(fitted, given, full, trained_on, command)
    differences = _write(fitted, card, full, out, told.say)
    curve = out.with_suffix(".curve.json"), out.with_suffix(".curve.png")
    write_curve(fitted.curve, *curve)
    saved = save_config("train_baseline", settings, out, command)
    checkpoint.unlink(missing_ok=True)
    return Made(card, (out, out.with_suffix(".pt"), *(file for file in differences if file != out), saved, *curve),
                differences)  # fmt: skip


def _card(
    fitted: Fitted, given: Material, full: TrainBaseline, trained_on: Sequence[str], command: str
) -> BaselineCard:
    assert full.frames is not None and full.side is not None
    settings = full.model_dump(mode="json", include={"model", "vit", "width", "side", "frames"})
    whole = full.model_dump_json(indent=1)
    return BaselineCard(
        name=f"baseline-{full.model}", version="1", licence="AGPL-3.0-or-later", trained_on=tuple(trained_on),
        metrics={f"validation_{name}": round(value, 4) for name, value in fitted.metrics.items()}
        | {"videos": len(given.training.classes)},
        made_by={"command": command, "settings_sha256": hashlib.sha256(whole.encode()).hexdigest()},
        model=full.model, labels=given.labels, frames=full.frames, side=full.side, rate_hz=full.rate_hz,
        views=full.views, weights=fitted.weights, settings=settings,
    )  # fmt: skip


def _write(fitted: Fitted, card: BaselineCard, full: TrainBaseline, out: Path, say: Say) -> dict[Path, float]:
    """Write the model files; how far each export is from the network."""
    save_checkpoint(fitted.network, card, out.with_suffix(".pt"))
    differences = {out: export_onnx(fitted.network, card, out)}
    if full.tensorrt is True or (full.tensorrt == "auto" and tensorrt.usable()):
        engine, clips = out.with_suffix(".engine"), example_clips(card)
        try:
            tensorrt.write_engine(out, card, engine)
            there = open_baseline(engine).run(clips)
            differences[engine] = difference(open_baseline(out).run(clips), there, engine)
        except RepSightError as error:
            if full.tensorrt is True:
                raise
            for file in (engine, engine.with_suffix(".engine.json")):
                file.unlink(missing_ok=True)
            differences.pop(engine, None)
            say(f"no engine: {error}")
    return differences
