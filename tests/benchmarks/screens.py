"""Pictures of the screens, to look at: every state at a size and in a language, and those in the README.

    python tests/benchmarks/screens.py sheet OUT.png --size 320x240 --language de     # the window, all its states
    python tests/benchmarks/screens.py sheet OUT.png --terminal --size 40x12          # the terminal, columns x rows
    python tests/benchmarks/screens.py readme docs                                    # docs/screen-*.png

The people are of the demo clip, seen by the shipped pose model; what a state's board says is made by the real coach.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from rich.console import Console, RenderableType
from rich.terminal_theme import DEFAULT_TERMINAL_THEME as THEME

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.draw import dimmed, draw
from edge.models import Models
from edge.reading import Reading
from edge.run import load_settings
from edge.scoreboard import Scoreboard
from edge.screens.terminal import TerminalScreen
from edge.sources import never, open_source
from edge.words import Language, words_in
from keypoints.types import Frame, Pose
from keypoints.yolo import YoloPose
from tests.edge.boards import SCENES, boards

Image = NDArray[np.uint8]
#: Seconds of the demo clip.
MOMENTS = {"stand": 1.0, "squat": 9.3, "push_up": 26.0, "plank": 36.0}
#: A terminal's cell, px.
CELL = (13, 26)
GROUND = (24, 20, 18)
#: Of the window in the README, px.
README = (1152, 648)


@cache
def people() -> dict[str, tuple[Image, Pose | None]]:
    """Pictures of SCENES, with the pose in each."""
    wanted, found = dict(MOMENTS), {}
    with open_source("demo", load_settings()[0], never) as source:
        for frame in source:
            for name in [name for name, time_s in wanted.items() if frame.time_s >= time_s]:
                found[name] = frame.image.copy()
                del wanted[name]
            if not wanted:
                break
    close = found["stand"][60:330, 380:860]
    found["close"] = cv2.resize(close, (1280, 720), interpolation=cv2.INTER_CUBIC)
    model = YoloPose(threads=1)
    seen: dict[str, tuple[Image, Pose | None]] = {
        name: (image, max(model.estimate(image), key=lambda pose: pose.score, default=None))
        for name, image in found.items()
    }
    empty = found["stand"].copy()
    empty[:] = empty[:, 40:41]
    return {**seen, "nobody": (empty, None), "dimmed": (dimmed(found["squat"]), None)}


def tiled(pictures: list[Image], width: int = 1900) -> Image:
    """All of one size, in rows, with air between; large ones are made smaller."""
    share = min(1.0, 620 / pictures[0].shape[1])
    pictures = [cv2.resize(one, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) for one in pictures]
    height, side = pictures[0].shape[:2]
    columns = max(1, min(len(pictures), width // (side + 12), math.ceil(len(pictures) ** 0.5) + 1))
    rows = math.ceil(len(pictures) / columns)
    sheet = np.full((rows * (height + 12) + 12, columns * (side + 12) + 12, 3), 128, np.uint8)
    for number, picture in enumerate(pictures):
        y, x = 12 + number // columns * (height + 12), 12 + number % columns * (side + 12)
        sheet[y : y + height, x : x + side] = picture
    return sheet


def windows(language: Language, size: tuple[int, int]) -> Iterator[Image]:
    """The window in every state."""
    screen = words_in(language).screen
    keys = (("q", screen.quit), ("f", screen.full_screen))
    for name, board in boards(words_in(language)).items():
        image, pose = people()[SCENES[name]]
        yield draw(image, pose, board, (image.shape[1], image.shape[0]), size, keys)


def cells(picture: RenderableType, columns: int, rows: int) -> Image:
    """What a terminal of that size makes of it, in a font that it may have."""
    console = Console(width=columns, height=rows, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    fonts = [cv2.FontFace(str(Path(get_data_path()) / "fonts" / "ttf" / f"DejaVuSansMono{bold}.ttf"))
             for bold in ("", "-Bold")]  # fmt: skip
    width, height = CELL
    image = np.full((rows * height, columns * width, 3), GROUND, np.uint8)
    lines = console.render_lines(picture, console.options.update(height=rows), pad=True)
    for y, line in enumerate(lines[:rows]):
        x = 0
        for text, style, *_ in line:
            ink, ground = (225, 225, 225), GROUND
            if style is not None and style.color is not None:
                ink = style.color.get_truecolor(THEME)[::-1]
            if style is not None and style.bgcolor is not None:
                ground = style.bgcolor.get_truecolor(THEME, foreground=False)[::-1]
            if style is not None and style.dim:
                ink = tuple(round(0.55 * c) for c in ink)
            if style is not None and style.reverse:
                ink, ground = ground, ink
            for letter in text:
                _cell(image, letter, x, y, ink, ground, fonts[bool(style is not None and style.bold)])
                x += 1
    return image


def _cell(image: Image, letter: str, x: int, y: int, ink: Any, ground: Any, font: Any) -> None:
    width, height = CELL
    cell = image[y * height : (y + 1) * height, x * width : (x + 1) * width]
    cell[:] = ground
    if letter in "▀▄█":
        cell[height // 2 if letter == "▄" else 0 : height // 2 if letter == "▀" else height] = ink
    elif letter in "━─┿":
        thick = 1 if letter == "─" else 2
        cell[height // 2 - thick : height // 2 + 1] = ink
        if letter == "┿":
            cell[4:-4, width // 2] = ink
    elif not letter.isspace():
        cv2.putText(image, letter, (x * width, y * height + round(0.76 * height)), ink, font, 22, 0)


def terminals(language: Language, size: tuple[int, int]) -> Iterator[Image]:
    """The terminal in every state."""
    for board in boards(words_in(language)).values():
        yield cells(_rendered(board, size, language), *size)


def _rendered(board: Any, size: tuple[int, int], language: Language) -> RenderableType:
    console = Console(width=size[0], height=size[1], file=io.StringIO())
    screen = TerminalScreen(console, words_in(language))
    return screen.render(board, Reading(0.0, None, None, 0.0, "ready"))


@click.group()
def main() -> None:
    """Pictures of the screens."""


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--size", default="1280x720", help="px of the window, or characters of the terminal.")
@click.option("--language", type=click.Choice(["en", "de"]), default="en")
@click.option("--terminal", is_flag=True)
def sheet(out: Path, size: str, language: Language, terminal: bool) -> None:
    """Every state on one picture."""
    width, height = map(int, size.split("x"))
    pictures = list((terminals if terminal else windows)(language, (width, height)))
    cv2.imwrite(str(out), tiled(pictures))
    click.echo(f"wrote {out}")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
def readme(folder: Path) -> None:
    """The pictures of the README: the demo clip, counted, in the window and in the terminal."""
    settings, counting = load_settings(overrides=["source=demo", "threads=1"])
    models = Models.open(settings, with_estimator=True)
    pipeline, scores = models.pipeline(settings, counting), Scoreboard()
    wanted = {"screen-window.png": 12.2, "screen-terminal.png": 27.9}
    with open_source("demo", settings, never) as source:
        for frame in source:
            assert isinstance(frame, Frame)
            if frame.index % 2:
                continue
            reading = pipeline.read(frame)
            board = scores.update(reading)
            for name in [name for name, time_s in wanted.items() if frame.time_s >= time_s]:
                size = (frame.image.shape[1], frame.image.shape[0])
                picture = cells(_rendered(board, (80, 24), "en"), 80, 24)
                if "window" in name:
                    picture = draw(frame.image, reading.pose, board, size, README)
                cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
                click.echo(f"wrote {folder / name}")
                del wanted[name]
            if not wanted:
                return


if __name__ == "__main__":
    main()
