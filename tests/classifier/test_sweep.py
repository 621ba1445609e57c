"""`train-head --sweep`: what is tried, what is refused before anything is read, and that nothing is trained twice."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import cli
from configs.loader import load_actions
from configs.schema import TrainHead
from keypoints.ray_cluster import _importable
from keypoints.types import KeypointSequence

pytest.importorskip("torch", reason="heads are trained with the extra [train]")
pytest.importorskip("ray", reason="needs the extra [ray]")

from classifier.head import OnnxHead
from classifier.sweep import Trial, _reason, plan_sweep

TINY = ["hidden=8", "window=12", "rate_hz=6", "epochs=2", "batch=16", "threads=1"]


def planned(space: dict[str, Any], folder: Path) -> list[Trial]:
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump(space, sort_keys=False))
    return plan_sweep(file, TrainHead(), load_actions(), folder / "head.onnx")[1]


def test_the_trials_are_every_combination_of_the_lists_with_every_draw(tmp_path: Path) -> None:
    space = {
        "draws": 3,
        "space": {
            "head": ["gru", "tcn"],
            "learning_rate": {"min": 0.001, "max": 0.1, "log": True},
            "hidden": {"min": 8, "max": 12},
            "augment.jitter": [0.0],
        },
    }
    trials = planned(space, tmp_path)
    assert len(trials) == 6 and len({trial.settings.learning_rate for trial in trials}) == 3
    for trial in trials:
        assert list(trial.changes) == list(space["space"])
        assert 0.001 <= trial.settings.learning_rate <= 0.1 and 8 <= trial.settings.hidden <= 12
        assert trial.settings.augment.jitter == 0.0 and trial.settings.epochs == TrainHead().epochs
    assert planned(space, tmp_path) == trials, "the same draws every time"
    assert planned(space | {"seed": 1}, tmp_path) != trials


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"space": {"epochz": [1]}}, "sweep.yaml: space.epochz: unknown key; did you mean 'epochs'"),
        ({"space": {"augment.jiter": [1]}}, "sweep.yaml: space.augment.jiter: unknown key; did you mean 'jitter'"),
        ({"space": {"head.deep": [1]}}, "sweep.yaml: space.head.deep: has no fields"),
        ({"space": {"epochs": ["many"]}}, "sweep.yaml: space.epochs: "),
        ({"space": {"head": ["gpt"]}}, "head: no such head"),
        ({"space": {"validation": [0.1, 0.2]}}, "validation is the same for all trials"),
        ({"space": {"hidden": []}}, "hidden needs a list"),
        ({"space": {"hidden": {"min": 9, "max": 8}}}, "min is not below max"),
        ({"space": {"hidden": {"min": 0, "max": 8, "log": True}}}, "log needs numbers above 0"),
        ({"space": {}}, "sweep.yaml: space: "),
        ({"metric": "loss"}, "sweep.yaml: space: missing"),
        ({"space": {"hidden": [8]}, "address": "127.0.0.1:1"}, "address: no Ray cluster answers"),
    ],
)
def test_a_wrong_space_is_one_line_before_anything_is_read(
    space: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(yaml.safe_dump(space))
    result = CliRunner().invoke(cli.cli, ["train-head", "--data", "nowhere", "--sweep", "sweep.yaml"])
    assert result.exit_code == 2 and message in result.output, result.output
    assert len(result.output.strip().splitlines()) == 1


def test_the_shipped_space_fits_the_shipped_settings(tmp_path: Path) -> None:
    trials = plan_sweep(Path("sweep.yaml"), TrainHead(), load_actions(), tmp_path / "head.onnx")[1]
    assert len(trials) == 2 * 2 * 8


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Failure # 1\nTraceback ...\nModuleNotFoundError: No module named 'x'\n\nAn internal error occurred.\n",
         "ModuleNotFoundError: No module named 'x'"),
        ("Failure # 1\nValueError: first\nkeypoints.errors.InputError: set: too few\n",
         "keypoints.errors.InputError: set: too few"),
        ("Failure # 4\nThe node died.\n", "The node died."),
    ],
)  # fmt: skip
def test_a_failed_trial_says_what_went_wrong_whatever_ray_says_after_it(said: str, why: str) -> None:
    assert _reason(said) == why


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_workers_find_this_project_however_this_process_was_started(
    before: str | None, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", before)
    with _importable():
        assert os.environ["PYTHONPATH"] == ":".join(filter(None, (str(root), before)))
    assert os.environ.get("PYTHONPATH") == before


@pytest.mark.slow
def test_a_sweep_keeps_the_best_head_and_trains_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people").mkdir()
    for number in range(18):
        rng, time_s = np.random.default_rng(number), np.arange(0, 3, 0.1)
        share = (1 - np.cos(np.pi * time_s)) / 2 * (number % 3 == 0)
        keypoints = np.ones((len(time_s), 17, 3), np.float32)
        figure = rng.normal(0, 3, (17, 2)) + np.linspace([40, 10], [60, 110], 17)
        keypoints[..., :2] = figure * np.stack([np.ones_like(share), 1 - 0.5 * share], -1)[:, None]
        action = ("squat", "stand", "other")[number % 3]
        KeypointSequence(keypoints, time_s, (100, 200), action, subject=str(number)).save(f"people/{number:02d}.npz")
    Path("sweep.yaml").write_text(
        yaml.safe_dump({"metric": "loss", "workers": 1, "space": {"learning_rate": [1e-7, 0.01]}})
    )
    command = ["train-head", "--data", "people", "--sweep", "sweep.yaml", *TINY]
    result = CliRunner().invoke(cli.cli, command)
    assert result.exit_code == 0, result.output
    with Path("runs/head.sweep/results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["learning_rate"]) for row in rows] == [0.01, 1e-7]
    assert float(rows[0]["loss"]) < float(rows[1]["loss"])
    best = Path("runs/head.sweep") / rows[0]["head"]
    assert Path("runs/head.onnx").read_bytes() == (best / "head.onnx").read_bytes()
    assert yaml.safe_load(Path("runs/head.config.yaml").read_text())["learning_rate"] == 0.01
    assert round(OnnxHead(Path("runs/head.onnx")).card.metrics["validation_loss"], 4) == float(rows[0]["loss"])
    assert "wrote runs/head.onnx, the best of 2" in result.output and "Ray" not in result.output

    def never(*_: object, **__: object) -> None:
        raise AssertionError("all is done")

    monkeypatch.setattr("classifier.sweep.cluster", never)
    again = CliRunner().invoke(cli.cli, command)
    assert again.exit_code == 0 and "the best of 2" in again.output, again.output
