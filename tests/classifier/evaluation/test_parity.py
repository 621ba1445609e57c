"""The figures are those of the tool that clips are scored with elsewhere, on its own manifest."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from classifier.evaluation.measure import scored
from classifier.evaluation.play import Played
from configs.loader import load_actions
from configs.schema import Evaluate
from keypoints.card import CardAction
from keypoints.labels import Labelled, Segment
from keypoints.types import KeypointSequence
from tests.classifier.evaluation.conftest import played, rep


def made_up(rng: np.random.Generator, row: dict[str, str], names: list[str]) -> Played:
    """What a middling head could say of a clip: mostly its exercise, mostly its count."""
    end_s = float(row["duration_s"])
    label = load_actions().fold(row["exercise"])
    cuts = [0.04, *np.sort(rng.uniform(0.1, end_s, 3)).round(3), end_s]
    shown = [label if rng.random() < 0.7 else str(rng.choice(names)) for _ in range(4)]
    segments = [Segment(name, a, b) for name, a, b in zip(shown, cuts, cuts[1:], strict=False)]
    if rng.random() < 0.3:
        segments.pop(1)  # nothing was shown for a while
    action = load_actions().actions[label]
    reps = (
        [rep(label, 0, 1)] * max(0, int(row["reps_total"]) + int(rng.integers(-1, 2))) if action.kind == "reps" else []
    )
    reps += [rep("lunge", 0, 1)] * int(rng.random() < 0.2)
    return played(1, len(names), tuple(segments), tuple(reps))


@pytest.mark.parametrize("seed", [0, 1])
def test_counts_ghosts_and_seconds_are_scored_as_the_yardstick_does(shared: Path, tmp_path: Path, seed: int) -> None:
    manifest = shared / "clips" / "manifest.csv"
    actions = load_actions()
    rng = np.random.default_rng(seed)
    records, said = [], []
    with manifest.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        segments = tuple(Segment(name, float(a), float(b)) for name, a, b in json.loads(row["segments"]))
        sequence = KeypointSequence(np.ones((2, 17, 3), np.float32), np.array([0.0, 1.0]), (64, 48),
                                    source=row["source_repo"])  # fmt: skip
        name = Path(row["file"]).stem
        records.append(Labelled(name, sequence, row["exercise"], segments, int(row["reps_total"]),
                                row["exercise"] == "other", float(row["duration_s"])))  # fmt: skip
        said.append(made_up(rng, row, list(actions.names)))
        shown = [{"action": s.action, "start_s": s.start_s, "end_s": s.end_s} for s in said[-1].segments]
        (tmp_path / f"{name}.json").write_text(json.dumps({"totals": said[-1].totals, "segments": shown}))

    theirs = runpy.run_path(str(shared / "tools" / "score.py"))["score"](manifest, tmp_path)
    own = [CardAction(name=name, kind=action.kind) for name, action in actions.actions.items()]
    classes = frozenset(name for name, action in actions.actions.items() if action.kind == "reps")
    ours = scored(records, said, own, actions, Evaluate(draws=2), classes)

    assert ours.counts is not None and ours.ghosts is not None
    assert ours.ghosts_none is not None and ours.seconds is not None
    assert ours.counts.items == theirs["rep_clips"]
    assert 0.2 < theirs["exact"] < 0.9, "the made-up answers are neither all right nor all wrong"
    assert ours.counts.exact.value == pytest.approx(theirs["exact"], abs=1e-12)
    assert ours.counts.obo.value == pytest.approx(theirs["obo"], abs=1e-12)
    assert ours.counts.mae.value == pytest.approx(theirs["mae"], abs=1e-12)
    assert ours.ghosts.per_min.value == pytest.approx(theirs["ghost_per_min"], abs=1e-12)
    assert ours.ghosts_none.per_min.value == pytest.approx(theirs["ghost_negative_per_min"], abs=1e-12)
    assert ours.seconds.accuracy.value == pytest.approx(theirs["second_acc"], abs=1e-12)
    assert ours.seconds.macro.f1 == pytest.approx(theirs["macro_f1"], abs=1e-12)
    assert {name: each.f1 for name, each in ours.seconds.classes.items()} == pytest.approx(theirs["f1"])
