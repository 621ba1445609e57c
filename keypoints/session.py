"""Open an ONNX file for inference: the session options of every model here, and one clear line when it fails."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from keypoints.errors import ModelError

#: What onnxruntime raises for a file that it can't use; its exceptions share no base class of their own.
_REFUSALS = (
    ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.InvalidGraph, ort_errors.InvalidProtobuf,
    ort_errors.NoModel, ort_errors.NoSuchFile, ort_errors.NotImplemented, ort_errors.RuntimeException,
)  # fmt: skip


def open_session(path: str | Path, threads: int) -> ort.InferenceSession:
    """A CPU session of the model at `path`.

    threads: for the operators of one inference; 0 takes every core that this process may use, four at most
    (a Pi has four; a nano model gains nothing from more).
    Raises ModelError when there is no such file or onnxruntime can't read it as a model.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError("no such file" if not path.exists() else "not a file", file=path)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or min(4, usable_cores())
    # One frame at a time through one chain of layers: nothing to run in parallel between operators.
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Threads that spin after a frame heat a Pi and starve capture and drawing on a two-core machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _REFUSALS as error:
        reason = str(error).rpartition("failed:")[2] or str(error)
        raise ModelError(f"not a usable ONNX file: {reason}", file=path) from None


def usable_cores() -> int:
    """How many cores this process may run on (fewer than the machine's inside a container)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
