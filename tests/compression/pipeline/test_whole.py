"""The pipeline with real stages: from folders of videos, or synthetic people, to models that are published."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import cli
from classifier.head import OnnxHead
from keypoints.types import KeypointSequence
from keypoints.video import Video
from keypoints.yolo import YoloPose
from tests.edge.publish.store import post

pytest.importorskip("torch", reason="models are trained with the extra [train]")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
TINY = ["train_head.hidden=8", "train_head.window=8", "train_head.rate_hz=6", "train_head.every_s=0.2",
        "train_head.epochs=2", "train_head.batch=16", "train_head.threads=1", "evaluate.draws=10"]  # fmt: skip


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, ["pipeline", *map(str, arguments)])


def records(out: Path) -> dict[str, dict[str, Any]]:
    return {file.parent.name: json.loads(file.read_text()) for file in out.glob("*/record.json")}


def people(folder: Path, classes: int = 2) -> None:
    """Three people a class, of whom every second one squats."""
    folder.mkdir()
    for i in range(3 * classes):
        rng, time_s = np.random.default_rng(i), np.arange(0, 4, 0.1)
        share = (1 - np.cos(np.pi * time_s)) / 2 * (i % 2)
        keypoints = np.ones((len(time_s), 17, 3), np.float32)
        figure = rng.normal(0, 3, (17, 2)) + np.linspace([40, 10], [60, 110], 17)
        keypoints[..., :2] = figure * np.stack([np.ones_like(share), 1 - 0.5 * share], -1)[:, None]
        action = "squat" if i % 2 else "stand"
        KeypointSequence(keypoints, time_s, (100, 120), action=action, source=f"film {i}").save(folder / f"{i}.npz")


def test_the_smoke_pipeline_goes_from_nothing_to_models_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("--config", "smoke.yaml", "--out", "out")
    assert done.exit_code == 0, done.output
    stages = ["data", "split", "train_pose", "train_head", "compress_pose", "compress_head", "evaluate", "export"]
    found = records(Path("out"))
    assert sorted(found) == sorted(stages)
    assert OnnxHead("out/export/head.onnx").card.made_by["command"] == "repsight pipeline --config smoke.yaml"
    assert YoloPose(Path("out/export/pose.onnx")).card.precision == "int8"
    report = json.loads(Path("out/evaluate/report.json").read_text())
    assert report["heads"][0]["sha256"] == found["export"]["made"]["head.onnx"], "what is measured is what goes out"
    assert 0 < report["pose"]["frames"] <= 6
    again = call("--config", "smoke.yaml", "--out", "out")
    assert [line for line in again.output.splitlines() if "already done" not in line] == [
        "made data, split, train_pose, train_head, compress_pose, compress_head, evaluate, export in out"
    ]
    plan = call("--config", "smoke.yaml", "--out", "out", "--dry-run", "split.seed=3").output.splitlines()
    assert [line.split()[1].rstrip(":") for line in plan] == [
        "done", "to", "done", "perhaps", "done", "perhaps", "perhaps", "perhaps"
    ]  # fmt: skip


def clips(shared: Path, folder: Path, labels: dict[str, str], frames: int = 30) -> None:
    """Three short films of each class in HMDB51's layout: class/FILM_class_f_cm_np1_fr_med_0.avi. labels: the exercise
    of the clips, by the class."""
    rows = list(csv.DictReader((shared / "clips" / "manifest.csv").open(encoding="utf-8")))
    for label, exercise in labels.items():
        (folder / label).mkdir(parents=True)
        sources: dict[str, str] = {}
        for row in rows:
            if row["exercise"] == exercise:
                sources.setdefault(row["source_repo"], row["file"])
        assert len(sources) >= 3
        for number, file in enumerate(list(sources.values())[:3]):
            with Video(shared / "clips" / file) as video:
                path = folder / label / f"film{number}_{label}_f_cm_np1_fr_med_0.avi"
                codec = cv2.VideoWriter.fourcc(*"MJPG")
                writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, video.fps / 2, video.size)
                for index, frame in zip(range(2 * frames), video, strict=False):
                    if index % 2 == 0:
                        writer.write(frame.image)
                writer.release()


def test_videos_in_a_folder_for_each_class_become_a_published_head(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    clips(shared, Path("films"), {"jumping_jack": "jumping_jack", "stroll": "walking"})
    (tmp_path / "films" / "stroll" / "broken_stroll_f_cm_np1_fr_med_0.avi").write_bytes(b"no video")
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        post(endpoint, "/moto-api/reset")  # every server of a process has the same buckets
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket="models")
        given = ["--out", "out", "data.path=films", *TINY]
        to = f"publish={{bucket: models, endpoint: '{endpoint}', version: auto, conditions: [{{metric: %s}}]}}"
        refused = call(*given, to % "seconds.accuracy, at_least: 1.1")
        assert refused.exit_code == 1
        assert "seconds.accuracy" in refused.output.splitlines()[-1]
        assert not client.list_objects_v2(Bucket="models").get("Contents")
        assert not (tmp_path / "out" / "publish").exists()
        done = call(*given, to % "seconds.accuracy, at_least: 0")
        assert done.exit_code == 0, done.output
        assert done.output.count("already done") == 6, "nothing is made again for the gate"
        assert "broken_stroll" in refused.output
        keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="models")["Contents"]]
    finally:
        server.stop()
    assert [key for key in keys if key.endswith("head.onnx")]
    card = OnnxHead("out/export/head.onnx").card
    assert [action.name for action in card.actions] == ["jumping_jack", "stroll"]
    assert [action.kind for action in card.actions] == ["reps", "rest"]
    told = json.loads((tmp_path / "out" / "publish" / "published.json").read_text())
    assert told["url"].startswith("s3://models/")


def test_the_same_pipeline_runs_by_dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dvc", reason="DVC is the extra [dvc]")
    monkeypatch.chdir(tmp_path)
    people(tmp_path / "people")
    settings = {"data": {"path": "people"}, "split": {}, "train_head": {}}
    Path("mine.yaml").write_text(yaml.safe_dump(settings))
    said = call("--config", Path("mine.yaml").absolute(), "--dvc", "--out", "runs/mine", *TINY[:-1])
    assert "wrote dvc.yaml and pipeline.yaml" in said.output, said.output
    stage = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]["train_head"]
    assert stage == {
        "cmd": "repsight pipeline --config ./pipeline.yaml --out runs/mine --only train_head",
        "params": [{"pipeline.yaml": ["train_head"]}],
        "deps": ["runs/mine/data/actions.yaml", "runs/mine/data/sequences", "runs/mine/split/split.yaml"],
        "outs": ["runs/mine/train_head"],
    }
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "repsight"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "cli.py"}" "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(tmp_path / "site"), "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }  # fmt: skip

    def dvc(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "dvc", *words], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dvc("init", "--no-scm", "-q")
    assert dvc("repro").count("Running stage") == 3
    made = records(tmp_path / "runs" / "mine")
    assert sorted(made) == ["data", "split", "train_head"]
    second = dvc("repro")
    assert "Running stage" not in second and second.count("didn't change, skipping") == 3
    assert records(tmp_path / "runs" / "mine") == made
    file = Path("pipeline.yaml")
    file.write_text(file.read_text().replace("epochs: 2", "epochs: 1"))
    changed = dvc("status")
    assert "train_head:" in changed and "data:" not in changed and "split:" not in changed
