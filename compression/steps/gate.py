"""The step `gate`: a model that lost too much stops the plan, and the tensor that it lost it in is named."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from compression.accuracy import labelled, pck, pose_accuracy, predictor
from compression.collapse import Loss, first_collapse
from compression.export import size_of
from compression.head_agreement import head_agreement
from compression.limits import Check, against
from compression.runners import FloatArray, open_runner
from compression.step import Artefact, Context, Metrics, register
from compression.steps.quantize import FLOATING, NAMED
from configs.measuring import GateStep
from keypoints.errors import RepSightError
from keypoints.letterbox import Letterbox

#: Pictures on which the tensors of a quantized graph are compared with those of its float graph.
_LOOKED_AT = 2


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured of a pose model; None where there is nothing to measure it on."""

    ap: float | None
    crop_recall: float | None
    pck: float | None


@register("gate")
def step(artefact: Artefact, config: GateStep, context: Context) -> tuple[Artefact, Metrics]:
    """Measure the model and what it is held against; raises RepSightError when a limit is not kept."""
    before = context.model(config.against, "gate.against")
    checks = []
    if config.most_bytes is not None:
        checks.append(Check("bytes", size_of(artefact.path), most=config.most_bytes))
    lost = None
    if artefact.kind == "head":
        found = head_agreement(before, artefact.path, config.windows)
        checks.append(Check("same action", found.same, least=config.least_actions))
    else:
        checks += _pose(artefact.path, before, config, context)
        lost = _collapse(artefact.path, config)
    failed = [check for check in checks if not check.passed]
    for check in checks:
        context.report(f"{'kept' if check.passed else 'NOT KEPT'}: {check}")
    if failed or lost:
        reasons = [str(check) for check in failed] + ([f"collapsed: {lost}"] if lost else [])
        raise RepSightError(f"{artefact.path}: does not pass the gate: " + "; ".join(reasons))
    return artefact, {"checks": {check.name: check.as_metrics() for check in checks}, "against": str(before.name)}


def _pose(path: Path, before: Path, config: GateStep, context: Context) -> list[Check]:
    size = open_runner(path).size or (config.side, config.side)
    context.report(f"measuring {path.name} at {size[0]}x{size[1]}")
    one = measured(path, size, config)
    context.report(f"measuring {before.name}")
    other = measured(before, None if open_runner(before).size else size, config)
    rows = (
        ("AP", one.ap, other.ap, config.ap_drop, config.least_ap),
        ("crop recall", one.crop_recall, other.crop_recall, config.crop_recall_drop, config.least_crop_recall),
        ("PCK", one.pck, other.pck, config.pck_drop, config.least_pck),
    )
    return [against(name, found, was, drop, least) for name, found, was, drop, least in rows
            if found is not None and was is not None]  # fmt: skip


def measured(path: Path, size: tuple[int, int] | None, config: GateStep) -> Figures:
    """The figures of one model on what the gate names."""
    predict = predictor(path, size)
    seen = pose_accuracy(predict, Path(config.folder), config.limit) if config.folder else None
    put = pck(predict, labelled(Path(config.frames), config.limit)) if config.frames else None
    return Figures(seen.ap if seen else None, seen.crop_recall if seen else None, put.share if put else None)


def _collapse(path: Path, config: GateStep) -> Loss | None:
    """The tensor that a quantized file lost, when the graphs that it was made from lie beside it."""
    floating, named = path.with_name(FLOATING), path.with_name(NAMED)
    size = open_runner(path).size
    folder = Path(config.folder) / "images" if config.folder else Path(config.frames or "") / "images"
    if not floating.is_file() or not named.is_file() or size is None or not folder.is_dir():
        return None
    return first_collapse(floating, named, _pictures(folder, size))


def _pictures(folder: Path, size: tuple[int, int]) -> list[FloatArray]:
    letterbox = Letterbox(*size)
    read = (cv2.imread(str(path)) for path in sorted(folder.iterdir()))
    usable = islice((image for image in read if image is not None), _LOOKED_AT)
    return [letterbox(np.asarray(image, np.uint8)).tensor.copy() for image in usable]
