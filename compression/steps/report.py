"""The step `report`: every candidate measured beside the others, as a page and as JSON."""

from __future__ import annotations

import json

from compression.candidates import measure
from compression.page import render
from compression.step import Artefact, Context, Metrics, register
from configs.measuring import ReportStep
from keypoints.errors import InputError


@register("report")
def step(artefact: Artefact, config: ReportStep, context: Context) -> tuple[Artefact, Metrics]:
    """Measure, and write report.html and report.json; the model is passed on as it is."""
    if artefact.kind != "pose":
        raise InputError("reports are of pose models", file=artefact.path, field="step report",
                         hint="`repsight evaluate` compares heads")  # fmt: skip
    found = measure(config, context)
    metrics = {"candidates": {candidate.name: candidate.as_metrics() for candidate in found}}
    (context.folder / "report.html").write_text(render(found, context.history, context.command), encoding="utf-8")
    (context.folder / "report.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    context.report(f"wrote {context.folder.name}/report.html")
    return artefact, metrics
