"""A head at run time: one ONNX file that reads windows of keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from keypoints.card import HeadCard, read_card
from keypoints.errors import ModelError
from keypoints.graphs import Graphs
from keypoints.session import open_session
from keypoints.types import FloatArray

#: The head that comes with RepSight; replacing it is replacing this one file.
SHIPPED = Path(__file__).parent / "models" / "head.onnx"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a head says of one window.

    probabilities: float32 (C,), in the order of the card's actions. phase: float32 (2,), cos and sin at the
    newest sample, or None when the head has no such output.
    """

    probabilities: FloatArray
    phase: FloatArray | None


class OnnxHead:
    """Runs a head file; its card says what the outputs mean."""

    def __init__(self, path: str | Path = SHIPPED, threads: int = 1, graphs: Graphs | None = None) -> None:
        """Open the file; threads and graphs as in `session.open_session`.

        Raises ModelError when it is not a head or its shapes do not fit its own card.
        """
        self.path = Path(path)
        self._session = open_session(self.path, threads, graphs)
        self.card = read_card(HeadCard, self._session.get_modelmeta().custom_metadata_map, self.path)
        self._check_input()
        self._outputs = self._check_outputs()

    def __call__(self, window: FloatArray) -> Prediction:
        """window: float32 (T, 17, 3) of raw pixels and confidence, as `Window.sample` gives it."""
        probabilities, *phase = self._session.run(self._outputs, {"keypoints": window[None]})
        return Prediction(np.asarray(probabilities)[0], np.asarray(phase[0])[0] if phase else None)

    def _check_input(self) -> None:
        inputs = self._session.get_inputs()
        names = [i.name for i in inputs]
        if names != ["keypoints"]:
            raise ModelError("not a head", file=self.path, field="inputs", expected="keypoints", found=", ".join(names))
        self._check_shape(inputs[0], (None, self.card.window, 17, 3))

    def _check_outputs(self) -> list[str]:
        outputs = {o.name: o for o in self._session.get_outputs()}
        if "action" not in outputs:
            raise ModelError("not a head", file=self.path, field="outputs", expected="action", found=", ".join(outputs))
        self._check_shape(outputs["action"], (None, len(self.card.actions)))
        if "phase" not in outputs:
            return ["action"]
        self._check_shape(outputs["phase"], (None, 2))
        return ["action", "phase"]

    def _check_shape(self, value: ort.NodeArg, expected: tuple[int | None, ...]) -> None:
        """None in `expected`, and a name in the file, stand for a size that may vary."""
        found = value.shape
        fits = len(found) == len(expected) and all(
            e is None or isinstance(f, str) or f is None or e == f for e, f in zip(expected, found, strict=True)
        )
        if not fits or value.type != "tensor(float)":
            shown = tuple("batch" if e is None else e for e in expected)
            raise ModelError("does not fit the model card", file=self.path, field=value.name,
                             expected=f"float {shown}", found=f"{value.type} {tuple(found)}",
                             hint="export the head again with `repsight train-head`")  # fmt: skip
