"""The step `export`: a pose checkpoint in other formats, each loaded again and compared with it."""

from __future__ import annotations

import csv
from pathlib import Path

from compression.calibration import chosen, pictures
from compression.checkpoint import require
from compression.export import exported
from compression.formats import form_of
from compression.step import Artefact, Context, Metrics, register
from configs.compression import ExportStep
from keypoints.errors import InputError, MissingExtraError


@register("export")
def step(artefact: Artefact, config: ExportStep, context: Context) -> tuple[Artefact, Metrics]:
    """Write every format; what can't be written here for want of a package is told, or fails."""
    if artefact.kind != "pose" or artefact.path.suffix != ".pt":
        raise InputError("not a pose checkpoint", file=artefact.path, field="step export", expected="a .pt file",
                         hint="`from:` names the step whose checkpoint it takes")  # fmt: skip
    require(artefact.path)
    made_by = context.made_by(artefact)
    compared = pictures(config.pictures)
    rows: list[Metrics] = []
    last = artefact
    for name in config.formats:
        format_name, precision = name.rsplit("-", 1)
        used: list[Path] = []
        if name == "onnx-int8":
            if config.calibration is None:
                raise InputError("onnx-int8 needs pictures to calibrate with", field="export.calibration")
            used, held_back = chosen(config.calibration)
        try:
            form = form_of(format_name, precision)
        except MissingExtraError as error:
            if config.missing == "fail":
                raise
            context.report(str(error))
            rows.append({"format": name, "missing": str(error)})
            continue
        out = context.folder / f"pose_{precision}{form.suffix}"
        done = exported(
            artefact.path, out, form, precision, (config.side, config.side), used,
            compared or (held_back if used else []), made_by, config.card, context.report,
        )  # fmt: skip
        rows.append({"format": name, "file": out.name, "bytes": done.bytes, **done.agreement.as_metrics()})
        if out.suffix == ".onnx":
            last = Artefact(out, "pose")
    with (context.folder / "formats.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["format", "file", "bytes", "pictures", "people", "found", "oks", "missing"])
        writer.writeheader()
        writer.writerows(rows)
    return last, {"formats": rows}
