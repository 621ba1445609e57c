"""How much an ONNX graph has to multiply, as ONNX Runtime runs it: no other package is needed to know."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from keypoints.card import pose_input
from keypoints.session import open_session

_NUMPY = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


def multiply_accumulates(path: Path, side: int = 320) -> dict[str, int]:
    """Multiply-accumulates of the convolutions and matrix products of a file, for one input, by the precision that
    they are computed in: `fp32` (half-precision files as well, on a processor) and `int8`.

    side: px, of an input that takes any, and has no card to name one. The shapes are those that ONNX Runtime's profiler
    writes down in one run.
    Raises ModelError when the file can't be used.
    """
    open_session(path, threads=1)  # says what is wrong with the file
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        # Fused as it will be run, but before layouts are blocked and weights packed: those shapes are padded.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.add_session_config_entry("session.disable_prepacking", "1")
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        sides = pose_input(session.get_modelmeta().custom_metadata_map) or (side, side)
        session.run(None, {value.name: _zeros(value, sides) for value in session.get_inputs()})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    macs: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            precision, count = _node(event["args"])
            macs[precision] += count
    return {precision: count for precision, count in macs.items() if count}


def _node(facts: dict[str, Any]) -> tuple[str, int]:
    """(precision, multiply-accumulates) of one node as the profiler describes it."""
    operation = facts["op_name"]
    given = [next(iter(value.items())) for value in facts["input_type_shape"]]
    made = [shape for value in facts["output_type_shape"] for shape in value.values()]
    precision = "int8" if given and given[0][0] in ("uint8", "int8") else "fp32"
    if "Conv" in operation and "Transpose" not in operation:
        weights = next(shape for _, shape in given[1:] if len(shape) > 2)
        return precision, prod(weights) * prod(made[0][2:]) * made[0][0]
    if "MatMul" in operation or "Gemm" in operation:
        # Each value of the left matrix meets each column of the right one, whichever of them is transposed.
        return precision, prod(given[0][1]) * made[0][-1]
    return precision, 0


def _zeros(value: ort.NodeArg, sides: tuple[int, int]) -> Any:
    """An input of zeros; height and width that may vary are `sides` px, any other axis that may vary 1."""
    free = (1, 1, *sides) if len(value.shape) == 4 else (1,) * len(value.shape)
    shape = [size if isinstance(size, int) else other for size, other in zip(value.shape, free, strict=True)]
    return np.zeros(shape, _NUMPY.get(value.type, np.float32))
