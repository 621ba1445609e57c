"""A training that is really killed: `train-head --resume` ends in the same weights."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from keypoints.types import KeypointSequence

pytest.importorskip("torch", reason="heads are trained with the extra [train]")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SMALL = ["hidden=8", "window=12", "rate_hz=6", "epochs=16", "patience=16", "batch=16", "threads=1"]


def people(folder: Path) -> None:
    """Six stick figures that squat or stand."""
    folder.mkdir()
    for i in range(6):
        rng, time_s = np.random.default_rng(i), np.arange(0, 6, 0.1)
        share = (1 - np.cos(np.pi * time_s)) / 2 * (i % 2)
        keypoints = np.ones((len(time_s), 17, 3), np.float32)
        figure = rng.normal(0, 3, (17, 2)) + np.linspace([40, 10], [60, 110], 17)
        keypoints[..., :2] = figure * np.stack([np.ones_like(share), 1 - 0.5 * share], -1)[:, None]
        action = "squat" if i % 2 else "stand"
        KeypointSequence(keypoints, time_s, (100, 200), action, subject=str(i)).save(folder / f"{i}.npz")


def training(out: str, *more: str) -> list[str]:
    return [sys.executable, "-u", str(ROOT / "cli.py"), "train-head", "--data", "people", "--out", out, *more, *SMALL]


def weights(file: Path) -> list[bytes]:
    return [i.SerializeToString() for i in onnx.load(file).graph.initializer]


def test_a_training_killed_in_mid_course_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    people(tmp_path / "people")
    begin = training("killed.onnx")
    with subprocess.Popen(begin, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 3/"):
                process.kill()
                break
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.onnx").exists() and (tmp_path / "killed.checkpoint").exists()
    goes_on = subprocess.run(
        training("killed.onnx", "--resume"), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    epochs = [line.split("/")[0] for line in goes_on.stdout.splitlines() if line.startswith("epoch")]
    assert epochs[0] in ("epoch 3", "epoch 4", "epoch 5") and epochs[-1] == "epoch 16", "it does not begin anew"
    subprocess.run(training("whole.onnx"), cwd=tmp_path, capture_output=True, check=True)
    assert weights(tmp_path / "killed.onnx") == weights(tmp_path / "whole.onnx")
    assert (tmp_path / "killed.curve.png").stat().st_size > 1000
