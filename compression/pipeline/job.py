"""The job behind `pipeline`: the plan of its stages, and one after the other what is to do of them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from compression.once import RECORD, Usage, once, settle
from compression.pipeline.digests import Digests
from compression.pipeline.stages import Given, Stage
from compression.pipeline.state import Look, StageRecord, look, outside
from compression.pipeline.wiring import inputs
from compression.step import Context
from configs.saved import save_config
from configs.stages import Pipeline, known_stage, reference
from keypoints.errors import InputError, RepSightError
from keypoints.told import Say, nothing

#: Beside the stages: what outlives each making of them, the hashes of what is outside, what says that a run is at work.
WORK, DIGESTS, LOCK = ".work", ".work/digests.json", ".work/lock"


def plan(
    pipeline: Pipeline, out: Path, *, only: str | None = None, begin: str | None = None, again: bool = False
) -> list[Look]:
    """What a run would do, stage by stage, without doing it.

    only: this stage alone; begin: from this stage on; those before it must be done. again: what is done is to do as
    well. Raises InputError for a stage that the pipeline has not, or one that lacks what it takes.
    """
    wanted = _wanted(pipeline, only, begin)
    digests = Digests(out / DIGESTS)
    looks: dict[str, Look] = {}
    for stage in pipeline.stages[: pipeline.stages.index(wanted[-1]) + 1]:
        looks[stage] = look(pipeline, stage, out, looks, digests, again and stage in wanted)
        if stage not in wanted:
            _require_done(looks[stage], pipeline, wanted)
    return [one for name, one in looks.items() if name in wanted]


def run(
    pipeline: Pipeline,
    out: Path,
    stages: Mapping[str, Stage],
    *,
    only: str | None = None,
    begin: str | None = None,
    again: bool = False,
    command: str = "",
    report: Say = nothing,
    on_record: Callable[[StageRecord], None] = lambda record: None,
) -> list[StageRecord]:
    """Run what is to do, each stage in a folder of its own in `out`; returns the records of all that were asked for.

    stages: what makes each. only, begin, again: as in `plan`. command: for model cards. on_record: is given the record
    of each stage when it is made. A stage is done when its record was made from the same settings and inputs, by their
    content, and all files that it made are as they were. What somebody changed in it is kept beside it as
    STAGE.changed, and it is made again.

    Raises InputError when another run is at work in `out` or what a stage takes is missing, and whatever a stage
    raises; a KeyboardInterrupt says how to go on.
    """
    wanted = _wanted(pipeline, only, begin)
    looks: dict[str, Look] = {}
    with _alone(out):
        digests = Digests(out / DIGESTS)
        save_config("pipeline/default", pipeline, out, command)
        _require_there(pipeline, wanted, digests)
        for number, stage in enumerate(pipeline.stages[: pipeline.stages.index(wanted[-1]) + 1], 1):
            found = look(pipeline, stage, out, looks, digests, again and stage in wanted)
            digests.save()
            title = f"{number}/{len(pipeline.stages)} {stage}"
            if stage not in wanted:
                _require_done(found, pipeline, wanted)
            elif found.state == "done":
                report(f"{title}: already done")
            else:
                report(f"{title}: {found.why}")
                _keep_edited(found, out / stage, report)
                record = _make(pipeline, found, out, stages[stage], command,
                               lambda line, title=title: report(f"{title}: {line}"))  # type: ignore[misc]  # fmt: skip
                report(f"{title}: done in {record.seconds:.0f} s")
                found = replace(found, state="done", record=record)
                on_record(record)
            looks[stage] = found
    return [found.record for name, found in looks.items() if name in wanted and found.record]


def _wanted(pipeline: Pipeline, only: str | None, begin: str | None) -> Sequence[str]:
    """The stages that are asked for, in their order."""
    if only is not None and begin is not None:
        raise InputError("one of them, not both", field="--only and --from")
    if only is not None:
        return [known_stage(only, pipeline, "--only")]
    first = 0 if begin is None else pipeline.stages.index(known_stage(begin, pipeline, "--from"))
    return pipeline.stages[first:]


def _require_done(found: Look, pipeline: Pipeline, wanted: Sequence[str]) -> None:
    """Raise InputError when a stage that is not asked for would have to be made first."""
    needed = {source[0] for stage in wanted for text in inputs(pipeline, stage).values() if (source := reference(text))}
    if found.state != "done" and found.stage in needed:
        raise InputError(f"needs what {found.stage} makes, and that is to do ({found.why})", field=wanted[0],
                         hint=f"run it from {found.stage} on, or the whole pipeline")  # fmt: skip


def _require_there(pipeline: Pipeline, wanted: Sequence[str], digests: Digests) -> None:
    """Raise InputError when something from outside is missing that a stage takes, before hours go into those before."""
    for stage in wanted:
        for name, text in inputs(pipeline, stage).items():
            if reference(text) is None:
                outside(digests, stage, name, text)


def _make(pipeline: Pipeline, found: Look, out: Path, stage: Stage, command: str, report: Say) -> StageRecord:
    """Make one stage, in a folder that gets its name when all is in it."""
    assert found.key is not None
    folder = out / found.stage
    given = {name: _place(text, out) for name, text in inputs(pipeline, found.stage).items()}
    with once(folder, found.key) as partial:
        usage = Usage()
        context = Context(partial, report, root=out, command=command)
        try:
            metrics = stage(pipeline, Given(given, out, out / WORK / found.stage), context)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped in {found.stage}; the same command goes on") from None
        record = StageRecord(
            stage=found.stage, config=found.settings, key=found.key, inputs=found.inputs, metrics=metrics,
            made=settle(partial), **usage.so_far(),
        )  # fmt: skip
        (partial / RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    return record


def _place(text: str, out: Path) -> Path:
    """Where an input lies."""
    earlier = reference(text)
    return Path(text) if earlier is None else out / earlier[0] / earlier[1]


def _keep_edited(found: Look, folder: Path, report: Say) -> None:
    """Put what somebody changed aside, instead of writing over it."""
    if any((folder / name).exists() for name in found.edited):
        aside = folder.with_name(folder.name + ".changed")
        shutil.rmtree(aside, ignore_errors=True)
        folder.replace(aside)
        report(f"{found.stage}: what was changed is kept as {aside}")


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Nobody else works in the folder meanwhile; a run that was killed holds nothing."""
    try:
        (out / LOCK).parent.mkdir(parents=True, exist_ok=True)
        lock = (out / LOCK).open("w")
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RepSightError(f"{out}: another run is at work in it") from None
        yield
