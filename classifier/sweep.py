"""A sweep over settings of `train-head`: each trial is one training, Ray Tune runs them, the best head is kept."""

from __future__ import annotations

import csv
import hashlib
import itertools
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.head import OnnxHead
from classifier.job import check as check_training
from classifier.job import checkpoint_of, train_head
from configs.loader import check, load
from configs.schema import Actions, TrainHead
from configs.sweeping import Range, Sweep
from keypoints.errors import ConfigError, RepSightError
from keypoints.files import sha256, whole
from keypoints.ray_cluster import check_address, cluster, hush, import_ray
from keypoints.session import usable_cores
from keypoints.told import Report
from keypoints.types import KeypointSequence

METRICS = ("accuracy", "loss", "excursion_error")

#: A trial whose worker dies is taken up again, from its last epoch, so many times.
RETRIES = 3

#: What lies beside a head file, and goes with it.
_BESIDE = (".config.yaml", ".classes.json", ".curve.json", ".curve.png")


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the space. changes: its values by dotted key; settings: of `train-head`, with them."""

    changes: dict[str, Any]
    settings: TrainHead


@dataclass(frozen=True, slots=True)
class Row:
    """A trial that is done: its head file and what was measured on the people held out (NaN: not measured)."""

    trial: Trial
    head: Path
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of a sweep. rows: best first; failed: a line for each trial that has no head; table: the CSV file."""

    rows: list[Row]
    failed: list[str]
    table: Path


def plan_sweep(file: Path, base: TrainHead, actions: Actions, out: Path) -> tuple[Sweep, list[Trial]]:
    """The sweep of a YAML file, and its trials: every combination of the lists, each with every draw from the ranges.

    Raises ConfigError for a setting that `train-head` does not have, or a value that it does not take; InputError for
    settings that do not go together, a cluster that does not answer; MissingExtraError without Ray.
    """
    sweep = load(Sweep, file)
    lists = {key: values for key, values in sweep.space.items() if not isinstance(values, Range)}
    ranges = {key: values for key, values in sweep.space.items() if isinstance(values, Range)}
    rng = np.random.default_rng(sweep.seed)
    drawn = [{key: _draw(one, rng) for key, one in ranges.items()} for _ in range(sweep.draws if ranges else 1)]
    trials: dict[str, Trial] = {}
    for values in itertools.product(*lists.values()):
        for draw in drawn:
            changes = {key: {**dict(zip(lists, values, strict=True)), **draw}[key] for key in sweep.space}
            settings = _changed(base, changes, file)
            check_training(settings, actions, out)
            trials.setdefault(settings.model_dump_json(), Trial(changes, settings))
    import_ray()
    if sweep.address is not None:
        check_address(sweep.address)
    return sweep, list(trials.values())


def _draw(one: Range, rng: np.random.Generator) -> int | float:
    low, high = (math.log(one.min), math.log(one.max)) if one.log else (one.min, one.max)
    if isinstance(one.min, int) and isinstance(one.max, int):
        return round(math.exp(rng.uniform(low, high))) if one.log else int(rng.integers(one.min, one.max + 1))
    value = float(rng.uniform(low, high))
    return float(f"{math.exp(value) if one.log else value:.4g}")


def _changed(base: TrainHead, changes: dict[str, Any], file: Path) -> TrainHead:
    tree = base.model_dump(mode="json")
    for key, value in changes.items():
        branch: Any = tree
        *parents, last = key.split(".")
        for parent in parents:
            branch = branch.setdefault(parent, {})
            if not isinstance(branch, dict):
                raise ConfigError("has no fields", file=file, field=f"space.{key}", found=f"{parent} is {branch!r}")
        branch[last] = value
    return check(TrainHead, tree, file, "space")


def run_sweep(
    sweep: Sweep,
    trials: Sequence[Trial],
    sequences: Sequence[KeypointSequence],
    actions: Actions,
    out: Path,
    *,
    trained_on: Sequence[str],
    command: str,
    validation: Sequence[KeypointSequence] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    on_epoch: Report = lambda metrics: None,
) -> Swept:
    """Train every trial as `train_head` does, and copy the best head to `out`.

    Beside `out` the folder `NAME.sweep` has a head for each trial and `results.csv`, best first. A trial is known by
    its settings and by what it is trained on: one that is done there is not done again, one that was stopped goes on.
    progress: told (trials done, trials). on_epoch: told every trial's metrics, with `trial` (from 1).
    Raises RepSightError when no trial came to an end, and as `keypoints.ray_cluster.cluster`.
    """
    folder = out.with_suffix(".sweep")
    data = _fingerprint([*sequences, *validation], actions)
    heads = [folder / _key(trial.settings, data) / "head.onnx" for trial in trials]
    todo = [i for i, head in enumerate(heads) if not _is_done(head)]
    progress(len(trials) - len(todo), len(trials))
    reasons: dict[int, str] = {}
    if todo:
        threads = max(trial.settings.threads for trial in trials)
        workers = min(sweep.workers or max(1, usable_cores() // threads), len(todo))
        points = {i: _point(trials[i].settings, heads[i]) for i in todo}
        given = {"sequences": list(sequences), "validation": list(validation), "actions": actions,
                 "trained_on": tuple(trained_on), "command": command}  # fmt: skip
        done = itertools.count(len(trials) - len(todo) + 1)
        try:
            with cluster(workers * threads, sweep.address):
                reasons = _tune(points, given, threads, workers, lambda: progress(next(done), len(trials)), on_epoch)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    rows = [Row(t, head, _measured(head)) for t, head in zip(trials, heads, strict=True) if _is_done(head)]
    if not rows:
        raise RepSightError(f"no trial came to its end: {next(iter(reasons.values()), 'all were stopped')}")
    rows.sort(key=lambda row: _rank(row, sweep.metric))
    _copy(rows[0].head, out)
    failed = [f"{_said(trials[i])}: {reasons.get(i, 'did not come to its end')}"
              for i, head in enumerate(heads) if not _is_done(head)]  # fmt: skip
    return Swept(rows, failed, _write(rows, folder / "results.csv"))


def _point(settings: TrainHead, head: Path) -> tuple[TrainHead, Path]:
    """What a worker is to train, and where to: it works in a folder of its own, so paths are absolute."""
    base = settings.base and str(Path(settings.base).absolute())
    return settings.model_copy(update={"base": base}), head.absolute()


def _tune(
    points: dict[int, tuple[TrainHead, Path]],
    given: dict[str, Any],
    threads: int,
    workers: int,
    on_done: Callable[[], None],
    on_epoch: Report,
) -> dict[int, str]:
    """Run the trials with Ray Tune; why each one that failed did, by its number."""
    from ray import tune

    for name in ("ray.tune", "ray.train", "ray.air"):
        hush(name)

    reasons: dict[int, str] = {}

    class Told(tune.Callback):
        def __reduce__(self) -> Any:
            return tune.Callback, ()  # Tune pickles its settings; who is told can't be, and is here alone

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
            on_epoch(
                {name: value for name, value in result.items() if name in ("trial", "epoch", "training_loss", *METRICS)}
            )

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            on_done()

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            # Not from what Tune returns: there, a trial that failed before its first epoch does not say which it was.
            reasons[trial.config["number"]] = _reason(Path(trial.error_file).read_text(errors="replace"))
            on_done()

    with tempfile.TemporaryDirectory(prefix="repsight-tune-", ignore_cleanup_errors=True) as storage:
        tune.Tuner(
            tune.with_resources(tune.with_parameters(_train, points=points, **given), {"cpu": threads}),
            param_space={"number": tune.grid_search(list(points))},
            # A worker goes on with the next trial, so that each loads PyTorch once.
            tune_config=tune.TuneConfig(max_concurrent_trials=workers, reuse_actors=True),
            run_config=tune.RunConfig(
                name="sweep", storage_path=storage, verbose=0, callbacks=[Told()],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
            ),
        ).fit()  # fmt: skip
    return reasons


def _reason(text: str) -> str:
    """The line that says why: the last that names an error, for Ray goes on after it about its own."""
    lines = text.strip().splitlines()
    return next((line for line in reversed(lines) if re.match(r"[\w.]*(Error|Exception)\b.*: ", line)), lines[-1])


def _train(
    config: dict[str, int],
    points: dict[int, tuple[TrainHead, Path]],
    sequences: Sequence[KeypointSequence],
    actions: Actions,
    **told: Any,
) -> None:
    """One trial, in a worker of Ray; what it is given beside its number comes by Ray's object store, once."""
    from ray import tune

    settings, head = points[config["number"]]

    def report(metrics: dict[str, float]) -> None:
        tune.report({"trial": config["number"] + 1, **metrics})

    train_head(sequences, actions, settings, head, **told, resume=True, on_epoch=report)


def _fingerprint(sequences: Sequence[KeypointSequence], actions: Actions) -> str:
    """A hash of all that training takes from the sequences, and of what they show."""
    found = hashlib.sha256(actions.model_dump_json().encode())
    for one in sequences:
        for array in (one.keypoints, one.time_s, one.phase):
            found.update(b"-" if array is None else array.tobytes())
        found.update(repr((one.action, one.subject, one.source)).encode(errors="replace"))
    return found.hexdigest()


def _key(settings: TrainHead, data: str) -> str:
    """The name of a trial's folder. What its data and its base are called does not count, what is in them does."""
    said = settings.model_dump_json(exclude={"data", "split", "base"})
    base = sha256(Path(settings.base)) if settings.base else None
    return hashlib.sha256(f"{said} {base} {data}".encode()).hexdigest()[:12]


def _is_done(head: Path) -> bool:
    """The learning curve is what `train_head` writes last, before it removes its checkpoint."""
    return head.exists() and head.with_suffix(".curve.png").exists() and not checkpoint_of(head).exists()


def _measured(head: Path) -> dict[str, float]:
    metrics = OnnxHead(head).card.metrics
    return {name: float(metrics.get(f"validation_{name}", math.nan)) for name in METRICS}


def _rank(row: Row, metric: str) -> tuple[float, float]:
    """Lower is better; of equals that of the lower loss."""
    value = -row.metrics[metric] if metric == "accuracy" else row.metrics[metric]
    return tuple(math.inf if math.isnan(one) else one for one in (value, row.metrics["loss"]))  # type: ignore[return-value]


def _copy(head: Path, out: Path) -> None:
    for suffix in (*_BESIDE, ".onnx"):
        if head.with_suffix(suffix).exists():
            with whole(out.with_suffix(suffix)) as partial:
                shutil.copyfile(head.with_suffix(suffix), partial)


def _write(rows: Sequence[Row], file: Path) -> Path:
    with whole(file) as partial, partial.open("w", newline="") as opened:
        csv.writer(opened).writerows(_cells(rows))
    return file


def _cells(rows: Sequence[Row]) -> Iterator[list[str]]:
    keys = list(rows[0].trial.changes)
    yield [*keys, *METRICS, "head"]
    for row in rows:
        values = [str(row.trial.changes[key]) for key in keys]
        measured = ["" if math.isnan(row.metrics[name]) else f"{row.metrics[name]:.4f}" for name in METRICS]
        yield [*values, *measured, row.head.parent.name]


def lines(swept: Swept) -> list[str]:
    """The table, for a terminal: best first."""
    cells = list(_cells(swept.rows))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _said(trial: Trial) -> str:
    return ", ".join(f"{key}={value}" for key, value in trial.changes.items())
