"""The step `quantize`: a pose checkpoint as an int8 or half-precision ONNX file, a head with rounded weights."""

from __future__ import annotations

import csv
from pathlib import Path

from compression import head_agreement
from compression.agreement import agreement
from compression.calibration import chosen, tensors, thinned
from compression.checkpoint import load_network, own_pictures, to_onnx
from compression.collapse import first_collapse
from compression.export import COMPARED, write_card
from compression.quantize import Quantizer, finish, float_nodes, to_half
from compression.runners import FloatArray, layout_of, open_runner
from compression.scan import Harm, scan
from compression.step import Artefact, Context, Metrics, register
from compression.voting import vote
from compression.widths import free_width
from configs.compression import QuantizeStep
from keypoints.card import PoseCard
from keypoints.errors import InputError, RepSightError

#: The graph that was quantized, and the int8 one while its tensors still have the names of that graph.
FLOATING, NAMED = "float.onnx", "named.onnx"


@register("quantize")
def step(artefact: Artefact, config: QuantizeStep, context: Context) -> tuple[Artefact, Metrics]:
    """Quantize, and hold the written file against its source."""
    if artefact.kind == "head":
        return _head(artefact, config, context)
    try:
        return _pose(artefact, config, context)
    except InputError:
        raise
    except RepSightError as error:
        if config.retrain is None:
            raise
        from compression.posetuning import tune_pose

        context.report(f"{error}; training in 8 bits")
        trained, _ = tune_pose(artefact, config.retrain.model_copy(update={"eight_bits": True}), context)
        made, metrics = _pose(trained, config, context)
        return made, metrics | {"retrained": config.retrain.steps}


def _head(artefact: Artefact, config: QuantizeStep, context: Context) -> tuple[Artefact, Metrics]:
    if config.precision != "int8":
        raise InputError("heads come in int8 alone", file=artefact.path, field="precision", found=config.precision)
    path = context.folder / "head.onnx"
    head_agreement.write_int8(artefact.path, path, config.windows)
    found = head_agreement.head_agreement(artefact.path, path, config.windows)
    if config.agrees:
        found.require(config.agrees.actions, path)
    return Artefact(path, "head"), {"bytes": path.stat().st_size, "precision": "int8", **found.as_metrics()}


def _pose(artefact: Artefact, config: QuantizeStep, context: Context) -> tuple[Artefact, Metrics]:
    if artefact.path.suffix != ".pt":
        raise InputError("not a checkpoint", file=artefact.path, field="step quantize", expected="a .pt file",
                         hint="`from:` names the step whose checkpoint it takes")  # fmt: skip
    int8, side = config.precision == "int8", config.side
    if int8 and config.calibration is None:
        raise InputError("int8 needs pictures to calibrate with", field="quantize.calibration")
    used, held_back = chosen(config.calibration) if config.calibration else ([], [])
    context.report(f"exporting at {side}x{side}")
    source = open_runner(load_network(artefact.path))
    floating = to_onnx(artefact.path, context.scratch, (side, side))
    path = context.folder / "pose.onnx"
    metrics: Metrics = {"precision": config.precision, "side": side}
    calibration = list(tensors(used, side, side))
    if int8:
        metrics |= _int8(floating, path, calibration, config, context)
    else:
        to_half(floating, path)
    if config.vote:
        vote(path, path)
    if config.widths:
        free_width(path, path)
    some = list(tensors([*thinned(held_back, COMPARED), *own_pictures()], side, side))
    found = agreement(source.run, open_runner(path).run, some)
    if config.agrees:
        try:
            found.require(config.precision, path, (config.agrees.found, config.agrees.oks))
        except RepSightError as error:
            lost = first_collapse(context.folder / FLOATING, context.folder / NAMED, some[:2]) if int8 else None
            raise RepSightError(f"{error}" + (f"; {lost}" if lost else "")) from None
    write_card(path, PoseCard(
        **config.card.model_dump(), input=(side, side), layout=layout_of(source.run(some[0]).shape),
        precision=config.precision, widths=config.widths, metrics={"agreement": found.as_metrics()},
        made_by=context.made_by(artefact) | ({"calibration_pictures": len(calibration)} if int8 else {}),
    ))  # fmt: skip
    metrics |= {"bytes": path.stat().st_size, **found.as_metrics()}
    return Artefact(path, "pose"), metrics


def _int8(floating: Path, path: Path, calibration: list[FloatArray], config: QuantizeStep, context: Context) -> Metrics:
    """Write the int8 file; tells which nodes stay in float, and why."""
    assert config.calibration is not None
    context.report(f"calibrating with {len(calibration)} pictures ({config.calibration.method})")
    quantizer = Quantizer(
        floating, context.folder, calibration, config.calibration.method, config.calibration.percentile
    )
    structure = set(float_nodes(quantizer.model)) if config.structure else set()
    harms: list[Harm] = []
    if config.scan:
        some = thinned(calibration, config.scan.pictures)
        harms = scan(quantizer, some, config.scan, context.folder, context.report)
        _table(harms, structure, context.folder / "scan.csv")
    scanned = {harm.node for harm in harms if harm.keep and harm.node}
    quantizer.write(context.folder / NAMED, keep=structure | scanned)
    finish(context.folder / NAMED, path)
    return {
        "calibration_pictures": len(calibration),
        "nodes": len(quantizer.nodes),
        "float_by_structure": sorted(structure),
        "float_by_scan": sorted(scanned),
        "scan_beside_structure": sorted(scanned - structure),
    }


def _table(harms: list[Harm], structure: set[str], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["block", "node", "harm", "keep", "structure"])
        writer.writeheader()
        writer.writerows(harm.as_row() | {"structure": harm.node in structure} for harm in harms)
