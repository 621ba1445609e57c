"""What onnxruntime's settings do to the pose model: the measurement that chose those of `keypoints.session`.

    python tests/benchmarks/session_options.py              # the shipped pose model; --model FILE, --rounds 200

Every variant runs once in each round, so that whatever else the machine does falls on all of them alike; the ratio is
the median over rounds of a variant's time to that of the settings in use with one thread. `idle`: between two runs the
process sleeps as it does between two pictures of a camera, and what its threads use meanwhile is counted too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).parents[2]))

from keypoints.card import pose_input
from keypoints.session import usable_cores
from keypoints.yolo import SHIPPED

SPIN, STOP = "session.intra_op.allow_spinning", "session.force_spinning_stop"


def variants(cores: int) -> dict[str, Callable[[], ort.SessionOptions]]:
    """Session options by name; the first is what the others are compared with."""

    def options(threads: int = 1, entries: dict[str, str] | None = None, **fields: Any) -> ort.SessionOptions:
        made = ort.SessionOptions()
        made.intra_op_num_threads, made.inter_op_num_threads, made.log_severity_level = threads, 1, 3
        for key, value in ({SPIN: "0"} | (entries or {})).items():
            made.add_session_config_entry(key, value)
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    level = ort.GraphOptimizationLevel
    found = {
        "1 thread": lambda: options(),
        "no arena": lambda: options(enable_cpu_mem_arena=False),
        "no memory pattern": lambda: options(enable_mem_pattern=False),
        "graph as it is": lambda: options(graph_optimization_level=level.ORT_DISABLE_ALL),
        "graph basic": lambda: options(graph_optimization_level=level.ORT_ENABLE_BASIC),
        "graph extended": lambda: options(graph_optimization_level=level.ORT_ENABLE_EXTENDED),
    }
    for threads in sorted({2, min(4, cores)} - {1}):
        found |= {
            f"{threads} threads": lambda n=threads: options(n),
            f"{threads} threads that spin": lambda n=threads: options(n, {SPIN: "1"}),
            f"{threads} threads that spin in a run": lambda n=threads: options(n, {SPIN: "1", STOP: "1"}),
        }  # fmt: skip
    return found


def resident_mb() -> float:
    """Memory that the process holds now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    sessions, opened = {}, {}
    picture: dict[str, Any] = {}
    for name, make in variants(usable_cores()).items():
        held, began_s = resident_mb(), time.perf_counter()
        session = ort.InferenceSession(given.model, make(), providers=["CPUExecutionProvider"])
        took_s = time.perf_counter() - began_s
        value = session.get_inputs()[0]
        kind = np.float16 if "16" in value.type else np.float32
        sides = pose_input(session.get_modelmeta().custom_metadata_map) or value.shape[2:]
        picture = picture or {value.name: np.random.default_rng(0).random((1, 3, *sides)).astype(kind)}
        session.run(None, picture)
        sessions[name], opened[name] = session, (1000 * took_s, resident_mb() - held)
    ran: dict[str, list[float]] = {name: [] for name in sessions}
    used: dict[str, list[float]] = {name: [] for name in sessions}
    reference = sessions["1 thread"].run(None, picture)[0]
    same = {name: np.array_equal(session.run(None, picture)[0], reference) for name, session in sessions.items()}
    for _ in range(given.rounds):
        for name, session in sessions.items():
            cpu_s, began_s = time.process_time(), time.perf_counter()
            session.run(None, picture)
            ran[name].append(1000 * (time.perf_counter() - began_s))
            time.sleep(0.02)
            used[name].append(1000 * (time.process_time() - cpu_s))
    print(f"{'':31} p50 ms   p90 ms   ratio   CPU ms (with idle)   open ms   MB   same output")
    for name, values in ran.items():
        ratio = median(a / b for a, b in zip(values, ran["1 thread"], strict=True))
        milliseconds, megabytes = opened[name]
        print(f"{name:30} {median(values):7.2f}  {np.percentile(values, 90):7.2f}   {ratio:5.2f}   "
              f"{median(used[name]):18.2f}   {milliseconds:7.0f}  {megabytes:4.0f}  {same[name]}")  # fmt: skip


if __name__ == "__main__":
    main()
