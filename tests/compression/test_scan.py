"""A scan keeps what it has measured, measures like `pose_accuracy`, and proposes ratios that lose alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from compression.points import BatchedAccuracy, Measurement, Point, _append, _read
from compression.steps import sensitivity, sweep
from configs.measuring import Measured, SensitivityStep


def measurement(ratio: float, ap: float, crop_recall: float = 0.7, block: str | None = None) -> Measurement:
    return Measurement(Point("structured", ratio, block), ap, crop_recall, ratio, 100, 1000)


def config(**changes: Any) -> SensitivityStep:
    return SensitivityStep(measured=Measured(folder="none"), **changes)


def test_what_was_measured_is_read_again_but_for_a_line_that_was_cut(tmp_path: Path) -> None:
    kept = tmp_path / "points.jsonl"
    _append(kept, measurement(0.5, 0.2, block="model.4"))
    with kept.open("a") as file:
        file.write('{"point": {"kind": "stru')
    assert _read(kept) == [measurement(0.5, 0.2, block="model.4")]


def test_blocks_lose_alike_at_the_ratios_proposed() -> None:
    whole = measurement(0, 0.3)
    by_block = {
        "model.1": [measurement(0.5, 0.2), measurement(0.9, 0.1)],  # loses 0.02 for each tenth
        "model.2": [measurement(0.5, 0.29), measurement(0.9, 0.28)],  # hardly loses anything
    }
    channels = {"model.1": 10, "model.2": 30}
    allowed = sensitivity.propose(whole, by_block, channels, config(allowed_loss=0.05))
    assert allowed == {"model.1": 0.25, "model.2": 0.9}
    target = sensitivity.propose(whole, by_block, channels, config(target=0.5))
    share = sum(target[block] * channels[block] for block in channels) / 40
    assert 0.4 < share <= 0.5
    assert target["model.2"] > target["model.1"]


def test_a_crop_recall_that_falls_counts_as_well() -> None:
    by_block = {"model.1": [measurement(0.5, 0.3, crop_recall=0.5)]}
    assert sensitivity.propose(measurement(0, 0.3), by_block, {"model.1": 8}, config(allowed_loss=0.1)) == {
        "model.1": 0.25
    }


def test_plots_and_table_are_written(tmp_path: Path) -> None:
    whole, points = measurement(0, 0.3), [measurement(r, 0.3 - r / 4, block="model.4") for r in (0.3, 0.7)]
    sensitivity.table(points, tmp_path / "points.csv")
    sensitivity.plot_block("model.4", whole, points, 0.4, tmp_path / "block.png")
    sensitivity.heat_map(whole, {"model.4": points}, [0.3, 0.7], tmp_path / "map.png")
    sweep.plot([whole, *points], tmp_path / "sweep.png")
    assert len((tmp_path / "points.csv").read_text().splitlines()) == 3
    for name in ("block.png", "map.png", "sweep.png"):
        assert cv2.imread(str(tmp_path / name)) is not None


def test_batched_accuracy_is_that_of_one_picture_after_the_other(shared: Path, tmp_path: Path) -> None:
    from compression.accuracy import pose_accuracy, predictor
    from compression.checkpoint import load_network

    weights, folder = shared / "weights" / "yolo11n-pose.pt", shared / "images" / "coco_val"
    if not weights.is_file() or not folder.is_dir():
        pytest.skip("no weights or no pictures")
    network = load_network(weights)
    batched = BatchedAccuracy(folder, 128, 10)(network)
    single = pose_accuracy(predictor(network, 128), folder, 10)
    assert batched.people == single.people > 0
    assert np.allclose([batched.ap, batched.crop_recall], [single.ap, single.crop_recall], atol=2e-3)


def test_a_point_is_one_line_of_json(tmp_path: Path) -> None:
    _append(tmp_path / "points.jsonl", measurement(0.5, 0.2))
    assert json.loads((tmp_path / "points.jsonl").read_text())["point"]["ratio"] == 0.5
