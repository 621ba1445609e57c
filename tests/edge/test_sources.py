"""Every kind of source has one face; files skip nothing, live sources never lag behind."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from configs.schema import Run
from edge import live, machine
from edge.live import LiveSource
from edge.sources import Lost, Sample, open_source, thinned
from keypoints.errors import InputError, SourceError
from keypoints.types import Frame, KeypointSequence


def test_a_video_file_is_a_source_that_skips_nothing(make_video: Callable[..., Path]) -> None:
    with open_source(str(make_video(frames=12))) as source:
        assert not source.live
        assert source.fps == 25
        assert [item.index for item in source if isinstance(item, Frame)] == list(range(12))


def picture(path: Path, shape: tuple[int, ...], value: int, dtype: type = np.uint8) -> None:
    assert cv2.imwrite(str(path), np.full(shape, value, dtype))


def test_a_folder_gives_its_images_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        picture(tmp_path / f"frame{number}.png", (8, 8, 3), 10 * number)
    (tmp_path / "notes.txt").write_text("no image")
    with open_source(str(tmp_path)) as source:
        frames = [item for item in source if isinstance(item, Frame)]
    assert [int(f.image[0, 0, 0]) for f in frames] == [10, 20, 90, 100]
    assert [f.time_s for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3]), "ten a second, if nothing else is said"
    assert source.notice is None


def test_a_folder_s_rate_is_a_setting(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / f"{i}.jpg", (8, 8, 3), i)
    source = open_source(str(tmp_path), Run(folder_fps=4))
    assert [item.time_s for item in source] == pytest.approx([0, 0.25, 0.5])


def test_grey_alpha_and_16_bit_images_become_bgr(tmp_path: Path) -> None:
    picture(tmp_path / "1_grey.png", (8, 8), 50)
    picture(tmp_path / "2_alpha.png", (8, 8, 4), 60)
    picture(tmp_path / "3_deep.png", (8, 8, 3), 70 * 257, np.uint16)
    picture(tmp_path / "4_one.png", (1, 1, 3), 80)
    frames = [item for item in open_source(str(tmp_path)) if isinstance(item, Frame)]
    assert [(f.image.shape, f.image.dtype.name, f.image[0, 0].tolist()) for f in frames] == [
        ((8, 8, 3), "uint8", [50] * 3),
        ((8, 8, 3), "uint8", [60] * 3),
        ((8, 8, 3), "uint8", [70] * 3),
        ((1, 1, 3), "uint8", [80] * 3),
    ]


def test_images_that_cannot_be_read_are_left_out_and_said_and_time_goes_on(tmp_path: Path) -> None:
    for i in range(5):
        picture(tmp_path / f"{i}.png", (8, 8, 3), i)
    (tmp_path / "1.png").write_text("no picture")
    (tmp_path / "3.png").write_bytes(b"")
    source = open_source(str(tmp_path))
    assert [(item.index, item.time_s) for item in source if isinstance(item, Frame)] == [
        (0, pytest.approx(0)),
        (1, pytest.approx(0.2)),
        (2, pytest.approx(0.4)),
    ]
    assert source.notice is not None
    assert "2 of 5 images could not be read: 1.png, 3.png" in source.notice


@pytest.mark.parametrize(
    ("files", "says"), [({}, "no images"), ({"a.txt": "x"}, "no images"), ({"a.png": "x"}, "none of its 1 images")]
)
def test_a_folder_without_a_picture_gives_one_clear_line(tmp_path: Path, files: dict[str, str], says: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=says):
        open_source(str(tmp_path))


def test_a_sequence_gives_poses_and_nobody_where_every_joint_is_missing(tmp_path: Path) -> None:
    keypoints = np.random.default_rng(0).uniform(1, 100, (3, 17, 3)).astype(np.float32)
    keypoints[..., 2] = 0.5
    keypoints[1] = 0
    keypoints[2, 5:] = 0
    path = tmp_path / "a.npz"
    KeypointSequence(keypoints, np.array([0.0, 0.1, 0.2]), (320, 240)).save(path)
    first, second, third = (item for item in open_source(str(path)) if isinstance(item, Sample))
    assert first.pose is not None
    assert third.pose is not None
    assert second.pose is None
    np.testing.assert_array_equal(first.pose.keypoints, keypoints[0])
    np.testing.assert_allclose(third.pose.box[:2], keypoints[2, :5, :2].min(0), rtol=1e-6)
    assert first.size == (320, 240)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing_here.mp4", "no such file"),
        ("nothing_here.npz", "no such file"),
        ("77", "/dev/video77: no such camera"),
        ("/dev/video77", "no such camera"),
        ("/dev/null", "another program"),
        ("http://127.0.0.1:9/stream", "can't connect: Connection refused"),
        ("rtsp://no-such-host.invalid/stream", "can't connect"),
        ("picamera", "sudo apt install python3-picamera2"),
        ("camera", "no camera here; is it plugged in?"),
    ],
)
def test_a_source_that_is_not_there_gives_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


class FakeCamera:
    """A capture whose frames come when the test lets them."""

    def __init__(self, frames: int, *, then_fails: bool = True) -> None:
        self.left, self.then_fails = frames, then_fails
        self.next = 0
        self.empty = threading.Event()
        self.unplugged = threading.Event()

    def grab(self) -> bool:
        if self.left == 0:
            self.empty.set()
            if not self.then_fails:
                self.unplugged.wait(20)
            return False
        self.left -= 1
        return True

    def retrieve(self) -> tuple[bool, Any]:
        self.next += 1
        return True, np.full((4, 6, 3), self.next, np.uint8)

    def release(self) -> None:
        self.unplugged.set()


def test_a_slow_consumer_gets_the_newest_frame_and_not_the_oldest() -> None:
    camera = FakeCamera(9, then_fails=False)
    with LiveSource("camera", lambda: camera) as source:
        assert camera.empty.wait(10), "the thread captures without being asked"
        item = next(iter(source))
        assert isinstance(item, Frame)
        assert item.image[0, 0, 0] == 9
        assert item.index == 0
        camera.unplugged.set()


def test_an_unplugged_camera_is_told_and_comes_back_with_time_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(live, "TICK_S", 0.02)
    second = FakeCamera(1, then_fails=False)
    attempts: list[Any] = [FakeCamera(1), SourceError("gone"), SourceError("gone"), SourceError("gone"), second]

    def plug() -> Any:
        result = attempts.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    seen: list[Frame | Lost] = []
    with LiveSource("camera", plug) as source:
        for item in source:
            seen.append(item)
            if isinstance(item, Frame) and any(isinstance(s, Lost) for s in seen):
                break
        second.unplugged.set()
    assert isinstance(seen[0], Frame)
    frames = [item for item in seen if isinstance(item, Frame)]
    assert [frame.index for frame in frames] == [0, 1]
    times = [item.time_s for item in seen]
    assert times == sorted(times)
    assert times[-1] > times[0]


def test_any_camera_is_found_again_under_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_RETRY_S", 0.01)
    numbers, opened, second = iter(["/dev/video0", None, "/dev/video2"]), [], FakeCamera(1, then_fails=False)

    def cameras() -> list[machine.Camera]:
        device = next(numbers)
        return [] if device is None else [machine.Camera(Path(device), "USB", True)]

    def plug(device: str, _: object) -> FakeCamera:
        opened.append(device)
        return FakeCamera(1) if device == "/dev/video0" else second

    monkeypatch.setattr(live, "cameras", cameras)
    monkeypatch.setattr(live, "_open_v4l", plug)
    with open_source("camera") as source:
        frames = list(islice((item for item in source if isinstance(item, Frame)), 2))
        second.unplugged.set()
    assert [frame.index for frame in frames] == [0, 1]
    assert opened == ["/dev/video0", "/dev/video2"]


def test_without_a_usb_camera_any_camera_is_the_one_at_the_ribbon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ribbon_camera", lambda: "unicam-image")
    monkeypatch.setattr(live, "PiCamera", lambda _: FakeCamera(1, then_fails=False))
    with open_source("camera") as source:
        assert source.size == (6, 4)


def test_waiting_between_attempts_grows_and_has_a_limit() -> None:
    assert list(islice(live.retry_waits(), 6)) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_camera_that_is_busy_at_the_start_gives_one_clear_line() -> None:
    with pytest.raises(SourceError, match="another program"):
        LiveSource("camera 0", lambda: FakeCamera(0))


def test_asking_to_stop_is_heard_while_a_camera_is_slow_to_open() -> None:
    silent = FakeCamera(0, then_fails=False)
    with pytest.raises(KeyboardInterrupt):
        LiveSource("camera 0", lambda: silent, stopped=lambda: True)


def test_a_stream_that_dies_is_told_and_read_again_when_it_is_back(mjpeg: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_RETRY_S", 0.05)
    story: list[str] = []
    with open_source(mjpeg.url, Run(stream_timeout_s=2)) as source:
        assert source.live
        assert source.size == (64, 48)
        for item in source:
            kind = "lost" if isinstance(item, Lost) else "frame"
            if not story or story[-1] != kind:
                story.append(kind)
                if story == ["frame"]:
                    mjpeg.die()
                elif story == ["frame", "lost"]:
                    mjpeg.start()
                else:
                    break
    assert story == ["frame", "lost", "frame"]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server on the test's folder; its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_web_page_is_no_stream(tmp_path: Path, web: str) -> None:
    (tmp_path / "index.html").write_text("<p>hello</p>")
    with pytest.raises(SourceError, match="not with a video"):
        open_source(f"{web}/index.html", Run(stream_timeout_s=2))


def test_a_finite_video_behind_a_url_is_read_like_a_file(make_video: Callable[..., Path], web: str) -> None:
    make_video("clip.mp4", frames=20)
    with open_source(f"{web}/clip.mp4") as source:
        assert not source.live
        assert len(list(source)) == 20


def test_a_pi_camera_is_asked_for_bgr_and_its_frames_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Picamera2:
        def create_video_configuration(self, **settings: Any) -> dict[str, Any]:
            asked.update(settings)
            return settings

        def configure(self, _: Any) -> None: ...

        def start(self) -> None: ...

        def capture_array(self, _: str) -> Any:
            return np.full((72, 128, 3), (1, 2, 3), np.uint8)

        def close(self) -> None:
            asked["closed"] = True

    module = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with open_source("picamera") as source:
        item = next(iter(source))
    assert isinstance(item, Frame)
    assert item.image[0, 0].tolist() == [1, 2, 3]
    assert asked["main"] == {"size": (1280, 720), "format": "RGB888"}
    assert asked["closed"]


@pytest.mark.parametrize(("fps", "kept"), [(None, 50), (60.0, 50), (25.0, 50), (10.0, 20), (15.0, 30)])
def test_a_source_can_be_thinned_to_a_lower_rate_on_a_fixed_grid(fps: float | None, kept: int) -> None:
    items = [Lost(i / 25) for i in range(50)]
    found = list(thinned(items, lambda: fps))
    assert len(found) == kept
    assert found[0] == items[0]
