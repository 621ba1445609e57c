"""The camera at a Raspberry Pi's ribbon, through picamera2, which Raspberry Pi OS brings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from configs.schema import CameraSettings
from keypoints.errors import MissingExtraError, SourceError


class PiCamera:
    """Looks like a cv2.VideoCapture, as far as it is needed here."""

    def __init__(self, settings: CameraSettings) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError:
            raise MissingExtraError("needs the package picamera2", file="picamera",
                                    hint="sudo apt install python3-picamera2, and an environment that sees it: "
                                    "make run VENV_ARGS=--system-site-packages SOURCE=picamera") from None  # fmt: skip
        except ValueError as error:  # a module of it was compiled for another numpy
            raise MissingExtraError(f"picamera2 can't be used: {error}", file="picamera",
                                    hint="`repsight doctor` knows the command that mends it") from None  # fmt: skip
        try:
            self._camera = Picamera2()
            # libcamera's RGB888 is blue, green, red in memory: what OpenCV calls BGR.
            main = {"size": (settings.width, settings.height), "format": "RGB888"}
            self._camera.configure(self._camera.create_video_configuration(main=main))
            self._camera.start()
        except (RuntimeError, IndexError) as error:
            raise SourceError(f"can't be opened: {error}", file="picamera",
                              hint="is the ribbon in, and no other program using the camera?") from None  # fmt: skip

    def grab(self) -> bool:
        """Wait for the next frame."""
        try:
            self._image = self._camera.capture_array("main")
        except RuntimeError:
            return False
        return True

    def retrieve(self) -> tuple[bool, NDArray[np.uint8]]:
        """The frame that was grabbed."""
        return True, self._image

    def release(self) -> None:
        """Give the camera back."""
        self._camera.close()
