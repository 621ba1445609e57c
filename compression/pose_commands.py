"""The command that trains pose models: it brings training and tracking together."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE, command_line, progress_bar, settings_option, tell, track_option


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--data", type=FILE, help="The data.yaml of a set in COCO-pose layout; `data import-pose` makes one.")
@click.option("--base", type=FILE, help="YOLO pose checkpoint (.pt) to begin with; a pruned one keeps its shape.")
@click.option("--out", type=FILE, default="runs/pose.pt", show_default=True, help="The checkpoint to write.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@track_option()
@settings_option("train_pose.yaml")
def train_pose(
    overrides: tuple[str, ...],
    data: Path | None,
    base: Path | None,
    out: Path,
    resume: bool,
    track: bool,
    config: Path,
) -> None:
    """Fine-tune a YOLO pose model and write it as one checkpoint, for `compress pose --source` and `export`."""
    from compression.tracking import reports, tracked, wanted
    from configs.loader import load
    from configs.pose_training import OF_THE_MACHINE, TrainPose
    from keypoints.told import Told
    from keypoints.training import job
    from keypoints.training.curve import line, summary

    tracking, overrides = wanted(track, overrides)
    given = [f"{name}={file}" for name, file in (("data", data), ("base", base)) if file]
    settings = load(TrainPose, config, [*overrides, *given])
    job.check(settings, out)
    if resume and job.is_finished(out):
        tracking = None  # it was told when it was trained
    problems: list[str] = []
    with tracked(tracking, "train-pose", out, settings.model_dump(mode="json"), command=command_line(),
                 mark=out.with_suffix(".mlflow.json"), resume=resume, of_the_machine=OF_THE_MACHINE,
                 say=click.echo) as tracker:  # fmt: skip
        report = reports(tracker, line, settings.epochs, click.echo)
        with progress_bar("training") as progress:
            told = Told(report, progress, click.echo, problems.append)
            made = job.train_pose(settings, out, command=command_line(), resume=resume, told=told)
        # Under names of their own: beside the curves, not on them.
        tracker.figures({f"best.{name}": value for name, value in made.metrics.items()})
        tracker.keep(made.path, *made.files)
    tell(problems)
    if made.files:
        click.secho(f"wrote {', '.join(map(str, (made.path, *made.files)))}", bold=True)
    click.echo(summary(made.metrics))
