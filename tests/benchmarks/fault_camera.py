"""The unplugged camera of faults.py: a stream server that is killed and comes back, and what is to be counted then.

    python tests/benchmarks/fault_camera.py FILM.bin PORT SINCE_S    # the server alone

The person in front of the camera knows nothing of it: the demo clip goes on by the clock, again and again, whether
the server is up or not. So it is known of every rep when it was done, and which of them a camera saw from end to end.
"""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FPS = 15.0
#: Of the pictures, px: as the pose model wants it about, so that the stream costs little beside it.
WIDTH, HEIGHT = 640, 360


def make_film(path: Path) -> float:
    """The demo clip as JPEGs at 15 a second, each after its length; how long it takes, s."""
    import cv2

    from edge.sources import open_source, thinned
    from keypoints.types import Frame

    count = 0
    with open_source("demo") as source, path.open("wb") as file:
        for item in thinned(source, lambda: FPS):
            assert isinstance(item, Frame)
            image = cv2.resize(item.image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
            file.write(struct.pack("<I", len(content)) + content)
            count += 1
    return count / FPS


def serve(film: Path, port: int, since_s: float) -> None:
    """Motion JPEG to whoever asks, until it is killed. since_s: when the film began, by the monotonic clock."""
    content, place = film.read_bytes(), 0
    pictures = []
    while place < len(content):
        (length,) = struct.unpack_from("<I", content, place)
        pictures.append(content[place + 4 : place + 4 + length])
        place += 4 + length

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            number = int((time.monotonic() - since_s) * FPS)
            try:
                while True:
                    number += 1
                    time.sleep(max(0.0, since_s + number / FPS - time.monotonic()))
                    picture = pictures[number % len(pictures)]
                    self.wfile.write(
                        b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
                    )
                    self.wfile.write(picture + b"\r\n")
            except OSError:  # who looked has gone
                return

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", port), Camera) as server:
        sys.stdout.write("up\n")
        sys.stdout.flush()
        server.serve_forever()


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def plug_in(film: Path, port: int, since_s: float) -> subprocess.Popen[str]:
    """A server that is up."""
    server = subprocess.Popen([sys.executable, __file__, str(film), str(port), str(since_s)], stdout=subprocess.PIPE,
                              text=True)  # fmt: skip
    assert server.stdout is not None
    if server.stdout.readline() != "up\n":
        raise SystemExit(f"the stream server did not start at port {port}")
    return server


def lengths(seed: int) -> Iterator[tuple[float, float]]:
    """How long the server is up, and then down, s."""
    chance = random.Random(seed)
    while True:
        yield chance.uniform(4.0, 8.0), chance.uniform(0.3, 2.0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
