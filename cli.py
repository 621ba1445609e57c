"""The command line of RepSight: one thin command a job; what is heavy is imported inside the command."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib import metadata
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from keypoints.errors import RepSightError

_ROOMS = ("keypoints", "classifier", "compression", "edge", "data", "configs")
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

F = TypeVar("F", bound=Callable[..., object])


class _OneLine(click.ClickException):
    """An error as the user sees it: one line, `error: ...`."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", err=True)


class _Stopped(_OneLine):
    """Ctrl-C is no error: one line that says what becomes of the work."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"\n{self.message}", err=True)


class _WrongInput(_OneLine):
    exit_code = 2


class _Commands(click.Group):
    """Turns every expected error of a command into one line and its exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RepSightError as error:
            if ctx.params["debug"]:
                raise
            raise (_WrongInput if error.exit_code == 2 else _OneLine)(str(error)) from None
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            raise _WrongInput(f"{error.format_message()} See `{command} --help`.") from None
        except ModuleNotFoundError as error:
            if ctx.params["debug"] or error.name in _ROOMS:
                raise
            hint = "make test makes an environment that has it, .venv-test; or: pip install '.[train]'"
            raise _WrongInput(f"this command needs the workshop half ({error.name} is not installed); {hint}") from None
        except KeyboardInterrupt as stop:
            raise _Stopped(str(stop) or "stopped") from None


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


def _split(arguments: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What is a dotted override `key.sub=value`, and what is not (a URL may hold a `=` as well)."""
    overrides = [a for a in arguments if re.match(r"[a-z_]+(\.[a-z_]+)*=", a)]
    return [a for a in arguments if a not in overrides], overrides


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar; call it with what is done and what there is to do."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True))
    task = bar.add_task(label, total=None)

    def tell(done: int, total: int) -> None:
        bar.start()  # with the first news: an error before it stays one line
        bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


def _command_line() -> str:
    """The command as it was typed, for a model card; of absolute paths the last part alone."""

    def shortened(word: str) -> str:
        if word.startswith("/"):
            return Path(word).name
        return re.sub(r"(?<=[=,\[\s\"'])/[^=,\]\s\"']*", lambda found: Path(found[0]).name, word)

    return shlex.join(["repsight", *map(shortened, sys.argv[1:])])


def _settings(default: str) -> Callable[[F], F]:
    """The option that every command with settings has."""
    return click.option(
        "--config", type=FILE, default=default, show_default=True, help="Settings; KEY=VALUE changes one."
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and what native libraries say.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli(debug: bool) -> None:
    """RepSight turns any camera into a rep counter."""


@cli.command()
@click.argument("arguments", metavar="[SOURCE] [KEY=VALUE]...", nargs=-1)
@click.option("--screen", type=click.Choice(["auto", "window", "terminal", "none"]), help="Where the count is shown.")
@click.option("--pose", type=FILE, help="Pose model file instead of the shipped one.")
@click.option("--head", type=FILE, help="Head file instead of the shipped one.")
@click.option("--save", type=FILE, metavar="VIDEO", help="Write the annotated video (.mp4).")
@click.option("--json", "json_file", type=FILE, help="Write counts, segments and latencies.")
@click.option("--log", type=FOLDER, metavar="DIR", help="Folder of the session log.")
@_settings("run.yaml")
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many frames.")
@click.pass_context
def run(
    ctx: click.Context,
    arguments: tuple[str, ...],
    screen: str | None,
    pose: Path | None,
    head: Path | None,
    save: Path | None,
    json_file: Path | None,
    log: Path | None,
    config: Path,
    frames: int | None,
) -> None:
    """Count reps from a camera, a file or a stream.

    SOURCE is a camera number or device, picamera, a video file, an http or rtsp URL, a folder of images, a keypoint
    sequence (.npz), or demo. Without one: the first camera, or the demo clip where there is none.
    """
    from edge.process import Stop, native_silence

    sources, overrides = _split(arguments)
    if len(sources) + any(text.startswith("source=") for text in overrides) > 1:
        raise click.UsageError(f"One source at a time, not {' '.join(arguments)}; a setting is key=value.")
    if not all(sources):
        raise click.UsageError("The source is empty.")
    with Stop() as stopped, nullcontext() if ctx.find_root().params["debug"] else native_silence():
        # From here on Ctrl-C and SIGTERM end the run with its summary, also while the rest is still being imported.
        from edge.run import load_settings
        from edge.run import run as run_edge

        settings, counting = load_settings(config, overrides)
        given = {"source": sources[0] if sources else None, "screen": screen, "log": log, "pose": pose, "head": head}
        settings = settings.model_copy(update={k: str(v) for k, v in given.items() if v is not None})
        outcome = run_edge(settings, counting, save=save, json_file=json_file, max_frames=frames, stopped=stopped)
    with suppress(OSError):  # the terminal may be gone
        click.secho(outcome.summary, bold=True)
    ctx.exit(outcome.exit_code)


@cli.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--head", help="Which head: gru, mlp, tcn, transformer, stgcn, few_shot, forest, svm, knn.")
@click.option("--base", type=FILE, help="Head file to go on from; few_shot and --add take the shipped one without it.")
@click.option("--add", metavar="NAME=RECORDING[,RECORDING...]", help="Teach the base one action from recorded reps.")
@click.option("--data", type=click.Path(path_type=Path), multiple=True, help="Labelled set; may be repeated.")
@click.option("--split", type=FILE, help="Of the one set: train on its train part, validate on its validation part.")
@click.option("--out", type=FILE, default="runs/head.onnx", show_default=True, help="The head file to write.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@_settings("train_head.yaml")
def train_head(
    overrides: tuple[str, ...],
    head: str | None,
    base: Path | None,
    add: str | None,
    data: tuple[Path, ...],
    split: Path | None,
    out: Path,
    resume: bool,
    config: Path,
) -> None:
    """Train a head and write it as one ONNX file; `run --head FILE` uses it.

    Without --data the sequences are synthesized first, once, into a folder beside OUT. With --add they are what the
    base is to answer as before, and what it learns comes from recordings that `repsight record` makes.
    """
    from classifier import job
    from classifier.curve import line, summary
    from classifier.practice import read_lesson
    from configs.loader import load, load_actions
    from configs.schema import TrainHead
    from data.collect import for_training

    given = [f"head={head}"] if head else []
    given += [f"base={base}"] if base else []
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
    with _progress("synthesizing") as progress:
        examples = for_training(settings, out.parent, actions, teaching=bool(lesson), progress=progress,
                                say=click.echo, problem=problems.append)  # fmt: skip
    told: dict[str, Any] = {"trained_on": examples.said, "command": _command_line()}
    if lesson:
        click.echo(f"learning {lesson[0]}")
        job.teach_head(*lesson, examples.sequences, actions, settings, out, **told,
                       on_step=lambda m: click.echo(line(m)))  # fmt: skip
    else:
        card = job.train_head(examples.sequences, actions, settings, out, **told, validation=examples.validation,
                              resume=resume, on_epoch=lambda m: click.echo(line(m, settings.epochs)))  # fmt: skip
    _tell(problems)
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
@_settings("run.yaml")
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

    sources, overrides = _split(arguments)
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
@_settings("evaluate.yaml")
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
    config: Path,
) -> None:
    """Measure heads on labelled sets: counts, ghosts, delays, labels; one page with pictures, and one JSON."""
    from classifier.evaluation.job import check
    from classifier.evaluation.job import evaluate as measure
    from classifier.evaluation.screen import LabelledSet
    from classifier.head import SHIPPED
    from configs.loader import load, load_actions
    from configs.schema import Evaluate
    from data.sets import Options, recognise
    from data.split import read_part

    given = [f"classes={classes if classes == 'auto' else classes.split(',')}"] if classes else []
    given += [f"{name}=true" for name, wanted in (("robustness", robustness), ("xlsx", xlsx)) if wanted]
    settings = load(Evaluate, config, [*overrides, *given])
    check(head or (SHIPPED,), load_actions(), settings, out)
    if (split and len(data) > 1) or (part and not split):
        raise click.UsageError("--split FILE is of one set, and --part is of a split: give one --data, and both.")
    part = part or "test"
    for folder in data:
        recognise(folder)
    sets = []
    for folder in data:
        problems: list[str] = []
        with _progress(f"reading {folder.name}") as progress:
            options = Options(problem=problems.append, progress=progress)
            records = tuple(read_part(folder, load_actions(), options, split, part))
        name = f"{folder.name} ({part} of {split.name})" if split else folder.name
        sets.append(LabelledSet(name, records, tuple(problems)))
    with _progress("evaluating") as progress:
        report, written = measure(
            head or (SHIPPED,), sets, load_actions(), settings, out, command=_command_line(), progress=progress
        )
    for line in report.lines():
        click.echo(line)
    for each in report.sets:
        _tell(each.problems)
    click.secho(f"wrote {', '.join(map(str, written))}", bold=True)


@cli.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FOLDER, required=True, help="Folder for what is made.")
@_settings("synthesize.yaml")
def synthesize(overrides: tuple[str, ...], out: Path, config: Path) -> None:
    """Make labelled synthetic people: keypoint sequences, rendered frames, a clip, or the demo."""
    from configs.loader import load
    from configs.schema import Synthesize
    from data.synthesize import kept
    from data.synthesize import synthesize as make

    settings = load(Synthesize, config, overrides)
    there = kept(settings, out)
    with _progress(settings.kind) as progress:
        made = make(settings, out, progress=progress)
    if there:
        click.echo(f"kept {there} that were there already, made by the same settings")
    if new := made[there:]:
        click.secho(f"wrote {new[0]}" + (f" and {len(new) - 1} more" if len(new) > 1 else ""), bold=True)


@cli.command()
@click.argument("checkpoint", type=FILE)
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file (or folder) to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["onnx", "litert", "ncnn", "openvino", "tensorrt"]),
    help="Of the file.  [default: onnx]",
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), help="Of the weights.")
@click.option("--calibration", type=FOLDER, multiple=True, help="Pictures with people, for int8; may be repeated.")
@_settings("export.yaml")
def export(
    checkpoint: Path,
    overrides: tuple[str, ...],
    out: Path,
    form: str | None,
    precision: str | None,
    calibration: tuple[Path, ...],
    config: Path,
) -> None:
    """Export a YOLO pose CHECKPOINT (.pt) to one model file, compared with its source before it is written."""
    from compression.export import export_pose
    from configs.loader import load
    from configs.schema import Export

    given = [f"precision={precision}"] if precision else []
    given += [f"format={form}"] if form else []
    given += [f"calibration={[str(folder) for folder in calibration]}"] if calibration else []
    settings = load(Export, config, [*overrides, *given])
    what = f"format={settings.format} precision={settings.precision} size={settings.size}"
    command = f"repsight export {checkpoint.name} {what}"
    made = export_pose(checkpoint, out, settings, command=command, progress=click.echo)
    click.secho(f"wrote {made.path}: {made.bytes / 1e6:.1f} MB, {made.agreement}", bold=True)


@cli.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(min=1), default=200, show_default=True, help="Of each model.")
@click.option("--size", type=int, default=320, show_default=True, help="Side of the input of a model that takes any.")
def latency(models: tuple[Path, ...], frames: int, size: int) -> None:
    """Time pose MODELS beside each other: one process, one thread, a frame of each in turn; ratios to the first."""
    from compression.latency import latencies

    with _progress("timing") as progress:
        timed = latencies([(model, (size, size)) for model in models], frames, tell=progress)
    for one in timed:
        click.echo(one)


@cli.command()
@click.argument("kind", type=click.Choice(["pose", "head"]))
@click.argument("overrides", metavar="[STEP.KEY=VALUE]...", nargs=-1)
@click.option("--plan", type=FILE, help="The steps (YAML).  [default: pose.yaml or head.yaml of configs/compress]")
@click.option("--source", type=FILE, help="The checkpoint to begin with; what the plan names without it.")
@click.option("--out", type=FOLDER, help="Folder for what the steps make.  [default: runs/compress-KIND]")
def compress(kind: str, overrides: tuple[str, ...], plan: Path | None, source: Path | None, out: Path | None) -> None:
    """Make a pose model or a head smaller by a plan: each step is done once, and a stopped run goes on.

    STEP.KEY=VALUE changes a setting of the step of that name.
    """
    from compression.job import compress as run_plan

    made = run_plan(
        "head" if kind == "head" else "pose", plan or Path(f"{kind}.yaml"), out or Path("runs") / f"compress-{kind}",
        source=source, overrides=overrides, command=_command_line(), report=click.echo,
    )  # fmt: skip
    click.secho(f"made {made.artefact.path}", bold=True)


@cli.group("data")
def data_sets() -> None:
    """Labelled recordings of others: fetch, describe and split them."""


def _set_options(command: F) -> F:
    """The arguments that every command which reads a set has."""
    for option in reversed((
        click.argument("path", type=click.Path(path_type=Path)),
        click.option("--format", help="Of the set, when it is not clear by looking (`repsight data formats`)."),
        click.option("--label", help="What recordings show that carry no label."),
        click.option("--size", type=(int, int), metavar="W H", help="Of the picture, px, for coordinates as shares."),
        click.option("--fps", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True,
                     help="Frames a second, where a set does not say."),
    )):  # fmt: skip
        command = option(command)
    return command


@data_sets.command("formats")
def data_formats() -> None:
    """Tell which formats are read, and how each is recognised."""
    from data.formats.registry import formats

    for one in formats():
        click.echo(f"{one.name:12} {one.looks}")


@data_sets.command("download")
@click.argument("name")
@click.option("--out", type=FOLDER, help="Folder for the set.  [default: sets/NAME]")
@click.option("--url", "urls", multiple=True, help="Another place of an archive of the set; may be repeated.")
def data_download(name: str, out: Path | None, urls: tuple[str, ...]) -> None:
    """Fetch a public set: hmdb51, or OWNER/NAME of the Hugging Face Hub."""
    from data.download import download

    with _progress(f"fetching {name}") as progress:
        folder = download(name, out or Path("sets") / name.replace("/", "--"), urls, progress)
    click.secho(f"wrote {folder}; look at it with `repsight data describe {folder}`", bold=True)


@data_sets.command("describe")
@_set_options
@click.option("--picture", type=FILE, help="The picture to write.  [default: runs/NAME.png]")
def data_describe(
    path: Path, format: str | None, label: str | None, size: tuple[int, int] | None, fps: float, picture: Path | None
) -> None:
    """Show what is in a set: examples, sources, lengths, sizes, joints missing; as a table and a picture."""
    from rich.console import Console

    from configs.loader import load_actions
    from data import overview
    from data.describe import describe
    from data.sets import Options, read

    problems: list[str] = []
    with _progress(f"reading {path.name}") as progress:
        options = Options(format, label, size, fps, problem=problems.append, progress=progress)
        description = describe(path.name, read(path, load_actions(), options), load_actions())
    Console().print(overview.table(description))
    file = overview.picture(description, picture or Path("runs") / f"{path.stem}.png")
    _tell(problems)
    click.secho(f"wrote {file}", bold=True)


@data_sets.command("split")
@_set_options
@click.option("--out", type=FILE, help="The split to write (.yaml or .json).")
@click.option("--check", type=FILE, help="Check this split instead of making one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives another split.")
@click.option("--without", multiple=True, metavar="ACTION", help="Leave recordings of it out; may be repeated.")
@click.option("--published", type=int, metavar="N", help="Keep to HMDB51's own split of that number.")
def data_split(
    path: Path, format: str | None, label: str | None, size: tuple[int, int] | None, fps: float, out: Path | None,
    check: Path | None, seed: int, without: tuple[str, ...], published: int | None,
) -> None:  # fmt: skip
    """Split a set into train, validation and test, by source and subject, never by window."""
    from configs.loader import load_actions
    from data import split
    from data.sets import Options

    if (out is None) == (check is None):
        raise click.UsageError("Give --out FILE to make a split, or --check FILE to check one.")
    problems: list[str] = []
    with _progress(f"reading {path.name}") as progress:
        options = Options(format, label, size, fps, problem=problems.append, progress=progress)
        if check is not None:
            made = split.check_file(check, path, load_actions(), options)
        else:
            made = split.of_set(path, load_actions(), options, seed=seed, left_out=without, published_split=published)
    _tell(problems)
    if out is not None:
        split.write(made, out, path.name, seed)
    counts = ", ".join(f"{part} {len(names)}" for part, names in made.items())
    click.secho(f"{f'wrote {out}' if out else f'{check} is sound'}: {counts}", bold=True)


def _tell(problems: Sequence[str]) -> None:
    """What was left out or is odd, a line each up to a few, after everything else."""
    from keypoints.labels import shortened

    for line in shortened(problems):
        click.echo(line, err=True)


@cli.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Tell what this machine has, what is missing, and the command that mends it."""
    from rich.console import Console

    from edge import doctor as checkup
    from edge.sessionlog import default_folder

    checks = checkup.examine(default_folder())
    checkup.show(checks, Console())
    ctx.exit(0 if checkup.healthy(checks) else 1)


def main() -> None:
    """The entry point of `repsight`."""
    cli(prog_name="repsight")


if __name__ == "__main__":
    main()
