"""A checkpoint becomes one file with its card, or a clear line says why not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from classifier.head import SHIPPED as SHIPPED_HEAD
from compression import formats
from compression.agreement import Agreement
from compression.calibration import chosen, pictures, split, tensors, thinned
from compression.export import export_pose
from compression.runners import open_runner
from configs.exporting import Calibration
from configs.loader import load
from configs.schema import Export
from keypoints.errors import ConfigError, InputError, MissingExtraError, ModelError, RepSightError
from keypoints.yolo import YoloPose


def settings(**changes: Any) -> Export:
    return Export(**{"trained_on": ("nothing",), **changes})


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of twenty pictures, in folders of its own, beside a file that is none."""
    folder = tmp_path / "photographs"
    for i in range(20):
        path = folder / f"day{i % 2}" / f"{i:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((16, 16, 3), i, np.uint8))
    (folder / "notes.txt").write_text("nothing")
    return folder


@pytest.fixture(scope="session")
def checkpoint(shared: Path) -> Path:
    path = shared / "weights" / "yolo11n-pose.pt"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    return path


def test_the_shipped_settings_are_valid() -> None:
    shipped = load(Export, "export.yaml")
    assert (shipped.precision, shipped.size) == ("int8", 320)
    assert load(Export, "export.yaml", ["size=[192, 320]"]).size == (192, 320)


def test_a_precision_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"precision: Input should be 'fp32', 'fp16' or 'int8' \(found 'fp8'\)"):
        load(Export, "export.yaml", ["precision=fp8"])


@pytest.mark.parametrize(
    ("out", "changes", "message"),
    [
        ("pose.tflite", {"precision": "fp32"}, "not the name of onnx output (expected a name that ends in .onnx"),
        ("pose.onnx", {"format": "ncnn"}, "not the name of ncnn output (expected a name that ends in _ncnn_model"),
        ("pose_ncnn_model", {"format": "ncnn"}, "ncnn: not written in this precision (expected fp32 or fp16"),
        ("pose.onnx", {"precision": "fp32", "size": 300}, "size: not an input size (expected one side or [height,"),
        ("pose.onnx", {"precision": "fp32", "size": (320, 0)}, "size: not an input size"),
        ("pose.onnx", {}, "calibration: int8 needs pictures to calibrate with"),
        ("pose.onnx", {"calibration": ("nowhere",)}, "nowhere: calibration: no such folder"),
        ("pose.onnx", {"precision": "fp32"}, "there.pt: not an Ultralytics checkpoint (expected a YOLO pose .pt file)"),
    ],
)
def test_wrong_arguments_are_one_clear_line(out: str, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "there.pt"
    checkpoint.write_text("no checkpoint")
    with pytest.raises(InputError) as error:
        export_pose(checkpoint, tmp_path / out, settings(**changes), command="test")
    assert message in str(error.value)
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_a_missing_checkpoint_is_said_before_anything_else_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.pt: no such checkpoint; get one from https://"):
        export_pose("missing.pt", tmp_path / "pose.onnx", settings(), command="test")


def test_pictures_are_thinned_evenly_and_one_in_eight_is_held_back(photographs: Path) -> None:
    found = pictures([photographs])
    assert len(found) == 20
    assert [path.stem for path in thinned(found, 3)] == ["00", found[10].stem, "19"]
    used, held_back = split(found)
    assert len(held_back) == 2
    assert sorted(used + held_back) == found


@pytest.mark.parametrize(("by", "each", "count"), [("source", 12, 12), ("class", 6, 12), ("class", 100, 20)])
def test_calibration_takes_so_many_of_each_source_or_class(by: Any, each: int, count: int, photographs: Path) -> None:
    used, held_back = chosen(Calibration(folders=(str(photographs),), by=by, each=each))
    assert len(used) + len(held_back) == count
    assert not set(used) & set(held_back)
    assert {path.parent.name for path in used} == {"day0", "day1"}


def test_calibration_of_nothing_or_of_broken_pictures_is_one_clear_line(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: calibration: no pictures in it"):
        chosen(Calibration(folders=(str(photographs), str(tmp_path / "empty"))))
    with pytest.raises(InputError, match="int8 needs pictures to calibrate with"):
        chosen(Calibration(folders=(str(photographs),), each=4))
    broken = photographs / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.jpg: not a picture"):
        list(tensors([broken], 64, 64))


def test_a_format_whose_package_is_missing_is_one_clear_line(
    checkpoint_like: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"tensorrt needs tensorrt; TensorRT needs an NVIDIA GPU: pip install"):
        export_pose(
            checkpoint_like, tmp_path / "pose.engine", settings(format="tensorrt", precision="fp16"), command=""
        )
    with pytest.raises(MissingExtraError, match=r"ncnn needs ncnn, pnnx; pip install '\.\[formats\]'"):
        export_pose(checkpoint_like, tmp_path / "a_ncnn_model", settings(format="ncnn", precision="fp16"), command="")


@pytest.fixture
def checkpoint_like(tmp_path: Path) -> Path:
    path = tmp_path / "there.pt"
    path.write_text("no checkpoint")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "package", "precision", "name"),
    [("openvino", "openvino", "fp16", "pose_openvino_model"), ("ncnn", "pnnx", "fp32", "pose_ncnn_model"),
     ("litert", "litert_torch", "int8", "pose.tflite")],
)  # fmt: skip
def test_other_formats_are_loaded_again_and_agree(
    form: Any, package: str, precision: Any, name: str, checkpoint: Path, tmp_path: Path
) -> None:
    pytest.importorskip(package, reason="the format's packages are not installed")
    done = export_pose(checkpoint, tmp_path / name, settings(format=form, precision=precision, size=192), command="")
    assert done.path.exists() and done.bytes > 1_000_000
    assert done.agreement.people > 2 and done.agreement.oks > 0.9
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("precision", "found", "oks", "people"), [("fp32", 0.9, 1.0, 9), ("int8", 0.9, 0.5, 9), ("int8", 0.0, 0.0, 0)]
)
def test_an_export_that_collapsed_is_refused(precision: str, found: float, oks: float, people: int) -> None:
    with pytest.raises(RepSightError, match=r"pose\.onnx: (the|its)"):
        Agreement(pictures=5, people=people, found=found, oks=oks).require(precision, Path("pose.onnx"))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="the extra train is not installed")
    path = tmp_path / "weights.pt"
    path.write_bytes(b"these are no weights")
    with pytest.raises(ModelError, match="not an Ultralytics checkpoint"):
        export_pose(path, tmp_path / "pose.onnx", settings(precision="fp32"), command="test")


@pytest.mark.parametrize("kind", ["head.onnx", "face.task"])
def test_models_that_are_no_checkpoints_are_refused(kind: str, tmp_path: Path) -> None:
    """Ultralytics takes them without a look: it leaves exported files to what will run them."""
    pytest.importorskip("ultralytics", reason="the extra train is not installed")
    path = tmp_path / kind
    shutil.copyfile(SHIPPED_HEAD, path)
    with pytest.raises(ModelError, match=f"{kind}: not an Ultralytics checkpoint"):
        export_pose(path, tmp_path / "pose.onnx", settings(precision="fp32"), command="test")
    with pytest.raises(InputError, match=f"{kind}: .*not a pose model"):
        open_runner(path)


@pytest.mark.slow
def test_a_float_export_answers_as_its_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "pose.onnx"
    done = export_pose(checkpoint, out, settings(precision="fp32", size=(192, 320)), command="test export")
    assert done.agreement.found == 1 and done.agreement.oks > 0.999
    model = YoloPose(out, threads=1)
    assert model.card == done.card
    assert (model.input_size, model.precision, model.card.layout) == ((192, 320), "fp32", "yolo")
    assert model.card.made_by["command"] == "test export"
    assert [entry.key for entry in onnx.load(out).metadata_props] == ["repsight"]
    assert {path.name for path in out.parent.iterdir()} == {"pose.onnx", "pose.config.yaml"}, "nothing half-written"
    assert str(tmp_path) not in out.read_bytes().decode("latin-1"), "no path of this machine is in the file"


@pytest.mark.slow
def test_an_int8_export_finds_the_same_people(checkpoint: Path, shared: Path, tmp_path: Path) -> None:
    folder = shared / "images" / "coco_train" / "images"
    config = settings(calibration=(str(folder),), limit=40, size=256)
    done = export_pose(checkpoint, tmp_path / "pose.onnx", config, command="test")
    assert done.agreement.people > 5
    assert done.agreement.found > 0.8 and done.agreement.oks > 0.93
    assert done.bytes < 4_500_000
    assert YoloPose(done.path, threads=1).card.precision == "int8"


@pytest.mark.slow
def test_quantizing_the_decode_is_noticed(
    checkpoint: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compression.export.float_nodes", lambda model: [])
    config = settings(calibration=(str(shared / "images" / "coco_train" / "images"),), limit=16)
    with pytest.raises(RepSightError, match="does not agree with its source"):
        export_pose(checkpoint, tmp_path / "pose.onnx", config, command="test")
    assert not (tmp_path / "pose.onnx").exists()
