"""A pipeline makes each stage once, goes on after a kill, and says in one line what is wrong with it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from compression.pipeline import job
from compression.pipeline.stages import Given, Stage
from compression.step import Context
from configs.stages import Pipeline, load_pipeline
from keypoints.errors import ConfigError, InputError, RepSightError

ROOT = Path(__file__).parents[3]
CALLS: list[str] = []

SETTINGS: dict[str, Any] = {
    "data": {"path": "films", "classes": "data"},
    "split": {"seed": 0},
    "train_head": {"epochs": 2},
    "compress_head": {"steps": [{"step": "quantize", "windows": ["${data}/sequences"]}]},
    "evaluate": {},
    "export": {},
}


def writes(stage: str, *files: str) -> Stage:
    """A stage that writes into its files what it was given, instead of working for hours."""

    def make(pipeline: Pipeline, given: Given, context: Context) -> dict[str, Any]:
        CALLS.append(stage)
        text = stage + "".join(f" <{first(path)}>" for name, path in sorted(given.places.items()) if name[0] != "$")
        for name in files:
            file = context.folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        (context.scratch / "half").write_text("done")
        return {}

    return make


def first(path: Path) -> str:
    """What is in a file, or in the first file of a folder."""
    return path.read_text() if path.is_file() else sorted(path.rglob("*.*"))[0].read_text()


STAGES: dict[str, Stage] = {
    "data": writes("data", "sequences/0.npz", "actions.yaml"), "split": writes("split", "split.yaml"),
    "train_head": lambda pipeline, given, context: train_head(pipeline, given, context),
    "compress_head": writes("compress_head", "head.onnx"), "evaluate": writes("evaluate", "report.json"),
    "export": writes("export", "head.onnx"),
}  # fmt: skip


def train_head(pipeline: Pipeline, given: Given, context: Context) -> dict[str, Any]:
    """The same head for any number of epochs from two on."""
    assert pipeline.train_head is not None
    CALLS.append("train_head")
    (context.folder / "head.onnx").write_text(f"head {first(given['split'])} {min(pipeline.train_head.epochs, 2)}")
    (context.folder / "curve.json").write_text(str(pipeline.train_head.epochs))
    return {}


@pytest.fixture(autouse=True)
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of one video that is none; the test runs in the folder that it is in."""
    CALLS.clear()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films" / "sit").mkdir(parents=True)
    (tmp_path / "films" / "sit" / "a.avi").write_text("film")
    return tmp_path / "films"


def pipeline(*overrides: str) -> Pipeline:
    Path("pipeline.yaml").write_text(yaml.safe_dump(SETTINGS))
    return load_pipeline(Path("pipeline.yaml").absolute(), overrides)


def run(*overrides: str, said: list[str] | None = None, **asked: Any) -> list[str]:
    """Run it in `out`; the stages that were made."""
    CALLS.clear()
    job.run(pipeline(*overrides), Path("out"), STAGES, **asked, report=(said if said is not None else []).append)
    return list(CALLS)


def states(*overrides: str, **asked: Any) -> dict[str, str]:
    return {look.stage: f"{look.state} {look.why}".strip() for look in
            job.plan(pipeline(*overrides), Path("out"), **asked)}  # fmt: skip


def test_what_is_done_is_not_done_again() -> None:
    assert set(states().values()) == {"to do not made yet"}
    assert run() == list(SETTINGS)
    assert set(states().values()) == {"done"}
    assert run() == []
    assert Path("out/export/head.onnx").read_text() == "export <compress_head <head split " + \
        "<data <film>> <data <film>> 2>>"  # fmt: skip
    assert not list(Path("out").glob("*.partial")) and not list(Path("out").rglob(".scratch"))
    assert yaml.safe_load(Path("out/config.yaml").read_text())["train_head"]["epochs"] == 2
    assert run(said=(said := list[str]())) == [] and said[0] == "1/6 data: already done"


def test_other_settings_make_their_stage_and_what_comes_of_it_again() -> None:
    run()
    found = states("split.seed=1")
    assert found == {
        "data": "done", "split": "to do other settings: seed", "train_head": "perhaps if split makes something else",
        "compress_head": "perhaps if train_head makes something else",
        "evaluate": "perhaps if compress_head or split makes something else",
        "export": "perhaps if compress_head makes something else",
    }  # fmt: skip
    assert run("split.seed=1") == ["split"], "it made the same split"
    assert run("split.seed=1", "train_head.epochs=3") == ["train_head"], "it made the same head, if another curve"
    assert run("split.seed=1", "train_head.epochs=1") == ["train_head", "compress_head", "evaluate", "export"]


def test_what_comes_from_outside_counts_by_its_content(films: Path) -> None:
    run()
    film = films / "sit" / "a.avi"
    os.utime(film, (1, 1))
    assert run() == [], "it is as old as it says, and the same"
    film.write_text("another film")
    assert states()["data"] == "to do another path"
    assert run() == list(SETTINGS)
    (films / "sit" / "b.avi").write_text("film")
    assert states()["data"] == "to do another path"
    os.utime(film, (1, 1))
    run()
    film.write_text("ANOTHER FILM")
    os.utime(film, (2, 2))
    assert states()["data"] == "to do another path", "of the same size, its hash is not taken from before"


@pytest.mark.parametrize("harm", ["changed", "gone", "record"])
def test_a_result_that_was_changed_by_hand_is_kept_aside_and_made_again(harm: str) -> None:
    run()
    file, said = Path("out/split/split.yaml"), list[str]()
    was = file.read_text()
    if harm == "changed":
        file.write_text("by hand")
    elif harm == "gone":
        file.unlink()
    else:
        (file.parent / "record.json").write_text('{"stage": "sp')
    why = {"changed": "to do somebody has changed split/split.yaml", "gone":
           "to do somebody has taken away split/split.yaml", "record": "to do not made yet"}  # fmt: skip
    assert states()["split"] == why[harm]
    assert run(said=said) == ["split"]
    assert file.read_text() == was
    aside = Path("out/split.changed/split.yaml")
    assert aside.exists() == (harm == "changed")
    assert ("split: what was changed is kept as out/split.changed" in said) == (harm == "changed")
    assert harm != "changed" or aside.read_text() == "by hand"


def test_only_one_stage_and_from_one_on() -> None:
    run(only="data")
    assert CALLS == ["data"]
    with pytest.raises(
        InputError, match=r"train_head: needs what split makes, and that is to do \(not made yet\); run"
    ):
        run(only="train_head")
    assert run(only="split") == ["split"]
    assert list(states(begin="train_head")) == ["train_head", "compress_head", "evaluate", "export"]
    assert run(begin="train-head") == ["train_head", "compress_head", "evaluate", "export"]
    assert run(begin="evaluate", again=True) == ["evaluate", "export"]
    assert run(only="data", again=True) == ["data"]
    with pytest.raises(InputError, match=r"--only: no such stage \(.*found trainhead\); did you mean 'train_head'"):
        run(only="trainhead")
    with pytest.raises(InputError, match=r"--from: this pipeline has no such stage .*a section publish adds it"):
        run(begin="publish")
    with pytest.raises(InputError, match="not both"):
        run(only="data", begin="data")


def test_two_runs_are_never_at_work_in_one_folder() -> None:
    run(only="data")
    with Path("out/.work/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RepSightError, match="out: another run is at work in it"):
            run()
    assert run() == list(SETTINGS)[1:]


def test_a_full_disk_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(RepSightError, match=r"not enough room on the disk \(expected 200 MB free, found 1 MB\)"):
        run()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trian_head.epochs=2"], "trian_head: unknown key; did you mean 'train_head'?"),
        (["train_head.epohcs=2"], "train_head.epohcs: unknown key; did you mean 'epochs'?"),
        (["split=null"], "evaluate: there is no part of a set to measure on; add data with recordings, and split"),
        (["data=null"], "split: there is no set to split"),
        (["train_head.data=[films]"], "train_head.data: there is no need of it; it is what the stage data says"),
        (["train_pose={base: x.pt}"], "train_pose: there is no picture to learn from; train_pose.data names"),
        (["compress_pose={plan: head.yaml}"], "compress_pose: there is no checkpoint; add train_pose"),
        (["publish={bucket: models, conditions: [{metric: a, at_least: 1}]}", "export=null"],
         "publish: there is no report, or no models; add evaluate and export"),
        (["compress_head.plan=head.yaml"], "a plan is a file (plan) or a list (steps), one of them"),
        (["data.sequences={count: 1}"], "data has a path or sequences to make, not both"),
        (["evaluate.pictures=${export}/x"], "evaluate: no such stage before it (expected ${data} or"),
        (["compress_head.steps=[{step: quantize, from: prune}]"], "step 1 (quantize).from: no such step before it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_pipeline_is_told_before_it_runs(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        pipeline(*overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_set_that_is_not_there_is_told_in_one_line(films: Path) -> None:
    shutil.rmtree(films)
    with pytest.raises(InputError, match=r"data\.path: films: no such file or folder"):
        run()


_KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
import test_engine as t
from compression.pipeline import job

def killed(pipeline, given, context):
    half = context.scratch / "half"
    if not half.exists():
        half.write_text("half")
        (context.folder / "head.onnx").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
    assert not (context.folder / "head.onnx").exists()
    return whole(pipeline, given, context)

whole = t.STAGES[{stage!r}]
job.run(t.load_pipeline(Path("pipeline.yaml").absolute()), Path("out"), t.STAGES | {{{stage!r}: killed}}, report=print)
"""


@pytest.mark.parametrize("stage", ["data", "compress_head"])
def test_a_killed_run_goes_on_to_the_same_files(stage: str) -> None:
    pipeline()
    code = _KILLED.format(root=str(ROOT), here=str(Path(__file__).parent), stage=stage)
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL
    assert not Path("out", stage).exists() and Path("out", f"{stage}.partial").exists()
    assert states()[stage] == "to do it was stopped, and goes on"
    goes_on = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"{stage}: it was stopped, and goes on" in goes_on
    run()
    assert CALLS == []
    made = {name: json.loads(Path("out", name, "record.json").read_text())["made"] for name in SETTINGS}
    shutil.rmtree("out")
    run()
    assert made == {name: json.loads(Path("out", name, "record.json").read_text())["made"] for name in SETTINGS}
