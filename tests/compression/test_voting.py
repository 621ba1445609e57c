"""Cells that see the same person agree on the joints; others have no say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from compression.voting import CELLS, vote
from keypoints.errors import InputError

Cells = NDArray[np.float32]


def voted(cells: Cells, folder: Path) -> Cells:
    """What comes out of a graph that gives `cells` (56, N) as they are, with voting behind it."""
    shape = (1, *cells.shape)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["output0"])], "cells",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "a.onnx")
    vote(folder / "a.onnx", folder / "b.onnx")
    session = ort.InferenceSession(folder / "b.onnx", providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": cells[None]})[0])[0]


def cell(box: tuple[float, float, float, float], score: float, joint: float) -> Cells:
    """cx cy w h, score, and every joint at (joint, joint) with confidence 0.9."""
    return np.array([*box, score, *[joint, joint, 0.9] * 17], np.float32)


@pytest.fixture
def crowd() -> Cells:
    """Two cells that see one person, one that sees another, and many that see nobody: (56, 100)."""
    near = cell((50, 50, 40, 80), 0.6, 30.0), cell((50, 50, 40, 80), 0.3, 36.0)
    return np.stack([*near, cell((150, 50, 40, 80), 0.9, 140.0)] + [cell((9, 9, 5, 5), 1e-5, 0.0)] * 97, axis=1)


def test_joints_are_the_mean_of_the_cells_of_a_person_weighed_by_score(crowd: Cells, tmp_path: Path) -> None:
    found = voted(crowd, tmp_path)
    assert found.shape == (56, CELLS)
    assert found[4, :3].tolist() == pytest.approx([0.9, 0.6, 0.3])
    np.testing.assert_allclose(found[5::3, 0], 140.0, atol=1e-3)
    for place in (1, 2):
        np.testing.assert_allclose(found[5::3, place], (0.6 * 30 + 0.3 * 36) / 0.9, atol=1e-3)
        np.testing.assert_allclose(found[7::3, place], 0.9, atol=1e-5)


def test_boxes_and_scores_are_what_each_cell_says(crowd: Cells, tmp_path: Path) -> None:
    found = voted(crowd, tmp_path)
    np.testing.assert_array_equal(found[:5, :3], crowd[:5, [2, 0, 1]])


def test_noise_that_differs_from_cell_to_cell_is_averaged_out(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    cells = np.stack([cell((50, 50, 40, 80), 0.5, 30.0)] * 20, axis=1)
    cells[5::3] += random.normal(0, 2, (17, 20)).astype(np.float32)
    found = voted(cells, tmp_path)
    assert np.abs(found[5::3, 0] - 30).mean() < 0.5 * np.abs(cells[5::3] - 30).mean()


def test_cells_without_any_score_do_no_harm(tmp_path: Path) -> None:
    assert np.isfinite(voted(np.zeros((56, 80), np.float32), tmp_path)).all()


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\(1, 56, N\)"):
        voted(np.zeros((300, 57), np.float32), tmp_path)
