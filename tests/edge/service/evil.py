"""Files that are not what they say, and how the service is to refuse each: for tests, and for the load."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

IMAGE, SEQUENCE, JOBS = "/api/image", "/api/sequence", "/api/jobs"


class Evil(NamedTuple):
    """path: where it is sent. status: of the answer. says: a part of its line. make: the bytes."""

    name: str
    path: str
    status: int
    says: str
    make: Callable[[], bytes]


def picture(suffix: str = ".jpg", size: tuple[int, int] = (160, 120)) -> bytes:
    image = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return bytes(cv2.imencode(suffix, image)[1].tobytes())


def video(codec: str = "mp4v", suffix: str = ".mp4", frames: int = 30) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 25, (64, 48))
        for i in range(frames):
            writer.write(np.full((48, 64, 3), 5 * i % 256, np.uint8))
        writer.release()
        return path.read_bytes()


def png(width: int, height: int, whole: bool = False) -> bytes:
    """A PNG whose header says so, and little else; or a whole one, black and small."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes((3 * width + 1) * height if whole else 1000), 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


def arrays(**content: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **content)
    return file.getvalue()


def sequence(frames: int = 30, rate_hz: float = 15.0, **changes: Any) -> bytes:
    content: dict[str, Any] = {
        "keypoints": np.full((frames, 17, 3), 0.9, np.float32), "time_s": np.arange(frames) / rate_hz,
        "size": np.array([640, 480]),
    }  # fmt: skip
    return arrays(**{**content, **changes})


def bomb(lies: bool = False) -> bytes:
    """100 MB of zeros in 100 kB. lies: its directory says that it is small."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("keypoints.npy", npy((500_000, 17, 3)) + bytes(100 * 2**20))
    data = bytearray(file.getvalue())
    if lies:
        for place in (data.rfind(b"PK\x01\x02") + 24, data.find(b"PK\x03\x04") + 22):
            data[place : place + 4] = struct.pack("<I", 5000)
    return bytes(data)


def npy(shape: tuple[int, ...]) -> bytes:
    """The header of an array of this shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def objects() -> bytes:
    """An .npz that would run a command if it were unpickled."""

    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, ("touch /tmp/repsight-was-here",)

    return sequence(keypoints=np.array([Runs()], dtype=object))


def with_box(data: bytes, kind: bytes, at: int, *numbers: int) -> bytes:
    """An MP4 with other numbers of 32 bits in each box of this kind, from this byte of its content on."""
    changed, place = bytearray(data), data.find(kind)
    while place >= 0:
        start = place + 4 + at
        changed[start : start + 4 * len(numbers)] = struct.pack(f">{len(numbers)}I", *numbers)
        place = data.find(kind, place + 4)
    return bytes(changed)


def long_mp4() -> bytes:
    """It says that it is days long, in every place that tells."""
    data = video()
    for kind, at in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 20)):
        data = with_box(data, kind, at, 2**31 - 1)
    return with_box(data, b"stts", 4, 1, 2**27, 512)


def huge_avi(width: int = 100_000, height: int = 100_000, frames: int | None = None) -> bytes:
    """It says that its frames are that large, or that there are so many."""
    data = bytearray(video("I420", ".avi"))
    head, stream, form = data.find(b"avih") + 8, data.find(b"strh") + 8, data.find(b"strf") + 8
    if frames is None:
        data[head + 32 : head + 40] = struct.pack("<II", width, height)
        data[form + 4 : form + 12] = struct.pack("<ii", width, height)
    else:
        data[head + 16 : head + 20] = data[stream + 32 : stream + 36] = struct.pack("<I", frames)
    return bytes(data)


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n"

FILES = (
    Evil("an empty picture", IMAGE, 400, "empty", lambda: b""),
    Evil("text as a picture", IMAGE, 400, "expected a JPEG", lambda: b"hello, I am a picture. " * 9),
    Evil("a video as a picture", IMAGE, 415, "this is a video", video),
    Evil("a truncated JPEG", IMAGE, 400, "damaged or cut off", lambda: picture()[:-500]),
    Evil("a truncated PNG", IMAGE, 400, "damaged or cut off", lambda: picture(".png")[:-500]),
    Evil("a truncated WebP", IMAGE, 400, "damaged or cut off", lambda: picture(".webp")[:-500]),
    Evil("nothing but the beginning of a JPEG", IMAGE, 400, "damaged", lambda: b"\xff\xd8\xff"),
    Evil("a PNG header of 100k x 100k", IMAGE, 413, "megapixels", lambda: png(100_000, 100_000)),
    Evil("a PNG of 6k x 6k in 100 kB", IMAGE, 413, "megapixels", lambda: png(6000, 6000, whole=True)),
    Evil("a PNG header of 2^31 x 2^31", IMAGE, 400, "damaged", lambda: png(2**31 - 1, 2**31 - 1)),
    Evil("more than may be sent", IMAGE, 413, "more than", lambda: b"\xff\xd8\xff" + bytes(17 * 2**20)),
    Evil("a zip bomb", SEQUENCE, 413, "when unpacked", bomb),
    Evil("a zip bomb that lies", SEQUENCE, 400, "not a keypoint sequence", lambda: bomb(lies=True)),
    Evil("an array of terabytes", SEQUENCE, 400, "not a keypoint",
         lambda: zipped(keypoints=npy((10**10, 17, 3)) + b"1")),
    Evil("a pickle", SEQUENCE, 400, "expected a keypoint", lambda: pickle.dumps({"keypoints": [1, 2, 3]})),
    Evil("arrays of objects", SEQUENCE, 400, "pickled", objects),
    Evil("a zip of nothing", SEQUENCE, 400, "missing", lambda: zipped(other=npy((0,)))),
    Evil("a thousand arrays", SEQUENCE, 413, "arrays", lambda: zipped(**{f"a{i}": b"" for i in range(1000)})),
    Evil("a cut zip", SEQUENCE, 400, "not a keypoint sequence", lambda: sequence()[:-100]),
    Evil("keypoints of another shape", SEQUENCE, 400, "wrong shape", lambda: sequence(keypoints=np.zeros((30, 5)))),
    Evil("times that go back", SEQUENCE, 400, "not increasing", lambda: sequence(time_s=-np.arange(30.0))),
    Evil("keypoints that are no numbers", SEQUENCE, 400, "not finite",
         lambda: sequence(keypoints=np.full((30, 17, 3), np.nan))),
    Evil("keypoints beyond all pictures", SEQUENCE, 422, "1e+30",
         lambda: sequence(keypoints=np.full((30, 17, 3), 1e30))),
    Evil("a sequence of hours", SEQUENCE, 413, "s long", lambda: sequence(rate_hz=0.001)),
    Evil("an empty video", JOBS, 400, "empty", lambda: b""),
    Evil("text as a video", JOBS, 400, "expected a video", lambda: b"hello, I am a video. " * 9),
    Evil("a playlist as a video", JOBS, 400, "expected a video", lambda: PLAYLIST),
    Evil("a picture as a video", JOBS, 415, "this is a JPEG", picture),
    Evil("a video without its index", JOBS, 400, "cut off before its end", lambda: video(frames=200)[:-2000]),
    Evil("the first bytes of a video, then noise", JOBS, 400, "", lambda: video()[:64] + os.urandom(5000)),
    Evil("a video that says it is days long", JOBS, 413, "s long", long_mp4),
    Evil("a video that says it has 2^31 frames", JOBS, 413, "s long", lambda: huge_avi(frames=2**31 - 1)),
    Evil("a video that says its frames are 8k x 8k", JOBS, 413, "megapixels", lambda: huge_avi(8000, 8000)),
    Evil("a video that says its frames are 100k x 100k", JOBS, 400, "", huge_avi),
)  # fmt: skip
