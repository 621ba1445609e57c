"""The commands that make models smaller: one model, models beside each other, a whole plan."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE, FOLDER, command_line, progress_bar, settings_option, track_option


@click.command()
@click.argument("checkpoint", type=FILE)
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file (or folder) to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["onnx", "litert", "ncnn", "openvino", "tensorrt"]),
    help="Of the file.  [default: onnx]",
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), help="Of the weights.  [default: int8]")
@click.option("--calibration", type=FOLDER, multiple=True, help="Pictures with people, for int8; may be repeated.")
@settings_option("export.yaml")
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


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(min=1), default=200, show_default=True, help="Of each model.")
@click.option("--size", type=int, default=320, show_default=True, help="Side of the input of a model that takes any.")
def latency(models: tuple[Path, ...], frames: int, size: int) -> None:
    """Time pose MODELS beside each other: one process, one thread, a frame of each in turn; ratios to the first."""
    from compression.latency import latencies

    with progress_bar("timing") as progress:
        timed = latencies([(model, (size, size)) for model in models], frames, tell=progress)
    for one in timed:
        click.echo(one)


@click.command()
@click.argument("kind", type=click.Choice(["pose", "head"]))
@click.argument("overrides", metavar="[STEP.KEY=VALUE]...", nargs=-1)
@click.option(
    "--plan",
    "--config",
    "plan",
    type=FILE,
    help="The steps (YAML).  [default: pose.yaml or head.yaml of configs/compress]",
)
@click.option("--source", type=FILE, help="The checkpoint to begin with; what the plan names without it.")
@click.option("--out", type=FOLDER, help="Folder for what the steps make.  [default: runs/compress-KIND]")
@track_option()
def compress(
    kind: str, overrides: tuple[str, ...], plan: Path | None, source: Path | None, out: Path | None, track: bool
) -> None:
    """Make a pose model or a head smaller by a plan: each step is done once, and a stopped run goes on.

    STEP.KEY=VALUE changes a setting of the step of that name.
    """
    from compression.job import compress as run_plan
    from compression.tracking import wanted

    tracking, overrides = wanted(track, overrides)
    made = run_plan(
        "head" if kind == "head" else "pose", plan or Path(f"{kind}.yaml"), out or Path("runs") / f"compress-{kind}",
        source=source, overrides=overrides, command=command_line(), report=click.echo, tracking=tracking,
    )  # fmt: skip
    click.secho(f"made {made.artefact.path}", bold=True)
