"""One run of `evaluate` leaves a page that needs nothing else, a JSON and a workbook that say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from classifier.evaluation import job
from classifier.evaluation.job import evaluate
from classifier.evaluation.perturb import PERTURBATIONS
from classifier.evaluation.report import Report
from classifier.evaluation.screen import LabelledSet
from configs.loader import load_actions
from configs.schema import Evaluate
from keypoints.errors import InputError, ModelError
from keypoints.labels import Labelled, Segment
from keypoints.types import KeypointSequence
from tests.classifier.evaluation.conftest import Squats

Run = Callable[..., tuple[Report, dict[str, Any]]]


@pytest.fixture
def run(tiny_head: Path, labelled: Squats, tmp_path: Path) -> Run:
    """Evaluates the test head: it counts every squat, whatever the label says."""

    def call(*more: Labelled, heads: int = 1, out: str = "out", **settings: Any) -> tuple[Report, dict[str, Any]]:
        records = (
            labelled("right", 3), labelled("one too few", 3, said=4, source="b"),
            labelled("ghosts", 2, said=0, exercise="standing", source="c"), *more,
        )  # fmt: skip
        settings = {"draws": 50, **settings}
        report, _ = evaluate([tiny_head] * heads, [LabelledSet("squats <&>", records)], load_actions(),
                             Evaluate(**settings), tmp_path / out, command="repsight evaluate")  # fmt: skip
        return report, json.loads((tmp_path / out / "report.json").read_text())

    return call


def test_the_json_holds_what_was_counted(run: Run) -> None:
    content = run()[1]
    (result,) = content["results"]
    assert (result["counts"]["items"], result["counts"]["true"], result["counts"]["counted"]) == (2, 7, 6)
    assert result["counts"]["exact"]["value"] == 0.5
    assert result["counts"]["mae"]["value"] == 0.125
    assert result["ghosts"]["reps"] == result["ghosts_none"]["reps"] == 2
    assert result["events"]["recall"]["value"] == 1.0, "whatever the total says, every labelled interval was counted"
    assert abs(result["events"]["delay_median_s"]) < 0.5
    assert result["windows"]["classes"]["squat"]["recall"] == 1.0
    assert result["windows"]["confusion"][result["windows"]["names"].index("stand")] != [0, 0]
    assert result["worst"] == ["ghosts", "one too few"]
    assert [s["name"] for s in result["sequences"]] == ["right", "one too few", "ghosts"]
    reps = result["sequences"][0]["reps"]
    assert [r["action"] for r in reps] == ["squat"] * 3
    assert [r["delay_s"] for r in reps] == pytest.approx([r["counted_at_s"] - 2 * (i + 1) for i, r in enumerate(reps)])
    assert content["heads"][0]["size_kb"] > 0 and len(content["heads"][0]["sha256"]) == 64


def test_the_same_run_leaves_the_same_files_but_for_the_time_that_it_took(run: Run) -> None:
    one, two = run(out="one")[1], run(out="two")[1]
    for content in (one, two):
        content["results"][0].pop("latency")
    assert one == two


class Outside(HTMLParser):
    """Gathers what a browser would fetch, and checks that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for name, value in attrs if name in {"src", "href", "srcset", "data"}]
        self.fetched += [tag] if tag in {"link", "script", "iframe", "object", "img"} else []
        self.open += [] if tag == "meta" else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_needs_nothing_else_and_names_what_it_shows(run: Run, tmp_path: Path) -> None:
    run(heads=2, robustness=True)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    found = Outside()
    found.feed(page)
    assert found.fetched == []
    assert found.open == []
    assert not re.search(r"url\(|@import|https?://", page)
    text = " ".join(found.text)
    for words in ("squats <&>", "Side by side", "exact", "Ghost reps", "Single reps", "oracle", "one too few",
                  "a passer-by", "What the figures mean", "Every sequence"):  # fmt: skip
        assert words in text, words
    assert page.count('<svg class="wide"') == 2 * 2, "two sequences are wrong, for each of two heads"
    assert page.count('<svg class="matrix"') == page.count('<svg class="square"') == 2


def test_the_workbook_holds_the_numbers_as_numbers(run: Run, tmp_path: Path) -> None:
    content = run(xlsx=True, robustness=True)[1]
    book = openpyxl.load_workbook(tmp_path / "out" / "report.xlsx")
    assert book.sheetnames == ["summary", "counts", "labels", "worse recordings", "sequences", "reps"]
    head, row = list(book["summary"].values)[:2]
    summary = dict(zip(head, row, strict=True))
    counts = content["results"][0]["counts"]
    assert (summary["exact"], summary["exact low"]) == (counts["exact"]["value"], counts["exact"]["low"])
    assert summary["delay"] == pytest.approx(content["results"][0]["events"]["delay_median_s"], abs=1e-6)
    assert [line[2] for line in list(book["worse recordings"].values)[1:]] == list(PERTURBATIONS)
    assert [line[2] for line in list(book["sequences"].values)[1:]] == ["right", "one too few", "ghosts"]


def test_what_worse_recordings_cost_is_told_for_each(run: Run) -> None:
    costs = run(robustness=True)[1]["results"][0]["robustness"]
    assert list(costs) == list(PERTURBATIONS)
    assert costs["mirrored"]["loss"] == 0, "a hip that is mirrored is as high"
    assert costs["rolled by +15°"]["score"]["items"] == 2
    assert costs["2 s of occlusion"]["score"]["true"] < 7, "reps in the occlusion are not asked for"


def test_odd_sequences_are_named_in_one_line_each_and_the_others_measured(run: Run, labelled: Squats) -> None:
    right = labelled("right", 3)
    single = KeypointSequence(np.ones((1, 17, 3), np.float32), np.zeros(1), (64, 48))
    empty = KeypointSequence(np.zeros((30, 17, 3), np.float32), np.arange(30) / 10, (64, 48))
    both = replace(right, name="both", segments=(Segment("squats", 0, 5), Segment("standing", 4, 6)))
    _, content = run(
        right, Labelled("blink", single), Labelled("nobody", empty, "squats", None, 2), both,
        labelled("odd", 2, exercise="burpee"),
    )  # fmt: skip
    assert content["sets"][0]["problems"] == [
        "left out: squats <&>: right: a second sequence of this name",
        "left out: squats <&>: blink: a single frame",
        "squats <&>: nobody: nobody is seen in it: everything in it is missed",
        "squats <&>: both: two labels at 4 s, squats and standing: each is judged",
        "squats <&>: label 'burpee' (1 sequences) is no action here: taken for `other`",
    ]
    (result,) = content["results"]
    assert [s["name"] for s in result["sequences"]] == ["right", "one too few", "ghosts", "nobody", "both", "odd"]
    assert (result["counts"]["items"], result["counts"]["exact"]["value"]) == (4, 0.5)
    assert result["ghosts_unnamed"]["reps"] == 2
    assert result["sequences"][-1]["seconds"] == 0, "what an exercise without a name should be called is not judged"
    seen = [right, right, labelled("ghosts", 2), both, labelled("odd", 2)]
    assert result["latency"]["frames"] == sum(len(each.sequence) for each in seen), "an empty picture costs nothing"
    assert "only the ghosts" in result["left_out"]["1 sequences"]


def test_what_labels_do_not_allow_is_left_out_and_said(tiny_head: Path, labelled: Squats, tmp_path: Path) -> None:
    bare = Labelled("bare", labelled("x", 2).sequence)
    bare = replace(bare, sequence=replace(bare.sequence, reps_s=None))
    report, _ = evaluate([tiny_head], [LabelledSet("bare", (bare,))], load_actions(), Evaluate(), tmp_path)
    outcome = report.results[0].outcome
    assert (outcome.windows, outcome.seconds, outcome.counts, outcome.events, outcome.ghosts) == (None,) * 5
    assert set(outcome.left_out) == {
        "labels by window and by second", "counts", "single reps and their delay", "ghosts where nobody exercises",
        "ghosts on 1 sequences",
    }  # fmt: skip
    assert "no sequence has a known number of reps" in (tmp_path / "report.html").read_text()


def test_a_run_that_is_stopped_keeps_what_it_measured(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def measure_once(*arguments: Any) -> Any:
        if measured:
            raise KeyboardInterrupt
        measured.append(whole(*arguments))
        return measured[0]

    whole = job.measure
    monkeypatch.setattr(job, "measure", measure_once)
    with pytest.raises(KeyboardInterrupt):
        run(heads=2)
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["stopped"] is True
    assert [result["head"] for result in content["results"]] == [0]
    assert "Stopped before everything was measured" in (tmp_path / "out" / "report.html").read_text()


def test_wrong_input_is_told_before_anything_is_measured(tiny_head: Path, labelled: Squats, tmp_path: Path) -> None:
    good = LabelledSet("good", (labelled("right", 3),))
    (tmp_path / "no.onnx").write_text("no model")
    (tmp_path / "file").write_text("")
    for error, heads, sets, out, settings in (
        (ModelError, [tmp_path / "no.onnx"], [good], tmp_path / "out", Evaluate()),
        (InputError, [tiny_head], [LabelledSet("none", (), ("a.npz: not a keypoint sequence",))], tmp_path, Evaluate()),
        (InputError, [tiny_head], [good], tmp_path / "file" / "out", Evaluate()),
        (InputError, [tiny_head], [good], tmp_path / "out", Evaluate(classes=("standing",))),
    ):
        with pytest.raises(error) as caught:
            evaluate(heads, sets, load_actions(), settings, out)
        assert "\n" not in str(caught.value)
        assert not (out / "report.json").exists()


def test_only_the_wanted_actions_are_scored(run: Run) -> None:
    result = run(classes=("lunge",))[1]["results"][0]
    assert result["counts"] is None
    assert result["events"] is None
