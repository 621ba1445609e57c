"""The job behind `compress`: a plan from its file to the last artefact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compression.once import RECORD
from compression.plan import Artefact, Finished, Kind, Record, run_plan
from compression.tracking import Untracked, tracked
from configs.compression import Plan
from configs.plan import load_plan
from configs.saved import save_config
from configs.tracking import Tracking
from keypoints.errors import InputError
from keypoints.files import sha256


def compress(
    kind: Kind,
    plan: str | Path,
    out: Path,
    *,
    source: Path | None = None,
    overrides: Sequence[str] = (),
    command: str = "",
    report: Callable[[str], None] = lambda line: None,
    tracking: Tracking | None = None,
) -> Finished:
    """Run a plan on a pose checkpoint or a head: on `source`, else on what the plan names, else on the shipped head.

    tracking: where MLflow is told of it, one run a plan; what was killed goes on in the same run, as the plan does.
    Raises InputError for a plan that does not fit its schema or a source of another kind, before any step runs.
    """
    steps = load_plan(plan, [*overrides, *([f"source={source}"] if source else [])])
    begin = Path(steps.source) if steps.source else None
    if begin is None and kind == "head":
        from classifier.head import SHIPPED

        begin = SHIPPED
    if begin is None:
        raise InputError("nothing to compress", file=plan, field="source", hint="give a checkpoint with --source FILE")
    require_kind(begin, kind)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out) from None
    save_config(f"compress/{kind}", steps, out, command)
    with tracked(tracking, f"compress {kind}", out, _params(steps, begin), command=command, mark=out / "mlflow.json",
                 resume=True, say=report) as run:  # fmt: skip
        made = run_plan(Artefact(begin, kind), steps, out, report, command=command,
                        on_record=lambda record: _tell(run, record, out))  # fmt: skip
        run.keep(made.artefact.path, out / "config.yaml")
        if made.artefact.path.suffix == ".onnx":  # a checkpoint can't be served
            run.models(**{kind: made.artefact.path})
    return made


def _params(plan: Plan, source: Path) -> dict[str, Any]:
    """The settings of each step under its number and name."""
    steps = {f"{number:02}-{step.label}": step.model_dump(mode="json", exclude={"step", "name"})
             for number, step in enumerate(plan.steps, 1)}  # fmt: skip
    return {"source": source.name, "source_sha256": sha256(source), **steps}


def _tell(run: Untracked, record: Record, out: Path) -> None:
    """What a step measured, and what it drew; its number is where it is on the curves."""
    figures = {f"{record.name}.{name}": value for name, value in numbers(record.metrics).items()}
    used = {name: getattr(record, name) for name in ("seconds", "cpu_s", "peak_memory_mb")}
    run.figures(figures | {f"{record.name}.{name}": value for name, value in used.items()}, record.number)
    folder = out / record.folder
    run.keep(*(folder / name for name in (RECORD, *record.plots, *record.tables)), folder=record.folder)


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record; what is told for each layer (`model.4`) is left to the record itself."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping) and not any("." in str(key) for key in value):
            found |= {f"{name}.{key}": number for key, number in numbers(value).items()}
        elif isinstance(value, int | float):
            found[name] = value
    return found


def require_kind(checkpoint: Path, kind: Kind) -> None:
    """Raise InputError or ModelError when a file is not a checkpoint of that kind."""
    if kind == "head":
        from compression.heads import read_head

        read_head(checkpoint)
        return
    from compression.checkpoint import load_network

    if checkpoint.is_file() and checkpoint.suffix != ".pt":
        raise InputError("not a checkpoint", file=checkpoint, field="source", expected="a YOLO pose .pt file")
    load_network(checkpoint)
