"""Every model of a plan beside the others: size, cost, speed, accuracy, what it takes to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from compression.accuracy import Labelled, Pck, PoseAccuracy, Predict, labelled, pck, pose_accuracy, predictor
from compression.checkpoint import to_onnx
from compression.export import size_of
from compression.graph_cost import graph_cost
from compression.latency import Latency, latencies
from compression.resources import Use, use_of
from compression.step import Context
from configs.loader import load_actions
from configs.measuring import ReportStep
from data.formats.clips import rows
from data.formats.job import Job, Options
from keypoints.errors import InputError

#: The model's own detection above this score, and its joints above this confidence, stand for the truth in clips.
_SURE, _SEEN = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model, measured. file: as ONNX, a checkpoint in float. frames: PCK on rendered or labelled frames. clips:
    PCK in clips against the first candidate. None where nothing was given to measure it on."""

    name: str
    file: Path
    bytes: int
    parameters: int
    macs: int
    latency: Latency
    use: Use
    accuracy: PoseAccuracy | None
    frames: Pck | None
    clips: Pck | None

    def as_metrics(self) -> dict[str, Any]:
        """For a record."""
        found: dict[str, Any] = {"bytes": self.bytes, "parameters": self.parameters, "macs": self.macs}
        found |= self.latency.as_metrics() | self.use.as_metrics()
        found |= self.accuracy.as_metrics() if self.accuracy else {}
        found |= {"frames_pck": self.frames.as_metrics()} if self.frames else {}
        return found | ({"clips_pck": self.clips.as_metrics()} if self.clips else {})


def measure(config: ReportStep, context: Context) -> list[Candidate]:
    """Every candidate of a report, the first one is what the others are compared with."""
    size = (config.side, config.side)
    models = [(name, _onnx(name, path, size, context)) for name, path in _models(config, context)]
    context.report(f"timing {len(models)} models, {config.frames_timed} frames each")
    timed = latencies([(path, size) for _, path in models], config.frames_timed)
    clips = list(_clips(predictor(models[0][1], None), config, context)) if config.clips else []
    found = []
    for (name, path), latency in zip(models, timed, strict=True):
        context.report(f"measuring {name}")
        predict = predictor(path, None)
        parameters, macs = graph_cost(path)
        found.append(Candidate(
            name, path, size_of(path), parameters, macs, latency, use_of(path, size),
            pose_accuracy(predict, Path(config.folder), config.limit) if config.folder else None,
            pck(predict, labelled(Path(config.frames), config.limit)) if config.frames else None,
            pck(predict, clips) if clips else None,
        ))  # fmt: skip
    return found


def _models(config: ReportStep, context: Context) -> list[tuple[str, Path]]:
    """Name and file of each candidate; none twice."""
    wanted = config.candidates or ("source", *(record.name for record in context.history if record.artefact))
    found: list[tuple[str, Path]] = []
    for name in wanted:
        path = context.model(name, "report.candidates")
        found.append((path.stem if path == Path(name) else name, path))
    if not found:
        raise InputError("nothing to report on", field="report.candidates")
    return [(name, path) for i, (name, path) in enumerate(found) if path not in [p for _, p in found[:i]]]


def _onnx(name: str, path: Path, size: tuple[int, int], context: Context) -> Path:
    """A checkpoint as a float ONNX file, so that all run on one runtime; kept for a run that goes on after a kill."""
    if path.suffix != ".pt":
        return path
    folder = context.scratch / name
    made = folder / "float.onnx"
    if not made.is_file():
        folder.mkdir(exist_ok=True)
        context.report(f"exporting {name}")
        to_onnx(path, folder, size).replace(made)
    return made


def _clips(source: Predict, config: ReportStep, context: Context) -> Iterator[Labelled]:
    """Frames of labelled clips, evenly over each, with what the source sees in them as the truth."""
    for row in rows(Path(config.clips or ""), Job(load_actions(), Options(problem=context.report))):
        video = cv2.VideoCapture(str(row.file))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        for number in np.linspace(0, count - 1, config.clip_frames + 2).astype(int)[1:-1]:
            video.set(cv2.CAP_PROP_POS_FRAMES, int(number))
            read, image = video.read()
            if not read:
                continue
            seen = source(np.asarray(image, np.uint8))
            if len(seen.scores) and seen.scores[0] >= _SURE:
                points = seen.keypoints[0].copy()
                points[:, 2] = np.where(points[:, 2] >= _SEEN, 2, 0)
                yield Labelled(np.asarray(image, np.uint8), points, seen.boxes[0], load_actions().fold(row.exercise))
        video.release()
