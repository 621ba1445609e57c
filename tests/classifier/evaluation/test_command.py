"""`repsight evaluate` on a folder in which not everything is as it should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

import cli
from classifier.evaluation.play import ListeningHead, play
from configs.loader import load_actions
from configs.schema import Counting
from keypoints.types import KeypointSequence
from tests.classifier.evaluation.conftest import Squats


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, ["evaluate", *map(str, arguments)])


def test_bad_sequences_are_one_line_each_and_the_good_ones_are_measured(
    tiny_head: Path, labelled: Squats, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    good = labelled("good", 3).sequence
    names = {"keypoints": good.keypoints, "time_s": good.time_s, "size": np.array(good.size), "action": "squats",
             "reps_s": good.reps_s}  # fmt: skip
    shuffled = np.random.default_rng(0).permutation(good.time_s)
    for name, changes in {
        "good": {},
        "empty": {"keypoints": good.keypoints[:0], "time_s": good.time_s[:0]},
        "nan": {"keypoints": np.full_like(good.keypoints, np.nan)},
        "single": {"keypoints": good.keypoints[:1], "time_s": good.time_s[:1], "reps_s": np.zeros((0, 2))},
        "shuffled": {"time_s": shuffled},
        "unknown": {"action": "burpees"},
    }.items():
        np.savez(folder / f"{name}.npz", **{**names, **changes})
    (folder / "text.npz").write_text("not an array")

    result = call("--data", folder, "--head", tiny_head, "--out", tmp_path / "out", "draws=20")
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    sequences = content["results"][0]["sequences"]
    assert {s["name"]: (s["true"], s["counted"]) for s in sequences} == {"good": (3, 3), "unknown": (None, 0)}
    problems = content["sets"][0]["problems"]
    assert len(problems) == 6
    for name in ("empty.npz", "nan.npz", "single.npz", "shuffled.npz", "text.npz", "burpees"):
        assert [name in line for line in problems].count(True) == 1, name
    assert all(line in result.output.splitlines() for line in problems)
    left_out = [line.startswith("left out: ") for line in problems]
    assert left_out.count(True) == 5, "only the unknown label is measured all the same"
    assert "tiny.onnx on set: exact 1.000" in result.output


def test_what_is_scored_is_what_a_run_of_the_same_sequence_writes(
    tiny_head: Path, squats: Callable[[int], Path], tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    given = ["run", squats(3), "--head", tiny_head, "--screen", "none", "--log", "none", "--json", file]
    result = CliRunner().invoke(cli.cli, [*map(str, given)])
    assert result.exit_code == 0, result.output
    live = json.loads(file.read_text())
    said = play(ListeningHead(tiny_head), KeypointSequence.load(squats(3)), load_actions(), Counting())
    assert live["totals"] == said.totals == {"squat": 3}
    assert [(s["action"], s["start_s"], s["end_s"]) for s in live["segments"]] == [
        (s.action, s.start_s, s.end_s) for s in said.segments
    ]
    assert [r["counted_at_s"] for r in live["reps"]] == [round(r.counted_at_s, 3) for r in said.reps]


def test_heads_classes_and_parts_are_looked_at_before_a_set_is_read(tiny_head: Path, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no head")
    for arguments, said in (
        (("--head", tmp_path / "nosuch.onnx"), "nosuch.onnx: no such file"),
        (("--head", tmp_path / "text.onnx"), "text.onnx: not a usable ONNX file"),
        (("--head", tiny_head, "--classes", "zumba"), "classes: not an action with reps"),
    ):
        result = call("--data", tmp_path / "nowhere", "--out", tmp_path / "out", *arguments)
        assert result.exit_code == 2 and said in result.output, result.output
        assert len(result.output.splitlines()) == 1


def test_a_set_on_which_nothing_can_be_measured_says_so(tiny_head: Path, labelled: Squats, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    replace(labelled("a", 2).sequence, reps_s=None).save(tmp_path / "set" / "bare.npz")
    result = call("--data", tmp_path / "set", "--head", tiny_head, "--out", tmp_path / "out", "draws=20")
    assert result.exit_code == 0, result.output
    assert "tiny.onnx on set: nothing could be measured: see Not measured in the page" in result.output
    assert "<h3>Not measured</h3>" in (tmp_path / "out" / "report.html").read_text()


def test_a_set_or_a_head_that_is_not_there_is_one_line_and_exit_code_2(tiny_head: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments in (
        ("--data", tmp_path / "missing", "--head", tiny_head),
        ("--data", tmp_path / "empty", "--head", tiny_head),
        ("--data", tmp_path, "--out", tmp_path / "out", "colour=red"),
        (),
    ):
        result = call(*arguments)
        assert result.exit_code == 2, result.output
        assert len(result.output.strip().splitlines()) == 1, result.output
        assert result.output.startswith("error: ")
