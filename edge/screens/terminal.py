"""The terminal: a large count in blocks, readable at 80 x 24, drawn with rich."""

from __future__ import annotations

import re
import select
import sys
import time
from contextlib import suppress
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.paint import BOLD, CAP, draw_text, text_width
from edge.reading import Reading
from edge.scoreboard import Board
from edge.screens.base import Screen
from edge.words import Tone, clock, name_of

#: Seconds between two pictures: an eye reads no faster, and a Pi has better things to do.
REFRESH_S: Final = 0.1
#: Rows that everything but the large digits takes, and the least and most that the digits may have: 10 of 24.
_OTHER_ROWS, _LEAST_ROWS, _MOST_ROWS = 14, 5, 18

_STYLES: Final[dict[Tone, str]] = {
    "good": "#101418 on #28c88c",
    "hold": "#101418 on #e69f00",
    "calm": "#101418 on #56b4e9",
    "warn": "#101418 on #f0e442",
    "alarm": "#ffffff on #d55e00",
}
_ACCENTS: Final[dict[Tone, str]] = {
    "good": "#28c88c", "hold": "#e69f00", "calm": "#56b4e9", "warn": "#f0e442", "alarm": "#d55e00",
}  # fmt: skip


class TerminalScreen(Screen):
    """Takes the whole terminal while it runs; without a terminal (a pipe) it writes one line for each rep."""

    watched = True

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._lines: list[str] = []
        self._drawn_s = 0.0
        self._last_s = 0.0
        self._fps = 0.0
        self._shown: tuple[str, ...] = ()
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
            self._live.start()

    def show(self, picture: NDArray[np.uint8] | None, board: Board, reading: Reading) -> bool:
        """Draw when something changed for the reader, at most ten times a second otherwise."""
        if self._live is None:
            self._write_reps(reading)
            return True
        if _enter_pressed():
            self.on_key("\n")
        now_s = time.monotonic()
        interval_s, self._last_s = now_s - self._last_s, now_s
        self._fps += 0.1 * (1 / max(interval_s, 1e-3) - self._fps) if self._fps else 1 / max(interval_s, 1e-3)
        shown = (board.title, board.number, board.headline)
        if shown != self._shown or now_s - self._drawn_s >= REFRESH_S:
            self._shown, self._drawn_s = shown, now_s
            return self._draw(self.render(board, reading))
        return True

    def _draw(self, picture: RenderableType) -> bool:
        """False when the terminal is gone: its window was closed, or the connection to it."""
        assert self._live is not None
        try:
            self._live.update(picture, refresh=True)
        except OSError:
            return False
        return True

    def say(self, line: str) -> None:
        """Show the line at the bottom, and keep it for after the end."""
        if self._live is None:
            super().say(line)
        else:
            self._lines.append(line)

    def close(self) -> None:
        """Give the terminal back as it was, with what was said."""
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
            self._live = None
            for line in self._lines:
                super().say(line)

    def render(self, board: Board, reading: Reading) -> RenderableType:
        """The whole screen as rich draws it."""
        height, accent = self._console.height, _ACCENTS[board.tone]
        rows = max(_LEAST_ROWS, min(_MOST_ROWS, height - _OTHER_ROWS))
        head = Table.grid(expand=True)
        head.add_column(ratio=1)
        head.add_column(justify="right", style="dim")
        pace = f"{self._fps:.0f} fps  {sum(reading.stage_ms.values()):.0f} ms  " if reading.stage_ms else ""
        head.add_row(Text(board.title, style="bold"), pace + board.elapsed)
        number = _number(board.number, rows, accent if board.flash or board.tone == "hold" else "")
        totals = Text("   ").join(Text.assemble((name, "dim"), " ", (count, "bold")) for name, count in board.totals)
        said = [Text(line, style="yellow", no_wrap=True, overflow="ellipsis") for line in self._lines[-1:]]
        content = Group(
            head, Text(), number, Text(board.unit, style="dim"), Text(), _bar(board.progress, accent), Text(),
            *(said or [totals]),
        )  # fmt: skip
        words = Text.assemble((board.headline, "bold"), "   ", board.advice)
        state = Padding(words, (1, 3), style=_STYLES[board.tone])
        body = Group(Padding(content, (1, 3, max(0, height - _OTHER_ROWS - rows), 3)), Text(), state)
        return Panel(body, title="[bold]RepSight[/]", title_align="left", subtitle="Ctrl-C ends the session",
                     subtitle_align="right", border_style="bright_black", padding=0, height=height)  # fmt: skip

    def _write_reps(self, reading: Reading) -> None:
        for rep in reading.new_reps:
            count = reading.reps.get(rep.action, 0)
            remark = " (shallow)" if rep.shallow else ""
            sys.stdout.write(f"{clock(reading.time_s)} {name_of(rep.action)} {count}{remark}\n")
            sys.stdout.flush()


def _enter_pressed() -> bool:
    """Whether a line came from the keyboard; the terminal passes keys on with Enter alone."""
    if not sys.stdin.isatty() or not select.select([sys.stdin], [], [], 0)[0]:
        return False
    sys.stdin.readline()
    return True


def _number(text: str, rows: int, style: str) -> Text:
    """The large digits. Blocks that touch the one above are in reverse: many fonts leave seams between characters."""
    blocks = block_text(text, rows)
    number = Text(blocks.replace("█", " ").replace("▀", "▄"), style=style)
    for run in re.finditer("[█▀]+", blocks):
        number.stylize("reverse", *run.span())
    return number


def _bar(progress: float | None, color: str, half: int = 24) -> Text:
    """The phase: two halves, the way there and the way back."""
    if progress is None:
        return Text()
    line = "━" * half + "┿" + "━" * half
    text = Text(line, style="bright_black")
    text.stylize(color, 0, round(progress * len(line)))
    return text


@lru_cache(maxsize=8)
def block_text(text: str, rows: int) -> str:
    """`text` in the font of the window, as half blocks: two pixels a character, `rows` lines."""
    height = 2 * rows
    size = round(height / CAP)
    raster = np.zeros((2 * height, text_width(text, size, BOLD) + size, 3), np.uint8)
    draw_text(raster, text, (1, height + size // 4), size, (255, 255, 255), BOLD)
    filled = cv2.cvtColor(raster, cv2.COLOR_BGR2GRAY) >= 112
    columns, lines = np.flatnonzero(filled.any(0)), np.flatnonzero(filled.any(1))
    if not len(columns):
        return "\n" * (rows - 1)
    bottom = lines[-1] + 1
    pixels = filled[bottom - height : bottom, columns[0] : columns[-1] + 1]
    cells = pixels[0::2].astype(int) + 2 * pixels[1::2]
    return "\n".join("".join(" ▀▄█"[cell] for cell in row) for row in cells)
