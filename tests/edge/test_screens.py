"""The terminal at 80 x 24, and how a screen says that it can't be had."""

from __future__ import annotations

import io
import sys
from typing import Any, get_args

import pytest
from rich.console import Console

from classifier.rep import Rep
from configs.schema import Run
from edge.reading import Reading, State
from edge.scoreboard import Scoreboard
from edge.screens import open_screen
from edge.screens.terminal import TerminalScreen, block_text
from edge.words import words_in
from keypoints.errors import InputError


def reading(**fields: Any) -> Reading:
    content = {"time_s": 42.0, "pose": None, "action": "squat", "confidence": 0.9, "state": "counting",
               "phase": 2.0, "reps": {"squat": 12, "push_up": 4}, "holds_s": {"plank": 5.2}}  # fmt: skip
    return Reading(**{**content, **fields})


def rendered(**fields: Any) -> list[str]:
    """The lines of the terminal screen at 80 x 24."""
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=False)
    one = reading(**fields)
    console.print(TerminalScreen(console).render(Scoreboard().update(one), one))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize("state", get_args(State))
def test_the_terminal_screen_fits_80_by_24_in_every_state(state: Any) -> None:
    lines = rendered(state=state, reps={"squat": 888, "push_up": 40, "jumping_jack": 120, "shoulder_press": 30})
    assert len(lines) == 24
    assert all(len(line) <= 80 for line in lines)
    headline, advice, _ = words_in().state(state)
    assert any(headline in line and advice in line for line in lines)


def test_the_terminal_says_action_count_state_and_the_other_exercises() -> None:
    text = "\n".join(rendered())
    for part in ("Squat", "reps", "Counting", "Push-ups 4", "Plank 5 s", "0:42"):
        assert part in text
    for row in block_text("12", 10).split("\n"):
        assert row.replace("█", " ").replace("▀", "▄").strip() in text


def test_block_digits_fill_their_rows_and_differ() -> None:
    digits = [block_text(str(d), 9) for d in range(10)]
    assert len(set(digits)) == 10
    for digit in digits:
        lines = digit.split("\n")
        assert len(lines) == 9
        assert all(line.strip() for line in (lines[0], lines[-1]))


def test_without_a_terminal_each_rep_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    rep = Rep("squat", 0.0, 2.0, 2.0, 0.5, shallow=True)
    with TerminalScreen(Console(file=io.StringIO())) as screen:
        for one in (reading(), reading(new_reps=(rep,), reps={"squat": 13})):
            assert screen.show(None, Scoreboard().update(one), one)
        screen.say("the disk is full")
    out = capsys.readouterr()
    assert out.out == "0:42 squat 13 (shallow)\n"
    assert out.err == "the disk is full\n"


def test_what_was_said_during_a_run_is_there_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with TerminalScreen(console) as screen:
        screen.say("the disk is full")
        one = reading()
        screen.show(None, Scoreboard().update(one), one)
        assert "the disk is full" in console.file.getvalue()  # type: ignore[attr-defined]
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == "the disk is full\n"


def test_a_terminal_that_is_gone_ends_the_run_and_not_its_records() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with TerminalScreen(console) as screen:
        console.file = Gone()
        one = reading()
        assert not screen.show(None, Scoreboard().update(one), one)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="DISPLAY is for X11")
@pytest.mark.parametrize(
    ("display", "says"), [(None, "no display"), ("", "no display"), (":4999", "does not answer"), ("junk", "does not")]
)
def test_a_window_without_a_display_gives_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, display: str | None, says: str
) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(InputError, match=says):
        open_screen(Run(screen="window"))


def test_auto_is_no_screen_where_there_is_neither_display_nor_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    screen = open_screen(Run(screen="auto"))
    assert not screen.needs_picture
    assert not screen.watched
