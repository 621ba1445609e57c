"""Pixel baselines: trained, stopped and taken up again, exported, and compared with heads in one table."""

from __future__ import annotations

import csv
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from classifier.head import SHIPPED
from configs.baselines import TrainBaseline
from configs.loader import load, load_actions
from data.labelled_files import in_parts

torch = pytest.importorskip("torch", reason="baselines are trained with the extra [train]")
pytest.importorskip("timm", reason="baselines are trained with the extra [train]")

from classifier.baselines import clips, contenders, job, network, registry, study  # noqa: E402
from classifier.baselines.run import open_baseline  # noqa: E402
from tests.classifier.baseline_sets import FAST, TINY, film, films, parted, pictures  # noqa: E402

ROOT = Path(__file__).parents[2]


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, [*map(str, arguments)])


def settings(model: str, *more: str) -> TrainBaseline:
    return load(TrainBaseline, "train_baseline.yaml", [f"model={model}", *TINY[model], *FAST, *more])


def material(folder: Path, of: TrainBaseline) -> job.Material:
    parts = in_parts(folder, load_actions())
    return job.material(parts.train, parts.validation, parts.test, registry.resolved(of), job.Told())


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parted(tmp_path_factory.mktemp("set") / "people")


@pytest.fixture(scope="module")
def trained(people: Path) -> Path:
    """A folder with one trained baseline of each kind."""
    folder = people.parent
    for model in TINY:
        result = call("train-baseline", "--model", model, "--data", people, "--out", folder / f"{model}.onnx",
                      *TINY[model], *FAST)  # fmt: skip
        assert result.exit_code == 0, result.output
        assert f"{model}.onnx and {model}.pt answer alike" in result.output
        assert "it began with random weights" in result.output
    return folder


@pytest.mark.parametrize("model", sorted(TINY))
def test_a_baseline_answers_alike_from_its_checkpoint_and_from_onnx(trained: Path, model: str) -> None:
    one, other = (open_baseline(trained / f"{model}{suffix}") for suffix in (".onnx", ".pt"))
    assert one.card == other.card
    assert one.card.labels == ("lunge", "squat") and one.card.weights == "random" and one.card.model == model
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 256, (3, one.card.frames, 32, 32, 3)).astype(np.uint8)
    assert np.abs(one.run(shown) - other.run(shown)).max() < 1e-5
    assert np.allclose(one.run(shown).sum(1), 1, atol=1e-5), "probabilities"
    wide = rng.integers(0, 256, (20, 32, 32, 3)).astype(np.uint8)
    assert np.abs(one.video(wide) - other.video(wide)).max() < 1e-5


def test_a_video_in_every_part_of_the_table(trained: Path, people: Path, tmp_path: Path) -> None:
    result = call("evaluate", "--data", people / "test", "--baseline", trained / "vit.onnx", "--baseline",
                  trained / "r3d.onnx", "--head", SHIPPED, "--out", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    table = [line for line in result.output.splitlines() if line.startswith(("vit.onnx", "r3d.onnx", "head.onnx"))]
    assert len(table) == 3
    found = json.loads((tmp_path / "out" / "baselines.json").read_text())
    *baselines, head = found["rows"]
    assert found["videos"] == 4
    assert set(head["said"].values()) == {"none"} and head["score"]["accuracy"]["value"] == 0, "nobody is in it"
    for row, file in zip(baselines, ("vit.onnx", "r3d.onnx"), strict=True):
        ask = contenders.OfPixels(open_baseline(trained / file))
        said = {f"{label}/{i}": ask(people / "test" / label / f"{i}.avi").said for label in ("lunge", "squat")
                for i in range(2)}  # fmt: skip
        assert row["said"] == said, "alone in a process, as here"
        right = np.mean([name.partition("/")[0] == what for name, what in said.items()])
        assert row["score"]["accuracy"]["value"] == right
    for row in found["rows"]:
        assert 0 < row["answer_ms"] <= row["video_ms"] and 0 < row["frame_ms"] < row["video_ms"]
        assert 20 < row["peak_mb"] < 400, "no torch in it"
    page = (tmp_path / "out" / "baselines.html").read_text()
    assert "macro F1" in page and "r3d.onnx" in page and "random" in page


def test_baselines_learn_what_can_be_learnt(people: Path, tmp_path: Path) -> None:
    of, out = settings("vit", "epochs=4", "learning_rate=0.003"), tmp_path / "vit.onnx"
    job.train_baseline(material(people, of), of, out, trained_on=["squares"], command="")
    ask = contenders.OfPixels(open_baseline(out))
    for label in ("squat", "lunge"):
        assert ask(people / "test" / label / "1.avi").said == label


def test_a_stopped_training_ends_in_the_same_weights(people: Path, tmp_path: Path) -> None:
    of = settings("r3d", "epochs=4")
    given = material(people, of)

    def stop(metrics: dict[str, float]) -> None:
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    whole, killed = tmp_path / "whole.onnx", tmp_path / "killed.onnx"
    job.train_baseline(given, of, whole, trained_on=[], command="")
    with pytest.raises(KeyboardInterrupt, match="the same command with --resume goes on"):
        job.train_baseline(given, of, killed, trained_on=[], command="", told=job.Told(report=stop))
    assert not killed.exists() and (tmp_path / "killed.checkpoint").exists()
    seen: list[float] = []
    job.train_baseline(given, of, killed, trained_on=[], command="", resume=True,
                       told=job.Told(report=lambda metrics: seen.append(metrics["epoch"])))  # fmt: skip
    assert seen[-1] == 4 and seen[0] > 1, "it does not begin anew"
    assert killed.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "killed.checkpoint").exists()


def test_a_training_goes_on_with_no_other_settings(people: Path, tmp_path: Path) -> None:
    of = settings("vit", "epochs=3")
    given = material(people, of)

    def stop(metrics: dict[str, float]) -> None:
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    out = tmp_path / "a.onnx"
    with pytest.raises(KeyboardInterrupt):
        job.train_baseline(given, of, out, trained_on=[], command="", told=job.Told(report=stop))
    result = call("train-baseline", "--model", "vit", "--data", people, "--out", out, "--resume", *TINY["vit"], *FAST,
                  "epochs=3", "learning_rate=0.5")  # fmt: skip
    assert result.exit_code == 2
    assert "made with other settings" in result.output


@pytest.mark.slow
def test_a_training_that_is_really_killed_goes_on_to_the_same_weights(people: Path, tmp_path: Path) -> None:
    def training(out: str, *more: str) -> list[str]:
        return [sys.executable, "-u", str(ROOT / "cli.py"), "train-baseline", "--model", "slowfast", "--data",
                str(people), "--out", out, *more, *TINY["slowfast"], *FAST, "epochs=8", "patience=8"]  # fmt: skip

    with subprocess.Popen(training("killed.onnx"), cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 3/"):
                process.kill()
                break
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.onnx").exists()
    for arguments in (training("killed.onnx", "--resume"), training("whole.onnx")):
        subprocess.run(arguments, cwd=tmp_path, capture_output=True, check=True)
    both = [torch.load(tmp_path / name, weights_only=True)["model"] for name in ("killed.pt", "whole.pt")]
    assert all(torch.equal(both[0][name], both[1][name]) for name in both[1])


@pytest.mark.parametrize("model", sorted(TINY))
def test_frozen_blocks_stay_as_they_are_and_the_others_do_not(model: str, people: Path, tmp_path: Path) -> None:
    of = registry.resolved(settings(model, "freeze=2", "epochs=1"))
    before, _ = network.begin(of, 2)
    given = material(people, of)
    job.train_baseline(given, of, tmp_path / "a.onnx", trained_on=[], command="")
    after = torch.load(tmp_path / "a.pt", weights_only=True)["model"]
    frozen = tuple(f"body.{name}" for names in registry.recipe_of(model).blocks(of)[:2] for name in names)
    same = {name: torch.equal(value, after[name]) for name, value in before.state_dict().items()}
    assert all(kept for name, kept in same.items() if name.startswith(frozen)), "weights and statistics"
    assert not any(kept for name, kept in same.items() if name.endswith(("fc.weight", "head.weight")))


def test_a_study_tells_accuracy_and_time_at_each_depth_and_goes_on_where_it_stopped(
    people: Path, tmp_path: Path
) -> None:
    out, trained_here = tmp_path / "vit.onnx", []
    full = registry.resolved(settings("vit", "epochs=1", "depths=[0, 6, 13]"))
    given = material(people, full)

    def stop(metrics: dict[str, float]) -> None:
        trained_here.append(metrics)
        if len(trained_here) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="--resume goes on"):
        study.study(given, full, out, told=job.Told(report=stop))
    found, (table, picture) = study.study(given, full, out, resume=True, told=job.Told(report=trained_here.append))
    assert len(trained_here) == 4, "the first depth is not trained again"
    rows = list(csv.DictReader(table.open()))
    assert [row["freeze"] for row in rows] == ["0", "6", "13"] and len(found) == 3
    counts = [int(row["trained"]) for row in rows]
    assert counts[0] > counts[1] > counts[2] == 2 * 16 + 2 + 2 * 16, "the classifier and the norm before it"
    assert picture.read_bytes()[:4] == b"\x89PNG" and not (tmp_path / "vit.study").exists()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a network, that has fetched nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("model", "hint"), [("vit", "weights=FILE"), ("r3d", "checkpoints by hand"), ("slowfast", "none are published")]
)
def test_without_a_network_weights_are_random_and_one_line_says_so(model: str, hint: str) -> None:
    usual = {"slowfast": ["width=8"], "r3d": [], "vit": []}[model]
    of = load(TrainBaseline, "train_baseline.yaml", [f"model={model}", "side=32", *usual])
    said: list[str] = []
    made, weights = network.begin(registry.resolved(of), 2, said.append)
    assert weights == "random"
    (line,) = said
    assert line.startswith(f"{model} begins with random weights: published ones can't be had") and hint in line
    again, _ = network.begin(registry.resolved(of), 2)
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), again.parameters(), strict=True)), "by the seed"


@pytest.mark.parametrize("model", sorted(TINY))
def test_weights_can_come_from_a_file_but_the_classifier_is_new(trained: Path, model: str) -> None:
    of = registry.resolved(settings(model, f"weights={trained / f'{model}.pt'}"))
    made, weights = network.begin(of, 5)
    stored = torch.load(trained / f"{model}.pt", weights_only=True)["model"]
    assert weights == f"{model}.pt"
    body = [name for name in stored if not name.startswith(("body.fc", "body.vit.head"))]
    assert len(body) > 5 and all(torch.equal(stored[name], made.state_dict()[name]) for name in body)


def test_pictures_are_taken_by_time_whatever_the_camera_gives(tmp_path: Path) -> None:
    slow = clips.pictures_of(film(tmp_path / "a.avi", 250, 0, frames=12, fps=8), 4.0, 16)
    fast = clips.pictures_of(film(tmp_path / "b.avi", 250, 0, frames=36, fps=24), 4.0, 16)
    assert slow.shape == fast.shape == (6, 16, 16, 3) and slow.dtype == np.uint8
    assert clips.starts(10, 4, 3) == [0, 3, 6] and clips.starts(10, 4, 1) == [3] and clips.starts(2, 4, 3) == [0]
    short = clips.clip(slow[:2], 0, 4)
    assert np.array_equal(short[2], slow[1]) and np.array_equal(short[3], slow[1])


def test_a_vit_learns_from_labelled_pictures_and_a_split_is_drawn_and_kept(tmp_path: Path) -> None:
    folder, out = pictures(tmp_path / "pictures", 5), tmp_path / "vit.onnx"
    result = call("train-baseline", "--model", "vit", "--data", folder, "--out", out, *TINY["vit"], *FAST)
    assert result.exit_code == 0, result.output
    split = out.with_suffix(".split.yaml")
    assert split.is_file()
    again = call("evaluate", "--data", folder, "--split", split, "--baseline", out, "--out", tmp_path / "out")
    assert again.exit_code == 0, again.output
    assert json.loads((tmp_path / "out" / "baselines.json").read_text())["videos"] >= 2
    r3d = call("train-baseline", "--model", "r3d", "--data", folder, "--out", out)
    assert r3d.exit_code == 2 and "r3d reads videos (found pictures); --model vit reads them" in r3d.output


def test_a_set_without_a_folder_for_validation_gives_a_part_of_its_training(tmp_path: Path) -> None:
    films(tmp_path / "set" / "train", 5)
    parts = in_parts(tmp_path / "set", load_actions())
    assert {file.label for file in parts.validation} == {"squat", "lunge"} and not parts.test
    assert not {file.path for file in parts.train} & {file.path for file in parts.validation}
