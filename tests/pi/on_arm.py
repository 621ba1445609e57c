"""Is RepSight right on a Raspberry Pi? The runtime half on an emulated one, beside the same work on this PC.

    make test-pi                 # Debian's release of this machine: bookworm (Python 3.11) or trixie (3.13)
    make test-pi SUITE=trixie    # the other one
    make test-pi FP32=pose.onnx  # with a pose model in fp32 as well

It tells numbers and never speed: qemu translates, some fifty times slower. A Pi 5 is a cortex-a76; a Pi 4 is a
cortex-a72, whose lack of dot products makes onnxruntime multiply int8 in another way. Its name does not begin with
`test_`, so that `make test` leaves it out.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from keypoints.files import sha256
from keypoints.video import Video
from keypoints.yolo import SHIPPED
from tests.pi.board import CPUS, LOCK, ROOT, Board, NoBoardError, pin

#: Frames of the demo clip: standing, squatting, on the way down, in a push-up, in a plank.
PICTURES = (10, 95, 130, 480, 620, 900)
CHECKPOINT = ROOT.parent / "shared" / "weights" / "yolo11n-pose.pt"


@pytest.fixture(scope="session")
def board() -> Board:
    try:
        return Board()
    except NoBoardError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def pictures(board: Board) -> Path:
    """The same pixels for both, whatever their decoders do."""
    folder = board.folder / "pictures"
    folder.mkdir(exist_ok=True)
    for frame in Video(ROOT / "edge" / "demo.mp4"):
        if frame.index in PICTURES:
            cv2.imwrite(str(folder / f"{frame.index:04}.png"), frame.image)
    return folder


@pytest.fixture(scope="session")
def fp32(board: Board) -> Path | None:
    """A pose model in fp32: the one that FP32 names, or an export of a checkpoint beside the project."""
    if named := os.environ.get("FP32"):
        return Path(named)
    path = board.folder / "fp32.onnx"
    if not path.exists() and CHECKPOINT.is_file():
        command = ["cli.py", "export", CHECKPOINT, "precision=fp32", "--out", path]
        subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, check=True)
    return path if path.exists() else None


@pytest.fixture(scope="session")
def models(fp32: Path | None) -> list[Path]:
    return [SHIPPED] + ([fp32] if fp32 else [])


@pytest.fixture(scope="session")
def here(board: Board, pictures: Path, models: list[Path]) -> Any:
    """What this PC makes of it."""
    out = board.folder / "here.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "tests/pi/work.py", "compare", out, pictures, *models]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return json.loads(out.read_text())


@pytest.fixture(scope="session")
def boards(board: Board, pictures: Path, models: list[Path]) -> dict[str, Any]:
    """What each emulated Pi makes of it, both at the same time."""

    def work(cpu: str) -> Any:
        out = board.folder / f"{cpu}.json"
        done = board.run(cpu, "tests/pi/work.py", "compare", out, pictures, *models, check=False)
        return json.loads(out.read_text()) if done.returncode == 0 else done.stderr

    with ThreadPoolExecutor() as pool:
        return dict(zip(CPUS, pool.map(work, CPUS), strict=True))


@pytest.fixture(params=CPUS)
def cpu(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def there(boards: dict[str, Any], cpu: str) -> Any:
    """What one emulated Pi makes of it."""
    assert not isinstance(boards[cpu], str), boards[cpu]
    return boards[cpu]


def locked(board: Board) -> dict[str, str]:
    """Distribution and version that the lock installs on its Python."""
    version = board.python.name.removeprefix("python")
    return dict(found for line in LOCK.read_text().splitlines() if (found := pin(line, version)))


def test_everything_installs_from_wheels_alone_on_what_the_readme_says_a_bare_system_needs(board: Board) -> None:
    metadata = board.site.glob("*.dist-info")
    installed = dict(path.stem.replace("_", "-").rsplit("-", 1) for path in metadata)
    assert installed == locked(board)
    libraries = [path for path in board.site.rglob("*.so") if path.read_bytes()[18] != 0xB7]  # ELF's e_machine: AArch64
    assert libraries == []


def test_the_int8_pose_model_sees_what_it_sees_on_a_pc(here: Any, there: Any) -> None:
    apart = distances(here["poses"][SHIPPED.stem], there["poses"][SHIPPED.stem])
    assert np.median(apart) <= 2.0


def test_the_fp32_pose_model_sees_what_it_sees_on_a_pc(here: Any, there: Any, fp32: Path | None) -> None:
    if fp32 is None:
        pytest.skip("no pose model in fp32: FP32=FILE, or the checkpoint beside the project")
    assert distances(here["poses"][fp32.stem], there["poses"][fp32.stem]).max() <= 0.5


def distances(ours: list[Any], theirs: list[Any]) -> Any:
    """Pixels between the keypoints of the two, of every picture; both must see a person in the same ones."""
    assert [pose is None for pose in ours] == [pose is None for pose in theirs]
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None]
    assert len(pairs) == len(PICTURES), "the demo shows a person all the time"
    first, second = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    return np.linalg.norm(first[..., :2] - second[..., :2], axis=-1)


def test_the_head_is_as_sure_as_on_a_pc(here: Any, there: Any) -> None:
    for name, answers in here["windows"].items():
        assert np.abs(np.array(answers) - np.array(there["windows"][name])).max() <= 1e-3, name


def test_recorded_sequences_are_counted_as_on_a_pc(here: Any, there: Any) -> None:
    assert len(here["counts"]) == 3
    for name, report in here["counts"].items():
        assert report["totals"], name
        assert there["counts"][name] == report, name


def test_the_chain_counts_the_squats_of_the_demo_clip(here: Any, there: Any) -> None:
    assert there["chain"]["frames"] == here["chain"]["frames"] == 40
    assert there["chain"]["totals"] == here["chain"]["totals"] == {"squat": 2}


def test_the_doctor_tells_the_truth(board: Board, there: Any, cpu: str) -> None:
    checks = {check["name"]: check for check in there["doctor"]}
    assert {name: check for name, check in checks.items() if check["state"] == "fault"} == {}
    assert checks["system"]["found"] == "Linux aarch64"
    assert checks["version"]["found"].startswith(board.python.name.removeprefix("python") + ".")
    assert checks["processor"]["found"].startswith(CPUS[cpu].board)
    pins = locked(board)
    for name in ("numpy", "onnxruntime", "opencv-python", "pydantic"):
        assert checks[name]["found"] == pins[name]
    assert sha256(SHIPPED)[:12] in checks["pose model"]["found"]
    assert "apt-get install python3-picamera2" in checks["picamera2"]["mend"]


def test_the_doctor_misses_a_library_and_knows_its_package(board: Board, cpu: str) -> None:
    done = board.run(cpu, "cli.py", "doctor", check=False, without="libGL.so.1")
    assert done.returncode == 1, done.stderr
    assert "libGL.so.1: cannot open shared object file" in " ".join(done.stdout.split())
    assert "sudo apt-get install libgl1" in done.stdout


def test_what_a_frame_costs_in_instructions(
    board: Board, cpu: str, pictures: Path, models: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same number in every run, so that a change that makes a Pi work more shows without one."""
    try:
        done = board.run(cpu, "tests/pi/work.py", "cost", pictures, *models, check=False, counted=True)
    except NoBoardError as error:
        pytest.skip(str(error))
    if done.returncode != 0:
        pytest.skip(f"this qemu does not count instructions: {done.stderr.strip().splitlines()[-1]}")
    costs: dict[str, list[int]] = {}
    for step, before, after in re.findall(r"^step (.+)\nmark (\d+)\nmark (\d+)$", done.stderr, re.MULTILINE):
        costs.setdefault(step, []).append(int(after) - int(before))
    with capsys.disabled():
        print(f"\n{cpu}: millions of instructions a frame")
        for step, counted in costs.items():
            print(f"  {step:24} {statistics.median(counted) / 1e6:9.1f}")
    (board.folder / f"{cpu}-cost.json").write_text(json.dumps(costs))
    models_alone = {step: counted for step, counted in costs.items() if step.startswith("pose ")}
    assert len(models_alone) == len(models)
    for step, counted in models_alone.items():
        assert max(counted) <= 1.01 * min(counted), f"{step}: not the same number twice"
