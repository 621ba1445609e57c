"""The appliance is installed into a folder without root rights, and taken away without a trace of itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from configs.loader import load
from configs.schema import Run
from edge.pi import install as installer
from edge.pi.install import install, uninstall
from keypoints.errors import InputError

#: What the services would run; it is there, so that `systemd-analyze verify` finds it.
PROGRAM = f"{sys.executable} -m repsight"


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@pytest.mark.parametrize("kiosk", ["console", "desktop", "none"])
def test_what_was_installed_is_gone_again_with_the_folders_made_for_it(tmp_path: Path, kiosk: Any) -> None:
    (tmp_path / "etc/sysusers.d").mkdir(parents=True)
    before = tree(tmp_path)
    change = install(tmp_path, kiosk, PROGRAM)
    assert {str(path) for path in change.written} < tree(tmp_path)
    assert all((tmp_path / path).exists() for path in change.written), "links lead somewhere"
    removed = uninstall(tmp_path).removed
    assert set(removed) == set(change.written)
    assert tree(tmp_path) == before


def test_the_history_and_edited_settings_stay_and_that_is_said(tmp_path: Path) -> None:
    install(tmp_path, "console", PROGRAM)
    settings, history = tmp_path / "etc/repsight/run.yaml", tmp_path / "var/lib/repsight/sessions.db"
    cache = tmp_path / "var/cache/repsight/graph.onnx"
    for path in (history, cache):
        path.parent.mkdir(parents=True)
        path.write_text("")
    settings.write_text("source: /dev/video2\n")
    install(tmp_path, "console", PROGRAM)
    assert settings.read_text() == "source: /dev/video2\n", "an update does not take them"
    said = uninstall(tmp_path).said
    assert said == ["/etc/repsight/run.yaml stays: it was edited", "/var/lib/repsight stays: your history is in it"]
    assert {path for path in tree(tmp_path) if (tmp_path / path).is_file()} == {
        "etc/repsight/run.yaml",
        "var/lib/repsight/sessions.db",
    }


def test_another_kiosk_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    install(tmp_path, "console", PROGRAM)
    install(tmp_path, "desktop", PROGRAM)
    assert not any("repsight-kiosk.service" in path for path in tree(tmp_path))
    assert "etc/xdg/autostart/repsight-kiosk.desktop" in tree(tmp_path)


def test_a_machine_with_a_desktop_gets_the_kiosk_there(tmp_path: Path) -> None:
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "display-manager.service").symlink_to("/lib/systemd/system/lightdm.service")
    install(tmp_path, program=PROGRAM)
    assert "etc/xdg/autostart/repsight-kiosk.desktop" in tree(tmp_path)


def test_nothing_to_uninstall_is_no_error(tmp_path: Path) -> None:
    change = uninstall(tmp_path)
    assert (change.written, change.removed, change.said) == ([], [], [])


def test_a_folder_that_can_not_be_written_to_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        install(tmp_path, "none", PROGRAM)


def test_on_this_machine_itself_the_services_are_started_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(command: Iterable[str]) -> None:
        commands.append(list(command))

    monkeypatch.setattr(installer, "_is_this_machine", lambda root: True)
    install(tmp_path, "console", PROGRAM, run)
    assert commands == [
        ["systemd-sysusers", str(tmp_path / "etc/sysusers.d/repsight.conf")],
        ["systemctl", "daemon-reload"],
        ["systemctl", "restart", "repsight.service", "repsight-night.timer", "repsight-kiosk.service"],
    ]
    commands.clear()
    uninstall(tmp_path, run)
    assert commands == [
        ["systemctl", "disable", "--now", "repsight-kiosk.service", "repsight-night.timer", "repsight.service"],
        ["systemctl", "daemon-reload"],
        ["userdel", "repsight"],
    ]


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here: apt-get install systemd")
    install(tmp_path, "console", PROGRAM)
    units = sorted((tmp_path / "etc/systemd/system").glob("repsight*"))
    assert len(units) == 4
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "repsight" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_service_is_told_what_it_needs() -> None:
    """What the rest relies on, in the words of systemd.exec(5) and systemd.service(5)."""
    lines = (Path(installer.__file__).parent / "files" / "repsight.service").read_text().splitlines()
    assert {"Restart=always", "StartLimitIntervalSec=0", "StateDirectory=repsight", "ProtectSystem=strict"} <= set(
        lines
    )
    assert not [line for line in lines if line.startswith(("PrivateDevices", "ProtectClock", "DevicePolicy"))], (
        "each of these closes /dev/video*"
    )


def test_the_settings_that_are_installed_fit_their_schema(tmp_path: Path) -> None:
    pytest.importorskip("edge.web")
    install(tmp_path, "none", PROGRAM)
    settings = load(Run, tmp_path / "etc/repsight/run.yaml")
    assert (settings.source, settings.screen, settings.log) == ("camera", "web", "always")
