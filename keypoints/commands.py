"""The command of stage 1's workshop half: a pose model, fine-tuned."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE, progress_bar, settings_option, tell


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--data", type=FILE, help="The data.yaml of a set in COCO-pose layout; `data import-pose` makes one.")
@click.option("--base", type=FILE, help="YOLO pose checkpoint (.pt) to begin with; a pruned one keeps its shape.")
@click.option("--out", type=FILE, default="runs/pose.pt", show_default=True, help="The checkpoint to write.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@settings_option("train_pose.yaml")
def train_pose(
    overrides: tuple[str, ...], data: Path | None, base: Path | None, out: Path, resume: bool, config: Path
) -> None:
    """Fine-tune a YOLO pose model and write it as one checkpoint, for `compress pose --source` and `export`."""
    from configs.loader import load
    from configs.schema import TrainPose
    from keypoints.checkpoint import WARNING
    from keypoints.training import job
    from keypoints.training.curve import line, summary

    given = [f"{name}={file}" for name, file in (("data", data), ("base", base)) if file]
    settings = load(TrainPose, config, [*overrides, *given])
    click.echo(f"note: {WARNING}", err=True)
    problems: list[str] = []
    with progress_bar("training") as progress:
        told = job.Told(lambda metrics: click.echo(line(metrics, settings.epochs)), progress, click.echo,
                        problems.append)  # fmt: skip
        made = job.train_pose(settings, out, resume=resume, told=told)
    tell(problems)
    if made.files:
        click.secho(f"wrote {', '.join(map(str, (made.path, *made.files)))}", bold=True)
    click.echo(summary(made.metrics))
