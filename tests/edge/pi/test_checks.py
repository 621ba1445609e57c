"""The doctor of a Raspberry Pi names what is missing and the command that mends it, on Pis made up for the purpose."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

from edge import doctor, machine
from edge.checks import Check
from edge.pi import checks
from edge.pi.install import install

AUTO = {"boot/firmware/config.txt": "# camera\ncamera_auto_detect=1\n"}


def pi(root: Path, files: dict[str, str] | None = None) -> Path:
    for name, text in {"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0", **(files or {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def examined(root: Path, log: Path = Path("/var/lib/repsight")) -> dict[str, Check]:
    return {check.name: check for check in checks.pi_checks(log, root)}


def test_a_pc_is_not_asked_about_ribbons(tmp_path: Path) -> None:
    assert examined(tmp_path) == {}


def test_a_sensor_that_answers_at_the_ribbon_is_fine(tmp_path: Path) -> None:
    root = pi(tmp_path, {"sys/class/video4linux/video0/name": "rp1-cfe-csi2_ch0\n"})
    assert examined(root)["ribbon camera"].state == "ok"


@pytest.mark.parametrize(
    ("config", "mend"),
    [({}, "echo camera_auto_detect=1 | sudo tee -a /boot/firmware/config.txt"), (AUTO, "seat the ribbon anew")],
)
def test_no_camera_is_the_overlay_or_the_ribbon(tmp_path: Path, config: dict[str, str], mend: str) -> None:
    check = examined(pi(tmp_path, config))["ribbon camera"]
    assert check.state == "note"
    assert mend in check.mend


def test_with_a_usb_camera_no_ribbon_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usb = [machine.Camera(Path("/dev/video0"), "USB", True)]
    monkeypatch.setattr(machine, "cameras", lambda root=None: usb)
    assert "ribbon camera" not in examined(pi(tmp_path))


def test_picamera2_of_another_numpy_gets_the_package_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "apt-get install python3-picamera2" in examined(pi(tmp_path))["picamera2"].mend

    def broken(name: str) -> types.ModuleType:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr(checks.importlib, "import_module", broken)
    check = examined(pi(tmp_path))["picamera2"]
    assert "numpy.dtype size changed" in check.found
    assert check.mend.startswith(sys.executable) and check.mend.endswith("simplejpeg")


def test_a_device_without_permission_gets_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pi(tmp_path, {"dev/vcio": "", "dev/dri/renderD128": ""})
    assert examined(root)["groups"].state == "ok"
    monkeypatch.setattr(os, "access", lambda *_: False)
    check = examined(root)["groups"]
    assert check.found == "no permission for /dev/vcio, /dev/dri/renderD128"
    assert check.mend == "sudo usermod -aG render,video $USER, then log in again"


@pytest.mark.parametrize(
    ("mounts", "state", "found"),
    [
        ("/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n", "ok", "ext4 at /"),
        ("overlay / overlay rw,lowerdir=/lower,upperdir=/upper/data 0 0\n", "note", "in memory (overlay at /)"),
        ("overlay / overlay rw 0 0\n/dev/sda1 /var/lib/repsight ext4 rw 0 0\n", "ok", "ext4 at /var/lib/repsight"),
        ("/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n", "note", "can't be written to"),
    ],
)
def test_a_history_that_the_power_takes_with_it_is_noted(tmp_path: Path, mounts: str, state: str, found: str) -> None:
    check = examined(pi(tmp_path, {"proc/self/mounts": mounts}))["history"]
    assert check.state == state
    assert found in check.found


def test_the_service_and_the_kiosk_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = "overlay / overlay rw 0 0\n/dev/sda1 /var/lib/repsight ext4 rw 0 0\n"
    root = pi(tmp_path, {"proc/self/mounts": mounts})
    assert examined(root, Path("/elsewhere"))["history"].state == "note"
    assert examined(root)["service"].mend.startswith("make install-pi")
    install(root, "console", "/usr/bin/true")
    monkeypatch.setattr(checks, "unit_state", lambda unit: "failed")
    monkeypatch.setattr(checks.shutil, "which", lambda name: None if name == "cage" else f"/usr/bin/{name}")
    found = examined(root, Path("/elsewhere"))
    assert found["service"].state == "ok"
    assert found["history"].found == "ext4 at /var/lib/repsight", "the service's, not the user's"
    assert found["repsight.service"].mend.startswith("journalctl --namespace=repsight")
    assert found["kiosk"].mend == "sudo apt-get install cage"


def test_no_voice_is_noted_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "which", lambda name: None)
    check = {one.name: one for one in doctor.examine(tmp_path)}["voice"]
    assert (check.state, check.mend) == ("note", "sudo apt-get install espeak-ng")
