"""A batch extraction on a Ray cluster: Ray Data hands the videos to actors, each with a pose model on one thread."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2

from configs.extraction import Extract
from keypoints.errors import RepSightError
from keypoints.extract_one import Made, attempt, open_estimator
from keypoints.extract_plan import Item
from keypoints.ray_cluster import cluster, hush
from keypoints.session import usable_cores

#: A worker that dies is started again, and its video is taken up so many times; a video that kills them all is told.
RETRIES = 3

#: The scalar columns of a worker's answer.
_NUMBERS = ("frames", "duration_s", "size_bytes", "modified_ns")


class Worker:
    """An actor: opens the pose model once, and answers each row (a video) with a row (its output, or what is wrong)."""

    def __init__(self, settings: dict[str, Any]) -> None:
        cv2.setNumThreads(1)
        self._settings = Extract.model_validate(settings)
        self._estimator = open_estimator(self._settings)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        path, name = Path(os.fsdecode(row["path"])), os.fsdecode(row["name"])
        made = attempt(path, name, self._estimator, self._settings)
        return {"number": int(row["number"]), **_to_row(made)}


def on_ray(items: Sequence[Item], settings: Extract) -> Iterator[tuple[Item, Made | str]]:
    """What was made of each video, as they get done, or why not, in one line.

    The workers read the videos by their paths, and send back what is to be written. Raises as `cluster`.
    """
    with cluster(min(settings.workers or usable_cores(), len(items)), settings.address) as ray:
        from ray import data as ray_data

        hush("ray.data")
        context = ray_data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        context.max_errored_blocks = -1  # a video that no worker survives stops no other
        cores = int(ray.cluster_resources().get("CPU", 0))
        workers = max(1, min(settings.workers or cores, cores, len(items)))  # more would be waited for without end
        rows = [
            {"number": i, "path": os.fsencode(item.path), "name": os.fsencode(item.name)}
            for i, item in enumerate(items)
        ]
        answers = ray_data.from_items(rows, override_num_blocks=len(rows)).map(
            Worker,
            fn_constructor_args=(settings.model_dump(mode="json"),),
            # One at a time: what waits at a worker dies with it, and would use its tries up with those of a bad video.
            compute=ray_data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
            num_cpus=1,
            ray_remote_args_fn=lambda: {"max_restarts": -1, "max_task_retries": RETRIES},
        )
        left = dict(enumerate(items))
        try:
            for row in answers.iter_rows():
                yield left.pop(int(row["number"])), _from_row(row)
        except ray.exceptions.RayError as error:
            said = str(error).strip().partition("\n")[0]
            raise RepSightError(f"Ray failed: {said}; what is done is kept, and the same command goes on") from None
        for item in left.values():
            yield item, f"{item.path}: no worker got to its end: {RETRIES + 1} died or failed"


def _to_row(made: Made | str) -> dict[str, Any]:
    """A row of the same columns and types whatever came of it."""
    if isinstance(made, str):
        empty = dict.fromkeys(_NUMBERS, 0) | {"duration_s": 0.0, "width": 0, "height": 0}
        return {"error": made.encode(errors="surrogateescape"), "content": b"", "sha256": "", "notice": b"", **empty}
    notice = (made.notice or "").encode(errors="surrogateescape")
    numbers = {name: getattr(made, name) for name in _NUMBERS}
    return {"error": b"", "content": made.content, "sha256": made.sha256, "notice": notice, **numbers,
            "width": made.size[0], "height": made.size[1]}  # fmt: skip


def _from_row(row: dict[str, Any]) -> Made | str:
    if row["error"]:
        return bytes(row["error"]).decode(errors="surrogateescape")
    return Made(
        content=bytes(row["content"]), frames=int(row["frames"]), duration_s=float(row["duration_s"]),
        size=(int(row["width"]), int(row["height"])), sha256=str(row["sha256"]), size_bytes=int(row["size_bytes"]),
        modified_ns=int(row["modified_ns"]),
        notice=bytes(row["notice"]).decode(errors="surrogateescape") or None,
    )  # fmt: skip
