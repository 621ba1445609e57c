"""The model files of a run: how many threads each gets, where they are kept, and the small one of a slow machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.schema import Run
from edge import models
from edge.models import Models
from keypoints.errors import ModelError
from keypoints.yolo import SHIPPED


@pytest.mark.parametrize(
    ("cores", "settings", "threads", "workers"),
    [
        (1, {}, 1, 0),
        (2, {}, 1, 2),
        (4, {}, 1, 4),
        (4, {"threads": 2}, 2, 2),
        (2, {"threads": 8}, 8, 1),
        (2, {"overlap": False}, 2, 0),
        (2, {"source": "0"}, 2, 1),
        (4, {"source": "rtsp://camera/1"}, 4, 1),
        (16, {"source": "0"}, 4, 4),
        (1, {"source": "0"}, 1, 0),
        (4, {"source": "0", "overlap": False}, 4, 0),
    ],
)
def test_a_film_gets_a_core_a_frame_and_a_cameras_frame_every_core(
    cores: int, settings: dict[str, Any], threads: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "usable_cores", lambda: cores)
    assert models._division(Run(**{"source": "film.mp4", **settings})) == (threads, workers)


def test_the_small_pose_model_is_opened_for_a_camera_alone(tiny_head: Path, tmp_path: Path) -> None:
    def opened(source: str, pose: str) -> Models:
        return Models.open(Run.model_validate({"source": source, "head": str(tiny_head), "keep_up": {"pose": pose}}))

    assert opened("film.mp4", "missing.onnx").small is None
    with pytest.raises(ModelError, match=r"missing\.onnx: no such file"):
        opened("0", "missing.onnx")
    both = opened("0", str(SHIPPED))
    assert both.small is not None and both.described["small_pose"] == both.described["pose"]
    pipeline = both.pipeline(Run())
    assert pipeline.watcher is not None and pipeline.watcher.estimator is both.estimator
    both.close()


def test_where_optimised_models_cannot_be_kept_one_line_says_so_and_the_run_goes_on(
    repsight: Callable[..., subprocess.CompletedProcess[str]], squats: Callable[[int], Path], tiny_head: Path
) -> None:
    done = repsight("run", squats(1), "--head", tiny_head, "--screen", "none", "log=none", "graphs=/proc/graphs")
    assert done.returncode == 0 and done.stdout.startswith("1 squat")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("warning: /proc/graphs: optimised models can't be kept here: ")
