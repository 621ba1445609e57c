"""A pose graph takes narrower pictures, and answers as one that was made for their size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from compression.checkpoint import to_onnx
from compression.quantize import finish
from compression.runners import open_runner
from compression.step import Artefact, Context
from compression.steps.quantize import step
from compression.voting import CELLS, vote
from compression.widths import free_width
from configs.compression import QuantizeStep
from keypoints.checkpoint import save_network
from keypoints.errors import InputError
from keypoints.session import open_session
from keypoints.yolo import SHIPPED, YoloPose
from tests.compression import tiny

SIDE = 256
SIZES = [(256, 256), (256, 224), (256, 128), (256, 64)]

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "tiny.pt"
    save_network(tiny.network(), path)
    return path


@pytest.fixture(scope="module")
def square(checkpoint: Path) -> Path:
    """A float graph with attention and three grids, as Ultralytics writes it."""
    return to_onnx(checkpoint, checkpoint.parent, (SIDE, SIDE))


def answer(model: Path, picture: Array) -> Array:
    return np.asarray(open_session(model, 1).run(None, {"images": picture})[0])


def noise(size: tuple[int, int]) -> Array:
    return np.random.default_rng(0).random((1, 3, *size), np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_any_width_is_answered_as_the_network_itself_does(
    size: tuple[int, int], square: Path, checkpoint: Path, tmp_path: Path
) -> None:
    free_width(square, tmp_path / "free.onnx")
    expected = open_runner(checkpoint).run(noise(size))
    found = answer(tmp_path / "free.onnx", noise(size))
    assert found.shape == expected.shape == (1, 56, sum(size[0] * size[1] // stride**2 for stride in (8, 16, 32)))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_a_square_is_answered_as_before_to_the_bit(square: Path, tmp_path: Path) -> None:
    free_width(square, tmp_path / "free.onnx")
    picture = noise((SIDE, SIDE))
    np.testing.assert_array_equal(answer(tmp_path / "free.onnx", picture), answer(square, picture))


def test_a_finished_file_with_voting_keeps_its_answers_too(square: Path, tmp_path: Path) -> None:
    """Its tables are in half precision, its names short."""
    done, free = tmp_path / "done.onnx", tmp_path / "free.onnx"
    finish(square, done)
    vote(done, done)
    free_width(done, free)
    graph = onnx.load(free).graph
    assert {tensor.name for tensor in graph.initializer} <= {name for node in graph.node for name in node.input}
    np.testing.assert_array_equal(answer(free, noise((SIDE, SIDE))), answer(done, noise((SIDE, SIDE))))
    assert answer(free, noise((SIDE, 128))).shape == (1, 56, CELLS)


@pytest.mark.parametrize("size", SIZES)
def test_the_shipped_file_answers_any_width_as_a_file_made_for_it(size: tuple[int, int], tmp_path: Path) -> None:
    """Made for it: what depends on the sides put back as constants."""
    model = onnx.load(SHIPPED)
    graph = model.graph
    for place, side in zip((2, 3), size, strict=True):
        graph.input[0].type.tensor_type.shape.dim[place].dim_value = side
    (shape,) = (node for node in graph.node if node.op_type == "Shape")
    graph.node.remove(shape)
    graph.initializer.append(numpy_helper.from_array(np.array(size, np.int64), shape.output[0]))
    onnx.save(model, tmp_path / "made.onnx")
    np.testing.assert_array_equal(answer(SHIPPED, noise(size)), answer(tmp_path / "made.onnx", noise(size)))


def test_the_step_quantize_makes_a_file_that_is_given_narrow_pictures(checkpoint: Path, tmp_path: Path) -> None:
    config = QuantizeStep(precision="fp16", side=SIDE, vote=True, widths=(128, 192), agrees=None)
    made, _ = step(Artefact(checkpoint, "pose"), config, Context(tmp_path))
    model = YoloPose(made.path, threads=1)
    for width, given in ((100, 128), (180, 192), (240, 256), (600, 256)):
        prepared = model.prepare(np.zeros((300, width * 300 // 256, 3), np.uint8))
        assert prepared.tensor.shape == (1, 3, SIDE, given)
        model.infer(prepared)


def test_a_graph_of_another_input_or_without_a_table_of_cells_is_refused(
    checkpoint: Path, people_file: Path, tmp_path: Path
) -> None:
    wide = to_onnx(checkpoint, tmp_path, (128, 192))
    with pytest.raises(InputError, match="no square"):
        free_width(wide, tmp_path / "free.onnx")
    with pytest.raises(InputError, match="in no table"):
        free_width(people_file, tmp_path / "free.onnx")
    assert not (tmp_path / "free.onnx").exists()
