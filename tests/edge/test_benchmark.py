"""The benchmark measures what it says, names what makes figures doubtful, and goes on without what is missing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from click.testing import CliRunner
from onnx import helper

import cli
from configs.schema import Counting, Run
from edge.benchmark import growth as growing
from edge.benchmark import peak
from edge.benchmark.alone import measure_alone
from edge.benchmark.chain import Amount, Endless, measure
from edge.benchmark.compare import compare, differences
from edge.benchmark.contenders import Alone, contenders, is_own
from edge.benchmark.growth import faster_than_input
from edge.benchmark.picture import COLORS, Bar, bar, draw_picture
from edge.benchmark.result import Result
from edge.benchmark.sidebyside import ratio, side_by_side
from edge.benchmark.surroundings import install_mb, machine_facts
from edge.benchmark.watch import Watch, confined, load_warning
from edge.reading import STAGES
from keypoints.errors import InputError, RepSightError, SourceError
from keypoints.types import Frame
from keypoints.yolo import SHIPPED

STAGE = {"p50": 1.0, "p90": 2.0, "p99": 3.0, "mean": 1.5}


def content(**changes: Any) -> dict[str, Any]:
    """A result as JSON holds it."""
    stages = {"pose": dict(STAGE), "chain": {**STAGE, "p50": 2.0}}
    machine = {"words": "a machine"}
    return {"schema": 1, "machine": machine, "models": {}, "source": "demo", "frames": 9, "stages": stages,
            "fps": 50.0, "rss_mb": 160.0, **changes}  # fmt: skip


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(content(**changes)))
    return path


def test_a_video_begins_anew_and_its_time_goes_on(make_video: Callable[..., Path]) -> None:
    with Endless(str(make_video(frames=5, fps=25)), Run()) as source:
        frames = list(islice(source, 12))
    assert [frame.index for frame in frames if isinstance(frame, Frame)] == list(range(12))
    assert np.allclose(np.diff([frame.time_s for frame in frames]), 0.04, atol=1e-3)
    pictures = [frame.image for frame in frames if isinstance(frame, Frame)]
    assert all(np.array_equal(early, late) for early, late in zip(pictures, pictures[5:], strict=False))
    assert not np.array_equal(pictures[0], pictures[4])


def test_every_stage_is_measured_without_the_warm_up_and_the_sum_is_the_whole(
    make_video: Callable[..., Path], tiny_head: Path
) -> None:
    settings = Run(source=str(make_video(frames=4)), head=str(tiny_head), threads=1, overlap=False)
    told: list[tuple[int, int]] = []
    made = measure(settings, Counting(), Amount(16, 0.0, 3), lambda *news: told.append(news))
    assert (made.frames, made.size) == (16, (64, 48))
    assert made.video_s == pytest.approx(16 / 25)
    assert {"decode", "letterbox", "pose", "track", "smooth", "draw", "log", "chain"} <= set(made.stages)
    assert set(made.stages) <= set(STAGES)
    assert all(0 <= stage["p50"] <= stage["p90"] <= stage["p99"] for stage in made.stages.values())
    assert 0.5 < made.accounted <= 1.001
    assert (made.energy_measured, made.energy_j > 0, made.rss_mb > 30) in [(False, True, True), (True, True, True)]
    assert set(told) == {(1000, 1000)}


def test_a_stream_that_ends_too_early_is_one_clear_line(make_video: Callable[..., Path], monkeypatch: Any) -> None:
    monkeypatch.setattr("keypoints.video.Video.live", True)
    with pytest.raises(SourceError, match="ended before enough frames were measured"):
        measure(Run(source=str(make_video(frames=3))), Counting(), Amount(9, 0.0, 0))


@pytest.mark.parametrize(
    ("factor", "noise"), [(1.0, 0.0), (2.0, 0.3), (9.5, 0.5)], ids=["the same", "twice as long", "much longer"]
)
def test_a_ratio_stands_while_both_are_slowed_down_alike(factor: float, noise: float) -> None:
    disturbed = 10 * (1 + np.random.default_rng(1).exponential(3, 400))  # something else took the machine
    own = 1 + noise * np.random.default_rng(2).random(400)
    middle, low, high = ratio(factor * disturbed * own, disturbed)
    assert low <= middle <= high
    assert low <= factor * (1 + noise / 2) <= high or middle == pytest.approx(factor * (1 + noise / 2), rel=0.03)
    assert high - low <= noise * factor * 0.2
    assert ratio(factor * disturbed * own, disturbed) == (middle, low, high), "the same figures every time"


@pytest.mark.parametrize("kind", range(len(peak._KINDS)))
def test_the_products_that_the_peak_is_measured_with_are_sound_and_right(kind: int, tmp_path: Path) -> None:
    content, left = peak._KINDS[kind][1](24)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    (made,) = ort.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"left": left})
    zero = constants.get("left_zero", 0)
    exact = (left.astype(np.float64) - float(zero)) @ constants["right"].astype(np.float64)
    if "scale" in constants:
        exact = np.clip(np.round(exact * 0.02) + 128, 0, 255)
    assert np.allclose(made, exact, rtol=1e-5, atol=1.01 if "scale" in constants else 0.5)


def test_the_peak_is_a_rate_of_both_precisions_and_the_limit_follows_from_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(peak, "SIZES", (64,))
    peaks = peak.measured_peaks(1, seconds=0.0)
    assert set(peaks) == {"fp32", "int8"} and min(peaks.values()) > 0.001
    limit = peak.limit_of(SHIPPED, {"fp32": 50.0, "int8": 200.0}, 1, seconds=0.0)
    assert 0.4e9 < limit.macs["int8"] < 0.5e9 and limit.macs["fp32"] < 0.1e9
    assert limit.limit_ms == pytest.approx(limit.macs["int8"] / 200e6 + limit.macs["fp32"] / 50e6)
    twice = peak.limit_of(SHIPPED, {"fp32": 25.0, "int8": 100.0}, 1, seconds=0.0)
    assert twice.limit_ms == pytest.approx(2 * limit.limit_ms) and 0 < limit.share < 10


def proc(root: Path, busy: int, stolen: int, load: str = "0.10 0.1 0.1") -> Path:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/stat").write_text(f"cpu  {busy} 0 0 99999 0 0 0 {stolen} 0 0\ncpu0 1 2 3\n")
    (root / "proc/loadavg").write_text(load + " 1/100 999\n")
    return root


@pytest.mark.parametrize(
    ("busy", "stolen", "expected"),
    [(0, 0, None), (10**9, 0, "other programs used"), (0, 10**9, "the host took 100% of the time")],
)
def test_a_machine_that_others_use_is_called_busy(busy: int, stolen: int, expected: str | None, tmp_path: Path) -> None:
    watch = Watch(proc(tmp_path, 100, 100))
    proc(tmp_path, 100 + busy, 100 + stolen)
    found = watch.busy()
    assert found is not None
    assert (found.warning() is None) if expected is None else expected in (found.warning() or "")


@pytest.mark.parametrize(("load", "warned"), [("0.2 1 1", False), ("3.7 1 1", True)])
def test_a_load_before_the_beginning_is_warned_of(load: str, warned: bool, tmp_path: Path) -> None:
    warning = load_warning(proc(tmp_path, 0, 0, load))
    assert (warning is not None and "3.7" in warning) is warned


def test_a_machine_that_tells_nothing_is_not_called_busy(tmp_path: Path) -> None:
    assert load_warning(tmp_path) is None
    assert Watch(tmp_path).busy() is None
    assert "throttling unknown" in machine_facts(1, tmp_path)["words"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes can't be confined here")
def test_a_process_is_confined_and_set_free_again() -> None:
    before = os.sched_getaffinity(0)
    with confined(1) as cores:
        assert (cores, len(os.sched_getaffinity(0))) == (1, 1)
    assert os.sched_getaffinity(0) == before


def test_the_install_size_is_that_of_what_the_runtime_half_needs() -> None:
    total, sizes = install_mb()
    assert {"numpy", "onnxruntime", "opencv-python", "pydantic-core", "repsight"} <= set(sizes)
    assert not {"torch", "ultralytics", "pip"} & set(sizes)
    assert total == pytest.approx(sum(sizes.values())) and 100 < total < 600
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "no such file"),
        ("{", "not JSON that can be read"),
        ("[]", "not the result of a benchmark"),
        (json.dumps(content(schema=2)), "another schema version"),
        (json.dumps({**content(), "fps": "fast"}), "fps: "),
    ],
)
def test_a_file_that_is_no_result_is_one_clear_line(text: str | None, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=expected) as raised:
        Result.read(path)
    assert "\n" not in str(raised.value) and "a.json" in str(raised.value)


def test_a_result_is_read_as_it_was_written_and_knows_no_key_of_the_future(tmp_path: Path) -> None:
    one = Result.read(written(tmp_path / "a.json", of_the_future=1))
    one.write(tmp_path / "b.json")
    assert Result.read(tmp_path / "b.json") == one
    assert json.loads((tmp_path / "b.json").read_text())["schema"] == 1


def test_results_are_compared_by_what_both_have_and_what_differs_is_said(tmp_path: Path) -> None:
    slower = {"pose": {**STAGE, "p50": 3.0}, "head": STAGE, "chain": {**STAGE, "p50": 5.0}}
    one = Result.read(written(tmp_path / "a.json", install_mb=300))
    other = Result.read(written(tmp_path / "b.json", stages=slower, source="x.mp4", warnings=["it was busy"]))
    rows = {row.name: row.ratio for row in compare(one, other)}
    assert rows["pose p50"] == 3.0 and rows["chain p50"] == 2.5 and rows["frames a second"] == 1.0
    assert "head p50" not in rows and "install size" not in rows
    assert differences(one, other) == ["another source: demo  | x.mp4 ", "second: it was busy"]


def test_two_results_are_compared_on_the_command_line(tmp_path: Path) -> None:
    a, b = written(tmp_path / "a.json"), written(tmp_path / "b.json", fps=25.0)
    done = CliRunner().invoke(cli.cli, ["benchmark", "--compare", str(a), str(b), "--picture", str(tmp_path / "p.png")])
    assert done.exit_code == 0, done.output
    assert "0.50" in done.output
    assert (tmp_path / "p.png").stat().st_size > 10_000
    done = CliRunner().invoke(cli.cli, ["benchmark", "--compare", str(a), str(b), "--json", str(tmp_path / "c.json")])
    assert (done.exit_code, done.output[:13]) == (2, "error: --json")
    written(b, schema=7)
    done = CliRunner().invoke(cli.cli, ["benchmark", "--compare", str(a), str(b)])
    assert done.exit_code == 2
    assert done.output.startswith("error: ") and done.output.count("\n") == 1


def test_the_bars_of_a_picture_are_as_long_as_the_stages_take() -> None:
    one = bar(
        "a", "chain", {"pose": STAGE, "draw": STAGE, "decode": STAGE, "chain": {**STAGE, "mean": 3.3, "p99": 4.0}}
    )
    assert {name: round(taken, 3) for name, taken in one.parts.items()} == {"pose": 1.5, "draw": 1.5, "the rest": 0.3}
    picture = draw_picture("title", ["line"], [[one, Bar("b", "model", {"pose": 4.5}, 4, 5)]], ("a", "b"), [])
    lengths = {int((row == COLORS["pose"]).all(-1).sum()) for row in picture}  # some rows are crossed by a name
    assert {max(lengths) // 3 - 1, max(lengths) // 3, max(lengths) // 3 + 1} & lengths
    assert (picture == COLORS["decode"]).all(-1).sum() == 0, "decoding is beside the chain"


def product(path: Path, shape: list[int], metadata: dict[str, str]) -> Path:
    """A model of somebody else's: the mean of a picture."""
    image = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 1, 1, 1])
    graph = helper.make_graph([helper.make_node("ReduceMean", ["x"], ["y"])], "mean", [image], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


def test_a_file_is_measured_as_what_it_is(tmp_path: Path) -> None:
    theirs = product(tmp_path / "theirs.onnx", [1, 32, 64, 3], {})
    assert is_own(SHIPPED) and not is_own(theirs)
    (one,) = contenders(theirs, Run(), Counting(), 1)
    assert one.what == "ONNX Runtime alone"
    assert set(one.run(Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0))) == {"pose", "chain"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("none.onnx", "no such file"), ("notes.txt", "can't be measured"), ("broken.onnx", "not a usable ONNX file")],
)
def test_a_model_that_can_not_be_measured_is_one_clear_line(name: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    (tmp_path / "broken.onnx").write_text("no model")
    with pytest.raises(InputError, match=expected):
        is_own(tmp_path / name)


@pytest.mark.parametrize(("dtype", "low", "high"), [("float32", 0, 1), ("uint8", 0, 255), ("int8", -128, 127)])
def test_a_model_alone_gets_the_picture_in_its_own_type(dtype: str, low: int, high: int) -> None:
    given: list[Any] = []
    one = Alone("m", "alone", (1, 32, 32, 3), dtype, given.append)
    image = np.zeros((32, 32, 3), np.uint8)
    image[16:] = 255
    one.run(Frame(image, 0.0, 0))
    assert (given[0].shape, given[0].dtype) == ((1, 32, 32, 3), np.dtype(dtype))
    assert (given[0].min(), given[0].max()) == (low, high)


def test_contenders_take_turns_on_the_same_frames(make_video: Callable[..., Path]) -> None:
    order: list[str] = []

    class Noting:
        what = "noting"

        def __init__(self, name: str, milliseconds: float) -> None:
            self.name, self._taken = name, milliseconds

        def run(self, frame: Frame) -> dict[str, float]:
            order.append(f"{self.name}{frame.index}")
            return {"chain": self._taken}

        def close(self) -> None: ...

    sides, _ = side_by_side(
        [Noting("a", 2.0), Noting("b", 5.0)], Run(source=str(make_video(frames=3))), Amount(4, 0, 1)
    )
    assert sorted(order) == sorted(f"{name}{number}" for name in "ab" for number in range(5))
    assert {text[0] for text in order[2::2]} == {"a", "b"}, "nobody is always the first"
    assert [(side.ratio, side.low, side.high, side.frames) for side in sides] == [(1, 1, 1, 4), (2.5, 2.5, 2.5, 4)]


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(1.0, 4.1, []), (1.0, 6.0, ["track"]), (0.001, 0.02, [])],
    ids=["with its input", "faster", "noise"],
)  # fmt: skip
def test_a_stage_that_grows_faster_than_its_input_is_named(before: float, after: float, expected: list[str]) -> None:
    one, many = ({"track": {**STAGE, "mean": taken}, "pose": STAGE} for taken in (before, after))
    assert faster_than_input([(1, one), (2, one), (4, many)]) == expected


def test_growth_is_measured_with_the_person_of_the_source(monkeypatch: Any, make_video: Callable[..., Path]) -> None:
    for name, value in (("SIZES", ((320, 180), (640, 360))), ("PEOPLE", 2), ("CAMERAS", 2), ("KEPT", 2)):
        monkeypatch.setattr(growing, name, value)
    found = growing.growth(Run(source="demo", threads=1), Counting(), rounds=2, warm_up=1)
    assert {kind: [point.label for point in points] for kind, points in found.items()} == {
        "people": ["1 person", "2 people"], "pixels": ["320x180", "640x360"], "cameras": ["1 camera", "2 cameras"],
    }  # fmt: skip
    assert all({"pose", "track", "chain"} <= set(point.stages()) for points in found.values() for point in points)
    with pytest.raises(SourceError, match="shows nobody"):
        growing.growth(Run(source=str(make_video(frames=3)), threads=1), Counting(), rounds=1)


def test_what_is_wrong_in_the_process_of_its_own_is_the_same_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        measure_alone(Run(source=str(tmp_path / "x.mp4")), Counting(), Amount(4, 0, 0), 1, lambda *_: None)


def test_a_process_without_an_answer_is_one_clear_line(monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.executable", "/bin/true")
    with pytest.raises(RepSightError, match="without an answer"):
        measure_alone(Run(), Counting(), Amount(4, 0, 0), 1, lambda *_: None)


@pytest.mark.slow
def test_a_benchmark_goes_on_without_what_is_missing_and_says_so(
    repsight: Callable[..., subprocess.CompletedProcess[str]], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    theirs = product(tmp_path / "theirs.onnx", [1, 3, 64, 64], {})
    done = repsight(
        "benchmark", "--frames", 8, "--source", make_video(frames=5), "--models", "missing.onnx", "--models", theirs,
        "--json", "r.json", "--picture", "no/such/folder/p.png", "--growth", "g.txt",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert any("missing.onnx: no such file" in line for line in lines)
    assert any("p.png" in line for line in lines)
    assert "Traceback" not in done.stderr
    found = json.loads((tmp_path / "r.json").read_text())
    keys = {
        "schema",
        "machine",
        "models",
        "source",
        "frames",
        "stages",
        "fps",
        "rss_mb",
        "first_reading_s",
        "install_mb",
    }
    assert keys <= set(found) and found["schema"] == 1 and found["frames"] == 8
    assert [(one["name"], one["what"]) for one in found["side_by_side"]] == [
        ("pose.onnx", "whole chain"), ("theirs.onnx", "ONNX Runtime alone")
    ]  # fmt: skip
    assert found["first_reading_s"] > 0 and 0 < found["pose_limit"]["share"] < 10
    assert "times as long" in done.stdout
