"""The doctor names what is missing and the command that mends it."""

from __future__ import annotations

import io
import sys
from importlib import metadata
from pathlib import Path

import pytest
from rich.console import Console

from edge import doctor, machine


def examined(folder: Path) -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.examine(folder)}


def printed(checks: list[doctor.Check], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    doctor.show(checks, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def with_distributions(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Make distributions look installed in a version, or absent; `_` in a name stands for `-`."""
    real = metadata.version

    def version(name: str) -> str:
        found = versions.get(name.replace("-", "_"), real(name) if name not in doctor.CV2_PROVIDERS else None)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)


def test_this_environment_has_every_package_that_run_needs(tmp_path: Path) -> None:
    checks = examined(tmp_path)
    assert {checks[name].state for name in doctor.RUNTIME} == {"ok"}
    assert checks["numpy"].found == metadata.version("numpy")
    assert checks["ffmpeg"].state == "ok"
    assert "CPU" in checks["onnxruntime can use"].found


def test_two_providers_of_cv2_are_a_fault_and_the_command_keeps_opencv_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_distributions(monkeypatch, opencv_python="5.0.0.93", opencv_contrib_python="5.0.0.93")
    check = examined(tmp_path)["cv2"]
    assert check.state == "fault"
    assert "opencv-python, opencv-contrib-python" in check.found
    assert "uninstall -y opencv-contrib-python &&" in check.mend
    assert check.mend.endswith("install --force-reinstall --no-deps opencv-python==5.0.0.93")


def test_a_headless_cv2_is_noted_because_it_has_no_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_distributions(monkeypatch, opencv_python_headless="5.0.0.93")
    check = examined(tmp_path)["cv2"]
    assert check.state == "note"
    assert "no `--screen window`" in check.found


def test_one_provider_of_cv2_needs_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_distributions(monkeypatch, opencv_python="5.0.0.93")
    assert "cv2" not in examined(tmp_path)


@pytest.mark.parametrize(
    ("message", "mend"),
    [
        ("libGL.so.1: cannot open shared object file", "sudo apt-get install libgl1"),
        ("DLL load failed", "--force-reinstall --no-deps opencv-python=="),
    ],
)
def test_a_cv2_that_does_not_import_gets_the_command_for_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, mend: str
) -> None:
    def broken(module: str) -> str | None:
        return message if module == "cv2" else None

    monkeypatch.setattr(doctor, "_import_error", broken)
    check = examined(tmp_path)["opencv-python"]
    assert check.state == "fault"
    assert message in check.found
    assert mend in check.mend


def test_a_missing_package_is_a_fault_and_the_models_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # so that importing it fails
    with_distributions(monkeypatch, onnxruntime=None, opencv_python="5.0.0.93")
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "onnxruntime" else "1")
    checks = examined(tmp_path)
    assert checks["onnxruntime"].state == "fault"
    assert checks["onnxruntime"].mend.endswith("-m pip install onnxruntime")
    assert checks["shipped models"].state == "note"


def test_a_log_folder_that_can_not_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert examined(tmp_path / "new" / "folder")["log folder"].state == "ok"
    check = examined(tmp_path / "file" / "sessions")["log folder"]
    assert check.state == "fault"
    assert check.mend.startswith("sudo chown $USER")


def test_a_hot_throttled_machine_with_little_memory_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "temperature_c", lambda: 84.2)
    monkeypatch.setattr(machine, "throttled", lambda: "throttled=0x50005")
    monkeypatch.setattr(machine, "memory_mb", lambda: (1024, 120))
    monkeypatch.setattr(machine, "governor", lambda: "powersave")
    checks = examined(tmp_path)
    assert checks["temperature"].found == "84 °C"
    assert checks["throttling"].found == "now under-voltage, throttled; since the start under-voltage, throttled"
    assert {checks[name].state for name in ("temperature", "throttling", "memory", "governor")} == {"note"}


def test_a_camera_without_permission_gets_the_group_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cameras", lambda: [machine.Camera(Path("/dev/video0"), "USB Camera", False)])
    check = examined(tmp_path)["/dev/video0"]
    assert check.found == "USB Camera: no permission"
    assert "usermod -aG video" in check.mend


def test_a_pi_is_told_about_picamera2_and_a_pc_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "board", lambda *_: None)
    assert "picamera2" not in examined(tmp_path)
    monkeypatch.setattr(machine, "board", lambda *_: "Raspberry Pi 4 Model B Rev 1.4")
    assert "apt-get install python3-picamera2" in examined(tmp_path)["picamera2"].mend


def test_only_a_fault_makes_it_unhealthy() -> None:
    fine = [doctor.Check("a", "b", "ok", "here"), doctor.Check("a", "c", "note", "absent", "install c")]
    assert doctor.healthy(fine)
    assert not doctor.healthy([*fine, doctor.Check("a", "d", "fault", "absent", "install d")])


def test_a_command_is_printed_on_one_line_however_narrow_the_terminal() -> None:
    mend = "python -m pip install 'repsight[train]' && " + "another " * 12 + "command"
    text = printed([doctor.Check("Extras", "train", "fault", "absent", mend)], width=40)
    assert mend in text
    assert "`repsight run` can't work yet. Mend: train" in " ".join(text.split())


def test_the_workshop_half_comes_by_the_way_that_the_readme_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    mend = examined(tmp_path)["train"].mend
    assert mend.startswith("`make test` makes .venv-test, which has it;") and mend.endswith("[train]'")


def test_nothing_to_mend_says_so() -> None:
    text = printed([doctor.Check("Python", "version", "ok", "3.13.0")])
    assert "Everything that `repsight run` needs is here." in text
