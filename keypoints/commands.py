"""The command of stage 1's workshop half: the keypoints of many videos."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FOLDER, progress_bar, settings_option, split_off


@click.command()
@click.argument("arguments", metavar="SOURCE... [KEY=VALUE]...", nargs=-1, required=True)
@click.option("--out", type=FOLDER, required=True, help="Folder for what is made; the same one goes on.")
@click.option("--engine", type=click.Choice(["local", "ray"]), help="On this machine, or with Ray.  [default: local]")
@click.option("--workers", type=click.IntRange(min=0), help="Videos at a time, a thread each; 0: one a core.")
@click.option("--address", metavar="HOST:PORT", help="Of the head of a Ray cluster, or auto; one is made without it.")
@click.option("--format", "form", type=click.Choice(["npz", "parquet"]), help="Of the files.  [default: npz]")
@click.option("--pose", type=click.Path(dir_okay=False), help="Pose model file instead of the shipped one.")
@settings_option("extract.yaml")
@click.pass_context
def extract(
    ctx: click.Context,
    arguments: tuple[str, ...],
    out: Path,
    engine: str | None,
    workers: int | None,
    address: str | None,
    form: str | None,
    pose: str | None,
    config: Path,
) -> None:
    """Write the keypoints of many videos, a file each, and an index of them, _index.jsonl.

    SOURCE is a video, a folder of videos at any depth, or a pattern such as 'clips/**/*.mp4'. What is done is skipped,
    so the same command goes on after a stop. Videos that can't be read are listed at the end; the exit code is 1 when
    none could be.
    """
    from configs.extraction import Extract
    from configs.loader import load
    from keypoints.extract_many import extract_many

    sources, overrides = split_off(arguments)
    if not sources:
        raise click.UsageError("Missing argument 'SOURCE...'.")
    settings = load(Extract, config, overrides)
    given = {"engine": engine, "workers": workers, "address": address, "format": form, "pose": pose}
    settings = settings.model_copy(update={k: v for k, v in given.items() if v is not None})
    with progress_bar("extracting") as progress:
        done = extract_many(sources, out, settings, progress)
    for entry in done.made:
        if entry.notice:
            click.echo(entry.notice, err=True)
    for line in done.failed:
        click.echo(f"failed: {line}", err=True)
    frames = sum(entry.frames for entry in done.made)
    told = [f"{len(done.made)} new ({frames} frames)", *([f"{done.kept} there already"] if done.kept else []),
            *([f"{len(done.failed)} failed"] if done.failed else [])]  # fmt: skip
    click.secho(f"wrote {done.index}: {', '.join(told)}", bold=True)
    ctx.exit(done.exit_code)
