"""What can be heard: espeak-ng says it, or aplay beeps; in a thread, so that nobody waits for either."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
import wave
from collections import deque
from functools import lru_cache
from typing import Final, Literal, Self

import numpy as np

#: What is waiting to be said beyond this is dropped, the oldest first: a count from before is no help.
_KEPT: Final = 2
#: Seconds that one utterance may take, that the last one gets at the end, and failures after which it stays silent.
_LONGEST_S, _FAREWELL_S, _FAILURES = 10.0, 3.0, 3
_RATE, _PITCH_HZ, _BEEP_S = 22050, 880.0, 0.15

Sound = Literal["auto", "voice", "beep", "none"]


class Voice:
    """Speaks with what is here: `espeak-ng` or `espeak`, else beeps with `aplay`, else nothing. A context manager."""

    def __init__(self, sound: Sound = "auto", language: str = "en") -> None:
        """sound: `voice` and `beep` keep to one of them, `none` to neither. language: espeak's name of it."""
        self._language = language
        espeak = shutil.which("espeak-ng") or shutil.which("espeak")
        self._espeak = espeak if sound in ("auto", "voice") else None
        self._aplay = shutil.which("aplay") if sound != "none" else None
        self._waiting: deque[tuple[list[str], bytes]] = deque(maxlen=_KEPT)
        self._news = threading.Condition()
        self._closing = False
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        if self._espeak or self._aplay:
            self._thread = threading.Thread(target=self._work, name="voice", daemon=True)
            self._thread.start()

    @property
    def audible(self) -> bool:
        """Whether there is anything here to be heard with."""
        return self._thread is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, text: str) -> None:
        """Say it when what is being said has ended; without a voice, beep."""
        if self._espeak is None:
            self.beep()
        else:
            self._put([self._espeak, "-v", self._language, "--stdin"], text.encode())

    def beep(self) -> None:
        """A short tone, where aplay is here."""
        if self._aplay is not None:
            self._put([self._aplay, "-q", "-"], _tone())

    def close(self) -> None:
        """Let what was said last be heard, and be silent then."""
        if self._thread is None:
            return
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(_FAREWELL_S)
        self._waiting.clear()
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
        self._thread = None

    def _put(self, command: list[str], content: bytes) -> None:
        with self._news:
            self._waiting.append((command, content))
            self._news.notify()

    def _work(self) -> None:
        failures = 0
        while failures < _FAILURES:
            with self._news:
                while not self._waiting:
                    if self._closing:
                        return
                    self._news.wait()
                command, content = self._waiting.popleft()
            failures = 0 if self._play(command, content) else failures + 1

    def _play(self, command: list[str], content: bytes) -> bool:
        """Run one program to its end; False when it could not do its work (no sound card)."""
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self._process.communicate(content, timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            assert self._process is not None
            self._process.kill()
            self._process.wait()
            return False
        except OSError:
            return False
        return self._process.returncode == 0


@lru_cache(maxsize=1)
def _tone() -> bytes:
    """A WAV file with one soft tone."""
    time_s = np.arange(round(_RATE * _BEEP_S)) / _RATE
    fade = np.minimum(1, np.minimum(time_s, _BEEP_S - time_s) / 0.01)  # no click at its ends
    samples = (0.4 * 32767 * fade * np.sin(2 * np.pi * _PITCH_HZ * time_s)).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(_RATE)
        tone.writeframes(samples.tobytes())
    return file.getvalue()
