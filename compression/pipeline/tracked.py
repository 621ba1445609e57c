"""A pipeline that MLflow is told of, where that is asked for: one run, to which every stage adds what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from compression.job import numbers
from compression.once import RECORD
from compression.pipeline import job
from compression.pipeline.stages import Stage
from compression.pipeline.state import StageRecord
from compression.tracking import Untracked, tracked
from configs.stages import Pipeline, settings_of
from configs.tracking import Tracking

#: Of what stages make, what is kept with the run; not the data.
_KEPT = (".json", ".yaml", ".html", ".csv", ".png", ".onnx")


def run(
    pipeline: Pipeline,
    out: Path,
    stages: Mapping[str, Stage],
    tracking: Tracking | None,
    *,
    only: str | None = None,
    begin: str | None = None,
    again: bool = False,
    command: str = "",
    report: Callable[[str], None] = lambda line: None,
) -> list[StageRecord]:
    """`job.run`, told to MLflow by the settings `tracking`, to nobody without them; what was killed goes on in the
    same run. Raises what both raise."""
    params = {stage: settings_of(pipeline, stage) for stage in pipeline.stages}
    with tracked(tracking, "pipeline", out, params, command=command, mark=out / job.WORK / "mlflow.json", resume=True,
                 say=report) as listener:  # fmt: skip
        made = job.run(pipeline, out, stages, only=only, begin=begin, again=again, command=command, report=report,
                       on_record=lambda record: _tell(listener, pipeline, record, out))  # fmt: skip
        models = {kind: file for kind in ("pose", "head") if (file := out / "export" / f"{kind}.onnx").is_file()}
        if any(record.stage == "export" for record in made):
            listener.models(**models)
    return made


def _tell(listener: Untracked, pipeline: Pipeline, record: StageRecord, out: Path) -> None:
    """What a stage found, and its files but for data; its number is where it is on the curves."""
    used = {name: getattr(record, name) for name in ("seconds", "cpu_s", "peak_memory_mb")}
    figures = {f"{record.stage}.{name}": value for name, value in (numbers(record.metrics) | used).items()}
    listener.figures(figures, pipeline.stages.index(record.stage) + 1)
    names = [RECORD, *(name for name in record.made if "/" not in name and name.endswith(_KEPT))]
    listener.keep(*(out / record.stage / name for name in names), folder=record.stage)
