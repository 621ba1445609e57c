"""Pose models, fine-tuned: of any shape, killed and taken up again, on data that may be wrong."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import cli
from compression import pruning
from compression.blocks import rewrite
from compression.job import require_kind
from compression.masks import carry, masks_of, smallest
from configs.loader import load
from configs.pose_training import TrainPose
from keypoints.checkpoint import load_network, save_network
from keypoints.errors import InputError, RepSightError
from keypoints.training.job import Told, TrainedPose, devices, folder_of, train_pose
from keypoints.training.pictures import UNKNOWN, Picture, Pictures, label_of, read_labels, read_pictures
from keypoints.training.trainer import Trainer, _Labelled
from tests.compression import tiny

ROOT = Path(__file__).parents[2]
PERSON = [0, 0.5, 0.5, 0.4, 0.6, *[v for i in range(17) for v in (0.4 + i / 100, 0.5, 2)]]


class KilledError(Exception):
    """As by a signal."""


def layout(folder: Path, count: int = 8, text: str = "train: images\nkpt_shape: [17, 3]\nnames: {0: person}\n") -> Path:
    """A set of small figures; its data.yaml."""
    tiny.folder(folder, count)
    (folder / "data.yaml").write_text(text)
    return folder / "data.yaml"


def settings(data: Path, base: Path, *more: str) -> TrainPose:
    fixed = ["side=64", "batch=4", "epochs=2", "threads=1", "workers=0", "device=cpu", "validation=0.25"]
    return load(TrainPose, "train_pose.yaml", [f"data={data}", f"base={base}", *fixed, *more])


def pruned(network: Any) -> Any:
    """Half of its channels, and half of the weights of the rest zero."""
    rewrite(network)
    groups = pruning.prunable(network, "l2", head=True)
    pruning.prune(network, pruning.ask(groups, 0.5, {}, scope="layer", round_to=1))
    carry(network, smallest(network, 0.5, "layer"))
    return network


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_network(path).state_dict())


@dataclass
class Runs:
    """A pruned base, the run on it that went through, and one that was killed after its first epoch and went on."""

    config: TrainPose
    base: Path
    through: TrainedPose
    resumed: TrainedPose
    said: list[str]
    epochs: list[float]
    refused: str


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    base = folder / "base.pt"
    save_network(pruned(tiny.network(0.125)), base)
    config = settings(layout(folder / "set"), base)
    through = train_pose(config, folder / "through.pt")
    out = folder / "killed.pt"

    def kill(metrics: dict[str, float]) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train_pose(config, out, told=Told(kill))
    with pytest.raises(InputError) as refused:
        train_pose(config.model_copy(update={"epochs": 3, "side": 96}), out, resume=True)
    said: list[str] = []
    epochs: list[float] = []
    resumed = train_pose(config.model_copy(update={"workers": 2}), out, resume=True,
                         told=Told(lambda m: epochs.append(m["epoch"]), say=said.append))  # fmt: skip
    return Runs(config, base, through, resumed, said, epochs, str(refused.value))


def test_a_killed_run_goes_on_to_the_same_weights_and_says_from_where(runs: Runs) -> None:
    assert runs.epochs == [2]
    assert any("1 of 2 epochs are done, it goes on with epoch 2" in line for line in runs.said)
    one, other = weights(runs.through.path), weights(runs.resumed.path)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    losses = [[point["training_loss"] for point in run.curve] for run in (runs.through, runs.resumed)]
    assert losses[0] == losses[1] and len(losses[0]) == 2


def test_a_pruned_and_masked_base_keeps_its_shape_and_its_zeros(runs: Runs) -> None:
    base, made = load_network(runs.base), load_network(runs.resumed.path)
    shapes = {name: value.shape for name, value in base.state_dict().items()}
    assert {name: value.shape for name, value in made.state_dict().items()} == shapes
    unpruned = tiny.network(0.125)
    assert sum(v.numel() for v in made.parameters()) < sum(v.numel() for v in unpruned.parameters())
    assert any(not torch.equal(value, made.state_dict()[name]) for name, value in base.state_dict().items())
    masks = masks_of(made)
    assert masks and all((made.get_parameter(name)[~mask] == 0).all() for name, mask in masks.items())


def test_the_result_has_its_settings_and_curve_beside_it_and_nothing_else(runs: Runs) -> None:
    path = runs.through.path
    beside = {one.name for one in path.parent.iterdir() if one.stem.startswith("through")}
    assert beside == {"through.pt", "through.config.yaml", "through.curve.json", "through.curve.png"}
    assert load(TrainPose, path.with_suffix(".config.yaml")) == runs.config
    curve = json.loads(path.with_suffix(".curve.json").read_text())
    assert [point["epoch"] for point in curve] == [1, 2] and curve == list(runs.through.curve)
    assert cv2.imread(str(path.with_suffix(".curve.png"))) is not None
    assert not [one for one in (path.parent / "set").rglob("*") if one.suffix in (".cache", ".npy")]


def test_the_result_is_a_checkpoint_for_compress_and_names_no_place(runs: Runs) -> None:
    require_kind(runs.resumed.path, "pose")
    assert str(runs.base.parent).encode() not in runs.resumed.path.read_bytes()


def test_other_settings_are_refused_by_name(runs: Runs) -> None:
    assert "epochs, side: other settings than the run began with (expected 2, 64, found 3, 96)" in runs.refused
    said: list[str] = []
    again = train_pose(runs.config, runs.through.path, resume=True, told=Told(say=said.append))
    assert again.curve == runs.through.curve and not again.files
    assert said == [f"{runs.through.path} is finished after 2 epochs: there is nothing to go on with"]
    with pytest.raises(InputError, match="batch: other settings"):
        train_pose(runs.config.model_copy(update={"batch": 2}), runs.through.path, resume=True)


def test_frozen_layers_stay_and_others_learn_until_nothing_gets_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base.pt"
    save_network(tiny.network(), base)

    def no_better(self: Trainer) -> tuple[dict[str, float], float]:
        self.best_fitness = 0.5
        return {f"metrics/{name}": 0.25 for name in ("mAP50-95(P)", "mAP50(P)", "mAP50-95(B)")}, 0.5

    monkeypatch.setattr(Trainer, "validate", no_better)
    rates = ["learning_rate=0.01", "last_rate=0.1", "warm_up_epochs=1", "augment.mosaic=0"]
    config = settings(layout(tmp_path / "set"), base, "freeze=10", "epochs=8", "patience=2", *rates)
    made = train_pose(config, tmp_path / "out.pt")
    assert len(made.curve) == 3, "the first was the best, and two more were not better"
    before, after = weights(base), weights(made.path)
    same = {name: torch.equal(value, after[name]) for name, value in before.items()}
    assert all(ok for name, ok in same.items() if int(name.split(".")[1]) < 10)
    assert not all(ok for name, ok in same.items() if int(name.split(".")[1]) >= 10)
    cosine = [0.01 * (0.1 + 0.9 * (1 + np.cos(np.pi * epoch / 8)) / 2) for epoch in range(3)]
    assert [point["learning_rate"] for point in made.curve[1:]] == pytest.approx(cosine[1:])
    assert made.curve[0]["learning_rate"] < cosine[0], "it warms up"


def test_joints_that_nobody_labelled_can_be_left_unjudged(tmp_path: Path) -> None:
    person = np.array([PERSON], np.float32)
    person[0, 5:8] = 0  # the nose
    picture = Picture(tmp_path / "a.jpg", (96, 96), person)
    joints = {unknown: _Labelled.label(picture, unknown)["keypoints"][0] for unknown in (False, True)}
    assert tuple(joints[False][0]) == (0, 0, 0)
    assert tuple(joints[True][0]) == (0.5, 0.5, UNKNOWN)
    assert (joints[True][1:] == joints[False][1:]).all()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["yolov8", "yolo26"])
def test_other_families_learn_and_go_on(family: str, tmp_path: Path) -> None:
    base = tmp_path / "base.pt"
    save_network(tiny.network(0.125, family=family), base)
    config = settings(layout(tmp_path / "set"), base, "unlabelled_joints=unknown")
    through = train_pose(config, tmp_path / "through.pt")

    def kill(metrics: dict[str, float]) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train_pose(config, tmp_path / "killed.pt", told=Told(kill))
    resumed = train_pose(config, tmp_path / "killed.pt", resume=True)
    one, other = weights(through.path), weights(resumed.path)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.slow
def test_several_devices_share_the_batches(tmp_path: Path) -> None:
    base = tmp_path / "base.pt"
    save_network(tiny.network(), base)
    config = settings(layout(tmp_path / "set"), base, "device='cpu,cpu'", "epochs=1")
    steps: list[tuple[int, int]] = []
    made = train_pose(config, tmp_path / "out.pt", told=Told(progress=lambda done, of: steps.append((done, of))))
    assert [point["epoch"] for point in made.curve] == [1]
    assert steps[-1] == (2, 2), "six pictures, two for each of two processes"
    with pytest.raises(InputError, match="batch: can't be shared out"):
        train_pose(config.model_copy(update={"batch": 3}), tmp_path / "other.pt")


@pytest.mark.slow
def test_a_run_that_was_shot_goes_on_by_the_same_command(tmp_path: Path) -> None:
    base = tmp_path / "base.pt"
    save_network(tiny.network(), base)
    data = layout(tmp_path / "set", 16)
    command = [sys.executable, str(ROOT / "cli.py"), "train-pose", "--data", str(data), "--base", str(base), "--out",
               str(tmp_path / "out.pt"), "side=64", "batch=2", "epochs=4", "threads=1", "device=cpu"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    last = folder_of(tmp_path / "out.pt") / "last.pt"
    while not last.is_file() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert last.is_file() and not (tmp_path / "out.pt").exists()
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "of 4 epochs are done, it goes on with epoch" in done.stdout
    assert "epoch 4/4: loss" in done.stdout
    assert len(json.loads((tmp_path / "out.curve.json").read_text())) == 4


def fails(*arguments: object) -> str:
    """The last line that the command ends with, in exit code 2."""
    result = CliRunner().invoke(cli.cli, ["train-pose", *map(str, arguments)])
    assert result.exit_code == 2, result.output
    lines = result.output.strip().splitlines()
    assert [line for line in lines if line.startswith("error:")] == lines[-1:]
    return lines[-1]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "base.pt"
    save_network(tiny.network(), path)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("val: images\nkpt_shape: [17, 3]\n", "train: missing (expected a folder of pictures"),
        ("train: images\n", "kpt_shape: not people as RepSight knows them (expected [17, 3])"),
        ("train: images\nkpt_shape: [21, 3]\n", "(expected [17, 3], found [21, 3])"),
        ("train: nowhere\nkpt_shape: [17, 3]\n", "train: no such folder"),
        ("train: images\nkpt_shape: [17, 3]\npath: gone\n", "path: no such folder"),
        ("train: images\nkpt_shape: [17, 3]\nnames: [a, b]\n", "names: more than people (expected one class, found 2)"),
        ("train: unlabelled/images\nkpt_shape: [17, 3]\n", "train: no labelled pictures"),
        ("train: labels\nkpt_shape: [17, 3]\n", "train: no pictures"),
        ("[1, 2]", "wrong content"),
        ("train: [", "not YAML"),
    ],
)
def test_wrong_data_is_one_line(text: str, message: str, base: Path, tmp_path: Path) -> None:
    data = layout(tmp_path / "set", 2, text)
    tiny.folder(tmp_path / "set" / "unlabelled", 2, labelled=False)
    line = fails("--data", data, "--base", base, "--out", tmp_path / "out.pt", "device=cpu")
    assert message in line and str(data) in line
    assert not folder_of(tmp_path / "out.pt").exists()


def test_a_wrong_base_is_one_line(base: Path, tmp_path: Path) -> None:
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load

    data, out = layout(tmp_path / "set", 2), tmp_path / "out.pt"
    shape = yaml_model_load("yolo11n.yaml")
    shape.update(scale="n", scales={"n": [0.33, 0.0625, 128]})
    detector = DetectionModel(shape, ch=3, verbose=False)
    detector.args, detector.task = {"task": "detect"}, "detect"
    save_network(detector, tmp_path / "detector.pt")
    (tmp_path / "text.pt").write_text("nothing")
    for name, message in (("detector.pt", "not a pose model"), ("text.pt", "not an Ultralytics checkpoint"),
                          ("yolo11n-pose.pt", "no such checkpoint; get one from")):  # fmt: skip
        assert message in fails("--data", data, "--base", tmp_path / name, "--out", out)
    given = ["--data", data, "--base", base, "--out"]
    assert "nothing to begin with" in fails("--data", data, "--out", out)
    assert "nothing to learn from" in fails("--base", base, "--out", out)
    assert "no such file (expected the data.yaml" in fails("--data", tmp_path / "a.yaml", *given[2:], out)
    assert "freeze: leaves nothing to train (expected 23 at most, found 24)" in fails(*given, out, "freeze=24")
    assert "device: no such device here (expected auto, cpu" in fails(*given, out, "device=77")
    assert "would replace the model that it begins with" in fails(*given, base)
    assert "expected a name that ends in .pt" in fails(*given, tmp_path / "out.onnx")
    assert "did you mean 'epochs'?" in fails(*given, out, "epoch=3")


def test_a_full_disk_is_one_line(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    data = layout(tmp_path / "set", 2)
    assert "not enough room on the disk" in fails("--data", data, "--base", base, "--out", tmp_path / "out.pt")


def person(**changed: float) -> str:
    """A label line with some of its numbers changed: n5=1.7 is the first x."""
    numbers = list(PERSON)
    for name, value in changed.items():
        numbers[int(name[1:])] = value
    return " ".join(f"{v:g}" for v in numbers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            person(n5=1.73),
            "line 1: nose: keypoint out of range (expected shares of the picture, 0 to 1, found 1.73 0.5)",
        ),
        (person() + "\n" + person(n9=-0.4), "line 2: left_eye: keypoint out of range"),
        (person(n7=3), "line 1: nose: v: no such state (expected 0, 1 or 2, found 3)"),
        (person(n1=1.4), "line 1: box out of range"),
        (person(n3=0), "line 1: box out of range"),
        (person(n0=4), "line 1: not a person (expected class 0, found 4)"),
        ("0 0.5 0.5 0.1 0.1", "line 1: not a person of 17 joints (expected 56 numbers, found 5)"),
        (person().replace("0.5", "half", 1), "line 1: not numbers"),
        (person().replace("0.5", "nan", 1), "line 1: not finite"),
    ],
)
def test_a_wrong_label_names_its_line_and_joint(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_labels(file)
    assert message in str(error.value) and str(file) in str(error.value)


def test_what_is_broken_is_left_out_and_told_and_the_rest_is_read(tmp_path: Path) -> None:
    data = layout(tmp_path / "set", 6)
    images, labels = tmp_path / "set" / "images", tmp_path / "set" / "labels"
    whole = (images / "000.jpg").read_bytes()
    (images / "000.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "001.jpg").write_bytes(b"nothing")
    (labels / "002.txt").write_text(person(n5=1.73))
    (labels / "003.txt").unlink()
    (labels / "004.txt").write_text(f"{person()}\n{person()}\n")
    told: list[str] = []
    pictures = read_pictures(data, 0.3, 0, problem=told.append)
    assert [line.partition(":")[0] for line in told] == ["left out"] * 3
    for line, part in zip(
        told, ("000.jpg: damaged", "001.jpg: not a picture", "nose: keypoint out of range"), strict=True
    ):
        assert part in line and "\n" not in line
    everything = {one.file.name: one for one in (*pictures.train, *pictures.validation)}
    assert sorted(everything) == ["003.jpg", "004.jpg", "005.jpg"]
    assert len(everything["003.jpg"].people) == 0 and len(everything["004.jpg"].people) == 1, "a line is there twice"
    assert len(pictures.validation) == 1 and len(pictures.validation[0].people), "with somebody in it"
    assert (images / "000.jpg").read_bytes() == whole[: len(whole) // 2], "nothing is mended behind the user's back"


def test_lists_of_pictures_and_a_part_of_their_own_are_read_and_kept(tmp_path: Path) -> None:
    data = layout(tmp_path / "set", 4, "train: [first.txt]\nval: images\ndownload: raise SystemExit\n"
                                       "kpt_shape: [17, 3]\n")  # fmt: skip
    (tmp_path / "set" / "first.txt").write_text("./images/002.jpg\nimages/000.jpg\n")
    told: list[str] = []
    pictures = read_pictures(data, 0.3, 0, problem=told.append)
    assert [one.file.name for one in pictures.train] == ["000.jpg", "002.jpg"]
    assert len(pictures.validation) == 4 and not pictures.held_out
    assert len(told) == 1 and "2 pictures are in train and in val" in told[0]
    assert label_of(Path("a/images/b/images/c/d.jpg")) == Path("a/images/b/labels/c/d.txt")
    pictures.save(tmp_path / "kept.npz")
    again = Pictures.load(tmp_path / "kept.npz")
    for part, other in ((pictures.train, again.train), (pictures.validation, again.validation)):
        assert [(one.file, one.size, one.people.tolist()) for one in part] == [
            (one.file, one.size, one.people.tolist()) for one in other
        ]
    (tmp_path / "set" / "images" / "000.jpg").unlink()
    with pytest.raises(InputError, match=r"000\.jpg: gone since the run began"):
        Pictures.load(tmp_path / "kept.npz")


def test_devices_are_named_as_they_are() -> None:
    assert devices("cpu") == ["cpu"] and devices("cpu,cpu") == ["cpu", "cpu"]
    with pytest.raises(RepSightError, match="no such device here"):
        devices("cpu,0")
