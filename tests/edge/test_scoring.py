"""Whole recordings are counted as `run` counts them, by the scorer and by the model that MLflow serves."""

from __future__ import annotations

import base64
import configparser
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from compression.served import RUNTIME, save_pair
from edge.run import load_settings, run
from edge.scoring import Scorer
from keypoints.errors import InputError
from keypoints.types import KeypointSequence
from keypoints.yolo import SHIPPED as SHIPPED_POSE

ROOT = Path(__file__).parents[2]
COUNTED = ("totals", "holds", "segments", "reps", "frames", "duration_s")


def as_run_counts(source: Path, head: Path, **settings: object) -> dict[str, Any]:
    """The report of `run`."""
    changed, counting = load_settings()
    given = {"source": str(source), "head": str(head), "screen": "none", "log": "none", **settings}
    content = run(changed.model_copy(update=given), counting).report.content()
    return {name: content[name] for name in COUNTED}


def recording(path: Path) -> dict[str, Any]:
    """A keypoint sequence as a request says it."""
    sequence = KeypointSequence.load(path)
    return {"keypoints": sequence.keypoints.tolist(), "time_s": sequence.time_s.tolist()}


@pytest.fixture(scope="module")
def scorer(tiny_head: Path) -> Scorer:
    return Scorer(SHIPPED_POSE, tiny_head)


def test_keypoints_are_counted_as_run_counts_them(
    scorer: Scorer, squats: Callable[[int], Path], tiny_head: Path
) -> None:
    answer = scorer.score(recording(squats(3)))
    assert {name: answer[name] for name in COUNTED} == as_run_counts(squats(3), tiny_head)
    assert answer["totals"] == {"squat": 3} and answer["action"] == "squat" and len(answer["reps"]) == 3
    assert scorer.score(recording(squats(2)))["totals"] == {"squat": 2}, "each recording is counted for itself"


def test_pictures_are_counted_as_run_counts_them(scorer: Scorer, tiny_head: Path, tmp_path: Path) -> None:
    video = cv2.VideoCapture(str(ROOT / "edge" / "demo.mp4"))
    pictures = []
    for number in range(20):
        _, image = video.read()
        _, data = cv2.imencode(".jpg", image)
        (tmp_path / f"{number}.jpg").write_bytes(data.tobytes())
        pictures.append(base64.b64encode(data.tobytes()).decode())
    answer = scorer.score({"frames": pictures, "time_s": [number / 10 for number in range(20)]})
    assert {name: answer[name] for name in COUNTED} == as_run_counts(tmp_path, tiny_head, folder_fps=10.0)
    assert answer["frames"] == 20 and answer["action"] == "squat" and answer["confidence"] > 0.5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"keypoints": None}, r"needs one of keypoints and frames \(found neither\)"),
        ({"frames": []}, "found keypoints and frames"),
        ({"time_s": None}, "time_s: missing"),
        ({"time_s": 3}, "time_s: not a list"),
        ({"time_s": ["a"]}, "time_s: not a regular list of numbers"),
        ({"keypoints": [[[1, 2, 3]], [[1, 2]]]}, "keypoints: not a regular list of numbers"),
        ({"keypoints": [[1, 2, 3]]}, r"keypoints: wrong shape \(expected \(1, 17, 3\), found \(1, 3\)\)"),
        ({"keypoints": np.full((1, 17, 3), np.nan)}, "keypoints: not finite"),
        ({"time_s": [0.0, 0.0], "keypoints": np.zeros((2, 17, 3))}, "time_s: not increasing"),
        ({"time_s": [], "keypoints": []}, "time_s: the sequence is empty"),
        ({"keypoints": None, "frames": ["eA=="]}, r"frames\[0\]: not a picture \(expected JPEG or PNG in base64\)"),
        ({"keypoints": None, "frames": ["?"]}, r"frames\[0\]: not a picture"),
        ({"keypoints": None, "frames": [7]}, r"frames\[0\]: not a picture"),
        ({"keypoints": None, "frames": ["eA==", "eA=="]}, r"frames: not as many as there are times .*found 2"),
        ({"keypoints": None, "frames": ["eA==", "eA=="], "time_s": [1, 0]}, "time_s: not increasing"),
    ],
)
def test_what_can_not_be_counted_is_one_line(scorer: Scorer, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        scorer.score({"keypoints": np.zeros((1, 17, 3)), "time_s": [0.0]} | wrong)


def test_the_model_asks_for_what_the_runtime_half_needs() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    needed = [
        line.split()[0] for line in parser["options"]["install_requires"].splitlines() if line[:1] not in ("", "#")
    ]
    assert sorted(RUNTIME) == sorted(needed)


@pytest.fixture(scope="module")
def model(tiny_head: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair as an MLflow model."""
    pytest.importorskip("mlflow", reason="models are served with the extra [mlflow]")
    folder = tmp_path_factory.mktemp("served") / "model"
    save_pair(folder, {"pose": SHIPPED_POSE, "head": tiny_head})
    return folder


def address() -> tuple[str, int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[str]:
    """`mlflow models serve`, as a stranger would start it: in another folder, without the project on its path."""
    host, port = address()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local",
               "--host", host, "--port", str(port), "--workers", "1"]  # fmt: skip
    bin_first = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = clean | {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": bin_first}
    process = subprocess.Popen(command, cwd=model.parent, env=environment, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    url = f"http://{host}:{port}"
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{url}/ping", timeout=5)
                break
            except OSError:
                assert process.poll() is None, process.stderr and process.stderr.read()
                time.sleep(0.25)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def ask(url: str, content: object) -> tuple[int, Any]:
    """POST /invocations: status and answer."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = urllib.request.Request(f"{url}/invocations", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
def test_mlflow_serves_what_run_counts(server: str, squats: Callable[[int], Path], tiny_head: Path) -> None:
    assert urllib.request.urlopen(f"{server}/ping", timeout=30).status == 200
    status, answer = ask(server, {"dataframe_records": [recording(squats(3)), recording(squats(1))]})
    assert status == 200, answer
    three, one = answer["predictions"]
    assert {name: three[name] for name in COUNTED} == as_run_counts(squats(3), tiny_head)
    assert three["totals"] == {"squat": 3} and one["totals"] == {"squat": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"dataframe_records": [{"time_s": [0.0]}]}, "row 0: needs one of keypoints and frames (found neither)"),
        ({"dataframe_records": [{"time_s": [0.0], "frames": ["eA=="]}]},
         "row 0: frames[0]: not a picture (expected JPEG or PNG in base64)"),
        ({"dataframe_records": [{"keypoints": [[[1, 2, 3]]], "time_s": [0.0]}]},
         "row 0: keypoints: wrong shape (expected (1, 17, 3), found (1, 1, 3))"),
        ({"dataframe_records": [{"keypoints": []}]}, "Model is missing inputs ['time_s']"),
        (b"{no json", "Ensure that input is a valid JSON formatted string"),
    ],
)  # fmt: skip
def test_a_bad_request_is_answered_with_400_and_why(server: str, content: object, said: str) -> None:
    status, answer = ask(server, content)
    assert status == 400 and said in answer["message"], answer
    assert said == answer["message"] or "row 0" not in said, "and nothing else"


@pytest.mark.slow
def test_the_served_model_carries_both_files_and_needs_nothing_of_the_workshop(
    model: Path, squats: Callable[[int], Path], tmp_path: Path
) -> None:
    assert {path.suffix for path in (model / "code").rglob("*") if path.is_file()} == {".py", ".yaml"}
    assert {path.name for path in (model / "artifacts").rglob("*.onnx")} == {"pose.onnx", "tiny.onnx"}
    asked_for = {line.split("==")[0] for line in (model / "requirements.txt").read_text().split()}
    assert asked_for == {"mlflow", *RUNTIME}
    code = f"""
import sys, json, mlflow, numpy as np, pandas as pd
before = set(sys.modules)
sequence = np.load({str(squats(2))!r})
rows = pd.DataFrame([{{name: sequence[name].tolist() for name in ("keypoints", "time_s")}}])
(answer,) = mlflow.pyfunc.load_model({str(model)!r}).predict(rows)
import edge
loaded = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(json.dumps([answer["totals"], edge.__file__, sorted(loaded)]))
"""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env=clean | {"MLFLOW_DISABLE_TELEMETRY": "true"}, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    totals, place, loaded = json.loads(done.stdout.splitlines()[-1])
    assert totals == {"squat": 2} and Path(place).is_relative_to(model / "code")
    assert not {"torch", "ultralytics", "sklearn", "onnx", "anny", "compression", "data"} & set(loaded)
