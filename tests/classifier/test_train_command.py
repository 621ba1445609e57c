"""`repsight train-head`: what is said and when, what is refused before anything is read, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from classifier.head import SHIPPED
from configs.command_line import command_line
from configs.loader import load_actions
from configs.schema import TrainHead
from data import split
from keypoints.errors import InputError
from keypoints.types import KeypointSequence

torch = pytest.importorskip("torch", reason="heads are trained with the extra [train]")

from classifier.job import train_head  # noqa: E402

ACTIONS = load_actions()
TINY = ["hidden=8", "window=12", "rate_hz=6", "epochs=2", "batch=16", "threads=1"]
SETTINGS = TrainHead(hidden=8, window=12, rate_hz=6, epochs=2, batch=16, threads=1)


def person(number: int, action: str, seconds: float = 3.0) -> KeypointSequence:
    """A stick figure that is halved and grows again in two seconds when it squats, and stays as it is otherwise."""
    rng, time_s = np.random.default_rng(number), np.arange(0, seconds, 0.1)
    share = (1 - np.cos(np.pi * time_s)) / 2 * (action == "squat")
    keypoints = np.ones((len(time_s), 17, 3), np.float32)
    figure = rng.normal(0, 3, (17, 2)) + np.linspace([40, 10], [60, 110], 17)
    keypoints[..., :2] = figure * np.stack([np.ones_like(share), 1 - 0.5 * share], -1)[:, None]
    return KeypointSequence(keypoints, time_s, (100, 200), action, subject=str(number))


SOME = [person(i, action) for i, action in enumerate(["squat", "stand"] * 3)]


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of eighteen people, in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "people"
    folder.mkdir()
    for number in range(18):
        person(number, ("squat", "stand", "other")[number % 3]).save(folder / f"{number:02d}.npz")
    return folder


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, [*map(str, arguments)])


def train(*arguments: object) -> Any:
    return call("train-head", "--data", "people", *arguments, *TINY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--head", "knn", "--base", SHIPPED], "base: knn begins with no other head"),
        (["freeze=true"], "freeze: there is no body to keep .*--base FILE"),
        (["--head", "few_shot", "freeze=true"], "freeze: few_shot is not trained by gradient"),
        (["--base", "text.onnx"], r"text\.onnx: not a usable ONNX file"),
        (["leave_out=[zumba]"], "leave_out: no such action .*found zumba"),
        (
            ["--add", "hop=hop.npz", "--head", "forest"],
            r"--head: is not what head\.onnx is, .*expected gru, found forest",
        ),
        (["--add", "hop=hop.npz", "head=tcn"], r"--head: is not what head\.onnx is, .*expected gru, found tcn"),
        (["--head", "tcn", "--base", SHIPPED], "--head: is not what .*expected gru, found tcn"),
        (["--add", "hop=hop.npz", "leave_out=[lunge]"], "leave_out: a head that is taught keeps"),
        (["--add", "hop=hop.npz", "--resume"], "--resume: a teaching .* begins anew"),
        (["--add", "hop=hop.npz", "--split", "split.yaml"], "split: is of one set"),
        (["epochz=3"], "error: on the command line: epochz: unknown key; did you mean 'epochs'"),
        (["epochs=none"], "error: on the command line: epochs: "),
    ],
)
def test_what_does_not_go_together_is_one_line_before_anything_is_read(
    arguments: list[object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.onnx").write_text("no head")
    person(0, "squat").save(Path("hop.npz"))
    result = call("train-head", "--data", "nowhere", "--out", "out.onnx", *arguments)
    assert result.exit_code == 2, result.output
    assert len(result.output.strip().splitlines()) == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(result.output)


def test_resuming_nothing_says_so_and_begins_anew(people: Path) -> None:
    result = train("--resume", "--out", "a.onnx")
    assert result.exit_code == 0, result.output
    assert "a.checkpoint is not there, so there is nothing to go on with: it begins anew" in result.output
    assert "epoch 1/2" in result.output and Path("a.onnx").exists()


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The head file of a training that was stopped after its first epoch."""
    out = tmp_path / "a.onnx"

    def stop(metrics: dict[str, float]) -> None:
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^stopped; the same command with --resume goes on$"):
        train_head(SOME, ACTIONS, SETTINGS, out, trained_on=[], command="", on_epoch=stop)
    return out


@pytest.mark.parametrize("kept", [0, 20_000])
def test_a_damaged_checkpoint_is_one_line_and_stays(kept: int, stopped: Path) -> None:
    checkpoint = stopped.with_suffix(".checkpoint")
    checkpoint.write_bytes(checkpoint.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"a\.checkpoint: not a checkpoint, or a damaged one; train without --resume$"):
        train_head(SOME, ACTIONS, SETTINGS, stopped, trained_on=[], command="", resume=True)
    assert checkpoint.exists()


def test_a_checkpoint_of_other_settings_says_which(stopped: Path) -> None:
    other = SETTINGS.model_copy(update={"batch": 8})
    with pytest.raises(InputError, match=r"made with other settings \(expected batch=16, found batch=8\)"):
        train_head(SOME, ACTIONS, other, stopped, trained_on=[], command="", resume=True)


def test_what_a_stopped_training_left_is_not_given_up_without_a_word(stopped: Path) -> None:
    said: list[str] = []
    train_head(SOME, ACTIONS, SETTINGS, stopped, trained_on=[], command="", note=said.append)
    assert len(said) == 1 and "a.checkpoint is of a training that was stopped; it begins anew" in said[0]


def test_what_is_left_out_is_said_at_the_end_ten_of_it_and_how_many_more(people: Path) -> None:
    for number in range(13):
        (people / f"bad{number:02d}.npz").write_text("no sequence")
    lines = train("--out", "a.onnx").output.splitlines()
    said = [number for number, line in enumerate(lines) if line.startswith("left out: people/bad")]
    assert len(said) == 10 and lines[said[-1] + 1] == "and 3 more like these"
    assert min(said) > max(number for number, line in enumerate(lines) if line.startswith("epoch"))


def test_a_set_of_nothing_but_bad_files_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people").mkdir()
    for number in range(3):
        Path("people", f"{number}.npz").write_text("no sequence")
    result = train("--out", "a.onnx")
    assert result.exit_code == 2
    (line,) = result.output.splitlines()[1:]
    assert line.startswith("error: nothing is left of 3 recordings, such as people/0.npz: not a keypoint sequence")


@pytest.mark.parametrize("head", ["knn", "svm", "forest"])
def test_a_head_of_scikit_learn_is_content_with_three_windows_an_action(head: str, tmp_path: Path) -> None:
    few = [person(i, action, 0.6) for i, action in enumerate(["squat", "stand"] * 4)]
    config = SETTINGS.model_copy(update={"head": head, "every_s": 0.3})
    out = tmp_path / "head.onnx"
    card = train_head(few, ACTIONS, config, out, trained_on=["x"], command="a test")
    assert 8 <= card.metrics["windows"] <= 16 and out.exists()


def test_a_single_action_is_too_few_for_them(tmp_path: Path) -> None:
    for head in ("knn", "svm", "forest"):
        config = SETTINGS.model_copy(update={"head": head})
        with pytest.raises(InputError, match="squat: a single action to train on"):
            train_head([person(i, "squat") for i in range(4)], ACTIONS, config, tmp_path / "x.onnx",
                       trained_on=[], command="")  # fmt: skip


@pytest.mark.parametrize("arguments", [["--head", "few_shot", "--base", SHIPPED], ["epochs=1"], ["--head", "knn"]])
def test_the_curve_is_json_and_shows_even_a_single_point(people: Path, arguments: list[object]) -> None:
    result = call("train-head", "--data", "people", "--out", "a.onnx", *TINY, *arguments)
    assert result.exit_code == 0, result.output
    assert "--head" not in arguments or "epoch" not in result.output, "what has no epochs does not speak of any"

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    curve = json.loads(Path("a.curve.json").read_text(), parse_constant=refuse)
    assert curve[-1]["accuracy"] >= 0
    picture = cv2.imread("a.curve.png")
    assert picture is not None
    axes = picture[30:300, 470:880].astype(int)  # the accuracy: a dot has a colour, axes and text have none
    coloured = (axes.max(2) - axes.min(2) > 60).astype(np.uint8)
    assert cv2.connectedComponents(coloured)[0] - 1 >= 2, "one in the legend, and one in the plot"


def test_ctrl_c_in_the_first_epoch_says_that_nothing_is_kept(tmp_path: Path) -> None:
    def stop(metrics: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^stopped; nothing is kept$"):
        train_head(SOME, ACTIONS, SETTINGS, tmp_path / "a.onnx", trained_on=[], command="", on_epoch=stop)


def test_a_split_says_who_is_trained_on_who_is_held_out_and_who_is_measured(people: Path) -> None:
    assert call("data", "split", "people", "--out", "split.yaml").exit_code == 0
    tested = split.load(Path("split.yaml"))["test"]
    result = train("--split", "split.yaml", "--out", "a.onnx")
    assert result.exit_code == 0, result.output
    result = call("evaluate", "--data", "people", "--split", "split.yaml", "--head", "a.onnx", "--out", "e", "draws=20")
    assert result.exit_code == 0, result.output
    (measured,) = json.loads(Path("e/report.json").read_text())["sets"]
    assert measured["name"] == "people (test of split.yaml)" and measured["sequences"] == len(tested)
    for arguments in (["--part", "dev"], ["--data", "people"]):
        wrong = call("evaluate", "--data", "people", "--split", "split.yaml", "--head", "a.onnx", *arguments)
        assert wrong.exit_code == 2 and wrong.output.startswith("error: "), wrong.output


def test_what_is_held_out_is_never_trained_on(tmp_path: Path) -> None:
    """An action that only those show who are held out is one that the head never says."""
    known = [person(i, ("squat", "stand")[i % 2]) for i in range(6)]
    held_out = [person(i, "other") for i in (11, 12, 13)]
    config = SETTINGS.model_copy(update={"head": "knn"})
    card = train_head(known, ACTIONS, config, tmp_path / "a.onnx", trained_on=[], command="", validation=held_out)
    assert card.metrics["validation_accuracy"] == 0


def test_the_settings_beside_a_head_and_a_report_give_the_same_again(people: Path) -> None:
    assert train("--out", "a.onnx", "augment.jitter=0.03").exit_code == 0
    again = call("train-head", "--config", "a.config.yaml", "--out", "b.onnx")
    assert again.exit_code == 0, again.output
    assert Path("a.curve.json").read_text() == Path("b.curve.json").read_text()
    first, second = (Path(f"{name}.config.yaml").read_text().splitlines() for name in "ab")
    assert "  jitter: 0.03" in first and first[2:] == second[2:]
    given = ["evaluate", "--head", "a.onnx", "--data", "people"]
    assert call(*given, "--out", "one", "draws=20", "counting.rival=0.5").exit_code == 0
    assert call(*given, "--out", "two", "--config", "one/config.yaml").exit_code == 0
    one, two = (json.loads(Path(name, "report.json").read_text()) for name in ("one", "two"))
    assert one["settings"]["counting"]["rival"] == 0.5
    for report in (one, two):
        del report["command"], report["results"][0]["latency"]
    assert one == two


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--data", "bad/man_missing", "--out", "runs/mm"], "--data bad/man_missing --out runs/mm"),
        (["--data", "/srv/sets/clips", "--out", "../x.onnx"], "--data clips --out ../x.onnx"),
        (["--data=/srv/clips", "base=/srv/h.onnx", "data=[/srv/a, b/c]"], "--data=clips base=h.onnx 'data=[a, b/c]'"),
        (["--add", "hop=/srv/a.npz,b/c.npz"], "--add hop=a.npz,b/c.npz"),
        (["http://camera/stream"], "http://camera/stream"),
    ],
)
def test_the_command_is_told_as_it_was_typed_without_the_folders_of_the_machine(
    typed: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/srv/cli.py", "train-head", *typed])
    assert command_line() == f"repsight train-head {said}"
