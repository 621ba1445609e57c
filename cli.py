"""The command line of RepSight: one thin command a job; what is heavy is imported inside the command."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from compression.commands import compress, export, latency
from configs.command_line import (
    FILE,
    FOLDER,
    MODEL,
    Commands,
    command_line,
    progress_bar,
    settings_option,
    split_off,
    tell,
    track_option,
)
from configs.commands import config as settings_group
from data.commands import data_sets, synthesize
from edge.commands import benchmark, doctor, history, invite, publish
from edge.pi.commands import pi
from keypoints.commands import train_pose
from keypoints.errors import RepSightError


def _version() -> str:
    try:
        return metadata.version("repsight")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        import configparser

        parser = configparser.ConfigParser()
        parser.read(Path(__file__).with_name("setup.cfg"), encoding="utf-8")
        return parser.get("metadata", "version", fallback="unknown")


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"repsight {_version()}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and what native libraries say.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli(debug: bool) -> None:
    """RepSight turns any camera into a rep counter."""


for command in (synthesize, data_sets, export, latency, compress, benchmark, history, invite, publish, pi, doctor,
                train_pose, settings_group):  # fmt: skip
    cli.add_command(command)


@cli.command()
@click.argument("arguments", metavar="[SOURCE] [KEY=VALUE]...", nargs=-1)
@click.option(
    "--screen", type=click.Choice(["auto", "window", "web", "terminal", "none"]), help="Where the count is shown."
)
@click.option("--host", help="Where the web screen listens; 0.0.0.0 is every network, behind a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the web screen.")
@click.option("--pose", type=MODEL, help="Pose model file, or s3://BUCKET/NAME[/VERSION], instead of the shipped one.")
@click.option("--head", type=MODEL, help="Head file, or s3://BUCKET/NAME[/VERSION], instead of the shipped one.")
@click.option("--save", type=FILE, metavar="VIDEO", help="Write the annotated video (.mp4).")
@click.option("--json", "json_file", type=FILE, help="Write counts, segments and latencies.")
@click.option("--log", type=FOLDER, metavar="DIR", help="Save the session here (or: always, none).")
@settings_option("run.yaml")
@click.option("--workout", type=FILE, help="Follow a plan of sets and rests (YAML): starter.yaml, or your own.")
@click.option("--quiet", is_flag=True, help="No voice, no beeps.")
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many frames.")
@click.pass_context
def run(
    ctx: click.Context,
    arguments: tuple[str, ...],
    screen: str | None,
    host: str | None,
    port: int | None,
    pose: str | None,
    head: str | None,
    save: Path | None,
    json_file: Path | None,
    log: Path | None,
    config: Path,
    workout: Path | None,
    quiet: bool,
    frames: int | None,
) -> None:
    """Count reps from a camera, a file or a stream.

    SOURCE is a camera number or device, picamera, a video file, an http or rtsp URL, a folder of images, a keypoint
    sequence (.npz), or demo. Without one: the first camera, or the demo clip where there is none.
    """
    from edge.process import Stop, native_silence

    sources, overrides = split_off(arguments)
    if len(sources) + any(text.startswith("source=") for text in overrides) > 1:
        raise click.UsageError(f"One source at a time, not {' '.join(arguments)}; a setting is key=value.")
    if not all(sources):
        raise click.UsageError("The source is empty.")
    with Stop() as stopped, nullcontext() if ctx.find_root().params["debug"] else native_silence():
        # From here on Ctrl-C and SIGTERM end the run with its summary, also while the rest is still being imported.
        from edge.run import load_settings
        from edge.run import run as run_edge

        overrides += [f"web.{key}={value}" for key, value in (("host", host), ("port", port)) if value is not None]
        settings, counting = load_settings(config, overrides)
        given = {"source": sources[0] if sources else None, "screen": screen, "log": log, "pose": pose, "head": head,
                 "workout": workout, "sound": "none" if quiet else None}  # fmt: skip
        settings = settings.model_copy(update={k: str(v) for k, v in given.items() if v is not None})
        outcome = run_edge(settings, counting, save=save, json_file=json_file, max_frames=frames, stopped=stopped,
                           fetching=progress_bar)  # fmt: skip
    with suppress(OSError):  # the terminal may be gone
        click.secho(outcome.summary, bold=True)
    ctx.exit(outcome.exit_code)


@cli.command()
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
    track: bool,
    config: Path,
) -> None:
    """Train a head and write it as one ONNX file; `run --head FILE` uses it.

    Without --data the sequences are synthesized first, once, into a folder beside OUT. A set may be videos in a folder
    for each class, or beside a table of segments; with --classes data the head names what they show. With --add the
    sets are what the base is to answer as before, and what it learns comes from recordings (`repsight record`).
    """
    from classifier import job
    from classifier.curve import line, summary
    from classifier.practice import read_lesson
    from compression.tracking import tracked, wanted
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
    asked = settings.head if any(text.startswith("head=") for text in (*overrides, *given)) else None
    if lesson:
        job.check_teaching(settings, out, head=asked, resume=resume)
    else:
        job.check(settings, actions, out, head=asked)
        if resume and not job.checkpoint_of(out).exists():
            click.echo(f"{job.checkpoint_of(out)} is not there, so there is nothing to go on with: it begins anew")
    problems: list[str] = []
    with tracked(tracking, "train-head", out, settings.model_dump(mode="json") | {"add": add}, command=command_line(),
                 mark=out.with_suffix(".mlflow.json"), resume=resume, say=click.echo) as tracker:  # fmt: skip
        with progress_bar("reading" if settings.data else "synthesizing") as progress:
            examples = for_training(settings, out.parent, actions, teaching=bool(lesson), progress=progress,
                                    say=click.echo, problem=problems.append)  # fmt: skip
        told: dict[str, Any] = {"trained_on": examples.said, "command": command_line()}

        def report(metrics: dict[str, float]) -> None:
            click.echo(line(metrics, settings.epochs))
            tracker.report(metrics)

        if lesson:
            click.echo(f"learning {lesson[0]}")
            card = job.teach_head(*lesson, examples.sequences, actions, settings, out, **told, on_step=report)
        else:
            card = job.train_head(examples.sequences, examples.actions, settings, out, **told, resume=resume,
                                  validation=examples.validation, on_epoch=report)  # fmt: skip
        tracker.figures({name: value for name, value in card.metrics.items() if isinstance(value, int | float)})
        beside = (".curve.json", ".curve.png", ".settings.json", ".config.yaml")
        tracker.keep(out, *(out.with_suffix(suffix) for suffix in beside))
        tracker.models(head=out)
    tell(problems)
    click.secho(f"wrote {out}", bold=True)
    if not lesson:
        click.echo(summary(card))


@cli.command()
@click.argument("name")
@click.argument("arguments", metavar="[SOURCE] [KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FILE, required=True, help="The .npz file to write.")
@click.option("--seconds", type=click.FloatRange(min=1), default=30, show_default=True, help="The longest recording.")
@click.option("--countdown", type=click.FloatRange(min=0), help="Seconds before it; 5 with a camera, none with a file.")
@click.option(
    "--screen", type=click.Choice(["auto", "window", "terminal", "none"]), help="Where the countdown is shown."
)
@settings_option("run.yaml")
def record(
    name: str,
    arguments: tuple[str, ...],
    out: Path,
    seconds: float,
    countdown: float | None,
    screen: str | None,
    config: Path,
) -> None:
    """Record reps of the exercise NAME, to be taught with `train-head --add NAME=FILE`.

    SOURCE as in `run`. Space or Enter begins before the countdown has ended, and ends the recording.
    """
    from edge.process import Stop, native_silence

    sources, overrides = split_off(arguments)
    if len(sources) > 1:
        raise click.UsageError(f"One source at a time, not {' '.join(sources)}.")
    with Stop() as stopped, native_silence():
        from edge.record import record as make
        from edge.run import load_settings

        settings, _ = load_settings(config, overrides)
        given = {"source": sources[0] if sources else None, "screen": screen}
        settings = settings.model_copy(update={k: v for k, v in given.items() if v is not None})
        made = make(name, settings, out, seconds=seconds, countdown_s=countdown, stopped=stopped)
    if made.trouble:
        raise RepSightError(f"wrote {made.path}, but nothing can be learnt from it: {made.trouble}")
    reps = "1 rep" if made.reps == 1 else f"{made.reps} reps"
    click.secho(f"wrote {made.path}: {reps} in {made.seconds:.1f} s", bold=True)
    if made.cut:
        click.echo(f"it ends after {seconds:g} s, also if the source goes on; --seconds takes more")


@cli.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--head", type=FILE, multiple=True, help="Head file; may be repeated. The shipped one without it.")
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
    """Measure heads on labelled sets: counts, ghosts, delays, labels; one page with pictures, and one JSON."""
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


@cli.command()
@click.argument("overrides", metavar="[STAGE.KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FOLDER, default="runs/pipeline", show_default=True, help="A folder for each stage in it.")
@click.option("--from", "begin", metavar="STAGE", help="This stage and those after it; those before must be done.")
@click.option("--only", metavar="STAGE", help="This stage alone.")
@click.option("--again", is_flag=True, help="Also what is done.")
@click.option("--dry-run", is_flag=True, help="Print what is done, what is to do, and why; do nothing.")
@click.option("--dvc", is_flag=True, help="Write dvc.yaml and pipeline.yaml here, for `dvc repro`; do nothing else.")
@track_option()
@settings_option("pipeline/default.yaml")
def pipeline(
    overrides: tuple[str, ...], out: Path, begin: str | None, only: str | None, again: bool, dry_run: bool, dvc: bool,
    track: bool, config: Path,
) -> None:  # fmt: skip
    """From data to published models in one go: data, split, training, compression, evaluation, export, publish.

    The settings have a section for each stage; those of smoke.yaml show in minutes that all works. A stage is skipped
    when its settings and inputs are those that it was done with; a stopped run goes on.
    """
    from compression.tracking import wanted
    from configs.stages import load_pipeline

    tracking, overrides = wanted(track, overrides)
    settings = load_pipeline(config, overrides)
    if dvc:
        from compression.pipeline.dvc import write_dvc

        written = write_dvc(settings, out, Path.cwd())
        click.secho(f"wrote {written[0].name} and {written[1].name}; `dvc repro` runs them", bold=True)
        return
    asked: dict[str, Any] = {"only": only, "begin": begin, "again": again}
    if dry_run:
        from compression.pipeline.job import plan

        for look in plan(settings, out, **asked):
            click.echo(f"{look.stage:14} {look.state}{f': {look.why}' if look.why else ''}")
        return
    from compression.pipeline.stages import STAGES, check, publishing
    from compression.pipeline.tracked import run as run_pipeline
    from edge.publish import publish as put

    check(settings, out)
    said = command_line(["pipeline", "--config", config.name, *overrides])  # whichever of its stages are asked for
    stages = STAGES | {"publish": publishing(put)}
    run_pipeline(settings, out, stages, tracking, **asked, command=said, report=click.echo)
    click.secho(f"made {', '.join(settings.stages)} in {out}", bold=True)


def main() -> None:
    """The entry point of `repsight`."""
    cli(prog_name="repsight")


if __name__ == "__main__":
    main()
