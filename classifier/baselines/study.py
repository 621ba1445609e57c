"""How much of a network has to be trained: the same training with more and more of its first blocks frozen."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from classifier.baselines.job import Material
from classifier.baselines.registry import recipe_of
from classifier.baselines.training import fit, judge
from configs.baselines import TrainBaseline
from keypoints.files import whole
from keypoints.told import Told

#: How many depths are tried where the settings name none.
_DEPTHS = 5


@dataclass(frozen=True, slots=True)
class Depth:
    """One training of a study. trained: parameters. epoch_s: seconds an epoch, as `Fitted.seconds`.
    test_accuracy: None without a test part."""

    freeze: int
    trained: int
    epochs: int
    epoch_s: float
    validation_accuracy: float
    test_accuracy: float | None

    def line(self) -> str:
        """The training in words."""
        test = "" if self.test_accuracy is None else f", test {self.test_accuracy:.3f}"
        return (f"freeze {self.freeze}: {self.trained / 1e6:.2f} M parameters trained, {self.epoch_s:.1f} s an epoch, "
                f"validation accuracy {self.validation_accuracy:.3f}{test}")  # fmt: skip


def depths_of(full: TrainBaseline) -> tuple[int, ...]:
    """The values of `freeze` to try: as the settings say, else evenly from none to all blocks."""
    if full.depths:
        return tuple(sorted(set(full.depths)))
    blocks = len(recipe_of(full.model).blocks(full))
    return tuple(sorted({round(blocks * step / (_DEPTHS - 1)) for step in range(_DEPTHS)}))


def study(
    given: Material, full: TrainBaseline, out: Path, *, resume: bool = False, told: Told | None = None
) -> tuple[list[Depth], tuple[Path, Path]]:
    """Train once for each depth; write NAME.freeze.csv and NAME.freeze.png beside `out`, and return both.

    full: `resolved` settings. What is done lies in NAME.study/ until the end: `resume` goes on from there.
    """
    told = told or Told()
    folder = out.with_suffix(".study")
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Depth] = []
    for freeze in depths_of(full):
        settings = full.model_copy(update={"freeze": freeze})
        place = folder / f"{freeze}.json"
        key = settings.model_dump_json(exclude={"depths", "threads", "tensorrt"})
        kept = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
        if kept.get("settings") == key:
            found.append(Depth(**kept["depth"]))
            continue
        try:
            depth = _one(given, settings, folder / f"{freeze}.checkpoint", told)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; the same command with --resume goes on") from None
        with whole(place) as partial:
            partial.write_text(json.dumps({"settings": key, "depth": asdict(depth)}), encoding="utf-8")
        (folder / f"{freeze}.checkpoint").unlink(missing_ok=True)
        told.say(depth.line())
        found.append(depth)
    table, picture = out.with_suffix(".freeze.csv"), out.with_suffix(".freeze.png")
    with whole(table) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, list(asdict(found[0])))
        rows.writeheader()
        rows.writerows(asdict(depth) for depth in found)
    _plot(found, full.model, picture)
    shutil.rmtree(folder)
    return found, (table, picture)


def _one(given: Material, settings: TrainBaseline, checkpoint: Path, told: Told) -> Depth:
    fitted = fit(given.training, given.validation, len(given.labels), settings, checkpoint, told.report, told.say)
    test = None if given.test is None else round(judge(fitted.network, given.test, settings)["accuracy"], 4)
    epochs = len(fitted.curve)
    return Depth(settings.freeze, fitted.network.trainable(), epochs, round(fitted.seconds / epochs, 3),
                 round(fitted.metrics["accuracy"], 4), test)  # fmt: skip


def _plot(depths: Sequence[Depth], model: str, path: Path) -> None:
    """Accuracy and time against depth, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    accuracy, seconds = figure.subplots(1, 2)
    across = [depth.freeze for depth in depths]
    accuracy.plot(across, [depth.validation_accuracy for depth in depths], marker="o", label="validation")
    tested = [(depth.freeze, depth.test_accuracy) for depth in depths if depth.test_accuracy is not None]
    if tested:
        accuracy.plot(*zip(*tested, strict=True), marker="s", label="test")
    accuracy.set(title=f"{model}: accuracy", xlabel="frozen blocks", ylim=(-0.04, 1.04), xticks=across)
    accuracy.legend()
    seconds.bar(across, [depth.epoch_s for depth in depths], width=0.6)
    seconds.set(
        title="training, processor time or that of the GPU",
        xlabel="frozen blocks",
        ylabel="seconds an epoch",
        xticks=across,
    )
    with whole(path) as partial:
        figure.savefig(partial, dpi=100, format="png")
