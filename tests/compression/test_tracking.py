"""What commands tell MLflow: all of it, in one run however often it was stopped, and never at the cost of the work."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from compression.job import compress
from compression.tracking import Untracked, flattened, tracked, wanted
from configs.tracking import Tracking
from keypoints.errors import ConfigError, InputError, MissingExtraError
from keypoints.types import KeypointSequence

# To import it takes seconds: not while tests are collected.
pytestmark = pytest.mark.skipif(find_spec("mlflow") is None, reason="`--track` needs the extra [mlflow]")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store for all tests: to make one takes seconds."""
    return tmp_path_factory.mktemp("tracking") / "mlflow.db"


@pytest.fixture
def settings(store: Path, request: pytest.FixtureRequest) -> Tracking:
    """A new experiment of that store."""
    return Tracking(uri=str(store), experiment=request.node.name, model=None)


@pytest.fixture
def client(store: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{store}", f"sqlite:///{store}")


@pytest.fixture
def runs(client: Any, settings: Tracking) -> Callable[[], list[Any]]:
    """The runs of the experiment, the oldest first."""

    def find() -> list[Any]:
        experiment = client.get_experiment_by_name(settings.experiment)
        return list(reversed(client.search_runs([experiment.experiment_id])))

    return find


def test_nobody_listens_without_being_asked_for(tmp_path: Path) -> None:
    with tracked(None, "a job", tmp_path / "out", {}, mark=tmp_path / "mark") as run:
        assert type(run) is Untracked
        run.report({"epoch": 1, "loss": 1})
        run.figures({"loss": 1})
        run.keep(tmp_path / "nothing")
        run.models(head=tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_tracking_is_asked_for_by_the_flag_or_by_a_setting() -> None:
    assert wanted(False, ["epochs=2"]) == (None, ("epochs=2",))
    assert wanted(True, ["epochs=2"]) == (Tracking(), ("epochs=2",))
    assert wanted(False, ["tracking.experiment=mine", "epochs=2"]) == (Tracking(experiment="mine"), ("epochs=2",))
    with pytest.raises(ConfigError, match="experimnt: unknown key; did you mean 'experiment'"):
        wanted(True, ["tracking.experimnt=mine"])


def test_settings_are_flattened() -> None:
    tree = {"a": {"b": 1, "c": {"d": None}}, "e": ["x", 2], "f": "text", "g": {}, "h": "s3://me:secret@host/x"}
    flat = {"a.b": "1", "a.c.d": "null", "e": '["x", 2]', "f": "text", "g": "{}", "h": "s3://host/x"}
    assert flattened(tree) == flat


def test_a_run_holds_settings_curves_figures_and_files(
    settings: Tracking, client: Any, runs: Callable[[], list[Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    (tmp_path / "report.html").write_text("report")
    said: list[str] = []
    many = {f"setting{number}": number for number in range(150)}
    with tracked(settings, "train-x", tmp_path / "x.onnx", {"a": {"b": 1}} | many, command="repsight train-x",
                 mark=tmp_path / "mark", say=said.append) as run:  # fmt: skip
        assert (tmp_path / "mark").exists()
        for epoch in (1, 2):
            run.report({"epoch": epoch, "loss": 1 / epoch, "error": float("nan")})
        run.figures({"set (test)/exact": 0.5, "../set//x": 2, "worst": float("inf")})
        run.keep(tmp_path / "report.html", tmp_path / "nothing", folder="pages")
    (found,) = runs()
    assert found.info.status == "FINISHED" and found.info.run_name == "train-x x"
    assert found.data.params["a.b"] == "1" and len(found.data.params) == 151
    assert found.data.tags["mlflow.source.name"] == "repsight train-x"
    curve = client.get_metric_history(found.info.run_id, "loss")
    assert [(point.step, point.value) for point in curve] == [(1, 1.0), (2, 0.5)]
    assert found.data.metrics == {"loss": 0.5, "set _test_/exact": 0.5, "set/x": 2}, "what is not finite is left out"
    assert Path(found.info.artifact_uri.removeprefix("file://"), "pages/report.html").read_text() == "report"
    assert Path(found.info.artifact_uri.removeprefix("file://")).parents[1].name == "mlartifacts"
    assert len(said) == 1 and said[0].startswith("tracked in sqlite:///")
    assert not (tmp_path / "mark").exists()
    assert capfd.readouterr() == ("", ""), "MLflow keeps quiet"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(
    ("harm", "raised", "status"),
    [
        (lambda: int("x"), ValueError, "FAILED"),
        (lambda: signal.default_int_handler(signal.SIGINT, None), KeyboardInterrupt, "KILLED"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), KeyboardInterrupt, "KILLED"),
    ],
    ids=["error", "ctrl-c", "terminated"],
)
def test_how_a_run_ended_is_told(
    settings: Tracking, runs: Callable[[], list[Any]], tmp_path: Path, harm: Callable[[], None],
    raised: type[BaseException], status: str,
) -> None:  # fmt: skip
    with pytest.raises(raised), tracked(settings, "job", tmp_path / "x", {}):
        harm()
    assert [run.info.status for run in runs()] == [status]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_stopped_run_goes_on_as_the_same_when_it_is_resumed_with_the_same_settings(
    settings: Tracking, client: Any, runs: Callable[[], list[Any]], tmp_path: Path
) -> None:
    def train(
        epochs: tuple[int, ...], rate: float = 0.1, resume: bool = True, stop: bool = False, threads: int = 1
    ) -> None:
        with tracked(settings, "job", tmp_path / "x", {"rate": rate, "threads": threads}, mark=tmp_path / "m",
                     resume=resume, of_the_machine={"threads"}) as run:  # fmt: skip
            for epoch in epochs:
                run.report({"epoch": epoch, "loss": 1.0})
            if stop:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train((1, 2), resume=False, stop=True)
    train((3,), threads=2)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3]
    train((1,))
    assert len(runs()) == 2, "what has finished is not taken up"
    for rate, resume in ((0.1, False), (0.2, True)):
        with pytest.raises(KeyboardInterrupt):
            train((1,), rate, resume, stop=True)
    assert len(runs()) == 4, "nor what began with other settings"


def test_what_was_killed_outright_is_said_to_be_killed_by_the_next_run(
    settings: Tracking, client: Any, runs: Callable[[], list[Any]], tmp_path: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with tracked(settings, "outer", tmp_path / "x", {}):
        experiment = client.get_experiment_by_name(settings.experiment).experiment_id
        here = {"repsight.host": socket.gethostname()}
        client.create_run(experiment, tags=here | {"repsight.pid": str(gone.pid)}, run_name="dead")
        client.create_run(experiment, tags=here | {"repsight.pid": str(os.getppid())}, run_name="alive")
        client.create_run(experiment, tags={"repsight.host": "elsewhere", "repsight.pid": "1"}, run_name="elsewhere")
        with tracked(settings, "inner", tmp_path / "x", {}):
            status = {run.info.run_name: run.info.status for run in runs()}
    assert status == {"outer x": "RUNNING", "inner x": "RUNNING", "dead": "KILLED", "alive": "RUNNING",
                      "elsewhere": "RUNNING"}  # fmt: skip


def test_a_store_that_fails_on_the_way_costs_one_line(settings: Tracking, client: Any, tmp_path: Path) -> None:
    said: list[str] = []
    with tracked(settings, "job", tmp_path / "x", {}, say=said.append) as run:
        experiment = client.get_experiment_by_name(settings.experiment).experiment_id
        (found,) = client.search_runs([experiment])
        client.delete_run(found.info.run_id)
        for epoch in (1, 2):
            run.report({"epoch": epoch, "loss": 1.0})
        run.keep(Path(__file__))
        worked = True
    assert worked and len(said) == 1
    assert said[0].startswith("warning: sqlite:///") and "tracking ends here, the work goes on: " in said[0]


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"uri": "http://me:secret@127.0.0.1:PORT"},
         r"^http://127.0.0.1:\d+: tracking.uri: can't be used .*: the server does not answer; .*leave --track out$"),
        ({"uri": "text.db"}, r"text.db: tracking.uri: can't be used for tracking: .*not a database"),
        ({"uri": "nonsense://x"}, "^nonsense://x: tracking.uri: can't be used for tracking: "),
        ({"uri": "/proc/x/mlflow.db"}, "/proc/x/mlflow.db: tracking.uri: can't be used for tracking: "),
        ({"head": "missing.onnx"}, "^missing.onnx: tracking.head: no such file$"),
    ],
)  # fmt: skip
def test_a_store_that_can_not_be_used_is_one_line_before_the_work_begins(
    changed: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    Path("text.db").write_text("no database" * 100)
    changed = {name: value.replace("PORT", str(closed_port())) for name, value in changed.items()}
    with pytest.raises(InputError, match=said) as caught, tracked(Tracking(**changed), "job", Path("x"), {}):
        raise AssertionError("the work began")
    assert "\n" not in str(caught.value)


def test_without_mlflow_the_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    message = r"needs MLflow .*pip install '\.\[mlflow\]'"
    missing = tracked(Tracking(uri=str(tmp_path / "x.db")), "job", tmp_path / "x", {})
    with pytest.raises(MissingExtraError, match=message), missing:
        raise AssertionError("the work began")


def test_a_plan_is_one_run_with_the_figures_of_each_step_also_when_it_was_stopped(
    settings: Tracking, client: Any, runs: Callable[[], list[Any]], tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="heads are masked with the extra [train]")
    plan = tmp_path / "plan.yaml"
    plan.write_text("- {step: mask, ratio: 0.3}\n- {step: mask, name: more, ratio: 0.5}\n")

    def stop(line: str) -> None:
        if line.startswith("2/2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress("head", plan, tmp_path / "out", report=stop, tracking=settings)
    (run,) = runs()
    assert run.info.status == "KILLED" and run.data.params["02-more.ratio"] == "0.5"
    made = compress("head", plan, tmp_path / "out", tracking=settings)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert {"mask.seconds", "more.seconds"} < set(run.data.metrics)
    assert client.get_metric_history(run.info.run_id, "more.seconds")[0].step == 2
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert kept == {"01-mask", "02-more", made.artefact.path.name, "config.yaml"}


def person(number: int, action: str) -> KeypointSequence:
    """A stick figure that is halved and grows again in two seconds when it squats, and stays as it is otherwise."""
    time_s = np.arange(0, 3, 0.1)
    share = (1 - np.cos(np.pi * time_s)) / 2 * (action == "squat")
    keypoints = np.ones((len(time_s), 17, 3), np.float32)
    figure = np.random.default_rng(number).normal(0, 3, (17, 2)) + np.linspace([40, 10], [60, 110], 17)
    keypoints[..., :2] = figure * np.stack([np.ones_like(share), 1 - 0.5 * share], -1)[:, None]
    return KeypointSequence(keypoints, time_s, (100, 200), action, subject=str(number))


@pytest.mark.slow
def test_a_trained_head_is_tracked_registered_with_its_signature_and_evaluated(
    store: Path, client: Any, runs: Callable[[], list[Any]], settings: Tracking, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("torch", reason="heads are trained with the extra [train]")
    from mlflow.models import Model

    monkeypatch.chdir(tmp_path)
    Path("people").mkdir()
    for number in range(18):
        person(number, ("squat", "stand", "other")[number % 3]).save(Path(f"people/{number:02d}.npz"))
    tiny = ["hidden=8", "window=12", "rate_hz=6", "epochs=2", "batch=16", "threads=1"]
    where = [f"tracking.uri={store}", f"tracking.experiment={settings.experiment}"]
    result = CliRunner().invoke(cli.cli, ["train-head", "--data", "people", "--out", "a.onnx", *tiny, *where])
    assert result.exit_code == 0, result.output
    assert "; repsight version 1" in result.output and "INFO" not in result.output
    (run,) = runs()
    assert run.info.status == "FINISHED" and run.data.params["augment.roll_deg"] == "10.0"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "training_loss")] == [1, 2]
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert kept == {"a.onnx", "a.curve.json", "a.curve.png", "a.config.yaml", "a.classes.json"}
    version = client.get_model_version("repsight", "1")
    assert version.run_id == run.info.run_id and {"head_sha256", "pose_sha256"} <= set(version.tags)
    folder = version.source.removeprefix("file://")
    signature = Model.load(folder).signature
    assert signature.inputs.input_names() == ["time_s", "keypoints", "frames"]
    assert {"action", "phase", "totals", "reps"} < set(signature.outputs.input_names())
    assert Path(folder, "artifacts/a.onnx").read_bytes() == Path("a.onnx").read_bytes()

    result = CliRunner().invoke(cli.cli, ["evaluate", "--data", "people", "--head", "a.onnx", "draws=20", *where])
    assert result.exit_code == 0, result.output
    evaluated = runs()[-1]
    assert evaluated.info.run_name == "evaluate evaluation" and "people/windows.accuracy" in evaluated.data.metrics
    assert {file.path for file in client.list_artifacts(evaluated.info.run_id)} == {
        "report.html", "report.json", "config.yaml",
    }  # fmt: skip


@pytest.mark.slow
def test_a_pose_training_that_was_stopped_goes_on_in_the_same_run(
    settings: Tracking, client: Any, runs: Callable[[], list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ultralytics", reason="pose models are trained with the extra [train]")
    from compression.tracked_run import TrackedRun
    from keypoints.checkpoint import save_network
    from tests.compression import tiny

    monkeypatch.chdir(tmp_path)
    save_network(tiny.network(), Path("base.pt"))
    tiny.folder(Path("set"), 4)
    Path("set/data.yaml").write_text("train: images\nkpt_shape: [17, 3]\n")
    command = ["train-pose", "--data", "set/data.yaml", "--base", "base.pt", "--out", "pose.pt", "side=64", "batch=4",
               "epochs=2", "threads=1", "device=cpu", "validation=0.25", f"tracking.uri={settings.uri}",
               f"tracking.experiment={settings.experiment}"]  # fmt: skip

    def stop(self: TrackedRun, metrics: dict[str, float]) -> None:
        report(self, metrics)
        raise KeyboardInterrupt

    report = TrackedRun.report
    with monkeypatch.context() as patch:
        patch.setattr(TrackedRun, "report", stop)
        assert CliRunner().invoke(cli.cli, command).exit_code == 1
    assert [run.info.status for run in runs()] == ["KILLED"]
    for _ in range(2):  # what is finished, is not told again
        result = CliRunner().invoke(cli.cli, [*command, "--resume"])
        assert result.exit_code == 0, result.output
        (run,) = runs()
    assert run.info.status == "FINISHED" and run.info.run_name == "train-pose pose"
    assert run.data.params["augment.mosaic"] == "0.5"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "pose_ap")] == [1, 2]
    assert run.data.metrics["best.epoch"] in (1, 2)
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert kept == {"pose.pt", "pose.config.yaml", "pose.curve.json", "pose.curve.png"}
    assert not Path("pose.mlflow.json").exists()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A real `mlflow server`, and what stops it."""
    port = closed_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{tmp_path}/served.db",
               "--artifacts-destination", str(tmp_path / "artefacts")]  # fmt: skip
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def stop() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5)
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.25)
        yield url, stop
    finally:
        stop()


@pytest.mark.slow
def test_a_server_that_dies_on_the_way_costs_one_line(
    server: tuple[str, Callable[[], None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    url, stop = server
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    said: list[str] = []
    (tmp_path / "file").write_text("kept")
    with tracked(Tracking(uri=url), "job", tmp_path / "x", {"a": 1}, say=said.append) as run:
        run.report({"epoch": 1, "loss": 1.0})
        run.keep(tmp_path / "file")
        (found,) = MlflowClient(url).search_runs(["1"])
        assert found.data.metrics == {"loss": 1.0} and found.data.params == {"a": "1"} and said == []
        stop()
        for epoch in (2, 3):
            run.report({"epoch": epoch, "loss": 1.0})
    assert said == [f"warning: {url}: tracking ends here, the work goes on: the server does not answer"]
