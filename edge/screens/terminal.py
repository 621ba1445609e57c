"""The terminal: a large count in blocks, readable at 80 x 24, drawn with rich."""

from __future__ import annotations

import sys
import time
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
#: Rows of the large digits: 9 of 24.
_ROWS: Final = 9

_STYLES: Final[dict[Tone, str]] = {
    "good": "black on #28c88c",
    "hold": "black on #e69f00",
    "calm": "black on #56b4e9",
    "warn": "black on #f0e442",
    "alarm": "bold white on #d55e00",
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
        now_s = time.monotonic()
        interval_s, self._last_s = now_s - self._last_s, now_s
        self._fps += 0.1 * (1 / max(interval_s, 1e-3) - self._fps) if self._fps else 1 / max(interval_s, 1e-3)
        shown = (board.title, board.number, board.headline)
        if shown != self._shown or now_s - self._drawn_s >= REFRESH_S:
            self._shown, self._drawn_s = shown, now_s
            self._live.update(self.render(board, reading), refresh=True)
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
            self._live.stop()
            self._live = None
            for line in self._lines:
                super().say(line)

    def render(self, board: Board, reading: Reading) -> RenderableType:
        """The whole screen as rich draws it."""
        accent = _ACCENTS[board.tone]
        head = Table.grid(expand=True)
        head.add_column(ratio=1)
        head.add_column(justify="right", style="dim")
        chain_ms = sum(reading.stage_ms.values())
        pace = f"{self._fps:.0f} fps  {chain_ms:.0f} ms  " if reading.stage_ms else ""
        head.add_row(Text(board.title, style="bold"), pace + board.elapsed)
        number = Text(block_text(board.number), style=accent if board.flash or board.tone == "hold" else "bold")
        state = Text.assemble((f" {board.headline} ", _STYLES[board.tone]), "  ", board.advice)
        totals = Text("   ").join(Text.assemble((name, "dim"), " ", (count, "bold")) for name, count in board.totals)
        parts: list[RenderableType] = [head, Text(), number, Text(board.unit, style="dim"), Text(),
                 _bar(board.progress, accent), Text(), state, Text(), totals]  # fmt: skip
        parts += [Text(line, style="yellow") for line in self._lines[-2:]]
        body = Padding(Group(*parts), (1, 3))
        return Panel(body, title="[bold]RepSight[/]", title_align="left", subtitle="Ctrl-C ends the session",
                     subtitle_align="right", border_style="bright_black", height=self._console.height)  # fmt: skip

    def _write_reps(self, reading: Reading) -> None:
        for rep in reading.new_reps:
            count = reading.reps.get(rep.action, 0)
            remark = " (shallow)" if rep.shallow else ""
            sys.stdout.write(f"{clock(reading.time_s)} {name_of(rep.action)} {count}{remark}\n")
            sys.stdout.flush()


def _bar(progress: float | None, color: str, half: int = 24) -> Text:
    """The phase: two halves, the way there and the way back."""
    if progress is None:
        return Text()
    line = "━" * half + "┿" + "━" * half
    text = Text(line, style="bright_black")
    text.stylize(color, 0, round(progress * len(line)))
    return text


@lru_cache(maxsize=8)
def block_text(text: str, rows: int = _ROWS) -> str:
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
