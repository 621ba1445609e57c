"""Every candidate is measured beside the others, and the page says it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import onnx
import pytest

from compression.graph_cost import graph_cost
from compression.latency import latencies
from compression.page import front
from compression.quantize import Quantizer, float_nodes, to_half
from compression.step import Artefact, Context, apply
from configs.measuring import ReportStep
from data.synthesize import yolo_label


def test_the_front_is_those_that_no_other_beats() -> None:
    assert front([(3, 0.9), (1, 0.5), (2, 0.4), (2, 0.7), (4, 0.9), (1, 0.3)]) == [1, 3, 0]


def test_models_are_timed_in_turn_against_the_first(people_file: Path, tmp_path: Path) -> None:
    to_half(people_file, tmp_path / "half.onnx")
    one, other = latencies([(people_file, None), (tmp_path / "half.onnx", None)], frames=8)
    assert (one.ratio, one.frames, one.size) == (1.0, 8, (320, 320))
    assert 0 < other.p50 <= other.p90
    assert str(one).startswith("people.onnx: 320x320, ")


def test_costs_of_a_graph_are_the_same_in_int8(people_file: Path, tmp_path: Path) -> None:
    parameters, macs = graph_cost(people_file)
    assert parameters == (8 * 3 + 8) + (8 + 1)
    assert macs == 8 * 8 * (8 * 3 + 8)
    to_half(people_file, tmp_path / "half.onnx")
    assert graph_cost(tmp_path / "half.onnx") == (parameters, macs)


@pytest.fixture
def frames_folder(tmp_path: Path, person_picture: Callable[[int], Any]) -> Path:
    folder = tmp_path / "frames"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        image, points, _ = person_picture(number)
        box = [0, 0, *image.shape[1::-1]]  # so that the crop is the picture, which is what this model knows
        name = f"{number:06d}-{'squat' if number % 2 else 'plank'}"
        cv2.imwrite(str(folder / "images" / f"{name}.png"), image)
        (folder / "labels" / f"{name}.txt").write_text(yolo_label(points * [1, 1, 2], box, image.shape[1::-1]))
    return folder


def test_a_report_shows_every_candidate(
    people_file: Path, coco_folder: Path, frames_folder: Path, person_picture: Callable[[int], Any], tmp_path: Path
) -> None:
    tensors = [person_picture(n)[0].transpose(2, 0, 1)[None].astype("float32") / 255 for n in range(4)]
    quantizer = Quantizer(people_file, tmp_path, tensors, "minmax")
    quantizer.write(tmp_path / "small.onnx", keep=float_nodes(onnx.load(quantizer.folded)))
    config = ReportStep(
        candidates=("source", str(tmp_path / "small.onnx")), folder=str(coco_folder), frames=str(frames_folder),
        frames_timed=3,
    )  # fmt: skip
    out = tmp_path / "report"
    out.mkdir()
    context = Context(out, source=Artefact(people_file, "pose"), command="repsight compress pose")
    _, metrics = apply(Artefact(people_file, "pose"), config, context)
    small = metrics["candidates"]["small"]
    assert small["macs"] == metrics["candidates"]["source"]["macs"]
    assert small["frames_pck"]["actions"] == {"plank": 1.0, "squat": 1.0}
    assert small["peak_mb"] > 10
    assert small["energy"] == "measured" or small["energy"].startswith("estimate")
    page = (out / "report.html").read_text()
    for said in ("small", "AP by size", "PCK by latency", "By action", "squat", "peak memory", "polyline"):
        assert said in page, said
    assert "http" not in page.replace("http://www.w3.org", ""), "the page needs nothing else"
