"""Stage 1 over many videos: each gets a file, once; neither a bad one nor a kill costs the others anything."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from configs.extraction import Extract
from keypoints.errors import InputError
from keypoints.estimator import create
from keypoints.extract import extract
from keypoints.extract_many import Extracted, extract_many
from keypoints.extract_plan import INDEX, find, plan, read_index
from keypoints.types import KeypointSequence
from keypoints.video import Video
from keypoints.yolo import SHIPPED

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "edge" / "demo.mp4"
LOCAL = Extract(workers=1)


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    with Video(DEMO) as demo:
        return [frame.image for _, frame in zip(range(24), demo, strict=False)]


@pytest.fixture
def videos(frames: list[np.ndarray], tmp_path: Path) -> Path:
    """A folder of three short videos, two of them of the same name, and a file that is none."""
    folder = tmp_path / "videos"
    for number, name in enumerate(("squat/a.avi", "other/a.avi", "b.AVI")):
        write(folder / name, frames[3 * number : 3 * number + 3])
    (folder / "bad.mp4").write_text("no video")
    (folder / "notes.txt").write_text("no video either")
    return folder


def write(path: Path, frames: list[np.ndarray]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = (frames[0].shape[1], frames[0].shape[0])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, size)
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file in an output folder but the lock, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def run(videos: Path, out: Path, settings: Extract = LOCAL) -> Extracted:
    return extract_many([videos], out, settings)


def test_every_video_gets_a_file_of_its_own_and_a_line_in_the_index(videos: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    done = extract_many([videos], tmp_path / "out", LOCAL, lambda *news: told.append(news))
    names = ["b.AVI", "other/a.avi", "squat/a.avi"]
    assert set(outputs(tmp_path / "out")) == {INDEX, *(f"{name}.npz" for name in names)}
    assert len(done.failed) == 1 and "bad.mp4: not a video" in done.failed[0] and done.exit_code == 0
    assert told == [(n, 4) for n in range(5)]
    lines = [json.loads(line) for line in (tmp_path / "out" / INDEX).read_text().splitlines()]
    assert [line["name"] for line in lines] == names
    assert [line["frames"] for line in lines] == [3, 3, 3]
    made = KeypointSequence.load(tmp_path / "out" / "squat" / "a.avi.npz")
    assert made.source == "squat/a.avi"
    estimator = create(SHIPPED, threads=1)
    assert np.array_equal(made.keypoints, extract(videos / "squat" / "a.avi", estimator).keypoints)
    estimator.close()
    assert outputs(tmp_path / "out") == outputs(run(videos, tmp_path / "two", Extract(workers=2)).index.parent)


def test_what_is_done_is_skipped_and_what_has_changed_is_not(
    videos: Path, frames: list[np.ndarray], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(videos, out)
    first = outputs(out)

    def again(settings: Extract = LOCAL) -> list[str]:
        return sorted(entry.name for entry in run(videos, out, settings).made)

    assert again() == []
    (videos / "b.AVI").touch()
    assert again() == [], "another time, but the same content"
    with (out / INDEX).open("a") as index:
        index.write('{"name": "squat/a.avi", "sour')
    assert again() == [], "a line that a kill cut off"
    (out / "squat" / "a.avi.npz").write_bytes(b"damaged")
    (out / "other" / "a.avi.npz").unlink()
    assert again() == ["other/a.avi", "squat/a.avi"]
    assert {k: v for k, v in outputs(out).items() if k != INDEX} == {k: v for k, v in first.items() if k != INDEX}
    write(videos / "b.AVI", frames[20:22])
    assert again() == ["b.AVI"]
    assert read_index(out)["b.AVI"].frames == 2
    assert again(Extract(workers=1, follow={"enabled": False})) == ["b.AVI", "other/a.avi", "squat/a.avi"]


def test_a_run_that_was_killed_left_nothing_by_half_and_goes_on(frames: list[np.ndarray], tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "videos" / f"{number}.avi", frames)
    out = tmp_path / "out"
    command = [sys.executable, "cli.py", "extract", str(tmp_path / "videos"), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(lambda: (out / "0.avi.npz").exists() or process.poll() is not None)
    process.kill()
    process.wait()
    left = {name for name in outputs(out) if name.endswith(".npz")}
    assert left and left < {"0.avi.npz", "1.avi.npz", "2.avi.npz"}
    for name in left:
        assert len(KeypointSequence.load(out / name)) == len(frames)
    done = run(tmp_path / "videos", out)
    assert done.kept + len(done.made) == 3 and not done.failed
    assert outputs(out) == outputs(run(tmp_path / "videos", tmp_path / "other").index.parent)


def wait_for(condition: Callable[[], bool], seconds: float = 600) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def test_names_stay_and_the_same_name_twice_is_two_files(tmp_path: Path) -> None:
    for place in ("one/a.mp4", "two/a.mp4", "two/deep/b.webm", "two/.hidden.mp4", "two/c.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    one, two = tmp_path / "one", tmp_path / "two"
    found = find([one / "a.mp4", two, two / "a.mp4", f"{tmp_path}/t*/**/*.webm"])
    assert found == {one / "a.mp4": "a.mp4", two / "a.mp4": "a.mp4", two / "deep" / "b.webm": "deep/b.webm"}
    names = {item.path: item.name for item in plan(found, [], ".npz")}
    assert names[one / "a.mp4"] == "a.mp4"
    assert names[two / "a.mp4"].startswith("a-") and names[two / "a.mp4"].endswith(".mp4")
    assert find([f"{tmp_path}/*/deep"]) == {two / "deep" / "b.webm": "two/deep/b.webm"}
    assert find([two / "c.txt"]) == {two / "c.txt": "c.txt"}, "a file that is named is taken for a video"


def test_parquet_has_a_row_a_frame(videos: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet is written with the extra [parquet]")
    run(videos, tmp_path / "npz")
    run(videos, tmp_path / "parquet", Extract(workers=1, format="parquet"))
    rows = parquet.read_table(tmp_path / "parquet")
    assert rows.num_rows == 9, "the folder is one data set"
    table = parquet.read_table(tmp_path / "parquet" / "squat" / "a.avi.parquet")
    assert table.column_names == ["source", "frame", "time_s", "width", "height", "keypoints"]
    same = KeypointSequence.load(tmp_path / "npz" / "squat" / "a.avi.npz")
    keypoints = np.array(table["keypoints"].to_pylist(), np.float32).reshape(-1, 17, 3)
    assert np.array_equal(keypoints, same.keypoints)
    assert table["time_s"].to_pylist() == same.time_s.tolist()
    assert (table["source"][0].as_py(), table["frame"].to_pylist()) == ("squat/a.avi", [0, 1, 2])


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a server that greets as no Ray head does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, ["extract", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty", "--out", "out"], "empty: no videos found"),
        (["gone.mp4", "--out", "out"], "gone.mp4: no such file or folder"),
        (["*.webm", "--out", "out"], r"no videos found"),
        (["bad.mp4", "--out", "bad.mp4"], "'bad.mp4' is a file"),
        (["bad.mp4", "--out", "bad.mp4/deep"], "can't be written"),
        (["bad.mp4", "--out", "out", "--engine", "spark"], "'spark' is not one of 'local', 'ray'"),
        (["bad.mp4", "--out", "out", "engine=spark"], "engine: .*found 'spark'"),
        (["bad.mp4", "--out", "out", "workerz=2"], "unknown key; did you mean 'workers'"),
        (["bad.mp4", "--out", "out", "--address", "127.0.0.1:1"], "address: is of a Ray cluster .*--engine ray"),
        (["bad.mp4", "--out", "out", "--pose", "bad.mp4"], "no pose estimator for this kind of file"),
        (["--out", "out"], "Missing argument"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("bad.mp4").write_text("no video")
    result = call(*arguments)
    assert result.exit_code == 2
    assert re.search(message, result.output), result.output
    assert len(result.output.strip().splitlines()) == 1


def test_nothing_but_bad_videos_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    result = call(tmp_path / "bad.mp4", "--out", tmp_path / "out")
    assert result.exit_code == 1 and "failed: " in result.output and "not a video" in result.output


def test_another_folder_is_not_taken_for_an_output(videos: Path, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("mine\n")
    with pytest.raises(InputError, match="not an index"):
        run(videos, tmp_path)
    assert (tmp_path / INDEX).read_text() == "mine\n"


@pytest.mark.parametrize("place", ["nobody", "web server", "nowhere", "ray://127.0.0.1:10001"])
def test_a_ray_cluster_that_does_not_answer_is_one_line(place: str, listening: int, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra [ray]")
    (tmp_path / "a.mp4").write_text("no video")
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    address = {"nobody": f"127.0.0.1:{free}", "web server": f"127.0.0.1:{listening}", "nowhere": "here"}.get(
        place, place
    )
    result = call(tmp_path / "a.mp4", "--out", tmp_path / "out", "--engine", "ray", "--address", address)
    assert result.exit_code == 2 and result.output.startswith("error: address: ")
    assert "no Ray cluster answers" in result.output or "expected HOST:PORT" in result.output
    assert len(result.output.splitlines()) == 1


def test_a_ray_cluster_that_nobody_has_started_or_that_is_gone_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="needs the extra [ray]")
    (tmp_path / "a.mp4").write_text("no video")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    command = (tmp_path / "a.mp4", "--out", tmp_path / "out", "--engine", "ray", "--address", "auto")
    result = call(*command)
    assert result.exit_code == 2
    assert result.output.startswith("error: address: no Ray cluster was started on this machine"), result.output
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(gone)
    result = call(*command)
    assert result.exit_code == 2
    assert result.output.startswith("error: address: no Ray cluster answers") and gone in result.output


@pytest.mark.parametrize(("package", "option"), [("ray", "--engine=ray"), ("pyarrow", "--format=parquet")])
def test_a_missing_extra_is_one_line(
    package: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "a.mp4").write_text("no video")
    result = call(tmp_path / "a.mp4", "--out", tmp_path / "out", option)
    assert result.exit_code == 2 and "pip install '.[" in result.output


def processes(mark: str, name: str = "") -> list[int]:
    """Those that have `mark` in their environment, and `name` in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_text() and name in (process / "cmdline").read_text():
                found.append(int(process.name))
        except (OSError, UnicodeDecodeError):  # it has ended, or is another user's
            continue
    return found


@pytest.fixture
def ray_head(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Ray cluster of two CPUs, as `ray start` makes it on this machine: what marks its processes."""
    pytest.importorskip("ray", reason="needs the extra [ray]")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    mark = f"extract-{uuid.uuid4()}"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", uuid.uuid4().hex)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    environment = os.environ | {"MARK": mark, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:  # a socket's path is short
        monkeypatch.setenv("RAY_TMPDIR", folder)
        try:
            subprocess.run(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", f"--port={port}", "--num-cpus=2",
                 "--include-dashboard=false"],
                env=environment | {"RAY_TMPDIR": folder}, check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            yield mark
        finally:
            for raylet in processes(mark, "raylet/raylet"):  # it ends what it has started, its agents as well
                os.kill(raylet, signal.SIGTERM)
            with suppress(AssertionError):
                wait_for(lambda: not processes(mark, "raylet/raylet"), 10)
            for left in processes(mark):
                with suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)


@pytest.mark.slow
def test_a_ray_cluster_writes_the_same_bytes_though_its_workers_are_killed(
    frames: list[np.ndarray], ray_head: str, tmp_path: Path
) -> None:
    videos, out = tmp_path / "videos", tmp_path / "ray"
    for number in range(4):
        write(videos / f"{number}" / "a.avi", frames[number:])
    (videos / "bad.mp4").write_text("no video")
    command = [sys.executable, "cli.py", "extract", str(videos), "--out", str(out), "--engine", "ray"]
    command += ["--address", "auto"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(out.rglob("*.npz")) or process.poll() is not None)
    killed = processes(ray_head, "MapWorker")
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    said, complained = process.communicate(timeout=300)
    assert killed and process.returncode == 0, complained
    assert said == f"wrote {out / INDEX}: 4 new ({sum(len(frames) - n for n in range(4))} frames), 1 failed\n"
    told = [line for line in complained.splitlines() if not line.startswith("extracting")]
    assert len(told) == 1 and told[0].startswith(f"failed: {videos / 'bad.mp4'}: not a video")
    assert outputs(out) == outputs(run(videos, tmp_path / "local").index.parent)
