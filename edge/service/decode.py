"""Files of strangers, opened within limits: pictures, videos, keypoint sequences. Runs in a worker alone."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.serving import Limits
from edge.service.kinds import ENOUGH, Kind, refusal_of
from edge.service.refusal import RefusedError
from edge.sources import SequenceSource
from keypoints.errors import InputError
from keypoints.video import Video, plausible_fps, quiet

#: Containers that FFmpeg may open: one file, one film. Playlists and patterns of names would lead it elsewhere.
_CONTAINERS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo"

#: Arrays in a sequence's file, and the largest number that a coordinate or a time may be.
_MOST_ARRAYS, _MOST_NUMBER = 32, 1e6


def environment(limits: Limits) -> dict[str, str]:
    """What OpenCV is to find in the environment before it is imported."""
    return {
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(int(limits.megapixels * 1e6)),
        "OPENCV_FFMPEG_CAPTURE_OPTIONS": f"protocol_whitelist;file|format_whitelist;{_CONTAINERS}",
    }


def open_image(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    """A JPEG, PNG or WebP as uint8 (H, W, 3) BGR. Raises RefusedError."""
    _check_kind(data[:ENOUGH], "image")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "MAX_IMAGE" in str(error):
            raise RefusedError(413, f"the picture has more than {limits.megapixels:g} megapixels") from None
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        image = None
    if image is None:
        raise RefusedError(400, "the picture can't be decoded: it is damaged or cut off")
    return np.asarray(image, np.uint8)


def open_video(path: Path, limits: Limits) -> Video:
    """A film, its first frame decoded. Raises RefusedError for one above the limits, or that can't be decoded."""
    quiet()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if capture.isOpened():
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        check_pixels(int(width), int(height), limits)
        seconds = capture.get(cv2.CAP_PROP_FRAME_COUNT) / plausible_fps(capture.get(cv2.CAP_PROP_FPS))
        if seconds > limits.video_s:
            raise RefusedError(413, f"the video says that it is {seconds:.0f} s long (at most {limits.video_s:g} s)")
    return Video(path, capture)


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raise RefusedError for a frame that is too large."""
    if width * height > limits.megapixels * 1e6:
        raise RefusedError(413, f"frames of {width} x {height} px (at most {limits.megapixels:g} megapixels)")


def open_sequence(path: Path, limits: Limits) -> SequenceSource:
    """A keypoint sequence. Raises RefusedError for one above the limits, InputError for what is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive, limits)
        source = SequenceSource(path)
    # NotImplementedError and RuntimeError: packed by another method, or behind a password
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error):
        raise InputError("not a keypoint sequence", file=path, expected="an .npz without pickled objects") from None
    sequence = source.sequence
    largest = max(float(np.abs(sequence.keypoints).max()), float(np.abs(sequence.time_s).max()), *sequence.size)
    if largest > _MOST_NUMBER:
        raise RefusedError(422, f"a coordinate or a time of {largest:.3g} (at most {_MOST_NUMBER:g})")
    seconds = float(sequence.time_s[-1] - sequence.time_s[0])
    if seconds > limits.video_s:
        raise RefusedError(413, f"the sequence is {seconds:.0f} s long (at most {limits.video_s:g} s)")
    return source


def _check_archive(archive: zipfile.ZipFile, limits: Limits) -> None:
    """Look at every array before any is unpacked. Raises RefusedError, ValueError for what is no array."""
    entries = archive.infolist()
    if len(entries) > _MOST_ARRAYS:
        raise RefusedError(413, f"{len(entries)} arrays (a keypoint sequence has {_MOST_ARRAYS} at most)")
    # No entry gives more than it says, whatever it is packed from.
    unpacked_mb = sum(entry.file_size for entry in entries) / 2**20
    if unpacked_mb > limits.unpacked_mb:
        raise RefusedError(413, f"{unpacked_mb:.0f} MB when unpacked (at most {limits.unpacked_mb:g} MB)")
    for entry in entries:
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, kind = read(file)
        if kind.hasobject or math.prod(shape) * kind.itemsize > entry.file_size:
            raise ValueError("an array that is larger than its file, or of objects")


def open_any(path: Path, limits: Limits) -> Video | SequenceSource:
    """A film or a keypoint sequence, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(ENOUGH)
    _check_kind(start, "video", "sequence")
    return open_sequence(path, limits) if start.startswith(b"PK") else open_video(path, limits)


def _check_kind(start: bytes, *wanted: Kind) -> None:
    refusal = refusal_of(start, *wanted)
    if refusal is not None:
        raise RefusedError(*refusal)
