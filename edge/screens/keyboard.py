"""Single keys from the terminal, as they are pressed and without Enter."""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import tty
from contextlib import suppress
from typing import Final

#: What arrows and function keys send: ECMA-48, "control sequence".
_SEQUENCE: Final = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]")


class Keyboard:
    """The keyboard of a terminal while it is open; nothing is read where there is none, or another job has it."""

    def __init__(self, fd: int | None = None) -> None:
        """fd: of the terminal; standard input without it."""
        self._fd: int | None = None
        with suppress(OSError, ValueError, termios.error):  # closed, or no terminal
            fd = sys.stdin.fileno() if fd is None else fd
            self._before = termios.tcgetattr(fd)
            if _in_foreground(fd):
                tty.setcbreak(fd)
                self._fd = fd

    def pressed(self) -> str:
        """The keys pressed since the last call; waits for none."""
        if self._fd is None or not select.select([self._fd], [], [], 0)[0]:
            return ""
        try:
            keys = os.read(self._fd, 64).decode(errors="ignore")
        except OSError:
            keys = ""
        if not keys:  # the terminal is gone
            self._fd = None
        return _SEQUENCE.sub("", keys)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._fd is not None:
            with suppress(OSError, termios.error):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self._fd = None


def _in_foreground(fd: int) -> bool:
    """Whether the terminal may be set without being stopped for it (SIGTTOU)."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # not the terminal that controls us
        return True
