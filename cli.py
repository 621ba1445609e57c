"""The command line of RepSight: one thin command a job; what is heavy is imported inside the command."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
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
        except KeyboardInterrupt:
            raise _OneLine("stopped") from None


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
    """The command as it was typed, for a model card; folders by their last part alone."""
    return " ".join(["repsight", *(Path(word).name if "/" in word else word for word in sys.argv[1:])])


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
@click.option("--out", type=FILE, default="runs/head.onnx", show_default=True, help="The head file to write.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@_settings("train_head.yaml")
def train_head(
    overrides: tuple[str, ...],
    head: str | None,
    base: Path | None,
    add: str | None,
    data: tuple[Path, ...],
    out: Path,
    resume: bool,
    config: Path,
) -> None:
    """Train a head and write it as one ONNX file; `run --head FILE` uses it.

    Without --data the sequences are synthesized first, once, into a folder beside OUT. With --add they are what the
    base is to answer as before, and what it learns comes from recordings that `repsight record` makes.
    """
    from classifier.job import check, teach_head
    from classifier.job import train_head as train
    from classifier.practice import read_lesson
    from configs.loader import load, load_actions
    from configs.schema import Synthesize, TrainHead
    from data.collect import collect
    from data.synthesize import synthesize as make

    given = [f"head={head}"] if head else []
    given += [f"base={base}"] if base else []
    given += [f"data={[str(folder) for folder in data]}"] if data else []
    settings = load(TrainHead, config, [*overrides, *given])
    check(settings, out)
    lesson = read_lesson(add) if add else None
    folders = [Path(folder) for folder in settings.data]
    if not folders:
        count = settings.teach.sequences if lesson else settings.synthetic
        people = Synthesize(count=count, seed=settings.seed, workers=settings.threads)
        folders = [out.parent / f"synthetic-{people.seed}-{people.count}"]
        with _progress("synthesizing") as progress:
            make(people, folders[0], progress=progress)
    sequences, trained_on = collect(folders, load_actions(), settings.seed, click.echo)

    def on_epoch(metrics: dict[str, float]) -> None:
        losses = f"loss {metrics['training_loss']:.3f}, held out {metrics['loss']:.3f}"
        of = f"/{settings.epochs}" if "windows" not in metrics else f", {metrics['windows']:.0f} windows"
        click.echo(f"epoch {metrics['epoch']:.0f}{of}: {losses}, accuracy {metrics['accuracy']:.3f}")

    if lesson:
        with _progress(f"learning {lesson[0]}") as progress:
            teach_head(*lesson, sequences, load_actions(), settings, out, trained_on=trained_on,
                       command=_command_line(), progress=progress)  # fmt: skip
        click.secho(f"wrote {out}", bold=True)
        return
    card = train(
        sequences, load_actions(), settings, out, trained_on=trained_on, command=_command_line(), resume=resume,
        on_epoch=on_epoch,
    )  # fmt: skip
    click.secho(f"wrote {out}", bold=True)
    error = card.metrics.get("validation_excursion_error")
    share = "" if error is None else f", error of the share of a rep {error:.3f}"
    click.echo(f"on people held out: action accuracy {card.metrics['validation_accuracy']:.3f}{share}")


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
    click.secho(f"wrote {made.path}: {made.reps} reps in {made.seconds:.1f} s", bold=True)


@cli.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--head", type=FILE, multiple=True, help="Head file; may be repeated. The shipped one without it.")
@click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, required=True, help="Labelled set; may be repeated."
)
@click.option("--out", type=FOLDER, default="runs/evaluation", show_default=True, help="Folder for the report.")
@click.option("--classes", help="auto, or the actions whose reps are scored: squat,push_up.")
@click.option("--robustness", is_flag=True, help="Count again on recordings made worse.")
@click.option("--xlsx", is_flag=True, help="Write the tables as a workbook as well.")
@_settings("evaluate.yaml")
def evaluate(
    overrides: tuple[str, ...],
    head: tuple[Path, ...],
    data: tuple[Path, ...],
    out: Path,
    classes: str | None,
    robustness: bool,
    xlsx: bool,
    config: Path,
) -> None:
    """Measure heads on labelled sets: counts, ghosts, delays, labels; one page with pictures, and one JSON."""
    from classifier.evaluation.job import evaluate as measure
    from classifier.evaluation.screen import LabelledSet
    from classifier.head import SHIPPED
    from configs.loader import load, load_actions
    from configs.schema import Evaluate
    from data.sets import Options, read

    given = [f"classes={classes if classes == 'auto' else classes.split(',')}"] if classes else []
    given += [f"{name}=true" for name, wanted in (("robustness", robustness), ("xlsx", xlsx)) if wanted]
    settings = load(Evaluate, config, [*overrides, *given])
    sets = []
    for folder in data:
        problems: list[str] = []
        with _progress(f"reading {folder.name}") as progress:
            options = Options(problem=problems.append, progress=progress)
            records = tuple(read(folder, load_actions(), options))
        sets.append(LabelledSet(folder.name, records, tuple(problems)))
    with _progress("evaluating") as progress:
        report, written = measure(
            head or (SHIPPED,), sets, load_actions(), settings, out, command=_command_line(), progress=progress
        )
    for line in report.lines():
        click.echo(line)
    click.secho(f"wrote {', '.join(map(str, written))}", bold=True)


@cli.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FOLDER, required=True, help="Folder for what is made.")
@_settings("synthesize.yaml")
def synthesize(overrides: tuple[str, ...], out: Path, config: Path) -> None:
    """Make labelled synthetic people: keypoint sequences, rendered frames, a clip, or the demo."""
    from configs.loader import load
    from configs.schema import Synthesize
    from data.synthesize import synthesize as make

    settings = load(Synthesize, config, overrides)
    with _progress(settings.kind) as progress:
        made = make(settings, out, progress=progress)
    click.secho(f"wrote {made[0]}" + (f" and {len(made) - 1} more" if len(made) > 1 else ""), bold=True)


@cli.command()
@click.argument("checkpoint", type=FILE)
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FILE, required=True, help="The .onnx file to write.")
@click.option("--precision", type=click.Choice(["fp32", "int8"]), help="Of the weights.")
@click.option("--calibration", type=FOLDER, multiple=True, help="Pictures with people, for int8; may be repeated.")
@_settings("export.yaml")
def export(
    checkpoint: Path,
    overrides: tuple[str, ...],
    out: Path,
    precision: str | None,
    calibration: tuple[Path, ...],
    config: Path,
) -> None:
    """Export a YOLO pose CHECKPOINT (.pt) to one ONNX file, compared with its source before it is written."""
    from compression.export import export_pose
    from configs.loader import load
    from configs.schema import Export

    given = [f"precision={precision}"] if precision else []
    given += [f"calibration={[str(folder) for folder in calibration]}"] if calibration else []
    settings = load(Export, config, [*overrides, *given])
    command = f"repsight export {checkpoint.name} precision={settings.precision} size={settings.size}"
    made = export_pose(checkpoint, out, settings, command=command, progress=click.echo)
    click.secho(f"wrote {made.path}: {made.bytes / 1e6:.1f} MB, {made.agreement}", bold=True)


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


def _tell(problems: list[str]) -> None:
    """What was left out or is not as it should be, a line each, after everything else."""
    for line in problems:
        click.echo(f"note: {line}", err=True)


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
