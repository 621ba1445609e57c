"""Who is measured beside the shipped model: another model in the whole chain, a model alone, other people's programs.

What a program of others gives ends before ours does: it finds keypoints, and neither counts nor draws.
"""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from configs.schema import Counting, Run
from edge.draw import draw
from edge.models import Models
from edge.scoreboard import Scoreboard
from keypoints.blazepose import BlazePose
from keypoints.card import KEY
from keypoints.errors import InputError, MissingExtraError, ModelError
from keypoints.letterbox import Letterbox
from keypoints.session import open_session
from keypoints.types import Frame

#: What Ultralytics raises for a file that is not its own.
_REFUSALS = (
    pickle.UnpicklingError, RuntimeError, EOFError, LookupError, AttributeError, TypeError, ValueError, OSError,
    ImportError,
)  # fmt: skip

KINDS = "an .onnx pose model, a .pt of Ultralytics, a .task of MediaPipe or a .tflite"


class Contender(Protocol):
    """Somebody who is given frame after frame. name: of the file. what: what is timed, in words."""

    name: str
    what: str

    def run(self, frame: Frame) -> Mapping[str, float]:
        """Milliseconds by stage: `chain` is all that is timed, `pose` the model alone where it can be told."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class Chain:
    """RepSight's chain with a pose model: frame in, drawn picture out."""

    what = "whole chain"

    def __init__(self, name: str, settings: Run, counting: Counting, models: Models | None = None) -> None:
        """models: that are open already. Raises ModelError when a file of the settings does not fit."""
        self.name = name
        self._models = models or Models.open(settings)
        self._pipeline = self._models.pipeline(settings, counting)
        self._scoreboard = Scoreboard()

    def run(self, frame: Frame) -> Mapping[str, float]:
        """One frame from decoded to drawn."""
        began_s = time.perf_counter()
        reading = self._pipeline.read(frame)
        board = self._scoreboard.update(reading)
        read_s = time.perf_counter()
        draw(frame.image, reading.pose, board, (frame.image.shape[1], frame.image.shape[0]))
        ended_s = time.perf_counter()
        return {**reading.stage_ms, "draw": 1000 * (ended_s - read_s), "chain": 1000 * (ended_s - began_s)}

    def close(self) -> None:
        """Free the models."""
        self._models.close()


class Alone:
    """A model by itself: only its own run on a fitting picture is timed, neither making that nor reading the answer."""

    def __init__(self, name: str, what: str, shape: tuple[int, ...], dtype: Any, run: Callable[[Any], object]) -> None:
        """shape: of the input, (1, 3, h, w) or (1, h, w, 3). Raises ModelError when it is another."""
        self.name, self.what, self._run, self._dtype = name, what, run, np.dtype(dtype)
        if len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise ModelError("takes no picture", file=name, field="input", expected="(1, 3, h, w) or (1, h, w, 3)",
                             found=shape)  # fmt: skip
        self._planes = shape[1] == 3
        self._letterbox = Letterbox(*(shape[2:] if self._planes else shape[1:3]))

    def run(self, frame: Frame) -> Mapping[str, float]:
        """The model on one frame."""
        picture = self._fitting(frame.image)
        began_s = time.perf_counter()
        self._run(picture)
        taken = 1000 * (time.perf_counter() - began_s)
        return {"pose": taken, "chain": taken}

    def close(self) -> None:
        """Free the model."""
        del self._run

    def _fitting(self, image: NDArray[np.uint8]) -> Any:
        tensor = self._letterbox(image).tensor
        if not self._planes:
            tensor = np.ascontiguousarray(tensor.transpose(0, 2, 3, 1))
        if self._dtype.kind == "f":
            return tensor.astype(self._dtype)
        return (tensor * 255 - (128 if self._dtype == np.int8 else 0)).round().astype(self._dtype)


class MediaPipe:
    """MediaPipe's pose landmarker in VIDEO mode, from BGR picture to landmarks."""

    what = "MediaPipe, video mode"

    def __init__(self, path: Path) -> None:
        """Raises MissingExtraError without mediapipe, ModelError when the file is no pose bundle."""
        self.name = path.name
        self._estimator = BlazePose(path)

    def run(self, frame: Frame) -> Mapping[str, float]:
        """One frame; landmarks, nothing drawn."""
        began_s = time.perf_counter()
        prepared = self._estimator.prepare(frame.image)
        prepared_s = time.perf_counter()
        self._estimator.infer(prepared)
        ended_s = time.perf_counter()
        return {"letterbox": 1000 * (prepared_s - began_s), "pose": 1000 * (ended_s - prepared_s),
                "chain": 1000 * (ended_s - began_s)}  # fmt: skip

    def close(self) -> None:
        """Free the landmarker."""
        self._estimator.close()


class Ultralytics:
    """`ultralytics.YOLO(file).predict(frame)` as its users call it, from BGR picture to keypoints."""

    what = "Ultralytics predict"

    def __init__(self, path: Path, threads: int) -> None:
        """Raises MissingExtraError without ultralytics, ModelError when the file is none of its own."""
        if find_spec("ultralytics") is None:
            raise MissingExtraError(f"{path}: Ultralytics is not installed", hint="pip install '.[train]'")
        for name, value in (("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "true"), ("YOLO_VERBOSE", "false")):
            os.environ.setdefault(name, value)  # it would run pip, and report its use
        import torch
        from ultralytics import YOLO

        logging.getLogger("ultralytics").setLevel(logging.ERROR)
        torch.set_num_threads(threads)
        self.name = path.name
        try:
            self._yolo = YOLO(path, task="pose")
            self._yolo.predict(np.zeros((64, 64, 3), np.uint8), device="cpu", verbose=False)
        except _REFUSALS as error:
            reason = f"Ultralytics can't use it: {type(error).__name__}"
            raise ModelError(reason, file=path, expected="a YOLO pose model") from None

    def run(self, frame: Frame) -> Mapping[str, float]:
        """One frame; its own clock tells what the model took of it."""
        began_s = time.perf_counter()
        found = self._yolo.predict(frame.image, device="cpu", verbose=False)[0]
        taken = 1000 * (time.perf_counter() - began_s)
        return {"letterbox": found.speed["preprocess"], "pose": found.speed["inference"], "chain": taken}

    def close(self) -> None:
        """Free the model."""
        del self._yolo


def check(path: Path) -> None:
    """Raise InputError for what can be told without opening it: no such file, or none that can be measured."""
    if path.suffix.lower() not in _OPENERS:
        raise InputError("can't be measured", file=path, expected=KINDS, found=path.suffix or "no suffix")
    if not path.is_file():
        raise ModelError("no such file", file=path, expected=KINDS)


def is_own(path: Path) -> bool:
    """Whether it is a pose model of RepSight, which runs in the whole chain. Raises InputError as `check` does."""
    check(path)
    return path.suffix.lower() == ".onnx" and KEY in _metadata(open_session(path, 1))


def contenders(path: Path, settings: Run, counting: Counting, threads: int) -> list[Contender]:
    """Everything that a file can be measured as. Raises InputError when that is nothing."""
    check(path)
    return _OPENERS[path.suffix.lower()](path, settings, counting, threads)


def _onnx(path: Path, settings: Run, counting: Counting, threads: int) -> list[Contender]:
    session = open_session(path, threads)
    if KEY in _metadata(session):
        changed = settings.model_copy(update={"pose": str(path), "threads": threads})
        return [Chain(path.name, changed, counting)]
    given = session.get_inputs()[0]
    # YOLO's own size where a side may vary.
    shape = tuple(size if isinstance(size, int) else 1 if i == 0 else 640 for i, size in enumerate(given.shape))
    dtype = _DTYPES.get(given.type, np.float32)
    found: list[Contender] = [
        Alone(path.name, "ONNX Runtime alone", shape, dtype, lambda tensor: session.run(None, {given.name: tensor}))
    ]
    if _metadata(session).get("task") == "pose" and find_spec("ultralytics") is not None:
        found.append(Ultralytics(path, threads))
    return found


def _litert(path: Path, settings: Run, counting: Counting, threads: int) -> list[Contender]:
    if find_spec("ai_edge_litert") is None:
        raise MissingExtraError(f"{path}: running it needs ai-edge-litert", hint="pip install '.[formats]'")
    from ai_edge_litert.interpreter import Interpreter

    try:
        model = Interpreter(str(path), num_threads=threads)
        model.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"not a usable LiteRT file: {error}", file=path) from None
    given = model.get_input_details()[0]

    def run(tensor: Any) -> object:
        model.set_tensor(given["index"], tensor)
        model.invoke()
        return model.get_tensor(model.get_output_details()[0]["index"])

    return [Alone(path.name, "LiteRT alone", tuple(map(int, given["shape"])), given["dtype"], run)]


def _metadata(session: ort.InferenceSession) -> Mapping[str, str]:
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    return metadata


_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8,
           "tensor(int8)": np.int8, "tensor(int32)": np.int32}  # fmt: skip

_OPENERS: dict[str, Callable[[Path, Run, Counting, int], list[Contender]]] = {
    ".onnx": _onnx,
    ".pt": lambda path, settings, counting, threads: [Ultralytics(path, threads)],
    ".task": lambda path, settings, counting, threads: [MediaPipe(path)],
    ".tflite": _litert,
}
