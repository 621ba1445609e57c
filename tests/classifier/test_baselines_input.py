"""Wrong input to `train-baseline` and to `evaluate --baseline`: one clear line each, before hours are spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from classifier.head import SHIPPED
from keypoints.yolo import SHIPPED as SHIPPED_POSE

torch = pytest.importorskip("torch", reason="baselines are trained with the extra [train]")
pytest.importorskip("timm", reason="baselines are trained with the extra [train]")

from tests.classifier.baseline_sets import FAST, TINY, film, films  # noqa: E402


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, [*map(str, arguments)])


def one_line(result: Any, message: str) -> None:
    assert result.exit_code == 2, result.output
    errors = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "Traceback" not in result.output
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(errors[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "resnet"], "model: no such baseline .expected r3d or slowfast or vit, found resnet"),
        (["freeze=6"], r"freeze: r3d has not so many blocks \(expected 5 at most, found 6\)"),
        (["--model", "vit", "freeze=14"], r"freeze: vit has not so many blocks \(expected 13 at most, found 14\)"),
        (["depths=[0,9]"], r"depths: r3d has not so many blocks \(expected 5 at most, found 9\)"),
        (["freeze=-1"], "freeze: .*greater than or equal to 0"),
        (["--model", "slowfast", "frames=6"], "frames: slowfast reads clips .expected a multiple of 4, found 6"),
        (["--model", "vit", "frames=4"], "frames: vit reads single pictures .expected 1, found 4"),
        (["frames=1"], "frames: r3d reads clips .expected 2 or more, found 1"),
        (["--model", "vit", "side=50"], "side: not whole patches .expected a multiple of 16, found 50"),
        (["--model", "vit", "vit=resnet50"], "vit: no Vision Transformer of timm .*found resnet50"),
        (["--model", "vit", "width=100"], "width: not whole attention heads"),
        (["weights=nowhere.pt"], r"nowhere\.pt: weights: no such file"),
        (["--out", "b.pt"], r"b\.pt: not the name of a baseline .expected a name that ends in \.onnx"),
        (["device=cuda"], "device: no such device here"),
        (["tensorrt=true"], "tensorrt: an engine needs tensorrt and an NVIDIA GPU; .*pip install tensorrt"),
        (["modle=vit"], "modle: unknown key; did you mean 'model'"),
        ([], "data: nothing to learn from"),
        (["--data", "nowhere"], "nowhere: no such folder .expected a folder of videos"),
        (["--data", "text.mp4"], r"text\.mp4: is a file"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    Path("text.mp4").write_text("no video")
    one_line(call("train-baseline", "--out", "a.onnx", *arguments), message)


def train(folder: Path, *more: str) -> Any:
    return call("train-baseline", "--model", "r3d", "--data", folder, "--out", folder.parent / "a.onnx", *TINY["r3d"],
                *FAST, "epochs=1", *more)  # fmt: skip


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    folder = films(tmp_path / "set")
    (folder / "plank").mkdir()
    one_line(train(folder), "set/plank: a class of which no video or picture is there")


def test_one_class_is_too_few(tmp_path: Path) -> None:
    film(tmp_path / "set" / "squat" / "a.avi", 250, 0)
    one_line(train(tmp_path / "set"), "set: too few classes to tell apart .*found squat")


def test_too_few_videos_to_split_are_counted(tmp_path: Path) -> None:
    one_line(train(films(tmp_path / "set", 2)), "classes lunge, squat can't be in every part .*found lunge: examples 2")


def test_videos_and_pictures_do_not_mix(tmp_path: Path) -> None:
    folder = films(tmp_path / "set")
    (folder / "squat" / "a.png").write_bytes(b"")
    one_line(train(folder), "set: holds videos and pictures")


def test_a_video_that_cannot_be_read_is_left_out_and_told_at_the_end(tmp_path: Path) -> None:
    folder = films(tmp_path / "set", 8)
    for name in ("0.avi", "5.avi"):
        (folder / "squat" / name).write_text("no video")
    result = train(folder)
    assert result.exit_code == 0, result.output
    said = [line for line in result.output.splitlines() if line.startswith("left out: ")]
    assert len(said) == 2 and "0.avi: not a video that can be read" in said[0]


def test_a_class_of_which_nothing_can_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    folder = films(tmp_path / "set")
    for file in (folder / "squat").iterdir():
        file.write_text("no video")
    one_line(train(folder), "class squat: a class of which nothing can be read; .*avi: not a video")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    folder = films(tmp_path / "set")
    torch.save({"stem.weight": torch.zeros(3)}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("no weights")
    one_line(train(folder, f"weights={tmp_path / 'other.pt'}"), r"other\.pt: weights: of another network")
    one_line(train(folder, f"weights={tmp_path / 'text.pt'}"), r"text\.pt: weights: not a file of weights")


def test_an_evil_pickle_is_not_executed(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return Path.touch, (tmp_path / "done",)  # type: ignore[return-value]

    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"card": Evil(), "model": {}}))
    one_line(call("evaluate", "--data", tmp_path, "--baseline", tmp_path / "evil.pt"), "not a checkpoint of")
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            SHIPPED,
            r"head\.onnx: kind: another kind .* \(expected baseline, found head\); `repsight run` takes it with --head",
        ),
        (SHIPPED_POSE, "another kind of model .expected baseline, found pose.; `repsight run` takes it with --pose"),
        ("nowhere.onnx", r"nowhere\.onnx: no such file"),
        ("text.onnx", r"text\.onnx: not a usable ONNX file"),
        ("text.pt", r"text\.pt: not a checkpoint of `train-baseline`"),
        ("text.engine", r"text\.engine\.json: its card can't be read"),
        ("text.mp4", r"text\.mp4: not a pixel baseline .expected \.onnx or \.pt or \.engine, found \.mp4"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(
    file: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("text.onnx", "text.pt", "text.engine", "text.mp4"):
        Path(name).write_text("nothing")
    one_line(call("evaluate", "--data", tmp_path, "--baseline", file), message)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("baseline")
    result = train(films(folder / "set"))
    assert result.exit_code == 0, result.output
    return folder / "a.onnx"


def test_the_runner_refuses_a_baseline_as_its_head_by_name(baseline: Path) -> None:
    said = r"kind: another kind of model .expected head, found baseline.; a pixel baseline is for"
    one_line(call("run", "demo", "--screen", "none", "--log", "none", "--head", baseline), said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--robustness"], "--robustness and --xlsx are of heads alone"),
        (["--data", "another"], "--baseline compares on one set"),
        (["--part", "test"], "--part is of a split"),
    ],
)
def test_what_does_not_go_with_baselines_is_refused(arguments: list[str], message: str, baseline: Path) -> None:
    out = baseline.parent / "out"
    one_line(call("evaluate", "--data", baseline.parent / "set", "--baseline", baseline, "--out", out, *arguments),
             message)  # fmt: skip


def test_a_set_with_parts_or_of_bad_videos_is_one_line_for_evaluate(baseline: Path, tmp_path: Path) -> None:
    films(tmp_path / "set" / "train", 1)
    compare = ("evaluate", "--baseline", baseline, "--out", tmp_path / "out", "--data")
    one_line(call(*compare, tmp_path / "set"), "set: has parts .expected one of them.; --data .*set/test")
    for label in ("squat", "lunge"):
        (tmp_path / "bad" / label).mkdir(parents=True)
        (tmp_path / "bad" / label / "a.mp4").write_text("no video")
    one_line(call(*compare, tmp_path / "bad"), "bad: no video that can be read; left out: .*a.mp4: not a video")
