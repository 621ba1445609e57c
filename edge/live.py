"""Cameras and streams: captured in a thread of their own, newest frame first, reopened when they go away."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import cv2
from numpy.typing import NDArray

from configs.schema import CameraSettings
from edge.machine import cameras, ribbon_camera
from edge.pi.camera import PiCamera
from edge.sources import Lost, never
from keypoints.errors import InputError, SourceError
from keypoints.letterbox import to_bgr
from keypoints.types import Frame
from keypoints.video import Video

#: Seconds: how long without a frame before the camera counts as lost, and how often that is then said.
STALL_S = 1.0
TICK_S = 0.25
#: Seconds between attempts to reopen: the first, and the longest that they grow to by doubling.
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 5.0
#: Seconds that a camera has for its first frame: USB cameras take up to three to set their exposure.
FIRST_FRAME_S = 10.0

T = TypeVar("T")


def retry_waits() -> Iterator[float]:
    """Seconds to wait before each attempt to reopen: doubling, up to a limit."""
    wait_s = FIRST_RETRY_S
    while True:
        yield wait_s
        wait_s = min(2 * wait_s, LONGEST_RETRY_S)


class Capture(Protocol):
    """What cv2.VideoCapture does, as far as it is needed here."""

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


class LiveSource:
    """A camera or stream whose newest frame wins, so that the delay never grows.

    A thread captures; who iterates gets the newest frame that it has not had yet, stamped by a monotonic clock when
    it was captured. While there is none it gets `Lost` a few times a second, and the thread tries to reopen.
    """

    live = True

    def __init__(
        self,
        name: str,
        opener: Callable[[], Capture],
        fps: float | None = None,
        stopped: Callable[[], bool] = never,
        first: Capture | None = None,
    ) -> None:
        """opener: opens the capture or raises SourceError. first: a capture that is already open.

        Raises SourceError when there is no first frame, KeyboardInterrupt when stopped before it.
        """
        self.name, self.fps = name, fps
        self.notice: str | None = None
        self.decode_ms = 0.0
        self._opener = opener
        self._closed = threading.Event()
        self._fresh = threading.Condition()
        self._newest: tuple[NDArray[Any], float, float] | None = None
        self._trouble: InputError | None = None
        self._thread = threading.Thread(target=self._capture, args=(first,), name=f"capture {name}", daemon=True)
        self._thread.start()
        try:
            image, self._began_s, _ = self._wait_for_first(stopped)
        except BaseException:
            self.close()
            raise
        self.size = (image.shape[1], image.shape[0])
        self._index = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop capturing. A read that hangs is left behind: its thread is a daemon."""
        self._closed.set()
        self._thread.join(timeout=1.0)

    def __iter__(self) -> Iterator[Frame | Lost]:
        last_s = time.monotonic()
        while not self._closed.is_set():
            with self._fresh:
                self._fresh.wait_for(lambda: self._newest is not None, timeout=TICK_S)
                newest, self._newest = self._newest, None
            now_s = time.monotonic()
            if newest is not None:
                image, last_s, self.decode_ms = newest
                yield Frame(to_bgr(image), last_s - self._began_s, self._index)
                self._index += 1
            elif self._trouble is not None or now_s - last_s > STALL_S:
                yield Lost(now_s - self._began_s)

    def _wait_for_first(self, stopped: Callable[[], bool]) -> tuple[NDArray[Any], float, float]:
        """The first frame, which stays the newest."""
        deadline_s = time.monotonic() + FIRST_FRAME_S
        while time.monotonic() < deadline_s:
            if stopped():
                raise KeyboardInterrupt
            with self._fresh:
                self._fresh.wait_for(lambda: self._newest is not None or self._trouble is not None, timeout=TICK_S / 2)
                if self._newest is not None:
                    return self._newest
                if self._trouble is not None:
                    raise self._trouble
        raise SourceError(f"no frame within {FIRST_FRAME_S:.0f} s", file=self.name)

    def _capture(self, capture: Capture | None) -> None:
        """The thread: open, capture until it fails, wait, and again."""
        waits = retry_waits()
        while not self._closed.is_set():
            try:
                capture = capture or self._opener()
            except InputError as error:
                self._say(error)
            else:
                if self._pump(capture):
                    waits = retry_waits()
                capture.release()
                self._say(SourceError("gives no frames", file=self.name, hint="is another program using it?"))
                capture = None
            self._closed.wait(next(waits))

    def _pump(self, capture: Capture) -> bool:
        """Offer frames until one fails; whether there was any."""
        any_frame = False
        while not self._closed.is_set() and capture.grab():
            captured_s = time.monotonic()
            ok, image = capture.retrieve()
            if not ok:
                break
            decode_ms = (time.monotonic() - captured_s) * 1000
            with self._fresh:
                self._newest, self._trouble = (image, captured_s, decode_ms), None
                self._fresh.notify()
            any_frame = True
        return any_frame

    def _say(self, trouble: InputError) -> None:
        with self._fresh:
            self._trouble = trouble
            self._fresh.notify()


def open_camera(text: str, settings: CameraSettings, stopped: Callable[[], bool] = never) -> LiveSource:
    """A camera by its number, its device path, `picamera`, or `camera`: whichever is there, each time that it is
    opened, so that one which is plugged in again may have another number. Raises SourceError, one clear line."""
    if text == "camera":
        return LiveSource(text, lambda: _open_any(settings), settings.fps, stopped)
    if text == "picamera":
        return LiveSource(text, lambda: PiCamera(settings), settings.fps, stopped)
    return LiveSource(f"camera {text}", lambda: _open_v4l(text, settings), settings.fps, stopped)


def open_url(url: str, timeout_s: float, stopped: Callable[[], bool] = never) -> LiveSource | Video:
    """A stream as a live source, or a finite video behind a URL as a `Video`. Raises SourceError."""
    capture = _patiently(lambda: _open_stream(url, timeout_s), stopped)
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return Video(url, capture)
    return LiveSource(url, lambda: _open_stream(url, timeout_s), None, stopped, first=capture)


def _patiently(work: Callable[[], T], stopped: Callable[[], bool]) -> T:
    """Run `work`, which may hang for seconds, in a thread, so that Ctrl-C is heard meanwhile."""
    results: list[T] = []
    errors: list[SourceError] = []

    def body() -> None:
        try:
            results.append(work())
        except SourceError as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="open", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(TICK_S / 2)
        if stopped():
            raise KeyboardInterrupt
    if errors:
        raise errors[0]
    return results[0]


def _open_stream(url: str, timeout_s: float) -> cv2.VideoCapture:
    milliseconds = round(timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
    if capture.isOpened():
        return capture
    raise _why_no_stream(url, timeout_s)


def _why_no_stream(url: str, timeout_s: float) -> SourceError:
    """Nobody answers, or what answers is no video: a plain connection tells."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"https": 443, "rtsp": 554, "rtsps": 322, "rtmp": 1935}.get(parts.scheme, 80)
        if parts.scheme != "udp":
            socket.create_connection((parts.hostname or "", port), timeout=timeout_s).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return SourceError(f"can't connect: {reason}", file=url, hint="check the address and the network")
    return SourceError("the server answers, but not with a video that can be read", file=url,
                       hint="is the path of the stream right?")  # fmt: skip


def _open_any(settings: CameraSettings) -> Capture:
    """The first camera that the kernel shows, else the one at the ribbon."""
    found = cameras()
    if found:
        return _open_v4l(str(found[0].device), settings)
    if ribbon_camera() is not None:
        return PiCamera(settings)
    raise SourceError("no camera here", hint="is it plugged in?")


def _open_v4l(text: str, settings: CameraSettings) -> cv2.VideoCapture:
    linux = sys.platform.startswith("linux")
    device: int | str = int(text) if text.isdigit() else text
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if linux else cv2.CAP_ANY)
    if not capture.isOpened():
        raise _why_no_camera(Path(f"/dev/video{text}" if text.isdigit() else text))
    # Motion JPEG before the size: raw 720p fits no USB 2 at 30 fps. One buffer: newer frames are not queued up.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture


def _why_no_camera(device: Path) -> SourceError:
    if not device.exists():
        here = ", ".join(str(c.device) for c in cameras()) or "none"
        return SourceError("no such camera", file=device, found=here, hint="is it plugged in?")
    if not device.is_char_device():
        return SourceError("is not a camera", file=device)
    if not os.access(device, os.R_OK | os.W_OK):
        return SourceError("no permission", file=device, hint="sudo usermod -aG video $USER, then log in again")
    return SourceError("can't be opened", file=device, hint="is another program using it, or is it no camera?")
