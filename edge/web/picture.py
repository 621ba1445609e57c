"""The video of the web screen: each frame becomes a JPEG once, in a thread of its own, while anybody watches."""

from __future__ import annotations

import threading
import time
from typing import Final

import cv2
import numpy as np

from configs.web import Web
from edge.draw import draw_pose
from edge.layout import Layout
from edge.paint import Image
from edge.web.newest import Newest
from keypoints.types import Pose

#: Of 100: a skeleton's edges stay clean, and 960 x 540 px take some 50 KB.
QUALITY: Final = 80

#: What separates two pictures of the stream (RFC 2046, section 5.1).
BOUNDARY: Final = "frame"


class Encoder:
    """Takes frames, and puts parts of a `multipart/x-mixed-replace` stream into `parts`."""

    def __init__(self, settings: Web) -> None:
        self.parts: Newest[bytes] = Newest()
        self.watchers = 0
        self.encoded = 0
        self._width, self._interval_s = settings.video_width, 1 / settings.video_fps
        self._fresh = threading.Condition()
        self._frame: tuple[Image, Pose | None] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="web video", daemon=True)
        self._thread.start()

    def offer(self, image: Image, pose: Pose | None) -> None:
        """Take a frame, uint8 (H, W, 3) BGR, in the place of one that was not encoded yet."""
        if self.watchers == 0:
            return
        with self._fresh:
            self._frame = (image, pose)
            self._fresh.notify()

    def close(self) -> None:
        """Encode nothing more."""
        with self._fresh:
            self._closed = True
            self._fresh.notify()
        self._thread.join(timeout=2.0)
        self.parts.finish()

    def _work(self) -> None:
        due_s = 0.0
        while True:
            with self._fresh:
                self._fresh.wait_for(lambda: self._closed or self._frame is not None)
                # The newest one when its time has come, not the one that came first.
                self._fresh.wait_for(lambda: self._closed, timeout=max(0.0, due_s - time.monotonic()))
                if self._closed or self._frame is None:
                    return
                (image, pose), self._frame = self._frame, None
            due_s = time.monotonic() + self._interval_s
            jpeg = self._jpeg(image, pose)
            self.encoded += 1
            # The boundary follows at once: browsers show a picture when they see the end of it.
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.parts.put(head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode())

    def _jpeg(self, image: Image, pose: Pose | None) -> bytes:
        height, width = image.shape[:2]
        scale = min(1.0, self._width / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = image.copy() if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if pose is not None:
            whole = (0, 0, *size)
            draw_pose(np.asarray(canvas, np.uint8), pose, Layout(*size, whole, whole, 0), (width, height))
        return cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
