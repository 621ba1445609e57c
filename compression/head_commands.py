"""The commands that train heads and measure them: they bring data, training, tracking and reports together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from configs.command_line import (
    FILE,
    FOLDER,
    command_line,
    progress_bar,
    settings_option,
    tell,
    track_option,
)


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--head", help="Which head: gru, mlp, tcn, transformer, stgcn, few_shot, forest, svm, knn.")
@click.option("--base", type=FILE, help="Head file to go on from; few_shot and --add take the shipped one without it.")
@click.option("--add", metavar="NAME=RECORDING[,RECORDING...]", help="Teach the base one action from recorded reps.")
@click.option("--data", type=click.Path(path_type=Path), multiple=True, help="Labelled set; may be repeated.")
@click.option(
    "--classes",
    type=click.Choice(["actions", "data"]),
    help="What it names: configs/actions.yaml, or the labels of its data.",
)
@click.option("--split", type=FILE, help="Of the one set: train on its train part, validate on its validation part.")
@click.option("--out", type=FILE, default="runs/head.onnx", show_default=True, help="The head file to write.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--sweep", type=FILE, metavar="SPACE.yaml", help="Try settings with Ray Tune, and keep the best head.")
@track_option()
@settings_option("train_head.yaml")
def train_head(
    overrides: tuple[str, ...],
    head: str | None,
    base: Path | None,
    add: str | None,
    data: tuple[Path, ...],
    classes: str | None,
    split: Path | None,
    out: Path,
    resume: bool,
    sweep: Path | None,
    track: bool,
    config: Path,
) -> None:
    """Train a head and write it as one ONNX file; `run --head FILE` uses it.

    Without --data the sequences are synthesized first, once, into a folder beside OUT. A set may be videos in a folder
    for each class, or beside a table of segments; with --classes data the head names what they show. With --add the
    sets are what the base is to answer as before, and what it learns comes from recordings (`repsight record`). With
    --sweep every trial is such a training; a stopped sweep goes on by the same command.
    """
    from classifier import job
    from classifier.curve import line, summary
    from classifier.head import OnnxHead
    from classifier.practice import read_lesson
    from compression.tracking import reports, tracked, wanted
    from configs.loader import load, load_actions
    from configs.schema import TrainHead
    from data.collect import for_training

    tracking, overrides = wanted(track, overrides)
    given = [f"head={head}"] if head else []
    given += [f"base={base}"] if base else []
    given += [f"classes={classes}"] if classes else []
    given += [f"split={split}"] if split else []
    given += [f"data={[str(folder) for folder in data]}"] if data else []
    settings, actions = load(TrainHead, config, [*overrides, *given]), load_actions()
    lesson = read_lesson(add) if add else None
    if sweep and (lesson or resume):
        raise click.UsageError("--sweep goes on by itself, and is not for --add: leave --resume and --add out.")
    asked = settings.head if any(text.startswith("head=") for text in (*overrides, *given)) else None
    if lesson:
        job.check_teaching(settings, out, head=asked, resume=resume)
    else:
        job.check(settings, actions, out, head=asked)
        if resume and not job.checkpoint_of(out).exists():
            click.echo(f"{job.checkpoint_of(out)} is not there, so there is nothing to go on with: it begins anew")
    if sweep:
        from classifier.sweep import lines, plan_sweep, run_sweep

        space, trials = plan_sweep(sweep, settings, actions, out)
    problems: list[str] = []
    with tracked(tracking, "train-head", out, settings.model_dump(mode="json") | {"add": add}, command=command_line(),
                 mark=out.with_suffix(".mlflow.json"), resume=resume, say=click.echo) as tracker:  # fmt: skip
        with progress_bar("reading" if settings.data else "synthesizing") as progress:
            examples = for_training(settings, out.parent, actions, teaching=bool(lesson), progress=progress,
                                    say=click.echo, problem=problems.append)  # fmt: skip
        told: dict[str, Any] = {"trained_on": examples.said, "command": command_line()}

        report = reports(tracker, line, settings.epochs, click.echo)
        if sweep:
            with progress_bar(f"{len(trials)} trials") as progress:
                swept = run_sweep(space, trials, examples.sequences, examples.actions, out, **told,
                                  validation=examples.validation, progress=progress)  # fmt: skip
            card = OnnxHead(out).card
            tracker.keep(swept.table)
            click.echo("\n".join(lines(swept)))
            problems += [f"failed: {said}" for said in swept.failed]
        elif lesson:
            click.echo(f"learning {lesson[0]}")
            card = job.teach_head(*lesson, examples.sequences, actions, settings, out, **told, on_step=report)
        else:
            card = job.train_head(examples.sequences, examples.actions, settings, out, **told, resume=resume,
                                  validation=examples.validation, on_epoch=report, note=problems.append)  # fmt: skip
        tracker.figures({name: value for name, value in card.metrics.items() if isinstance(value, int | float)})
        beside = (".curve.json", ".curve.png", ".config.yaml", ".classes.json")
        tracker.keep(out, *(out.with_suffix(suffix) for suffix in beside))
        tracker.models(head=out)
    tell(problems)
    click.secho(f"wrote {out}, the best of {len(swept.rows)}" if sweep else f"wrote {out}", bold=True)
    if not lesson:
        click.echo(summary(card))


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--head", type=FILE, multiple=True, help="Head file; may be repeated. The shipped one without it.")
@click.option("--baseline", type=FILE, multiple=True, help="Pixel baseline to compare heads with; may be repeated.")
@click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, required=True, help="Labelled set; may be repeated."
)
@click.option("--split", type=FILE, help="Split of the one set, of which --part is measured.")
@click.option("--part", help="Of the split: train, validation or test.  [default: test]")
@click.option("--out", type=FOLDER, default="runs/evaluation", show_default=True, help="Folder for the report.")
@click.option("--classes", help="auto, or the actions whose reps are scored: squat,push_up.")
@click.option("--robustness", is_flag=True, help="Count again on recordings made worse.")
@click.option("--xlsx", is_flag=True, help="Write the tables as a workbook as well.")
@track_option()
@settings_option("evaluate.yaml")
def evaluate(
    overrides: tuple[str, ...],
    head: tuple[Path, ...],
    baseline: tuple[Path, ...],
    data: tuple[Path, ...],
    split: Path | None,
    part: str | None,
    out: Path,
    classes: str | None,
    robustness: bool,
    xlsx: bool,
    track: bool,
    config: Path,
) -> None:
    """Measure heads on labelled sets: counts, ghosts, delays, labels; one page with pictures, and one JSON.

    With --baseline the set is videos in a folder for each class, and what is written is one table of accuracy, latency,
    size and memory: of each baseline, and of each head behind the pose model.
    """
    from classifier.evaluation.job import check
    from classifier.evaluation.job import evaluate as measure
    from classifier.evaluation.screen import LabelledSet
    from classifier.head import SHIPPED
    from compression.tracking import tracked, wanted
    from configs.loader import load_actions, load_with_counting
    from configs.schema import Evaluate
    from data.sets import Options, recognise
    from data.split import read_part

    tracking, overrides = wanted(track, overrides)
    given = [f"classes={classes if classes == 'auto' else classes.split(',')}"] if classes else []
    given += [f"{name}=true" for name, wanted in (("robustness", robustness), ("xlsx", xlsx)) if wanted]
    if baseline:
        from compression.baseline_commands import compare

        if part and not split:
            raise click.UsageError("--part is of a split: give both.")
        settings = load_with_counting(Evaluate, config, [*overrides, *given])
        compare(head or (SHIPPED,), baseline, data, split, part or "test", out, settings, tracking)
        return
    settings = load_with_counting(Evaluate, config, [*overrides, *given])
    check(head or (SHIPPED,), load_actions(), settings, out)
    if (split and len(data) > 1) or (part and not split):
        raise click.UsageError("--split FILE is of one set, and --part is of a split: give one --data, and both.")
    part = part or "test"
    for folder in data:
        recognise(folder)
    said = {"head": [str(path) for path in head or (SHIPPED,)], "data": [str(folder) for folder in data],
            "split": split and str(split), "part": split and part}  # fmt: skip
    with tracked(tracking, "evaluate", out, settings.model_dump(mode="json") | said, command=command_line(),
                 say=click.echo) as tracker:  # fmt: skip
        sets = []
        for folder in data:
            problems: list[str] = []
            with progress_bar(f"reading {folder.name}") as progress:
                options = Options(problem=problems.append, progress=progress)
                records = tuple(read_part(folder, load_actions(), options, split, part))
            name = f"{folder.name} ({part} of {split.name})" if split else folder.name
            sets.append(LabelledSet(name, records, tuple(problems)))
        with progress_bar("evaluating") as progress:
            report, written = measure(
                head or (SHIPPED,), sets, load_actions(), settings, out, command=command_line(), progress=progress
            )
        tracker.figures(report.figures())
        tracker.keep(*written, out / "config.yaml")
    for line in report.lines():
        click.echo(line)
    for each in report.sets:
        tell(each.problems)
    click.secho(f"wrote {', '.join(map(str, written))}", bold=True)
