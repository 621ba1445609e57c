"""The picture that the user sees from three metres away."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest

from classifier.rep import Rep
from edge import draw as sheet
from edge.draw import dimmed, draw
from edge.layout import MAX_HEIGHT, MIN_HEIGHT, Layout
from edge.look import TONES
from edge.paint import BOLD, CAP, MEDIUM, Sprite, text_width
from edge.reading import Reading, State
from edge.scoreboard import FLASH_S, REMARK_S, Board, Scoreboard
from edge.words import words_in
from keypoints.resources import resident_bytes
from keypoints.types import Pose
from tests.edge.boards import boards

SIZES = [(320, 240), (640, 480), (1280, 720), (1920, 1080), (720, 1280), (1, 1), (3840, 2160), (4000, 10), (10, 4000)]


def board(**fields: Any) -> Board:
    content: dict[str, Any] = {
        "title": "Squat", "number": "12", "unit": "reps", "flash": False, "progress": 0.4, "headline": "Counting",
        "advice": "Keep going", "tone": "good", "totals": (("Push-ups", "4"),), "elapsed": "0:42",
    }  # fmt: skip
    return Board(**{**content, **fields})


def pose(width: int, height: int, confidence: float = 0.9) -> Pose:
    keypoints = np.full((17, 3), confidence, np.float32)
    keypoints[:, 0] = np.linspace(0.6, 0.9, 17) * width
    keypoints[:, 1] = np.linspace(0.1, 0.8, 17) * height
    return Pose(keypoints, np.array([0, 0, width, height], np.float32), 0.9)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_of_frame_becomes_a_picture_of_a_reasonable_size(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    picture = draw(image, pose(*size), board(), size)
    height, width = picture.shape[:2]
    assert picture.dtype == np.uint8
    assert MIN_HEIGHT <= height <= MAX_HEIGHT
    assert 1.3 <= width / height <= 2.45
    assert width % 2 == height % 2 == 0, "video codecs want even sides"
    assert (image == 200).all(), "the frame itself stays as it is"


@pytest.mark.parametrize("number", ["0", "5", "12", "88", "108", "888"])
@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720), (1920, 1080), (720, 1280)])
def test_the_digits_are_a_quarter_of_the_height_at_least(size: tuple[int, int], number: str) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    with_number = draw(image, None, board(number=number), size)
    without = draw(image, None, board(number=" "), size)
    rows = np.flatnonzero((with_number != without).any((1, 2)))
    assert rows[-1] - rows[0] + 1 >= with_number.shape[0] / 4


def test_a_white_wall_does_not_swallow_the_digits() -> None:
    wall = np.full((720, 1280, 3), 255, np.uint8)
    picture = draw(wall, None, board(number="12", progress=None), (1280, 720))
    without = draw(wall, None, board(number=" ", progress=None), (1280, 720))
    ink = (picture == 255).all(2) & (without != 255).any(2)
    assert ink.sum() > 10_000
    assert without[ink].mean() < 100, "what is behind the digits is dark"


def test_the_video_is_shown_in_its_own_colours_beside_the_panel() -> None:
    image = np.full((720, 1280, 3), (10, 120, 230), np.uint8)
    picture = draw(image, None, board(totals=()), (1280, 720))
    assert picture[300, 1200].tolist() == [10, 120, 230]


def test_joints_that_are_not_seen_are_not_drawn() -> None:
    image = np.full((720, 1280, 3), 90, np.uint8)
    nothing = draw(image, None, board(), (1280, 720))
    assert (draw(image, pose(1280, 720, confidence=0.1), board(), (1280, 720)) == nothing).all()
    assert (draw(image, pose(1280, 720), board(), (1280, 720)) != nothing).any()


def test_a_portrait_video_stands_beside_the_count_and_not_behind_it() -> None:
    layout = Layout.of((720, 1280))
    assert layout.video[0] >= layout.panel


#: What people have: SPI screens, a Pi's own, desktops, and all of them upright.
SCREENS = [(320, 240), (480, 320), (800, 480), (1280, 720), (1920, 1080), (240, 320), (320, 480), (480, 800),
           (720, 1280), (1080, 1920), (300, 300)]  # fmt: skip
CAMERAS = [(1280, 720), (640, 480), (720, 1280)]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("camera", CAMERAS)
def test_a_picture_for_a_screen_has_its_shape_and_shows_the_whole_frame(
    camera: tuple[int, int], screen: tuple[int, int]
) -> None:
    layout = Layout.of(camera, screen)
    assert layout.width / layout.height == pytest.approx(screen[0] / screen[1], rel=0.01)
    assert layout.width <= screen[0] and layout.height <= screen[1]
    x, y, width, height = layout.video
    assert x >= 0 and y >= 0 and x + width <= layout.width and y + height <= layout.height
    assert width / height == pytest.approx(camera[0] / camera[1], rel=0.03)
    assert layout.portrait is (screen[0] < screen[1])
    if layout.portrait:
        assert y + height <= layout.board[1], "the board is below"
    assert draw(np.zeros((camera[1], camera[0], 3), np.uint8), None, board(), camera, screen).shape == (
        layout.height, layout.width, 3,
    )  # fmt: skip


Box = tuple[str, float, float, float, float]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Box]]:
    """Every text that is drawn from now on: what it says, left, top, right and bottom px of its capitals."""
    boxes: list[Box] = []
    newest: list[tuple[str, float, int]] = []
    write, tag, put = sheet.write, sheet.tag, sheet._Sheet._put

    def written(
        text: str, size: float, color: Any, weight: int = MEDIUM, fit: int | None = None, least: float = 6
    ) -> Sprite:
        shrunk = max(least, size if fit is None else size * min(1.0, fit / max(1, text_width(text, size, weight))))
        newest.append((text, shrunk, 0))
        return write(text, size, color, weight, fit, least)

    def tagged(first: str, second: str, size: float, *colors: Any) -> Sprite:
        width = text_width(first + "  ", size) + text_width(second, size, BOLD)
        newest.append((f"{first}  {second}", size, -width - round(1.5 * size) // 2))
        return tag(first, second, size, *colors)

    def noted(self: Any, sprite: Sprite, at: tuple[int, int]) -> int:
        text, size, left = newest.pop()
        if text:
            right = at[0] + (sprite.advance or -(round(1.5 * size) // 2))
            boxes.append((text, at[0] + left, at[1] - CAP * size, right, at[1]))
        return put(self, sprite, at)

    monkeypatch.setattr(sheet, "write", written)
    monkeypatch.setattr(sheet, "tag", tagged)
    monkeypatch.setattr(sheet._Sheet, "_put", noted)
    sheet._sheet.cache_clear()
    yield boxes
    sheet._sheet.cache_clear()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_no_text_is_cut_off_or_too_small_or_over_another(
    language: Any, screen: tuple[int, int], texts: list[Box]
) -> None:
    words = words_in(language)
    keys = (("q", words.screen.quit), ("f", words.screen.full_screen))
    for name, shown in boards(words).items():
        texts.clear()
        sheet._sheet.cache_clear()
        height, width = draw(None, None, shown, (1280, 720), screen, keys).shape[:2]
        assert len(texts) >= 5
        for text, left, top, right, bottom in texts:
            assert left >= 0 and top >= 0 and right <= width and bottom <= height, (name, text)
            assert (bottom - top) / CAP >= 10, (name, text, "px")
        for (one, *a), (other, *b) in itertools.combinations(texts, 2):
            apart = a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
            assert apart, f"{name}: {one!r} and {other!r}"


def test_what_was_drawn_before_leaves_no_trace() -> None:
    """Boards, layouts and keys in turn, as with a screen and a film that is saved: each looks as it does alone."""
    size, keys = (1280, 720), (("q", "quit"),)
    wanted = [(board(progress=0.2), None), (board(progress=0.8), None), (board(elapsed="0:43"), (800, 480)),
              (board(totals=(), keys=()), None), (board(tone="warn", progress=None), None)]  # fmt: skip

    def picture(shown: Board, screen: tuple[int, int] | None) -> Any:
        return draw(np.full((720, 1280, 3), 90, np.uint8), None, shown, size, screen, keys)

    alone = []
    for shown, screen in wanted:
        sheet._sheet.cache_clear()
        alone.append(picture(shown, screen))
    for _ in range(2):
        for (shown, screen), expected in zip(wanted, alone, strict=True):
            assert (picture(shown, screen) == expected).all()
    assert (alone[0] != alone[1]).any(), "the bar moves"


#: Prints the megabytes that 24 large numbers take, and what of that is left when they are gone and small texts stay.
_NUMBERS = """
import os
from edge.look import SKY
from edge.paint import BOLD, _written, write
from keypoints.resources import resident_bytes

write("1000", 300, SKY, BOLD)  # the font is read
_written.cache_clear()
before = resident_bytes(os.getpid())
both = [(write(str(1000 + i), 300, SKY, BOLD), write(f"0:{i}", 36, SKY)) for i in range(24)]
held = resident_bytes(os.getpid()) - before
stays = [small for large, small in both]
del both
_written.cache_clear()
print(held / 2**20, (resident_bytes(os.getpid()) - before) / 2**20)
"""


@pytest.mark.skipif(resident_bytes(os.getpid()) is None, reason="nobody tells here what a process holds")
def test_a_large_number_gives_back_what_it_took_though_what_was_written_after_it_stays() -> None:
    told = subprocess.run([sys.executable, "-c", _NUMBERS], capture_output=True, text=True, check=True).stdout
    held_mb, left_mb = map(float, told.split())
    assert left_mb < held_mb / 8


def test_keys_are_drawn_while_they_are_of_use() -> None:
    size, keys = (1280, 720), (("q", "quit"),)
    busy, idle = (draw(None, None, board(keys=of), size, size, keys) for of in (None, ()))
    assert (busy == draw(None, None, board(), size, size)).all()
    assert (busy != idle).any()


@pytest.mark.parametrize("tone", ["warn", "alarm"])
def test_what_the_user_must_do_is_a_bar_of_its_own_colour(tone: Any) -> None:
    picture = draw(np.full((720, 1280, 3), 90, np.uint8), None, board(tone=tone), (1280, 720))
    assert picture[650, 900].tolist() == list(TONES[tone][0])


def test_a_sequence_without_pictures_is_drawn_on_black() -> None:
    picture = draw(None, pose(640, 480), board(), (640, 480))
    assert picture.shape == (480, 640, 3)
    assert picture.any()


def test_the_last_picture_of_a_lost_camera_is_dark_and_grey() -> None:
    image = np.full((4, 4, 3), (0, 0, 255), np.uint8)
    picture = dimmed(image)
    assert picture[0, 0].max() < 60
    assert np.ptp(picture[0, 0]) == 0


def reading(time_s: float, action: str | None = "squat", state: Any = "counting", **fields: Any) -> Reading:
    return Reading(time_s, None, action, 0.9, state, **fields)


@pytest.mark.parametrize("state", get_args(State))
def test_every_state_is_said_in_words(state: Any) -> None:
    shown = Scoreboard().update(reading(0.0, state=state))
    assert (shown.headline, shown.advice, shown.tone) == words_in().state(state)


def test_the_count_stays_up_while_its_user_rests() -> None:
    scores = Scoreboard()
    assert (scores.update(reading(1, reps={"squat": 3})).number, scores.update(reading(1)).unit) == ("3", "reps")
    resting = scores.update(reading(2, "stand", "rest", reps={"squat": 3}))
    assert (resting.title, resting.number, resting.unit) == ("Standing", "3", "squats")
    alone = scores.update(reading(3, None, "no person", reps={"squat": 1}))
    assert (alone.title, alone.number, alone.unit) == ("Squat", "1", "rep")


def test_a_new_exercise_begins_at_its_own_count_and_the_others_are_listed() -> None:
    scores = Scoreboard()
    scores.update(reading(1, reps={"squat": 3}))
    shown = scores.update(reading(2, "push_up", reps={"squat": 3}, holds_s={"plank": 5.2}))
    assert (shown.title, shown.number) == ("Push-up", "0")
    assert shown.totals == (("Squats", "3"), ("Plank", "5 s"))


def test_a_hold_shows_its_seconds() -> None:
    shown = Scoreboard().update(reading(9, "plank", "hold", holds_s={"plank": 31.9}))
    assert (shown.number, shown.unit, shown.tone) == ("31", "seconds", "hold")


def test_a_hold_that_does_not_count_yet_is_no_rest() -> None:
    shown = Scoreboard().update(reading(9, "plank", "rest"))
    assert (shown.number, shown.headline, shown.advice) == ("0", "Hold it", "It counts from two seconds on")


def test_nothing_counted_yet_is_a_zero() -> None:
    shown = Scoreboard().update(reading(0, None, "no person"))
    assert (shown.title, shown.number, shown.unit) == ("RepSight", "0", "reps")


def test_a_rep_flashes_and_a_shallow_one_is_remarked_on_for_a_moment() -> None:
    scores = Scoreboard()
    rep = Rep("squat", 0.0, 2.0, 2.0, 0.5, shallow=True)
    now = scores.update(reading(2.0, new_reps=(rep,), reps={"squat": 1}))
    assert now.flash
    assert now.headline == "Shallow"
    assert not scores.update(reading(2.0 + FLASH_S + 0.01, reps={"squat": 1})).flash
    assert scores.update(reading(2.0 + REMARK_S + 0.01, reps={"squat": 1})).headline == "Counting"


def test_a_warning_is_not_hidden_by_a_remark() -> None:
    scores = Scoreboard()
    scores.update(reading(2.0, new_reps=(Rep("squat", 0.0, 2.0, 2.0, 0.5, shallow=True),), reps={"squat": 1}))
    assert scores.update(reading(2.1, state="step back")).headline == "Step back"


def test_the_phase_runs_from_zero_to_one() -> None:
    assert Scoreboard().update(reading(0, phase=np.pi)).progress == pytest.approx(0.5)
    assert Scoreboard().update(reading(0)).progress is None
