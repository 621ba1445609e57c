"""The commands beside `run`: what was done before, what this machine has, and what the chain costs on it."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE, FOLDER, command_line, progress_bar, settings_option, split_off, tell
from keypoints.errors import InputError


@click.command()
@click.argument("arguments", metavar="[SESSION] [KEY=VALUE]...", nargs=-1)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many sessions are listed.")
@click.option("--csv", "csv_file", type=FILE, help="Write every rep and hold; - is the terminal.")
@click.option("--plot", type=FILE, metavar="PNG", help="Draw what was done, day by day.")
@click.option("--days", type=click.IntRange(min=7, max=366), default=28, show_default=True, help="Of the picture.")
@click.option("--log", type=FOLDER, metavar="DIR", help="Where the history is.  [default: the user's data folder]")
@click.option("--web", is_flag=True, help="Show it in a browser, until Ctrl-C.")
@click.option("--host", help="Where --web listens; 0.0.0.0 is every network, behind a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of --web.")
@settings_option("run.yaml")
def history(
    arguments: tuple[str, ...],
    last: int,
    csv_file: Path | None,
    plot: Path | None,
    days: int,
    log: Path | None,
    web: bool,
    host: str | None,
    port: int | None,
    config: Path,
) -> None:
    """Show past sessions, personal bests and streaks; or of one SESSION every rep."""
    from configs.loader import load_with_counting
    from configs.schema import Run
    from edge.history import show
    from edge.history.database import folder_of

    numbers, overrides = split_off(arguments)
    if len(numbers) > 1 or not all(number.isdecimal() for number in numbers):
        raise click.UsageError(f"SESSION is a number of the list, not {' '.join(numbers)}.")
    session = int(numbers[0]) if numbers else None
    given = [f"web.{key}={value}" for key, value in (("host", host), ("port", port)) if value is not None]
    if given and not web:
        raise click.UsageError("--host and --port are of --web.")
    if web and (numbers or csv_file or plot):
        raise click.UsageError("--web shows every session: it goes without SESSION, --csv and --plot.")
    settings = load_with_counting(Run, config, [*overrides, *given])
    folder = log or folder_of("auto" if settings.log == "none" else settings.log)
    if web:
        from edge.process import Stop
        from edge.web.past import serve_history

        with Stop() as stopped:
            serve_history(settings, folder, stopped)
        return
    for line in show.history(folder, session=session, last=last, csv_file=csv_file, plot=plot, days=days):
        click.secho(line, bold=True)


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--host", help="Where the web screen listens.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the web screen.")
@click.option("--here", is_flag=True, help="The address for a browser on this machine alone, for a script.")
@settings_option("run.yaml")
def invite(overrides: tuple[str, ...], host: str | None, port: int | None, here: bool, config: Path) -> None:
    """Show the address of the web screen, with its token and as a QR code for a phone.

    Give it the settings that `run` was given.
    """
    from edge.run import load_settings
    from edge.web.screen import invitation_of

    given = [f"web.{key}={value}" for key, value in (("host", host), ("port", port)) if value is not None]
    settings, _ = load_settings(config, [*overrides, *given])
    for line in invitation_of(settings.web, here=here):
        click.echo(line)


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Tell what this machine has, what is missing, and the command that mends it."""
    from rich.console import Console

    from edge import doctor as checkup
    from edge.history.database import default_folder

    checks = checkup.examine(default_folder())
    checkup.show(checks, Console())
    ctx.exit(0 if checkup.healthy(checks) else 1)


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--source", help="As of `run`; a file begins anew when it ends.  [default: demo]")
@click.option("--quick", is_flag=True, help="128 frames and 3 s, instead of 1,024 frames and 30 s at the least.")
@click.option("--frames", type=click.IntRange(min=4), help="Exactly so many frames, however long that takes.")
@click.option(
    "--models", type=FILE, multiple=True, help="To run beside it: .onnx, .pt, .task or .tflite; may be repeated."
)
@click.option("--cores", type=click.IntRange(min=0), default=1, show_default=True, help="To use; 0 for all.")
@click.option("--json", "json_file", type=FILE, help="Write every figure.")
@click.option("--picture", type=FILE, metavar="PNG", help="Draw the stages as stacked bars.")
@click.option("--growth", type=FILE, metavar="PNG", help="Measure and draw what more people, pixels and cameras cost.")
@click.option("--compare", type=(FILE, FILE), metavar="A.json B.json", help="Compare two results; measures nothing.")
@settings_option("run.yaml")
@click.pass_context
def benchmark(
    ctx: click.Context,
    overrides: tuple[str, ...],
    source: str | None,
    quick: bool,
    frames: int | None,
    models: tuple[Path, ...],
    cores: int,
    json_file: Path | None,
    picture: Path | None,
    growth: Path | None,
    compare: tuple[Path, Path] | None,
    config: Path,
) -> None:
    """Measure where every millisecond of a frame goes, and what the chain takes from this machine.

    The chain runs in a process of its own as `run` does, every frame drawn. With --models it then runs side by side
    with others: other pose models in the same chain, or what others offer (Ultralytics, MediaPipe, a model alone).
    """
    from rich.console import Console

    from edge.benchmark.chain import Amount
    from edge.benchmark.job import benchmark as measure
    from edge.benchmark.job import comparison
    from edge.benchmark.show import show, show_comparison
    from edge.run import load_settings

    if compare is not None:
        if json_file is not None:
            raise InputError("nothing is measured", field="--json", found="--compare as well", hint="leave one out")
        rows, notes, names = comparison(compare, picture)
        show_comparison(rows, notes, names, Console())
        if picture is not None:
            click.secho(f"wrote {picture}", bold=True)
        return
    settings, counting = load_settings(config, overrides)
    source = source or (settings.source if settings.source != "auto" else "demo")
    settings = settings.model_copy(update={"source": source})
    amount = Amount.quick() if quick else Amount()
    made = measure(
        settings, counting, Amount(frames, 0.0, min(frames, amount.warm_up)) if frames else amount, models=models,
        cores=cores, json_file=json_file, picture=picture, growth=growth, command=command_line(),
        say=lambda line: click.echo(line, err=True), progress=progress_bar,
    )  # fmt: skip
    show(made.result, Console())
    if made.written:
        click.secho(f"wrote {', '.join(map(str, made.written))}", bold=True)
    ctx.exit(made.exit_code)


@click.command()
@click.argument("arguments", metavar="FILE... [KEY=VALUE]...", nargs=-1, required=True)
@click.option("--report", type=FILE, required=True, help="report.json of `repsight evaluate` of these very models.")
@click.option("--dry-run", is_flag=True, help="Judge, and list what would be uploaded; needs no network.")
@settings_option("publish.yaml")
def publish(arguments: tuple[str, ...], report: Path, dry_run: bool, config: Path) -> None:
    """Publish models to an S3 bucket, if their evaluation report keeps every condition.

    FILE is a head, a pose model, or what belongs to them; `run --head s3://BUCKET/NAME` then takes the latest. The
    conditions are in publish.yaml: `repsight config show publish`. One that does not hold is named, the exit code is
    1, and nothing is uploaded. Credentials are those of boto3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or
    ~/.aws.

    \b
    repsight publish head.onnx --report report.json bucket=models
    repsight publish head.onnx --report report.json bucket=models \\
        endpoint=https://minio.example.org:9000 version=2
    """
    from configs.loader import load
    from configs.publishing import Publish
    from edge.publish import publish as upload

    files, overrides = split_off(arguments)
    settings = load(Publish, config, overrides)
    with progress_bar("publishing") as progress:
        made = upload(settings, [Path(file) for file in files], report, dry_run=dry_run, say=click.echo,
                      progress=progress)  # fmt: skip
    tell(made.notices)
    if dry_run:
        for key in made.keys:
            click.echo(f"would upload s3://{settings.bucket}/{key}")
        return
    new = "published" if made.uploaded else "was there already, nothing to do:"
    click.secho(f"{new} {made.url}; latest is {made.latest}", bold=True)
