"""The command that trains pixel baselines, and what `evaluate` does when some are given beside heads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs.command_line import FILE, command_line, progress_bar, settings_option, tell, track_option

if TYPE_CHECKING:
    from configs.schema import Evaluate
    from configs.tracking import Tracking


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--model", help="Which baseline: vit, r3d, slowfast.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with a folder of videos, or pictures, a class.")
@click.option("--split", type=FILE, help="Of the set: train on its train part, validate on its validation part.")
@click.option("--out", type=FILE, default="runs/baseline.onnx", show_default=True, help="The file to write.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--study", is_flag=True, help="Train with more and more blocks frozen; a table and a picture of it.")
@track_option()
@settings_option("train_baseline.yaml")
def train_baseline(
    overrides: tuple[str, ...], model: str | None, data: Path | None, split: Path | None, out: Path, resume: bool,
    study: bool, track: bool, config: Path,
) -> None:  # fmt: skip
    """Train a network on pixels, to compare heads with: `evaluate --baseline FILE`.

    The set is a folder with a folder of videos for each class (for vit also of pictures); or it has such folders below
    train/, validation/ and test/; or --split says what is in which part. Without any of that a split is drawn, and
    written beside OUT. Published weights are fetched; without a network it begins with random ones, and says so.
    """
    from classifier.baselines import job
    from classifier.baselines.study import study as try_depths
    from classifier.curve import line
    from compression.tracking import reports, tracked, wanted
    from configs.baselines import TrainBaseline
    from configs.loader import load, load_actions
    from data import split as splits
    from data.labelled_files import in_parts
    from keypoints.errors import InputError
    from keypoints.told import Told

    tracking, overrides = wanted(track, overrides)
    given = [f"{name}={value}" for name, value in (("model", model), ("data", data), ("split", split)) if value]
    settings = load(TrainBaseline, config, [*overrides, *given])
    full = job.check(settings, out)
    if settings.data is None:
        raise InputError("nothing to learn from", field="data", expected="a folder with a folder of videos a class",
                         hint="give one with --data")  # fmt: skip
    path = Path(settings.data)
    parts = in_parts(path, load_actions(), Path(settings.split) if settings.split else None, settings.seed)
    if not parts.videos and settings.model != "vit":
        raise InputError(f"{settings.model} reads videos", file=path, found="pictures", hint="--model vit reads them")
    if resume and not (out.with_suffix(".study").is_dir() if study else job.checkpoint_of(out).exists()):
        click.echo("there is nothing to go on with: it begins anew")
    if parts.drawn is not None:
        splits.write(parts.drawn, out.with_suffix(".split.yaml"), path.name, settings.seed)
    problems: list[str] = []
    with tracked(tracking, "train-baseline", out, settings.model_dump(mode="json") | {"study": study},
                 command=command_line(), mark=out.with_suffix(".mlflow.json"), resume=resume,
                 say=click.echo) as tracker:  # fmt: skip
        report = reports(tracker, line, settings.epochs, click.echo)
        with progress_bar("reading") as progress:
            told = Told(report, progress, click.echo, problems.append)
            material = job.material(parts.train, parts.validation, parts.test if study else (), full, told)
        click.echo(f"{len(material.labels)} classes ({', '.join(material.labels)}): training on"
                   f" {len(material.training.classes)}, validating on {len(material.validation.classes)}")  # fmt: skip
        if study:
            files: tuple[Path, ...] = try_depths(material, full, out, resume=resume, told=told)[1]
            tracker.keep(*files)
        else:
            made = job.train_baseline(material, settings, out, trained_on=[f"{path.name}, its train part"],
                                      command=command_line(), resume=resume, told=told)  # fmt: skip
            files = made.files
            tracker.figures({k: v for k, v in made.card.metrics.items() if isinstance(v, int | float)})
            tracker.keep(*files)
    tell(problems)
    click.secho(f"wrote {', '.join(map(str, files))}", bold=True)
    if study:
        return
    for file, difference in made.differences.items():
        click.echo(f"{file.name} and {out.with_suffix('.pt').name} answer alike: {difference:.1e} apart at most")
    click.echo(f"on videos held out: accuracy {made.card.metrics['validation_accuracy']:.3f};"
               f" it began with {made.card.weights} weights")  # fmt: skip


def compare(
    heads: Sequence[Path], baselines: Sequence[Path], data: Sequence[Path], split: Path | None, part: str, out: Path,
    settings: Evaluate, tracking: Tracking | None,
) -> None:  # fmt: skip
    """`evaluate` with baselines: heads and baselines on the same videos, in one table."""
    from classifier.baselines import table
    from compression.tracking import tracked
    from configs.loader import load_actions
    from data.labelled_files import part_files

    if len(data) != 1:
        raise click.UsageError("--baseline compares on one set: give one --data.")
    if settings.robustness or settings.xlsx or settings.classes != "auto":
        raise click.UsageError("--classes, --robustness and --xlsx are of heads alone: leave them or --baseline out.")
    contenders = table.check(heads, baselines, out)
    files = part_files(data[0], load_actions(), split, part)
    name = f"{data[0].name} ({part} of {split.name})" if split else data[0].name
    said = {"head": [str(path) for path in heads], "baseline": [str(path) for path in baselines], "data": name}
    with tracked(tracking, "evaluate", out, settings.model_dump(mode="json") | said, command=command_line(),
                 say=click.echo) as tracker:  # fmt: skip
        with progress_bar("comparing") as progress:
            found, written = table.compare(contenders, files, name, settings, out, command=command_line(),
                                           progress=progress)  # fmt: skip
        tracker.figures(table.figures(found))
        tracker.keep(*written, out / "config.yaml")
    for line in table.lines(found):
        click.echo(line)
    tell(found.problems)
    click.secho(f"wrote {', '.join(map(str, written))}", bold=True)
