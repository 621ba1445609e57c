"""What every screen is: a context manager that shows readings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import numpy as np
from numpy.typing import NDArray

from configs.schema import Run
from edge.reading import Reading
from edge.scoreboard import Board, Pair


class Screen:
    """A screen that shows nothing: the base of the others, and `--screen none`."""

    #: Whether `show` wants the drawn picture.
    needs_picture = False
    #: Whether a person watches, so that a file is played at its own speed.
    watched = False
    #: Width and height in px of what the drawn picture is shown on; None while nothing is known.
    size: tuple[int, int] | None = None
    #: (key, what it does), for keys of the screen's own.
    keys: tuple[Pair, ...] = ()
    #: Told of every key that means nothing to the screen itself.
    on_key: Callable[[str], None] = staticmethod(lambda key: None)

    @classmethod
    def open(cls, settings: Run) -> Self:
        """The screen of a run with these settings. Raises InputError when it can't be shown here."""
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Return when somebody watches, or `stopped` says so: before a film that is played at its own speed."""

    def look(self, image: NDArray[np.uint8] | None, size: tuple[int, int]) -> None:
        """Take the frame as it came, before `show` shows its reading; it is not to be changed, and may be kept.

        image: uint8 (H, W, 3) BGR, None for a keypoint sequence. size: (width, height) px that poses belong to.
        """

    def show(self, picture: NDArray[np.uint8] | None, board: Board, reading: Reading) -> bool:
        """Show one reading; False when the user wants to quit.

        picture: uint8 (H, W, 3) BGR, drawn, for a screen that needs it.
        """
        return True

    def say(self, line: str) -> None:
        """Tell the user something that happened meanwhile, such as a full disk."""
        with suppress(OSError):  # the terminal may be gone; the run goes on
            sys.stderr.write(f"{line}\n")

    def close(self) -> None:
        """Give back what the screen took. May be called twice."""
