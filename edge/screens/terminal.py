"""The terminal: a large count in blocks, readable from 40 x 12 characters on, drawn with rich."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from configs.schema import Run
from edge.look import TONES, accent, hexadecimal, urgent
from edge.paint import BOLD, CAP, draw_text, text_width
from edge.reading import Reading
from edge.scoreboard import Board, Pair
from edge.screens.base import Screen
from edge.screens.keyboard import Keyboard
from edge.words import Words, clock, language_of, name_of, words_in

#: Seconds between two pictures: an eye reads no faster, and a Pi has better things to do.
REFRESH_S: Final = 0.1
#: From this size on there is room for a frame, and for air between the lines.
_ROOMY: Final = (60, 20)
#: Of the digits; with fewer an 8 is no longer told from a 9.
_LEAST_ROWS, _MOST_ROWS = 5, 18
_QUIT_KEYS: Final = frozenset("qQ\x1b")


class TerminalScreen(Screen):
    """Takes the whole terminal while it runs; without a terminal (a pipe) it writes one line for each rep."""

    watched = True

    def __init__(self, console: Console | None = None, words: Words | None = None) -> None:
        """words: of the language; English without them."""
        self._console, self._words = console or Console(), words or words_in()
        self._lines: list[str] = []
        self._drawn_s = 0.0
        self._last_s = 0.0
        self._fps = 0.0
        self._shown: tuple[str, ...] = ()
        self._live: Live | None = None
        self._keyboard: Keyboard | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
            self._live.start()
            self._keyboard = Keyboard()

    @classmethod
    def open(cls, settings: Run) -> Self:
        """In the language of the settings."""
        return cls(words=words_in(language_of(settings.language)))

    def show(self, picture: NDArray[np.uint8] | None, board: Board, reading: Reading) -> bool:
        """Draw when something changed for the reader, at most ten times a second otherwise."""
        if self._live is None:
            self._write_reps(reading)
            return True
        for key in self._keyboard.pressed() if self._keyboard is not None else "":
            if key in _QUIT_KEYS:
                return False
            self.on_key(key)
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
        if self._keyboard is not None:
            self._keyboard.close()
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
            self._live = None
            for line in self._lines:
                super().say(line)

    def render(self, board: Board, reading: Reading) -> RenderableType:
        """The whole screen as rich draws it."""
        width, height = self._console.size
        roomy = width >= _ROOMY[0] and height >= _ROOMY[1]
        if not roomy:
            return Group(*self._lines_of(board, "", width, height, pad=1, air=0))
        pace = f"{self._fps:.0f} fps  {sum(reading.stage_ms.values()):.0f} ms  " if reading.stage_ms else ""
        keys = () if board.keys is None else (("q", self._words.screen.quit), *board.keys)
        subtitle = _pairs(keys, "bold", "not bold") if keys else None
        content = self._lines_of(board, pace, width - 2, height - 2, pad=3, air=1)
        return Panel(Group(*content), title="[bold]RepSight[/]", title_align="left", subtitle=subtitle,
                     subtitle_align="right", border_style="bright_black", padding=0, height=height)  # fmt: skip

    def _lines_of(self, board: Board, pace: str, width: int, height: int, *, pad: int, air: int) -> list[Text]:
        """Exactly `height` lines of `width` characters at most. pad: columns left and right. air: empty lines."""
        inside, color = width - 2 * pad, hexadecimal(accent(board.tone))
        state = _state(board, width, pad, air)
        foot = self._foot(board, inside, keys=not air)
        # Beside the digits where lines are dear, else below them.
        small = [Text(board.unit, style="dim"), *(_pairs([one], "dim", "bold") for one in board.details)]
        rows = height - len(state) - (9 if air else 3)
        beside = 0 if air else max(text.cell_len for text in small) + 2
        number = _number(board, max(_LEAST_ROWS, min(_MOST_ROWS, rows)), inside - beside, color)
        lines = [_apart(Text(board.title, style="bold"), Text(pace + board.elapsed, style="dim"), inside)]
        lines += [Text()] * air
        if air:
            lines += [*number, small[0], Text(), _bar(board.progress, color, inside), Text()]
            lines += [_apart(Text("   ").join(small[1:]), Text(), inside), foot]
        else:
            column = max(line.cell_len for line in number) + 2
            fitting = [text for text in small if column + text.cell_len <= inside]
            for line, text in zip(number, fitting, strict=False):
                line.append(" " * (column - line.cell_len)).append_text(text)
            lines += [*number, _bar(board.progress, color, inside), foot]
        lines = [_fitted(Text(" " * pad).append_text(line), width - pad) for line in lines]
        lines = [Text()] * air + lines
        room = height - len(state)
        return [*lines[:room], *[Text()] * (room - len(lines)), *state][-height:]

    def _foot(self, board: Board, width: int, *, keys: bool) -> Text:
        """What went wrong lately, or what can be pressed where it is not said elsewhere, or the other exercises."""
        if self._lines:
            return Text(self._lines[-1], style="yellow")
        if keys and board.keys is not None:
            return _pairs([("q", self._words.screen.quit), *board.keys], "bold", "dim")
        shown = list(board.totals)
        while _pairs(shown, "dim", "bold").cell_len > width:
            shown.pop()
        return _pairs(shown, "dim", "bold")

    def _write_reps(self, reading: Reading) -> None:
        for rep in reading.new_reps:
            count = reading.reps.get(rep.action, 0)
            remark = " (shallow)" if rep.shallow else ""
            sys.stdout.write(f"{clock(reading.time_s)} {name_of(rep.action)} {count}{remark}\n")
            sys.stdout.flush()


def _pairs(pairs: Sequence[Pair], first: str, second: str) -> Text:
    return Text("   ").join(Text.assemble((one, first), " ", (other, second)) for one, other in pairs)


def _fitted(line: Text, width: int) -> Text:
    """The line in one row, whatever there is to say."""
    line.no_wrap, line.overflow = True, "ellipsis"
    line.truncate(width, overflow="ellipsis")
    return line


def _apart(left: Text, right: Text, width: int) -> Text:
    """One text at each end of a row; the left one gives way."""
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis")
    return Text.assemble(left, " " * max(1, width - left.cell_len - right.cell_len), right)


def _state(board: Board, width: int, pad: int, air: int) -> list[Text]:
    """The state and what to do: on one row where they fit; what the user must act upon fills its rows."""
    ground, ink = TONES[board.tone]
    style = f"{hexadecimal(ink)} on {hexadecimal(ground)}" if urgent(board.tone) else ""
    headline, advice = Text(board.headline, style="bold"), Text(board.advice)
    if not urgent(board.tone):
        headline.stylize(hexadecimal(ink))
    rows = [Text.assemble(headline, "   ", advice)]
    if rows[0].cell_len > width - 2 * pad or not air:
        rows = [headline, advice]
    rows = [Text()] * air + rows + [Text()] * air
    return [_filled(Text(" " * pad).append_text(row), width, style) for row in rows]


def _filled(row: Text, width: int, style: str) -> Text:
    """A row of exactly that width in one style, beneath those that its words have."""
    row.truncate(width, overflow="ellipsis", pad=True)
    row.no_wrap = True
    row.stylize_before(style)
    return row


def _number(board: Board, rows: int, width: int, accent: str) -> list[Text]:
    """The large digits, no wider than that. Blocks that touch the one above are in reverse: many fonts leave seams."""
    blocks = block_text(board.number, rows)
    while rows > _LEAST_ROWS and len(blocks.partition("\n")[0]) > width:
        rows -= 1
        blocks = block_text(board.number, rows)
    style = accent if board.tone == "hold" or (board.flash and not urgent(board.tone)) else ""
    number = Text(blocks.replace("█", " ").replace("▀", "▄"))
    number.stylize(style)
    for run in re.finditer("[█▀]+", blocks):
        number.stylize("reverse", *run.span())
    return list(number.split("\n", allow_blank=True))


def _bar(progress: float | None, color: str, width: int) -> Text:
    """The phase: two halves, the way there and the way back."""
    if progress is None:
        return Text()
    half = min(24, (width - 1) // 2)
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
