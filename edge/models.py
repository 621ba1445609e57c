"""The two model files of a run: opened, and described for its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.head import SHIPPED as SHIPPED_HEAD
from classifier.head import OnnxHead
from classifier.reader import ActionReader
from configs.schema import Counting, Run
from edge.pipeline import Pipeline
from edge.sources import may_be_live
from keypoints.card import PoseCard
from keypoints.estimator import PoseEstimator, create
from keypoints.files import sha256
from keypoints.graphs import Graphs, default_folder
from keypoints.session import usable_cores, usual_threads
from keypoints.yolo import SHIPPED as SHIPPED_POSE


@dataclass(frozen=True, slots=True)
class Models:
    """An estimator (None for a run on keypoint sequences), a head, and what the report says of their files.

    small: the estimator of a machine that does not keep up. workers: frames of a film that may be looked at at the
    same time; 0: one stage after the other. trouble: what is wrong, though everything works, in one line, or None.
    """

    estimator: PoseEstimator | None
    head: OnnxHead
    described: dict[str, Any]
    small: PoseEstimator | None = None
    workers: int = 0
    trouble: str | None = None

    @classmethod
    def open(cls, settings: Run, with_estimator: bool = True) -> Models:
        """Open what `settings` names, or what is shipped. Raises ModelError when a file does not fit."""
        described: dict[str, Any] = {}
        estimator = small = None
        threads, workers = _division(settings)
        graphs = _graphs(settings.graphs)
        if with_estimator:
            path = Path(settings.pose or SHIPPED_POSE)
            estimator = create(path, settings.estimator, threads=threads, graphs=graphs)
            described["pose"] = _described(path, estimator)
            if settings.keep_up.pose is not None and may_be_live(settings.source):
                path = Path(settings.keep_up.pose)
                small = create(path, threads=threads, graphs=graphs)
                described["small_pose"] = _described(path, small)
        head = OnnxHead(settings.head or SHIPPED_HEAD, graphs=graphs)
        described["head"] = {**_file(head.path), "name": head.card.name, "version": head.card.version}
        return cls(estimator, head, described, small, workers, graphs.trouble if graphs else None)

    def pipeline(self, settings: Run, counting: Counting | None = None) -> Pipeline:
        """Both stages chained, for one source. counting: how predictions become counts, as `Counting()` without it."""
        return Pipeline(self.estimator, ActionReader(self.head, settings=counting), settings.follow, self.small)

    def close(self) -> None:
        """Free what the estimators hold."""
        for estimator in (self.estimator, self.small):
            if estimator is not None:
                estimator.close()


def _described(path: Path, estimator: PoseEstimator) -> dict[str, Any]:
    described = {
        **_file(path),
        "name": estimator.name,
        "precision": estimator.precision,
        "input": list(estimator.input_size),
    }
    card = getattr(estimator, "card", None)  # a file of MediaPipe's has none
    if isinstance(card, PoseCard):
        described |= {"model": card.name, "version": card.version}
    return described


def _division(settings: Run) -> tuple[int, int]:
    """Threads of one look of the pose model, and looks at the same time.

    A film gets a thread a frame and a frame a core: there is nothing to wait for, and a look does not divide well. A
    camera's newest frame gets all that a look can use.
    """
    film = settings.overlap and not may_be_live(settings.source)
    threads = settings.threads or (1 if film else usual_threads(usable_cores()))
    return threads, max(1, usable_cores() // threads) if settings.overlap and usable_cores() > 1 else 0


def _graphs(setting: str) -> Graphs | None:
    if setting == "none":
        return None
    return Graphs(default_folder() if setting == "auto" else Path(setting))


def _file(path: Path) -> dict[str, str]:
    return {"path": str(path), "sha256": sha256(path)}
