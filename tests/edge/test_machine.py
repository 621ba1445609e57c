"""What a machine says of itself, read from /proc, /sys and /dev of machines made up for the purpose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge import machine


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return make(
        tmp_path,
        {
            "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
            "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\n",
            "proc/meminfo": "MemTotal:        8245220 kB\nMemFree: 1 kB\nMemAvailable:    6291456 kB\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/class/thermal/thermal_zone0/temp": "61350\n",
            "sys/class/thermal/thermal_zone1/temp": "48000\n",
        },
    )


def test_a_pi_tells_its_board_its_governor_its_heat_and_its_memory(pi: Path) -> None:
    assert machine.board(pi) == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine.governor(pi) == "ondemand"
    assert machine.temperature_c(pi) == pytest.approx(61.35)
    assert machine.memory_mb(pi) == (8051, 6144)


def test_a_pc_tells_its_processor(tmp_path: Path) -> None:
    make(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nprocessor\t: 1\n"})
    assert machine.cpu_model(tmp_path) == "Some CPU @ 3 GHz"


def test_what_a_machine_does_not_tell_is_none(tmp_path: Path) -> None:
    assert machine.board(tmp_path) is None
    assert machine.governor(tmp_path) is None
    assert machine.temperature_c(tmp_path) is None
    assert machine.memory_mb(tmp_path) is None
    assert machine.cameras(tmp_path) == []
    assert machine.cpu_model(tmp_path)


@pytest.mark.parametrize(
    ("answer", "now", "since"),
    [
        ("throttled=0x0", (), ()),
        ("throttled=0x50005", ("under-voltage", "throttled"), ("under-voltage", "throttled")),
        ("throttled=0x80000", (), ("soft temperature limit",)),
    ],
)
def test_the_bits_of_get_throttled_are_put_into_words(answer: str, now: tuple[str], since: tuple[str]) -> None:
    assert machine.throttle_reasons(answer) == (now, since)


def test_cameras_come_in_the_order_of_their_numbers_with_the_name_of_their_driver(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "dev/video10": "",
            "dev/video2": "",
            "dev/video-other": "",
            "sys/class/video4linux/video2/name": "USB Camera\n",
        },
    )
    cameras = machine.cameras(tmp_path)
    assert [(camera.device.name, camera.name) for camera in cameras] == [
        ("video2", "USB Camera"),
        ("video10", "unnamed"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_camera_that_may_not_be_opened_is_told(tmp_path: Path) -> None:
    make(tmp_path, {"dev/video0": ""})
    (tmp_path / "dev/video0").chmod(0)
    assert [camera.allowed for camera in machine.cameras(tmp_path)] == [False]


@pytest.mark.parametrize(
    ("flags", "camera"),
    [
        (0x04200001, True),  # a USB camera: capture, streaming
        (0x04201000, True),  # multi-planar capture
        (0x04A00000, False),  # its metadata node
        (0x04204000, False),  # a codec: memory to memory, multi-planar
        (0x04208001, False),  # a scaler that says it captures as well
    ],
)
def test_codecs_and_metadata_nodes_are_no_cameras(flags: int, camera: bool) -> None:
    capability = b"\0" * 88 + flags.to_bytes(4, "little") + b"\0" * 12
    assert machine.is_camera(capability) is camera


@pytest.mark.skipif(os.name == "nt", reason="Windows has a display always")
def test_a_window_needs_a_display_of_x11() -> None:
    assert machine.display({"DISPLAY": ":1", "WAYLAND_DISPLAY": "wayland-0"}) == ":1"
    assert machine.display({"WAYLAND_DISPLAY": "wayland-0"}) is None
    assert machine.display({"DISPLAY": ""}) is None


def capability(driver: str, flags: int) -> bytes:
    """A `struct v4l2_capability` as a driver fills it."""
    return driver.encode().ljust(84, b"\0") + flags.to_bytes(4, "little") * 2 + bytes(12)


@pytest.mark.parametrize(
    ("driver", "camera"), [("uvcvideo", True), ("bm2835 mmal", True), ("unicam", False), ("rp1-cfe", False),
                           ("bcm2835-isp", False), ("pispbe", False)]
)  # fmt: skip
def test_nodes_of_raw_sensor_data_are_no_cameras(driver: str, camera: bool) -> None:
    assert machine.is_camera(capability(driver, 0x1)) is camera


def test_a_sensor_at_the_ribbon_shows_in_the_names_of_the_nodes(tmp_path: Path) -> None:
    assert machine.ribbon_camera(tmp_path) is None
    make(tmp_path, {"sys/class/video4linux/video10/name": "bcm2835-codec-decode\n"})
    assert machine.ribbon_camera(tmp_path) is None
    make(tmp_path, {"sys/class/video4linux/video0/name": "unicam-image\n"})
    assert machine.ribbon_camera(tmp_path) == "unicam-image"
