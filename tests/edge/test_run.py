"""The whole edge runner as a user meets it: `repsight run` in a fresh process, on real files, streams and models."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from configs.schema import Run
from edge import live
from edge.history.database import FILE
from edge.reading import STAGES
from edge.run import load_settings, run
from edge.screens import Screen
from keypoints.errors import ConfigError
from keypoints.video import Video

ROOT = Path(__file__).parents[2]
Cli = Callable[..., subprocess.CompletedProcess[str]]
Squats = Callable[[int], Path]


def test_a_sequence_is_counted_logged_reported_and_summed_up(
    repsight: Cli, squats: Squats, tiny_head: Path, tmp_path: Path
) -> None:
    done = repsight("run", squats(3), "--head", tiny_head, "--screen", "none", "--log", "log", "--json", "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"3 squats in 0:0[67] - saved to log/sessions.db, out.json\n", done.stdout)
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["totals"] == {"squat": 3}
    assert report["models"]["head"]["sha256"]
    assert "pose" not in report["models"], "stage 2 alone"
    assert [s["reps"] for s in report["segments"] if s["action"] == "squat"] == [3]
    assert [rep["counted_at_s"] >= rep["end_s"] > rep["start_s"] for rep in report["reps"]] == [True] * 3
    used, counting = load_settings(tmp_path / "out.config.yaml")
    assert (used.head, used.screen, used.log) == (str(tiny_head), "none", "log"), "for --config, to do it again"
    assert counting == load_settings()[1]
    with sqlite3.connect(tmp_path / "log" / FILE) as db:
        assert db.execute("SELECT count(*), min(action) FROM reps").fetchone() == (3, "squat")
        assert db.execute("SELECT duration_s FROM sessions").fetchone()[0] == pytest.approx(
            report["duration_s"], abs=1e-3
        )


def test_a_video_goes_through_every_stage_and_into_the_report(
    repsight: Cli, make_video: Callable[..., Path], tiny_head: Path, tmp_path: Path
) -> None:
    clip = make_video(frames=8, size=(320, 240))
    done = repsight("run", clip, "--head", tiny_head, "--screen", "none", "--json", "o.json", "--save", "o.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((tmp_path / "o.json").read_text())
    assert set(report) == {
        "source", "frames", "duration_s", "fps", "models", "totals", "holds", "segments", "reps", "latency_ms",
        "looks", "steps",
    }  # fmt: skip
    assert report["source"] == str(clip)
    assert report["frames"] == 8
    assert report["duration_s"] == pytest.approx(7 / 25, abs=0.01)
    assert set(report["models"]["pose"]) >= {"path", "sha256", "precision", "input"}
    assert {"decode", "letterbox", "pose", "track", "smooth", "draw", "log", "chain"} <= set(report["latency_ms"])
    assert set(report["latency_ms"]) <= set(STAGES)
    assert all(set(v) == {"p50", "p90", "p99"} for v in report["latency_ms"].values())
    assert report["latency_ms"]["decode"]["p50"] > 0
    assert {look: found["frames"] for look, found in report["looks"].items()} == {"whole": 3, "tile": 5}
    assert all(set(found["chain"]) == {"p50", "p90", "p99"} for found in report["looks"].values())
    assert len(list(Video(tmp_path / "o.mp4"))) == 8


def test_the_chain_is_what_lies_between_decode_and_log(squats: Squats, tiny_head: Path) -> None:
    latency = run(settings(squats(1), tiny_head)).report.content()["latency_ms"]
    inside = sum(latency[stage]["p50"] for stage in ("window", "head", "count", "draw"))
    assert latency["chain"]["p50"] >= 0.9 * inside


def settings(source: object, head: Path, **more: Any) -> Run:
    return Run(source=str(source), head=str(head), **{"screen": "none", "log": "none", **more})


def test_a_frame_limit_ends_the_run(squats: Squats, tiny_head: Path) -> None:
    assert run(settings(squats(3), tiny_head), max_frames=20).report.frames == 20


def test_asking_to_stop_ends_the_run_after_the_frame_in_hand(squats: Squats, tiny_head: Path) -> None:
    asked = iter([False] * 10 + [True] * 10)
    outcome = run(settings(squats(3), tiny_head), stopped=lambda: next(asked))
    assert outcome.report.frames == 11
    assert outcome.exit_code == 0


def test_no_log_is_kept_where_none_is_wanted(squats: Squats, tiny_head: Path, tmp_path: Path) -> None:
    outcome = run(settings(squats(1), tiny_head))
    assert "saved to" not in outcome.summary


def test_a_film_is_not_the_users_training_unless_they_say_so(
    squats: Squats, tiny_head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert "saved to" not in run(settings(squats(1), tiny_head, log="auto")).summary
    assert not list(tmp_path.iterdir())
    outcome = run(settings(squats(2), tiny_head, log="always"))
    assert outcome.summary.endswith(f"saved to {tmp_path / 'repsight' / FILE}")
    again = run(settings(squats(3), tiny_head, log="always"))
    assert "a new best: 3 squats" in again.summary


def test_a_camera_is_counted_also_where_the_users_own_history_cannot_be_had(
    mjpeg: Any, tiny_head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "repsight").write_text("in the way")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    outcome = run(settings(mjpeg.url, tiny_head, log="auto"), max_frames=3)
    assert outcome.report.frames == 3 and outcome.exit_code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: ") and "log folder: can't be made" in line and "counting goes on" in line


def test_a_workout_is_followed_and_summed_up(squats: Squats, tiny_head: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: Mine\nrest_s: 0\nsteps: [{action: squats, sets: 2, reps: 2}]\n")
    outcome = run(settings(squats(3), tiny_head, log=str(tmp_path), workout=str(tmp_path / "mine.yaml")))
    assert "3 squats in 0:06 - Mine: 1 of 2 sets done - saved to" in outcome.summary
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("SELECT workout FROM sessions").fetchall() == [("Mine",)]


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda p: cv2.imwrite(str(p / "1.png"), np.zeros((1, 1, 3), np.uint8)), "1x1"),
        (lambda p: cv2.imwrite(str(p / "1.jpg"), np.zeros((4320, 7680, 3), np.uint8)), "8K"),
        (lambda p: cv2.imwrite(str(p / "1.png"), np.zeros((64, 48), np.uint8)), "grey"),
        (lambda p: cv2.imwrite(str(p / "1.png"), np.zeros((64, 48, 4), np.uint8)), "RGBA"),
    ],
    ids=["1x1", "8K", "grey", "RGBA"],
)
def test_odd_pictures_go_through_the_whole_chain(
    make: Callable[[Path], object], size: str, tiny_head: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    make(tmp_path / "images")
    outcome = run(settings(tmp_path / "images", tiny_head), save=tmp_path / "o.mp4")
    assert outcome.report.frames == 1
    assert (tmp_path / "o.mp4").stat().st_size > 0


def test_a_truncated_video_is_counted_and_said_and_the_exit_code_tells(
    repsight: Cli, make_video: Callable[..., Path], tiny_head: Path, tmp_path: Path
) -> None:
    clip = make_video("clip.avi", size=(320, 240), codec="MJPG")
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    done = repsight("run", clip, "--head", tiny_head, "--screen", "none", "--json", "o.json")
    assert done.returncode == 2
    assert re.fullmatch(r"warning: .*clip.avi: the video ends early or is damaged: \d+ of 30 frames .*\n", done.stderr)
    assert "saved to" in done.stdout
    assert 5 < json.loads((tmp_path / "o.json").read_text())["frames"] < 30


def test_damaged_images_are_said_in_one_line_and_not_by_the_libraries(
    repsight: Cli, tiny_head: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for name in ("1.png", "2.png", "3.jpg"):
        cv2.imwrite(str(tmp_path / name), noise)
    for name in ("2.png", "3.jpg"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:2000])
    done = repsight("run", tmp_path, "--head", tiny_head, "--screen", "none", "log=none")
    assert done.returncode == 2
    assert done.stderr == f"warning: {tmp_path}: 1 of 3 images could not be read: 2.png\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.mp4"], "nothing.mp4: no such file"),
        (["text.mp4"], "not a video"),
        (["empty.mp4"], "the file is empty"),
        (["text.npz"], "not a keypoint sequence"),
        (["/dev/video77"], "no such camera"),
        (["/dev/null"], "another program"),
        (["http://127.0.0.1:9/x"], "can't connect"),
        (["picamera"], "picamera2"),
        (["squats.npz", "--json", "missing/o.json"], "missing/o.json: --json: can't be written"),
        (["squats.npz", "--save", "o.txt"], "expected .mp4"),
        (["squats.npz", "--log", "text.mp4"], "text.mp4"),
        (["squats.npz", "--log", "/proc/log"], "log folder: can't be made"),
        (["squats.npz", "--workout", "plan.yaml"], "steps.0.action: no exercise"),
        (["squats.npz", "--head", "text.mp4"], "text.mp4"),
        (["squats.npz", "--head", "missing.onnx"], "missing.onnx: no such file"),
        (["empty.mp4", "--pose", "text.mp4"], "text.mp4"),
        (["squats.npz", "scren=none"], "scren: unknown key; did you mean 'screen'?"),
        (["squats.npz", "camera.widht=3"], "did you mean 'width'?"),
        (["squats.npz", "counting.switch_margn=3"], "did you mean 'switch_margin'?"),
        (["squats.npz", "--config", "typo.yaml"], "typo.yaml: folder_fsp: unknown key; did you mean 'folder_fps'?"),
        (["squats.npz", "--config", "missing.yaml"], "missing.yaml: no such file"),
        (["squats.npz", "--screen", "cinema"], "'cinema' is not one of"),
        (["squats.npz", "--screen", "window"], "no display"),
        (["squats.npz", "another.npz"], "One source at a time"),
        (["--sceen", "none"], "--screen"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_gives_one_clear_line_and_exit_code_2(
    repsight: Cli, squats: Squats, tiny_head: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    (tmp_path / "text.npz").write_text("no sequence")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "typo.yaml").write_text("folder_fsp: 5\n")
    (tmp_path / "plan.yaml").write_text("steps: [{action: sqat, reps: 5}]\n")
    (tmp_path / "squats.npz").write_bytes(squats(1).read_bytes())
    screen = [] if "--screen" in arguments else ["--screen", "none"]
    head = [] if "--head" in arguments else ["--head", str(tiny_head)]
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "QT_QPA_PLATFORM")}
    done = repsight("run", *arguments, *screen, *head, env=environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert says in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["squats.npz", "--json", "squats.npz"],
        ["squats.npz", "--head", "head.onnx", "--json", "./head.onnx"],
        ["squats.npz", "--json", "one.mp4", "--save", "one.mp4"],
        ["pictures", "--json", "pictures/counts.json"],
    ],
    ids=" ".join,
)
def test_an_output_never_replaces_what_the_run_reads_or_writes(
    repsight: Cli, squats: Squats, tiny_head: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "squats.npz").write_bytes(squats(1).read_bytes())
    (tmp_path / "head.onnx").write_bytes(tiny_head.read_bytes())
    (tmp_path / "pictures").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = repsight("run", *arguments, "--screen", "none", "--log", "none")
    assert done.returncode == 2
    assert "would replace or join" in done.stderr and done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_source_is_given_once_and_is_not_empty(repsight: Cli) -> None:
    for arguments in (["demo", "source=other.mp4"], ["a.mp4", "b.mp4"], [""]):
        done = repsight("run", *arguments, "--screen", "none")
        assert done.returncode == 2
        assert "source" in done.stderr.lower() and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["synthesize", "--out", "x"], ["train-head"], ["export", "a.pt", "--out", "b.onnx"]]
)
def test_without_the_workshop_half_its_commands_say_how_to_get_it(
    repsight: Cli, tmp_path: Path, command: list[str]
) -> None:
    # Packages of the same names that are not there: what an environment with the runtime half alone looks like.
    for name in ("torch", "onnx", "ultralytics", "scipy", "anny"):
        (tmp_path / "absent").mkdir(exist_ok=True)
        missing = f"raise ModuleNotFoundError('No module named {name}', name='{name}')"
        (tmp_path / "absent" / f"{name}.py").write_text(missing)
    done = repsight(*command, env=os.environ | {"PYTHONPATH": str(tmp_path / "absent")})
    assert done.returncode == 2
    assert "needs the workshop half" in done.stderr and "pip install '.[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_with_debug_an_error_shows_its_traceback(repsight: Cli) -> None:
    done = repsight("--debug", "run", "nothing.mp4", "--screen", "none")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_the_version_is_that_of_the_project(repsight: Cli) -> None:
    assert re.fullmatch(r"repsight \d+\.\d+.*\n", repsight("--version").stdout)


def test_settings_come_from_the_file_and_then_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("folder_fps: 5\nsource: 0\n")
    given, counting = load_settings(tmp_path / "mine.yaml", ["camera.width=640", "counting.switch_margin=0.3"])
    assert (given.source, given.folder_fps, given.camera.width, given.camera.height) == ("0", 5, 640, 720)
    assert counting.switch_margin == 0.3
    with pytest.raises(ConfigError, match=r"folder_fps"):
        load_settings(tmp_path / "mine.yaml", ["folder_fps=-1"])


def test_the_shipped_settings_are_the_defaults() -> None:
    settings, counting = load_settings()
    assert settings == Run(counting=counting)


def full_disk() -> None:
    """No file of this process may grow past 300 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


def test_a_disk_that_fills_up_is_said_once_and_counting_goes_on(
    repsight: Cli, squats: Squats, tiny_head: Path, tmp_path: Path
) -> None:
    arguments = ["run", squats(150), "--head", tiny_head, "--screen", "none", "--log", "log", "--json", "o.json"]
    done = repsight(*arguments, preexec_fn=full_disk)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "sessions.db: the session is no longer logged" in done.stderr
    assert done.stdout.startswith("150 squats in 5:0")
    assert json.loads((tmp_path / "o.json").read_text())["totals"] == {"squat": 150}
    with sqlite3.connect(tmp_path / "log" / FILE) as db:
        assert 3 < db.execute("SELECT count(*) FROM reps").fetchone()[0] < 150


def test_a_report_that_no_longer_fits_is_said_and_the_summary_still_comes(
    repsight: Cli, squats: Squats, tiny_head: Path, tmp_path: Path
) -> None:
    def tiny_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    arguments = ["run", squats(20), "log=none", "--head", tiny_head, "--screen", "none", "--json", "o.json"]
    done = repsight(*arguments, preexec_fn=tiny_disk)
    assert done.returncode == 1
    assert "o.json: the report can't be written" in done.stderr
    assert done.stdout.startswith("20 squats")
    assert [p.name for p in tmp_path.iterdir()] == []


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `python cli.py run ...` and leaves it running."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "cli.py"), "run", *map(str, arguments), "--screen", "none"]
        process = subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_in_mid_session_still_gives_summary_report_and_log(
    start: Callable[..., subprocess.Popen[str]], mjpeg: Any, tiny_head: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(mjpeg.url, "--head", tiny_head, "--log", "log", "--json", "o.json")

    def session_began() -> bool:
        path = tmp_path / "log" / FILE
        if not path.exists():
            return False
        with sqlite3.connect(path) as db:
            tables = db.execute("SELECT name FROM sqlite_master WHERE name = 'sessions'").fetchall()
            return bool(tables) and bool(db.execute("SELECT 1 FROM sessions").fetchall())

    wait_until(session_began)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "nothing counted in 0:0" in out
    assert json.loads((tmp_path / "o.json").read_text())["source"] == mjpeg.url
    with sqlite3.connect(tmp_path / "log" / FILE) as db:
        assert db.execute("SELECT ended_at IS NOT NULL FROM sessions").fetchall() == [(1,)]


def test_a_signal_while_a_stream_does_not_answer_still_gives_a_report(
    start: Callable[..., subprocess.Popen[str]], tiny_head: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = threading.Event()
        threading.Thread(target=lambda: (silent.accept(), asked.set(), time.sleep(30)), daemon=True).start()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        process = start(url, "stream_timeout_s=30", "--head", tiny_head, "--json", "o.json")
        assert asked.wait(30)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("nothing counted in 0:00")
    assert json.loads((tmp_path / "o.json").read_text())["frames"] == 0


def test_a_stream_that_dies_is_shown_as_lost_and_the_session_goes_on(
    mjpeg: Any, tiny_head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FIRST_RETRY_S", 0.05)
    story: list[str] = []

    class Watcher(Screen):
        needs_picture = True

        def show(self, picture: Any, board: Any, reading: Any) -> bool:
            said = "lost" if reading.state == "camera lost" else "seen"
            if not story or story[-1] != said:
                story.append(said)
                assert picture is not None
                {"seen": mjpeg.die, "lost": mjpeg.start}[said]() if len(story) < 3 else None
            return len(story) < 3

    monkeypatch.setattr("edge.run.open_screen", lambda _: Watcher())
    outcome = run(settings(mjpeg.url, tiny_head, stream_timeout_s=2.0))
    assert story == ["seen", "lost", "seen"]
    assert outcome.exit_code == 0
    assert outcome.report.duration_s > 0


def test_files_play_at_their_own_speed_where_somebody_watches(
    squats: Squats, tiny_head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    due: list[float] = []
    monkeypatch.setattr("edge.run._sleep_until", lambda when, stopped: due.append(when))
    run(settings(squats(1), tiny_head), max_frames=5)
    assert due == [], "nobody watches"
    run(settings(squats(1), tiny_head, screen="terminal"), max_frames=5)
    np.testing.assert_allclose(np.diff(due), 1 / 15, atol=1e-3)
    due.clear()
    run(settings(squats(1), tiny_head, screen="terminal", real_time=False), max_frames=5)
    assert due == []


def test_without_a_camera_the_demo_clip_is_shown_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.run import choose_source

    monkeypatch.setattr("edge.run.cameras", list)
    name, greeting = choose_source("auto")
    assert name == "demo"
    assert greeting is not None
    assert "demo" in greeting


def test_a_usb_camera_is_chosen_before_the_one_at_the_ribbon(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.machine import Camera
    from edge.run import choose_source

    monkeypatch.setattr("edge.run.ribbon_camera", lambda: "unicam-image")
    monkeypatch.setattr("edge.run.cameras", list)
    assert choose_source("auto") == ("picamera", None)
    monkeypatch.setattr("edge.run.cameras", lambda: [Camera(Path("/dev/video8"), "USB", True)])
    assert choose_source("auto") == ("/dev/video8", None)


@pytest.mark.slow
def test_the_demo_gives_five_squats_four_push_ups_and_a_plank_of_five_seconds(repsight: Cli, tmp_path: Path) -> None:
    done = repsight("run", "demo", "--screen", "none", "log=none", "--json", "o.json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["totals"] == {"squat": 5, "push_up": 4}
    assert report["holds"]["plank"] == pytest.approx(5, abs=1)


def test_the_edge_runner_imports_nothing_of_the_workshop(squats: Squats, tiny_head: Path, tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        sys.argv = ["repsight", "run", *sys.argv[1:]]
        import cli
        try:
            cli.main()
        except SystemExit as end:
            assert not end.code, end.code
        heavy = {"torch", "ultralytics", "sklearn", "mediapipe", "onnx", "scipy", "matplotlib", "PIL", "pandas"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(squats(1)), "--head", str(tiny_head), "--screen", "terminal", "log=none"],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[]\n")
