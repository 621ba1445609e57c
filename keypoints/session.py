"""Open an ONNX file for inference: the session options of every model here, and one clear line when it fails."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from keypoints.errors import ModelError
from keypoints.graphs import Graphs

#: What onnxruntime raises for a file that it can't use; its exceptions share no base class of their own.
_REFUSALS = (
    ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.InvalidGraph, ort_errors.InvalidProtobuf,
    ort_errors.NoModel, ort_errors.NoSuchFile, ort_errors.NotImplemented, ort_errors.RuntimeException,
)  # fmt: skip


def open_session(path: str | Path, threads: int, graphs: Graphs | None = None) -> ort.InferenceSession:
    """A CPU session of the model at `path`.

    threads: for the operators of one inference; 0: the usual ones. graphs: where its optimised form is kept.
    Raises ModelError when there is no such file or onnxruntime can't read it as a model.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError("no such file" if not path.exists() else "not a file", file=path)
    threads = threads or usual_threads(usable_cores())
    try:
        kept = graphs and _kept_session(path, threads, graphs)
        return kept or _session(path, _options(threads))
    except _REFUSALS as error:
        reason = str(error).rpartition("failed:")[2] or str(error)
        raise ModelError(f"not a usable ONNX file: {reason}", file=path) from None


def usual_threads(cores: int) -> int:
    """Of so many cores every one, four at most: a Pi has four, and a nano model gains nothing from more."""
    return min(4, cores)


def _options(threads: int) -> ort.SessionOptions:
    """What every session here has, as `tests/benchmarks/session_options.py` measured it: the shipped pose model's time
    as a share of that with these settings, on two cores of a Xeon with AVX512-VNNI that had other work as well."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # One frame at a time through one chain of layers: nothing to run in parallel between operators.
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # 1.14 with the extended ones, 2.9 with the basic ones. Arena and memory patterns, on by default, are within 0.01.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Threads that spin after a frame heat a Pi and starve capture and drawing on a two-core machine: 1.14, for three
    # times the processor time. A second thread that does not: 0.97, for 1.25 times; so a film gets a thread a frame.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _session(path: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _kept_session(path: Path, threads: int, graphs: Graphs) -> ort.InferenceSession | None:
    """The session of the optimised model, which is made where it is missing; None where it can't be kept."""
    place = graphs.place(path)
    if place.is_file():
        options = _options(threads)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # that has been done
        try:
            return _session(place, options)
        except _REFUSALS:
            place.unlink(missing_ok=True)  # damaged: it is made anew

    def write(target: Path) -> ort.InferenceSession:
        options = _options(threads)
        options.optimized_model_filepath = str(target)
        return _session(path, options)

    try:
        return graphs.make(place, write)
    except _REFUSALS as error:  # a full disk; or the model itself, as its own opening will tell
        graphs.give_up(str(error).partition("\n")[0])
        return None


def usable_cores() -> int:
    """How many cores this process may run on (fewer than the machine's inside a container)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
