"""A baseline at run time, from its ONNX file, its checkpoint or its TensorRT engine: clips in, probabilities out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.baselines.clips import Pictures, whole_views
from keypoints.card import KEY, BaselineCard, read_card
from keypoints.errors import ModelError
from keypoints.session import open_session

Answers = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline that is ready. run: clips uint8 (B, frames, side, side, 3), RGB, to probabilities float32 (B, C)."""

    path: Path
    card: BaselineCard
    run: Answers

    def video(self, pictures: Pictures) -> NDArray[np.float32]:
        """The probabilities (C,) for a whole video: the mean over its views."""
        views = whole_views(pictures, self.card.frames, self.card.views)
        return np.asarray(np.mean([self.run(view[None])[0] for view in views], 0), np.float32)


def open_baseline(path: Path, threads: int = 1) -> Baseline:
    """Open what `train-baseline` wrote: .onnx, .pt or .engine. Raises ModelError when it is no such file."""
    opener = _OPENERS.get(path.suffix)
    if opener is None:
        raise ModelError("not a pixel baseline", file=path, expected=" or ".join(_OPENERS),
                         found=path.suffix or "no suffix")  # fmt: skip
    if not path.is_file():
        raise ModelError("no such file" if not path.exists() else "not a file", file=path)
    return opener(path, threads)


def _onnx(path: Path, threads: int) -> Baseline:
    session = open_session(path, threads)
    card = read_card(BaselineCard, session.get_modelmeta().custom_metadata_map, path)
    shapes = {value.name: list(value.shape[1:]) for value in (*session.get_inputs(), *session.get_outputs())}
    expected = {"clips": [card.frames, card.side, card.side, 3], "action": [len(card.labels)]}
    if shapes != expected:
        raise ModelError("does not fit the model card", file=path, expected=expected, found=shapes,
                         hint="train it again with `repsight train-baseline`")  # fmt: skip
    return Baseline(path, card, lambda clips: np.asarray(session.run(["action"], {"clips": clips})[0]))


def _checkpoint(path: Path, threads: int) -> Baseline:
    import torch

    from classifier.baselines.export import answers
    from classifier.baselines.network import Network
    from classifier.saved import safely_loaded
    from configs.baselines import TrainBaseline

    wrong = ModelError("not a checkpoint of `train-baseline`", file=path)
    try:
        content: Any = safely_loaded(path)
        card = read_card(BaselineCard, {KEY: content["card"]}, path)
        network = Network(TrainBaseline.model_validate(card.settings), len(card.labels))
        network.load_state_dict(content["model"])
    except (RuntimeError, KeyError, TypeError, ValueError):
        raise wrong from None
    torch.set_num_threads(threads)
    network.eval()
    return Baseline(path, card, lambda clips: answers(network, clips))


def _engine(path: Path, threads: int) -> Baseline:
    from classifier.baselines.tensorrt import open_engine

    beside = path.with_suffix(".engine.json")
    try:
        text = beside.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"its card can't be read: {error.strerror}", file=beside) from None
    card = read_card(BaselineCard, {KEY: json.dumps(json.loads(text))}, beside)
    return Baseline(path, card, open_engine(path, card))


_OPENERS: dict[str, Callable[[Path, int], Baseline]] = {".onnx": _onnx, ".pt": _checkpoint, ".engine": _engine}
