"""Pose checkpoints trained further, with or without a teacher; also as a command of its own, for another machine:

`python -m compression.posetuning STEP.yaml CHECKPOINT.pt OUT [key=value ...]` runs one step `finetune` or `distill`,
writes OUT/pose.pt with its curve, and goes on where it was when it is called again after a kill.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from compression.alone import run
from compression.step import Artefact, Context, Metrics, apply
from configs.tuning import Soft, Tuning
from keypoints.errors import ConfigError
from keypoints.told import Say


def tune_pose(
    artefact: Artefact, config: Tuning, context: Context, teacher: Path | None = None, soft: Soft | None = None,
    teacher_side: int | None = None,
) -> tuple[Artefact, Metrics]:  # fmt: skip
    """Train a pose checkpoint as `config` says, and write it with its curve into the folder of the step.

    teacher: checkpoint that it learns from as well, as `soft` says, at `teacher_side` px or the student's own size.
    Raises ConfigError without images, and what reading them raises.
    """
    from compression.checkpoint import load_network, save_network
    from compression.codebook import settle
    from compression.distillation import Distiller
    from compression.images import training_images
    from compression.masks import require_masked
    from compression.trainer import train

    if config.images is None:
        raise ConfigError("missing", field="images", expected="pictures, rendered people, or both")
    network = load_network(artefact.path)
    distiller = None
    if teacher is not None:
        distiller = Distiller(load_network(teacher), network, soft or Soft(), max(config.sides), teacher_side)
    sets = training_images(config.images, context.root / "images", context.report)

    def on_curve(point: dict[str, float]) -> None:
        context.report(f"step {point['step']:.0f} of {config.steps}: loss {point['loss']:.3f}")

    with _coarse(network, config):
        tuned = train(network, sets, config, checkpoint=context.scratch / "training.pt", distiller=distiller,
                      on_curve=on_curve)  # fmt: skip
    settle(tuned.network)
    shares = require_masked(tuned.network)
    path = context.folder / "pose.pt"
    save_network(tuned.network, path)
    write_curve(tuned.curve, context.folder)
    metrics: Metrics = {
        "steps": config.steps, "images_per_s": tuned.images_per_s, "pictures": {s.name: len(s.pictures) for s in sets},
        "first": tuned.curve[0], "last": tuned.curve[-1], "zero_share": shares["zero_share"],
    }  # fmt: skip
    return Artefact(path, "pose"), metrics | ({"teacher": teacher.name} if teacher else {})


def _coarse(network: Any, config: Tuning) -> AbstractContextManager[None]:
    """The rounding that a network learns with."""
    from compression.codebook import clustering, counts
    from compression.rounding import rounded

    if config.eight_bits and config.levels:
        raise ConfigError("one rounding at a time", field="levels", expected="none beside eight_bits")
    if config.levels:
        return clustering(network, counts(config.levels, config.least_weights))
    return rounded(network) if config.eight_bits else nullcontext()


def write_curve(curve: Sequence[dict[str, float]], folder: Path) -> None:
    """The losses over steps, as curve.csv and curve.png."""
    from matplotlib.figure import Figure

    with (folder / "curve.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(curve[0]))
        table.writeheader()
        table.writerows(curve)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in list(curve[0])[1:]:
        axes.plot([point["step"] for point in curve], [point[name] for point in curve], label=name.replace("_", " "))
    axes.set(xlabel="step", title="training loss", yscale="log")
    axes.legend()
    figure.savefig(folder / "curve.png", dpi=100)


def _job(arguments: Sequence[str], say: Say) -> str:
    from configs.compression import STEPS
    from configs.loader import load, read

    file, checkpoint, out, *overrides = arguments
    tree = read(Path(file))
    name = tree.get("step") if isinstance(tree, dict) else None
    if name not in ("finetune", "distill"):
        raise ConfigError("not such a step", file=file, field="step", expected="finetune or distill", found=name)
    artefact, folder = Artefact(Path(checkpoint), "pose"), Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(folder, say, root=folder, source=artefact)
    made, metrics = apply(artefact, load(STEPS[name], file, overrides), context)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
    return f"wrote {made.path}"


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit code."""
    return run(_job, arguments, __doc__, least=3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
