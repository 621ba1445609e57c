"""Optimised models are kept on disk: the same answers, nothing half-written, and nothing lost where that can't be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from classifier.head import SHIPPED as HEAD
from keypoints import graphs as graphs_module
from keypoints.errors import ModelError
from keypoints.graphs import KEPT, Graphs, default_folder
from keypoints.session import open_session
from keypoints.yolo import SHIPPED, YoloPose


def answer(session: ort.InferenceSession) -> list[np.ndarray]:
    window = np.random.default_rng(0).uniform(0, 300, (1, 36, 17, 3)).astype(np.float32)
    return [np.asarray(value) for value in session.run(None, {"keypoints": window})]


def test_the_kept_model_gives_the_same_answers_and_has_the_same_card(tmp_path: Path) -> None:
    graphs = Graphs(tmp_path / "graphs")
    plain, making = open_session(HEAD, 1), open_session(HEAD, 1, graphs)
    (kept,) = graphs.folder.iterdir()
    written = kept.stat().st_mtime_ns
    reading = open_session(HEAD, 1, graphs)
    for other in (making, reading):
        assert all(np.array_equal(a, b) for a, b in zip(answer(plain), answer(other), strict=True))
        assert other.get_modelmeta().custom_metadata_map == plain.get_modelmeta().custom_metadata_map
    assert kept.stat().st_mtime_ns == written and graphs.trouble is None


def test_the_shipped_pose_model_sees_the_same_when_it_is_kept(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    outputs = []
    for graphs in (None, Graphs(tmp_path), Graphs(tmp_path)):
        estimator = YoloPose(SHIPPED, threads=1, graphs=graphs)
        tensor = estimator.prepare(image).tensor
        outputs.append(estimator._session.run(None, {estimator._input: tensor})[0])
    assert np.array_equal(outputs[0], outputs[1]) and np.array_equal(outputs[0], outputs[2])


def test_another_model_runtime_or_processor_has_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = Graphs(tmp_path)
    names = [graphs.place(HEAD), graphs.place(SHIPPED)]
    monkeypatch.setattr(ort, "__version__", "0.0.0")
    names.append(graphs.place(HEAD))
    monkeypatch.setattr(graphs_module, "_processor", lambda: "another")
    names.append(graphs.place(HEAD))
    assert len(set(names)) == 4


@pytest.mark.parametrize("damage", [b"", b"half of a file", None])
def test_a_damaged_file_is_made_anew(damage: bytes | None, tmp_path: Path) -> None:
    graphs = Graphs(tmp_path)
    open_session(HEAD, 1, graphs)
    place = graphs.place(HEAD)
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert answer(open_session(HEAD, 1, graphs))[0].shape == (1, 12)
    assert len(place.read_bytes()) == len(whole) and graphs.trouble is None


def test_where_nothing_can_be_kept_one_line_says_so_and_the_model_works(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    graphs = Graphs(tmp_path / "file" / "graphs")
    assert answer(open_session(HEAD, 1, graphs))[0].shape == (1, 12)
    assert graphs.trouble is not None and "\n" not in graphs.trouble
    assert graphs.trouble.startswith(f"{graphs.folder}: optimised models can't be kept here: Not a directory")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    graphs = Graphs(tmp_path)
    assert answer(open_session(HEAD, 1, graphs))[0].shape == (1, 12)
    assert graphs.trouble is not None and "No space left" in graphs.trouble
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_model_is_refused_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model\n" * 50)
    graphs = Graphs(tmp_path / "graphs")
    with pytest.raises(ModelError, match=r"text\.onnx: not a usable ONNX file"):
        open_session(tmp_path / "text.onnx", 1, graphs)
    assert list(graphs.folder.iterdir()) == []


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        (tmp_path / f"{number}.onnx").touch()
    open_session(HEAD, 1, graphs := Graphs(tmp_path))
    assert len(list(tmp_path.iterdir())) == KEPT and graphs.place(HEAD).exists()


def test_it_is_the_users_cache_unless_they_name_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "repsight" / "graphs"
