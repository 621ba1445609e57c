"""Parts of the edge tests: a head that sees squats in the height of the hips, sequences for it, videos, a stream."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from keypoints import skeleton
from keypoints.types import KeypointSequence

ROOT = Path(__file__).parents[2]
ACTIONS = [("stand", "rest"), ("squat", "reps"), ("plank", "hold"), ("other", "rest")]


@pytest.fixture(scope="session")
def tiny_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real head file, untrained: always `squat`, as deep as the left hip is between y = 200 and 300 px,
    on the way down or up as it moves."""
    values = {
        "before": [-2], "newest": [-1], "end": [2**31], "one": [1],
        "hip": [skeleton.L_HIP], "after_hip": [skeleton.L_HIP + 1],
        "y": [1], "after_y": [2], "zero": [0], "shape": [-1, 1], "columns": [len(ACTIONS)],
    }  # fmt: skip
    constants = [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in values.items()]
    floats = {"top": 200.0, "span": 100.0, "none": 0.0, "full": 1.0, "twice": 2.0}
    constants += [numpy_helper.from_array(np.array(v, np.float32), name) for name, v in floats.items()]
    squat = np.array([[0.05, 0.85, 0.05, 0.05]], np.float32)
    constants += [numpy_helper.from_array(squat, "squat"), numpy_helper.from_array(np.array([1, 2, 3]), "axes")]
    node = helper.make_node
    nodes = [
        node("Concat", ["newest", "hip", "y"], ["from"], axis=0),
        node("Concat", ["end", "after_hip", "after_y"], ["to"], axis=0),
        node("Slice", ["keypoints", "from", "to", "axes"], ["corner"]),
        node("Reshape", ["corner", "shape"], ["height"]),
        node("Concat", ["before", "hip", "y"], ["from_before"], axis=0),
        node("Concat", ["newest", "after_hip", "after_y"], ["to_before"], axis=0),
        node("Slice", ["keypoints", "from_before", "to_before", "axes"], ["corner_before"]),
        node("Reshape", ["corner_before", "shape"], ["height_before"]),
        node("Sub", ["height", "height_before"], ["moved"]),
        node("Sign", ["moved"], ["direction"]),
        node("Sub", ["height", "top"], ["below"]),
        node("Div", ["below", "span"], ["share"]),
        node("Clip", ["share", "none", "full"], ["depth"]),
        node("Mul", ["depth", "twice"], ["doubled"]),
        node("Sub", ["full", "doubled"], ["cosine"]),
        node("Mul", ["cosine", "cosine"], ["square"]),
        node("Sub", ["full", "square"], ["rest"]),
        node("Sqrt", ["rest"], ["length"]),
        node("Mul", ["length", "direction"], ["sine"]),
        node("Concat", ["cosine", "sine"], ["phase"], axis=1),
        node("Shape", ["keypoints"], ["sizes"]),
        node("Slice", ["sizes", "zero", "one"], ["batch"]),
        node("Concat", ["batch", "columns"], ["wide"], axis=0),
        node("Expand", ["squat", "wide"], ["action"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny head",
        [helper.make_tensor_value_info("keypoints", TensorProto.FLOAT, ["batch", 12, 17, 3])],
        [
            helper.make_tensor_value_info("action", TensorProto.FLOAT, ["batch", len(ACTIONS)]),
            helper.make_tensor_value_info("phase", TensorProto.FLOAT, ["batch", 2]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    card = {
        "format": 1, "kind": "head", "name": "tiny", "version": "1", "licence": "none", "trained_on": [],
        "actions": [{"name": name, "kind": kind} for name, kind in ACTIONS], "window": 12, "rate_hz": 12.0,
    }  # fmt: skip
    helper.set_model_props(model, {"repsight": json.dumps(card)})
    path = tmp_path_factory.mktemp("head") / "tiny.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def squats(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Makes a keypoint sequence of so many squats, two seconds each, at 15 fps."""
    folder = tmp_path_factory.mktemp("sequences")

    def make(count: int) -> Path:
        time_s = np.arange(0, 2 * count + 1, 1 / 15)
        depth = np.where(time_s < 2 * count, (1 - np.cos(np.pi * time_s)) / 2, 0)
        keypoints = np.full((len(time_s), 17, 3), 0.9, np.float32)
        keypoints[..., 0] = np.linspace(280, 360, 17)
        keypoints[..., 1] = np.linspace(80, 450, 17)
        keypoints[:, (skeleton.L_HIP, skeleton.R_HIP), 1] = (200 + 100 * depth)[:, None]
        path = folder / f"{count}_squats.npz"
        KeypointSequence(keypoints, time_s, (640, 480)).save(path)
        return path

    return make


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Makes a real video file; frame i is grey of brightness 5 i, so that a frame tells which one it is."""

    def make(
        name: str = "clip.mp4", frames: int = 30, size: tuple[int, int] = (64, 48), fps: float = 25, codec: str = "mp4v"
    ) -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, size)
        assert writer.isOpened()
        for i in range(frames):
            writer.write(np.full((size[1], size[0], 3), 5 * i % 256, np.uint8))
        writer.release()
        return path

    return make


@pytest.fixture
def repsight(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python cli.py ...` as a user does, in a fresh process."""

    def call(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, **options)  # type: ignore[call-overload]

    return call


class MjpegServer:
    """A camera on the network: Motion JPEG over HTTP, 50 frames a second, until it is told to die."""

    def __init__(self) -> None:
        self.port = 0
        self._dead = threading.Event()
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream.mjpg"

    def start(self) -> None:
        """Begin to serve, on the same port as before."""
        self._dead = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener, self._dead), daemon=True).start()

    def die(self) -> None:
        """Close everything, as when the plug is pulled."""
        self._dead.set()
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self, listener: socket.socket, dead: threading.Event) -> None:
        while not dead.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, dead), daemon=True).start()

    def _serve(self, client: socket.socket, dead: threading.Event) -> None:
        with client:
            try:
                client.recv(4096)
                client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
                i = 0
                while not dead.is_set():
                    i += 1
                    picture = np.full((48, 64, 3), i % 256, np.uint8)
                    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    client.sendall(head.encode() + jpeg + b"\r\n")
                    time.sleep(0.02)
            except OSError:
                return


@pytest.fixture
def mjpeg() -> Iterator[MjpegServer]:
    """A running stream server."""
    server = MjpegServer()
    server.start()
    yield server
    server.die()
