"""The command line of RepSight: one thin command a job; what is heavy is imported inside the command."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from compression.baseline_commands import train_baseline
from compression.commands import compress, export, latency
from compression.head_commands import evaluate, train_head
from compression.pose_commands import train_pose
from configs.command_line import (
    FILE,
    FOLDER,
    MODEL,
    Commands,
    command_line,
    progress_bar,
    settings_option,
    split_off,
    track_option,
)
from configs.commands import config as settings_group
from configs.screens import CHOICES
from data.commands import data_sets, synthesize
from edge.commands import benchmark, doctor, history, invite, publish
from edge.pi.commands import pi
from edge.service.commands import serve
from keypoints.commands import extract
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


for command in (
    synthesize,
    data_sets,
    export,
    latency,
    compress,
    benchmark,
    history,
    invite,
    publish,
    serve,
    pi,
    doctor,
    settings_group,
    train_pose,
    train_head,
    train_baseline,
    evaluate,
    extract,
):
    cli.add_command(command)


@cli.command()
@click.argument("arguments", metavar="[SOURCE] [KEY=VALUE]...", nargs=-1)
@click.option("--screen", type=click.Choice(CHOICES), help="Where the count is shown.")
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
@click.argument("name")
@click.argument("arguments", metavar="[SOURCE] [KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FILE, required=True, help="The .npz file to write.")
@click.option("--seconds", type=click.FloatRange(min=1), default=30, show_default=True, help="The longest recording.")
@click.option("--countdown", type=click.FloatRange(min=0), help="Seconds before it; 5 with a camera, none with a file.")
@click.option(
    "--screen", type=click.Choice([name for name in CHOICES if name != "web"]), help="Where the countdown is shown."
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
