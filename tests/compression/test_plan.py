"""A plan does each step once, goes on after a kill, and says in one line what is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from compression import plan as engine
from compression.plan import Artefact, Context, run_plan
from compression.step import Record
from configs.compression import MaskStep, Plan, PruneStep, ReapplyStep, RewriteStep
from configs.plan import load_plan
from keypoints.errors import ConfigError, InputError, RepSightError

CALLS: list[str] = []


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that append their name to the artefact, instead of those that need a network."""
    CALLS.clear()

    def fake(artefact: Artefact, config: Any, context: Context) -> tuple[Artefact, dict[str, Any]]:
        CALLS.append(config.label)
        if config.step == "reapply":
            return artefact, {"seen": [record.name for record in context.history]}
        (context.scratch / "half").write_text("done")
        path = context.folder / "pose.pt"
        path.write_text(artefact.path.read_text() + f" {config.label}")
        (context.folder / "curve.png").write_bytes(b"")
        return Artefact(path, "pose"), {"ratio": getattr(config, "ratio", None)}

    monkeypatch.setattr(engine, "apply", fake)


@pytest.fixture
def source(tmp_path: Path) -> Artefact:
    path = tmp_path / "weights.pt"
    path.write_text("weights")
    return Artefact(path, "pose")


def three(ratio: float = 0.5) -> Plan:
    return Plan(steps=(RewriteStep(), PruneStep(ratio=ratio), MaskStep()))


def test_each_step_begins_with_what_the_one_before_made(source: Artefact, tmp_path: Path) -> None:
    made = run_plan(source, three(), tmp_path / "out")
    assert made.artefact.path.read_text() == "weights rewrite prune mask"
    assert [record.folder for record in made.records] == ["01-rewrite", "02-prune", "03-mask"]
    assert made.records[1].plots == ("curve.png",)
    assert made.records[1].source == "01-rewrite/pose.pt"
    assert not (made.artefact.path.parent / ".scratch").exists()


def test_a_step_that_is_done_is_not_done_again(source: Artefact, tmp_path: Path) -> None:
    run_plan(source, three(), tmp_path / "out")
    CALLS.clear()
    run_plan(source, three(), tmp_path / "out")
    assert CALLS == []
    run_plan(source, three(ratio=0.3), tmp_path / "out")
    assert CALLS == ["prune"], "what comes after has the same source as before"


@pytest.mark.parametrize("harm", ["changed", "gone", "record"])
def test_a_step_whose_files_are_not_what_it_made_is_done_again(source: Artefact, tmp_path: Path, harm: str) -> None:
    made = run_plan(source, three(), tmp_path / "out")
    file = tmp_path / "out" / "02-prune" / "pose.pt"
    if harm == "changed":
        file.write_text("something else")
    elif harm == "gone":
        file.unlink()
    else:
        (file.parent / "record.json").write_text('{"number": 2,')
    CALLS.clear()
    again = run_plan(source, three(), tmp_path / "out")
    assert CALLS == ["prune"]
    assert again.artefact.path.read_text() == made.artefact.path.read_text()


def test_another_source_does_everything_again(source: Artefact, tmp_path: Path) -> None:
    run_plan(source, three(), tmp_path / "out")
    CALLS.clear()
    source.path.write_text("others")
    run_plan(source, three(), tmp_path / "out")
    assert CALLS == ["rewrite", "prune", "mask"]


def test_a_killed_step_is_not_taken_for_done_and_finds_its_scratch_again(
    source: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine.apply
    seen: list[bool] = []

    def killed(artefact: Artefact, config: Any, context: Context) -> Any:
        if config.step == "prune":
            seen.append((context.scratch / "points").is_file())
            (context.scratch / "points").write_text("some")
            (context.folder / "pose.pt").write_text("half")
            if len(seen) == 1:
                raise KeyboardInterrupt
        return whole(artefact, config, context)

    monkeypatch.setattr(engine, "apply", killed)
    with pytest.raises(KeyboardInterrupt):
        run_plan(source, three(), tmp_path / "out")
    assert not (tmp_path / "out" / "02-prune").exists()
    made = run_plan(source, three(), tmp_path / "out")
    assert seen == [False, True]
    assert made.artefact.path.read_text() == "weights rewrite prune mask"
    assert not list((tmp_path / "out").glob("*.partial"))


def test_a_step_may_begin_with_an_earlier_one(source: Artefact, tmp_path: Path) -> None:
    steps = (RewriteStep(), PruneStep(ratio=0.5), MaskStep(start="rewrite"), MaskStep(name="other", start="source"))
    made = run_plan(source, Plan(steps=steps), tmp_path / "out")
    texts = [(tmp_path / "out" / record.folder / "pose.pt").read_text() for record in made.records]
    assert texts == ["weights rewrite", "weights rewrite prune", "weights rewrite mask", "weights other"]


def test_a_step_that_reads_records_is_done_again_when_they_change(source: Artefact, tmp_path: Path) -> None:
    for ratio in (0.5, 0.3, 0.3):
        steps = (RewriteStep(), PruneStep(ratio=ratio), ReapplyStep(start="rewrite", mask="prune"))
        CALLS.clear()
        made = run_plan(source, Plan(steps=steps), tmp_path / "out")
    assert CALLS == []
    assert made.records[2].artefact is None
    assert made.artefact.path.parent.name == "01-rewrite"


def test_a_full_disk_is_told_in_one_line(source: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(
        RepSightError, match=r"not enough room on the disk \(expected 200 MB free, found 1 MB\); make room"
    ):
        run_plan(source, three(), tmp_path / "out")


def test_a_source_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.pt: no such checkpoint"):
        run_plan(Artefact(tmp_path / "none.pt", "pose"), three(), tmp_path / "out")


def test_records_are_json_that_names_every_file(source: Artefact, tmp_path: Path) -> None:
    made = run_plan(source, three(), tmp_path / "out")
    record = json.loads((made.artefact.path.parent / "record.json").read_text())
    assert set(record["made"]) == {"pose.pt", "curve.png"}
    assert record["config"]["ratio"] == 0.5


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("- step: prun\n  ratio: 0.5", [], r"step 1: unknown step \(found 'prun'\); did you mean 'prune'\?"),
        ("- step: prune\n  rato: 0.5", [], r"step 1 \(prune\).rato: unknown key; did you mean 'ratio'\?"),
        ("- step: prune\n  ratio: 1.5", [], r"step 1 \(prune\).ratio: Input should be less than 1 \(found 1.5\)"),
        ("- step: prune", [], r"a prune step needs ratio or ratios"),
        ("- rewrite\n- step: mask\n  from: rewrit", [], r"step 2 \(mask\).from: no such step before it"),
        ("- {step: mask, name: a}\n- {step: mask, name: a}", [], r"the name is taken"),
        ("- rewrite", ["prune.ratio=0.5"], r"prune.ratio=0.5: no such step"),
        ("- {step: prune, ratio: 0.5}", ["prune.ratio=[1"], r"ratio: Input should be a valid number.*found '\[1'"),
        ("- {step: prune, ratio: 0.5}", ["prune.ratio"], r"on the command line: prune.ratio: not an override"),
        ("steps: 3", [], r"wrong content \(expected a list of steps"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_in_one_line(
    tmp_path: Path, text: str, overrides: list[str], message: str
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_plan(path, overrides)


@pytest.mark.parametrize("name", ["pose.yaml", "head.yaml", "sweep.yaml"])
def test_the_shipped_plans_are_valid(name: str) -> None:
    assert load_plan(name).steps


def test_a_plan_that_is_not_there_is_named_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^mine\.yaml: no such file; the shipped ones are in .*compress$"):
        load_plan("mine.yaml")


def test_settings_of_a_step_are_changed_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("- rewrite\n- {step: prune, name: first, ratio: 0.5}\n")
    plan = load_plan(path, ["first.ratio=0.25", "source=weights.pt"])
    assert isinstance(plan.steps[1], PruneStep)
    assert (plan.steps[1].ratio, plan.source) == (0.25, "weights.pt")


def test_a_step_goes_by_its_own_name_before_the_kind_that_others_share() -> None:
    first, second = (
        Record.model_construct(number=n, name=name, step="distill") for n, name in ((1, "distill"), (2, "polish"))
    )
    context = Context(Path(), history=(first, second))
    assert [context.record(name).number for name in ("distill", "polish", "2")] == [1, 2, 2]
    assert Context(Path(), history=(second,)).record("distill").number == 2
