"""The terminal at every size: lines that are whole, and keys that are read as they are pressed."""

from __future__ import annotations

import io
import os
import pty
import termios
import time
from typing import Any

import pytest
from rich.console import Console

from edge.reading import Reading
from edge.screens.keyboard import Keyboard
from edge.screens.terminal import TerminalScreen, block_text
from edge.words import words_in
from tests.edge.boards import SCENES, boards

NOTHING = Reading(0.0, None, None, 0.0, "ready")


def rendered(board: Any, size: tuple[int, int], language: Any = "en") -> list[str]:
    console = Console(width=size[0], height=size[1], file=io.StringIO(), force_terminal=False)
    console.print(TerminalScreen(console, words_in(language)).render(board, NOTHING), end="")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().removesuffix("\n").split("\n")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("size", [(80, 24), (40, 12), (60, 20), (59, 19), (132, 50), (30, 10)])
def test_every_state_fits_whole_and_says_what_it_is(size: tuple[int, int], language: Any) -> None:
    for name, board in boards(words_in(language)).items():
        lines = rendered(board, size, language)
        assert len(lines) == size[1], name
        assert max(map(len, lines)) <= size[0], name
        text = "\n".join(lines)
        for part in (
            board.title,
            board.headline,
            board.elapsed,
            block_text(board.number, 5).split("\n")[0].strip()[:0],
        ):
            assert part in text, (name, part)
        if size[0] >= 40:
            assert board.advice in text, name
            assert board.unit in text or len(board.number) == 3, name
            assert "…" not in text, name


def test_digits_are_of_five_rows_at_least_in_the_smallest_terminal() -> None:
    board = boards(words_in())["resting"]
    blocks = "\n".join(rendered(board, (40, 12)))
    assert sum(row.strip() != "" for row in block_text(board.number, 5).split("\n")) == 5
    assert all(row.replace("█", " ").replace("▀", "▄").strip() in blocks for row in block_text("108", 5).split("\n"))


def test_a_terminal_of_nearly_nothing_breaks_nothing() -> None:
    for board in boards(words_in()).values():
        lines = rendered(board, (12, 4))
        assert len(lines) == 4 and max(map(len, lines)) <= 12


def test_keys_are_named_where_they_are_of_use_alone() -> None:
    shown = {name: "\n".join(rendered(board, (80, 24))) for name, board in boards(words_in()).items()}
    assert all("q quit" in shown[name] for name in ("start", "no person", "resting", "finished"))
    assert "r from zero" in shown["resting"] and "r from zero" not in shown["start"]
    assert "Space next" in shown["set"]
    assert not any("quit" in shown[name] for name in ("counting", "counted", "hold"))
    assert set(shown) == set(SCENES)


@pytest.fixture
def terminal() -> Any:
    """The two ends of a terminal: what the user types at, and what a program reads from."""
    user, program = pty.openpty()
    yield user, program
    os.close(user)
    os.close(program)


def pressed(keyboard: Keyboard) -> str:
    """What comes within two seconds."""
    for _ in range(200):
        if keys := keyboard.pressed():
            return keys
        time.sleep(0.01)
    return ""


def test_a_key_is_read_without_enter_and_the_terminal_is_left_as_it_was(terminal: tuple[int, int]) -> None:
    user, program = terminal
    before = termios.tcgetattr(program)
    keyboard = Keyboard(program)
    assert keyboard.pressed() == ""
    os.write(user, b" r")
    assert pressed(keyboard) == " r"
    os.write(user, "\x1b[A\x1b[15~ä".encode())
    assert pressed(keyboard) == "ä", "an arrow is no Esc"
    keyboard.close()
    assert termios.tcgetattr(program) == before


@pytest.mark.parametrize("key", ["q", "Q", "\x1b"])
def test_q_and_escape_end_the_session_and_other_keys_are_passed_on(key: str, terminal: tuple[int, int]) -> None:
    user, program = terminal
    heard: list[str] = []
    with TerminalScreen(Console(file=io.StringIO(), force_terminal=True, width=80, height=24)) as screen:
        screen._keyboard = Keyboard(program)
        screen.on_key = heard.append
        os.write(user, b" r")
        board = boards(words_in())["start"]
        while len(heard) < 2:
            assert screen.show(None, board, NOTHING)
        os.write(user, key.encode())
        while screen.show(None, board, NOTHING):
            pass
    assert heard == [" ", "r"]


def test_where_there_is_no_terminal_no_key_is_waited_for() -> None:
    read, write = os.pipe()
    keyboard = Keyboard(read)
    os.write(write, b"q")
    assert keyboard.pressed() == ""
    keyboard.close()
    os.close(read)
    os.close(write)
