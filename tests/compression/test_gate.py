"""Int8 is let through where it is as good, and a collapse is stopped with the name of the tensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compression.agreement import agreement
from compression.collapse import first_collapse
from compression.limits import Check
from compression.quantize import Quantizer, finish, float_nodes, to_half
from compression.runners import open_runner
from compression.scan import blocks, scan
from compression.step import Artefact, Context, apply
from configs.exporting import Scan
from configs.measuring import GateStep
from keypoints.errors import RepSightError


@pytest.fixture
def tensors(person_picture: Callable[[int], Any]) -> list[Any]:
    return [
        np.ascontiguousarray(person_picture(n)[0].transpose(2, 0, 1)[None], np.float32) / 255 for n in range(8)
    ]  # fmt: skip


@pytest.fixture
def quantizer(people_file: Path, tmp_path: Path, tensors: list[Any]) -> Quantizer:
    (tmp_path / "step").mkdir()
    return Quantizer(people_file, tmp_path / "step", tensors, "minmax")


def test_a_scan_finds_the_decode_and_lets_the_rest_be(quantizer: Quantizer, tensors: list[Any], tmp_path: Path) -> None:
    told: list[str] = []
    found = scan(quantizer, tensors[:3], Scan(pictures=3), tmp_path, told.append)
    kept = {harm.node for harm in found if harm.keep}
    assert kept, told
    assert kept <= set(float_nodes(quantizer.model))
    assert "/model.0/conv/Conv" not in kept
    quantizer.write(tmp_path / "scanned.onnx", keep=kept)
    run = open_runner(quantizer.folded).run
    assert agreement(run, open_runner(tmp_path / "scanned.onnx").run, tensors).harm < 0.1
    assert not list(tmp_path.glob("whole*")), "nothing is left of the trials"


def test_nodes_go_by_the_layers_that_their_names_tell() -> None:
    names = ["/model.0/conv/Conv", "/model.9/cv2.0/Conv", "/model.9/dfl/conv/Conv", "/model.9/Concat_3", "Add_1"]
    assert list(blocks(names)) == ["model.0", "model.9.cv2", "model.9.dfl", "model.9.decode", "nodes 0"]


@pytest.mark.parametrize("whole", [False, True])
def test_the_gate_stops_a_collapsed_decode_and_names_the_tensor(
    whole: bool, quantizer: Quantizer, people_file: Path, coco_folder: Path, tmp_path: Path
) -> None:
    named, path = tmp_path / "step" / "named.onnx", tmp_path / "step" / "pose.onnx"
    quantizer.write(named, keep=() if whole else float_nodes(quantizer.model))
    finish(named, path)
    config = GateStep(folder=str(coco_folder), ap_drop=0.05, crop_recall_drop=0.05, most_bytes=100_000)
    context = Context(tmp_path, source=Artefact(people_file, "pose"))
    if not whole:
        passed, metrics = apply(Artefact(path, "pose"), config, context)
        assert passed.path == path
        assert all(check["passed"] for check in metrics["checks"].values())
        return
    with pytest.raises(RepSightError, match=r"does not pass the gate: AP .* collapsed: tensor output0 of Concat"):
        apply(Artefact(path, "pose"), config, context)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"most_bytes": 100}, r"bytes \d+ \(expected at most 100\)"), ({"least_ap": 1.0, "ap_drop": None}, None)],
)
def test_limits_of_its_own_are_kept_as_well(
    changes: dict[str, Any], message: str | None, people_file: Path, coco_folder: Path, tmp_path: Path
) -> None:
    config = GateStep(folder=str(coco_folder), **changes)
    context = Context(tmp_path, source=Artefact(people_file, "pose"))
    if message is None:
        apply(Artefact(people_file, "pose"), config, context)
        return
    with pytest.raises(RepSightError, match=message):
        apply(Artefact(people_file, "pose"), config, context)


def test_what_did_not_collapse_has_no_name(quantizer: Quantizer, tensors: list[Any], tmp_path: Path) -> None:
    quantizer.write(tmp_path / "good.onnx", keep=float_nodes(quantizer.model))
    assert first_collapse(quantizer.folded, tmp_path / "good.onnx", tensors[:2]) is None


def test_half_weights_answer_alike_and_take_half(people_file: Path, tensors: list[Any], tmp_path: Path) -> None:
    to_half(people_file, tmp_path / "half.onnx")
    found = agreement(open_runner(people_file).run, open_runner(tmp_path / "half.onnx").run, tensors)
    assert (found.found, found.oks) == (1.0, pytest.approx(1.0, abs=1e-3))
    assert (tmp_path / "half.onnx").stat().st_size < 0.65 * people_file.stat().st_size


@pytest.mark.parametrize(
    ("check", "said"),
    [(Check("AP", 0.25, 0.27, least=0.26), "AP 0.25 (expected at least 0.26, 0.27 before)"),
     (Check("bytes", 12, most=10), "bytes 12 (expected at most 10)"),
     (Check("PCK", 0.9, 0.95), "PCK 0.9 (0.95 before)")],
)  # fmt: skip
def test_a_check_says_its_limits_those_that_it_has(check: Check, said: str) -> None:
    assert str(check) == said
    assert check.passed == (check.name == "PCK")
