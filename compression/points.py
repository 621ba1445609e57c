"""Points of a scan: the same network pruned in many ways, each measured in a process of its own; what is measured is
kept, so that a stopped scan goes on with the points that are missing."""

from __future__ import annotations

import copy
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compression.accuracy import Image, PoseAccuracy, found_in, pose_accuracy
from configs.measuring import SensitivityStep, SweepStep
from keypoints.decode import Detections
from keypoints.letterbox import Letterbox, Letterboxed

#: Pictures that go through the network together: on one thread, a third faster than one by one.
_BATCH = 8

#: Pictures whose statistics batch norms take.
_SETTLED = 32


@dataclass(frozen=True, slots=True)
class Point:
    """A way to prune: whole channels (of one block, or of all blocks) or single weights, and how many of them; ratio 0
    is the network as it is. tuned: trained for a short while before it is measured."""

    kind: Literal["structured", "unstructured"]
    ratio: float
    block: str | None = None
    tuned: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A point and what it costs: AP, crop recall, the share that is really gone, parameters that are not zero, MACs."""

    point: Point
    ap: float
    crop_recall: float
    gone: float
    parameters: int
    macs: int


def measure(
    points: Sequence[Point],
    checkpoint: Path,
    config: SensitivityStep | SweepStep,
    kept: Path,
    cache: Path,
    report: Callable[[str], None],
) -> list[Measurement]:
    """Measure every point of a rewritten checkpoint, in the order of `points`.

    kept: file that holds what is measured, a line each; what is in it is not measured again. cache: folder for training
    pictures.
    """
    done = {m.point: m for m in _read(kept)}
    missing = [point for point in points if point not in done]
    if missing:
        if config.tune and config.tune.images:
            from compression.images import training_images

            training_images(config.tune.images, cache, report)  # labelled and rendered once, for all processes
        began = time.monotonic()
        workers = min(config.workers, len(missing))
        # spawn: the parent may hold torch's threads, which a fork would break.
        with ProcessPoolExecutor(
            workers, get_context("spawn"), _begin, (os.getpid(), checkpoint, config.model_dump_json(), cache)
        ) as pool:
            try:
                waiting = [pool.submit(_measure, point) for point in missing]
                for number, future in enumerate(as_completed(waiting), 1):
                    measured = future.result()
                    done[measured.point] = measured
                    _append(kept, measured)
                    left = (time.monotonic() - began) / number * (len(missing) - number)
                    report(f"{number} of {len(missing)}: {_told(measured)}; {left / 60:.0f} min left")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [done[point] for point in points]


def _told(measured: Measurement) -> str:
    point = measured.point
    what = f"{point.block or point.kind} at {point.ratio:.0%}" if point.ratio else "unpruned"
    tuned = ", tuned" if point.tuned else ""
    return f"{what}{tuned}: AP {measured.ap:.3f}, crop recall {measured.crop_recall:.3f}"


def _append(kept: Path, measured: Measurement) -> None:
    with kept.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(measured)) + "\n")


def _read(kept: Path) -> list[Measurement]:
    """What was measured before; a line that a kill cut short is left out."""
    found = []
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        found.append(Measurement(Point(**values.pop("point")), **values))
    return found


class _Worker:
    """What a process needs for its points: the network, its channels, the pictures."""

    def __init__(self, checkpoint: Path, config: SensitivityStep | SweepStep, cache: Path) -> None:
        from compression.checkpoint import load_network
        from compression.images import training_images
        from compression.pruning import prunable

        self._config = config
        self._network = load_network(checkpoint)
        head = config.head if isinstance(config, SensitivityStep) else True
        self._groups = prunable(self._network, config.criterion, head)
        measured = config.measured
        self._accuracy = BatchedAccuracy(Path(measured.folder), measured.side, measured.limit)
        self._seen = self._accuracy.seen(self._network)
        images = config.tune.images if config.tune else None
        self._sets = training_images(images, cache) if images else ()

    def __call__(self, point: Point) -> Measurement:
        from compression.cost import costs

        network = copy.deepcopy(self._network)
        network.zero_grad(set_to_none=True)
        gone = self._prune(network, point)
        if point.tuned and self._config.tune:
            from compression.trainer import train

            network = train(network, self._sets, self._config.tune).network
        elif point.ratio:
            whole = copy.deepcopy(self._seen)
            self._prune(whole, point)
            self._accuracy.settle(network, whole)
        cost = costs(network, self._config.measured.side)
        parameters = sum(int((p != 0).sum()) for p in network.parameters())
        accuracy = self._accuracy(network)
        return Measurement(point, accuracy.ap, accuracy.crop_recall, round(gone, 4), parameters, cost.macs)

    def _prune(self, network: Any, point: Point) -> float:
        """Prune in place; the share that is gone of what could go."""
        from compression import pruning
        from compression.masks import carry, require_masked, smallest

        config = self._config
        if not point.ratio:
            return 0.0
        scope = config.scope if isinstance(config, SweepStep) else "layer"
        if point.kind == "unstructured":
            carry(network, smallest(network, point.ratio, scope))
            return float(require_masked(network, point.ratio, scope)["masked_share"])
        ratio, ratios = (None, {point.block: point.ratio}) if point.block else (point.ratio, {})
        asked = pruning.ask(self._groups, ratio, ratios, scope=scope, round_to=config.round_to)
        pruning.prune(network, asked)
        looked_at = [part for part in asked if point.block in (None, part.channels.block)]
        return 1 - sum(part.keep for part in looked_at) / sum(part.channels.count for part in looked_at)


class BatchedAccuracy:
    """`pose_accuracy` of many networks on the same pictures, which are read and letterboxed once and go in batches."""

    def __init__(self, folder: Path, side: int, limit: int | None) -> None:
        self._folder, self._limit, self._side = folder, limit, side
        self._prepared: list[Letterboxed] = []
        letterbox = Letterbox(side, side)

        def collect(image: Image) -> Detections:
            prepared = letterbox(image)
            self._prepared.append(Letterboxed(prepared.tensor.copy(), prepared.scale, prepared.offset, prepared.size))
            return Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), 0, (0, 17, 3))))

        pose_accuracy(collect, folder, limit)

    def seen(self, network: Any) -> Any:
        """A copy of a network whose batch norms have the statistics of the first pictures."""
        import torch

        network = copy.deepcopy(network).eval()
        norms = _norms(network)
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
            norm.train()
        with torch.no_grad():
            for start in range(0, min(len(self._prepared), _SETTLED), _BATCH):
                batch = self._prepared[start : start + _BATCH]
                network(torch.from_numpy(np.concatenate([p.tensor for p in batch])))
        return network.eval()

    def settle(self, network: Any, whole: Any) -> None:
        """Let the batch norms of a pruned network, in place, follow what pruning has changed.

        Whatever is pruned shifts them all the way down, and a third of one early block leaves nothing to measure until
        they have followed; that needs no label and no gradient. whole: the unpruned network as `seen` gives it, with
        the same channels taken away: the difference to it is what pruning has done, not what these pictures are.
        """
        for norm, now, was in zip(*map(_norms, (network, self.seen(network), whole)), strict=True):
            norm.running_mean += now.running_mean - was.running_mean
            norm.running_var *= now.running_var.clamp(min=1e-6) / was.running_var.clamp(min=1e-6)

    def __call__(self, network: Any) -> PoseAccuracy:
        """The accuracy of a pose network, which is left as it is."""
        import torch

        fast = copy.deepcopy(network).eval().fuse(verbose=False).to(memory_format=torch.channels_last)
        found: list[Detections] = []
        for start in range(0, len(self._prepared), _BATCH):
            batch = self._prepared[start : start + _BATCH]
            with torch.inference_mode():
                outputs = fast(torch.from_numpy(np.concatenate([p.tensor for p in batch])))[0].numpy()
            found += [found_in(outputs[i : i + 1], prepared) for i, prepared in enumerate(batch)]
        answers = iter(found)
        return pose_accuracy(lambda image: next(answers), self._folder, self._limit)


def _norms(network: Any) -> list[Any]:
    import torch

    return [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]


_WORKER: list[_Worker] = []


def _begin(parent: int, checkpoint: Path, config: str, cache: Path) -> None:
    """Make a process ready for points; it ends when its parent is killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    kind = SensitivityStep if json.loads(config)["step"] == "sensitivity" else SweepStep
    _WORKER[:] = [_Worker(checkpoint, kind.model_validate_json(config), cache)]


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _measure(point: Point) -> Measurement:
    return _WORKER[0](point)
