"""The commands of labelled recordings: make synthetic ones; fetch, describe and split those of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from configs.command_line import FILE, FOLDER, command_line, progress_bar, settings_option, tell

F = TypeVar("F", bound=Callable[..., object])


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--out", type=FOLDER, required=True, help="Folder for what is made.")
@settings_option("synthesize.yaml")
def synthesize(overrides: tuple[str, ...], out: Path, config: Path) -> None:
    """Make labelled synthetic people: keypoint sequences, rendered frames, a clip, or the demo."""
    from configs.loader import load
    from configs.schema import Synthesize
    from data.synthesize import kept
    from data.synthesize import synthesize as make

    settings = load(Synthesize, config, overrides)
    there = kept(settings, out)
    with progress_bar(settings.kind) as progress:
        made = make(settings, out, progress=progress, command=command_line())
    if there:
        click.echo(f"kept {there} that were there already, made by the same settings")
    if new := made[there:]:
        click.secho(f"wrote {new[0]}" + (f" and {len(new) - 1} more" if len(new) > 1 else ""), bold=True)


@click.group("data")
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

    with progress_bar(f"fetching {name}") as progress:
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
    with progress_bar(f"reading {path.name}") as progress:
        options = Options(format, label, size, fps, problem=problems.append, progress=progress)
        description = describe(path.name, read(path, load_actions(), options), load_actions())
    Console().print(overview.table(description))
    file = overview.picture(description, picture or Path("runs") / f"{path.stem}.png")
    tell(problems)
    click.secho(f"wrote {file}", bold=True)


@data_sets.command("split")
@_set_options
@click.option("--out", type=FILE, help="The split to write (.yaml or .json).")
@click.option("--check", type=FILE, help="Check this split instead of making one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives another split.")
@click.option("--without", multiple=True, metavar="ACTION", help="Leave recordings of it out; may be repeated.")
@click.option(
    "--classes",
    type=click.Choice(["actions", "data"]),
    default="actions",
    show_default=True,
    help="What is to be in every part: our actions, or the labels of the set.",
)
@click.option("--published", type=int, metavar="N", help="Keep to HMDB51's own split of that number.")
def datasplit_off(
    path: Path, format: str | None, label: str | None, size: tuple[int, int] | None, fps: float, out: Path | None,
    check: Path | None, seed: int, without: tuple[str, ...], classes: str, published: int | None,
) -> None:  # fmt: skip
    """Split a set into train, validation and test, by source and subject, never by window."""
    from configs.loader import load_actions
    from data import split
    from data.own_classes import classes_of
    from data.sets import Options

    if (out is None) == (check is None):
        raise click.UsageError("Give --out FILE to make a split, or --check FILE to check one.")
    problems: list[str] = []
    with progress_bar(f"reading {path.name}") as progress:
        options = Options(format, label, size, fps, problem=problems.append, progress=progress)
        actions = classes_of(classes, path, load_actions(), options)
        if check is not None:
            made = split.check_file(check, path, actions, options)
        else:
            made = split.of_set(path, actions, options, seed=seed, left_out=without, published_split=published)
    tell(problems)
    if out is not None:
        split.write(made, out, path.name, seed)
    counts = ", ".join(f"{part} {len(names)}" for part, names in made.items())
    click.secho(f"{f'wrote {out}' if out else f'{check} is sound'}: {counts}", bold=True)


@data_sets.command("import-pose")
@click.argument("kind", type=click.Choice(["coco", "hagrid", "lsp"]))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=FOLDER, required=True, help="Folder for images/, labels/ and data.yaml.")
@click.option("--images", type=FOLDER, help="Where the pictures are, if not near the annotations.")
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share kept for it, where the source names no such part.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed keeps others.")
@click.option("--link", is_flag=True, help="Link the pictures instead of copying them.")
def data_import_pose(
    kind: str, source: Path, out: Path, images: Path | None, validation: float, seed: int, link: bool
) -> None:  # fmt: skip
    """Write labelled pictures in the layout that `train-pose` learns from.

    SOURCE is COCO keypoints JSON or its folder; JSON in HaGRID's style, a file or a folder; or the folder of the Leeds
    Sports Pose set (joints.mat and images/).
    """
    from data.pose.layout import import_pose

    problems: list[str] = []
    with progress_bar(f"reading {source.name}") as progress:
        made = import_pose(kind, source, out, images=images, validation=validation, seed=seed, link=link,
                           problem=problems.append, progress=progress)  # fmt: skip
    tell(problems)
    click.secho(f"wrote {made.data}: {made}", bold=True)
    if made.joints != 17:
        click.echo(f"hands of {made.joints} points: other trainers learn them; `train-pose` learns people of 17 joints")
