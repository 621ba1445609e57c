"""The window under virtual X servers of several sizes, with and without a window manager."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def x_server(size: str) -> Iterator[str]:
    """A virtual X server of our own, without a window manager."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (apt-get install xvfb)")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with x_server("1280x800") as name:
        yield name


@pytest.fixture(scope="module")
def small_display() -> Iterator[str]:
    with x_server("480x320") as name:
        yield name


@pytest.fixture
def managed_display() -> Iterator[str]:
    """A small upright one with a window manager."""
    if shutil.which("openbox") is None:
        pytest.skip("openbox is not installed (apt-get install openbox)")
    with x_server("480x800") as name:
        manager = subprocess.Popen(
            ["openbox"], env={**os.environ, "DISPLAY": name}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        yield name
        manager.terminate()
        manager.wait(10)


def in_window(display: str, body: str) -> subprocess.CompletedProcess[str]:
    """Run `body` with an open WindowScreen `screen` and a function `show()`, in a fresh process on this display."""
    program = textwrap.dedent(
        """
        import cv2, numpy as np, sys, time
        from edge.draw import draw
        from edge.reading import Reading
        from edge.screens.desktop import desktop
        from edge.scoreboard import Scoreboard
        from edge.screens.window import TITLE, WindowScreen
        from edge.words import words_in
        reading = Reading(1.0, None, "squat", 0.9, "counting")
        board = Scoreboard().update(reading)
        picture = np.full((480, 640, 3), 90, np.uint8)
        def show(): return screen.show(picture, board, reading)
        def becomes(size):  # soon
            until = time.monotonic() + 20
            while show() and time.monotonic() < until:
                if screen.size == size:
                    return True
            print(screen.size, file=sys.stderr)
        wait = cv2.waitKey
        def press(key):
            cv2.waitKey = lambda ms: (wait(ms), ord(key))[1]
            assert show()
            cv2.waitKey = wait
        """
    )
    environment = {**os.environ, "DISPLAY": display}
    environment.pop("QT_QPA_PLATFORM", None)
    return subprocess.run(
        [sys.executable, "-c", program + textwrap.dedent(body)],
        capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment,
    )  # fmt: skip


def test_the_window_shows_pictures_and_closes(display: str) -> None:
    done = in_window(
        display,
        """
        with WindowScreen() as screen:
            assert all(show() for _ in range(5))
            assert cv2.getWindowImageRect(TITLE)[2:] == (640, 480)
        screen.close()
        """,
    )
    assert done.returncode == 0, done.stderr


def test_the_window_can_be_full_screen_and_back(display: str) -> None:
    done = in_window(
        display,
        """
        screen = WindowScreen()
        assert becomes((640, 480))
        press("f")
        assert becomes((1280, 800))
        press("F")
        assert becomes((640, 480))
        """,
    )
    assert done.returncode == 0, done.stderr


def test_the_window_tells_its_size_so_that_the_picture_can_have_its_shape(display: str) -> None:
    done = in_window(
        display,
        """
        screen = WindowScreen()
        assert screen.size is None, "the first picture decides"
        assert becomes((640, 480))
        cv2.resizeWindow(TITLE, 320, 240)
        assert becomes((320, 240))
        """,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("size", "portrait"), [((450, 900), True), ((1200, 400), False), ((320, 240), False)])
def test_the_picture_is_drawn_in_the_shape_that_the_window_was_given(
    display: str, size: tuple[int, int], portrait: bool
) -> None:
    done = in_window(
        display,
        f"""
        from edge.layout import Layout
        screen = WindowScreen()
        assert becomes((640, 480))
        cv2.resizeWindow(TITLE, *{size})
        assert becomes({size})  # while pictures of another shape are shown in it
        picture = draw(None, None, board, (640, 480), screen.size)
        assert picture.shape == ({size[1]}, {size[0]}, 3)
        assert Layout.of((640, 480), screen.size).portrait is {portrait}
        """,
    )
    assert done.returncode == 0, done.stderr


def test_a_window_too_small_to_draw_in_still_tells_a_size(display: str) -> None:
    done = in_window(
        display,
        """
        screen = WindowScreen()
        assert becomes((640, 480))
        cv2.resizeWindow(TITLE, 40, 400)
        assert becomes((120, 400))
        """,
    )
    assert done.returncode == 0, done.stderr


def test_a_small_screen_gets_a_small_window(small_display: str) -> None:
    done = in_window(
        small_display,
        """
        assert desktop() == ((480, 320), False)
        screen = WindowScreen()
        assert becomes((432, 288))
        """,
    )
    assert done.returncode == 0, done.stderr


def test_full_screen_is_the_screen_without_a_window_manager_too_and_back(small_display: str) -> None:
    done = in_window(
        small_display,
        """
        screen = WindowScreen(full_screen=True)
        assert becomes((480, 320))
        assert cv2.getWindowImageRect(TITLE)[:2] == (0, 0)
        press("f")
        assert becomes((432, 288))
        """,
    )
    assert done.returncode == 0, done.stderr


def test_full_screen_is_the_screen_with_a_window_manager(managed_display: str) -> None:
    done = in_window(
        managed_display,
        """
        until = time.monotonic() + 20
        while not desktop().managed and time.monotonic() < until:
            time.sleep(0.05)  # it has just been started
        assert desktop() == ((480, 800), True)
        screen = WindowScreen(full_screen=True)
        assert becomes((480, 800))
        """,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cause", ["no library", "no display"])
def test_where_the_screen_is_not_known_the_picture_decides(monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    from edge.screens import desktop

    if cause == "no library":
        monkeypatch.setattr(desktop, "LIBRARY", "libNoSuch.so.6")
    else:
        monkeypatch.setenv("DISPLAY", "")
    assert desktop.desktop() is None


def test_keys_that_are_not_the_windows_own_are_passed_on(display: str) -> None:
    done = in_window(
        display,
        """
        keys, heard = iter([-1, ord("r"), ord(" "), ord("f"), -1]), []
        wait, cv2.waitKey = cv2.waitKey, lambda ms: (wait(ms), next(keys))[1]
        screen = WindowScreen(words=words_in("de"))
        screen.on_key = heard.append
        assert all(show() for _ in range(5))
        assert heard == ["r", " "], heard
        assert screen.keys == (("q", "Ende"), ("f", "Vollbild")), screen.keys
        """,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", ["ord('q')", "ord('Q')", "27"])
def test_q_and_escape_quit(display: str, key: str) -> None:
    done = in_window(
        display,
        f"""
        screen = WindowScreen()
        assert show()
        wait, cv2.waitKey = cv2.waitKey, lambda ms: (wait(ms), {key})[1]
        assert not show()
        """,
    )
    assert done.returncode == 0, done.stderr


def test_closing_the_window_quits(display: str) -> None:
    done = in_window(
        display,
        """
        screen = WindowScreen()
        assert show()
        close, cv2.imshow = cv2.destroyWindow, lambda *_: close(TITLE)
        assert not show()
        screen.close()
        """,
    )
    assert done.returncode == 0, done.stderr


def test_a_run_in_a_window_says_nothing_of_its_toolkit(
    display: str, repsight: Callable[..., Any], squats: Callable[[int], Path], tiny_head: Path
) -> None:
    environment = {**os.environ, "DISPLAY": display}
    done = repsight("run", squats(1), "--head", tiny_head, "--screen", "window", "--frames", 5, env=environment)
    assert done.returncode == 0
    assert done.stderr == "", "Qt wrote to the terminal"
