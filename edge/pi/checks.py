"""What a Raspberry Pi may lack, and the command that mends it: camera, groups, file system, services."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from edge import machine
from edge.checks import Check, check
from edge.pi.install import DATA, MANIFEST, SETTINGS

#: Where the firmware's settings are: Raspberry Pi OS from bookworm on, and before.
_CONFIGS = ("boot/firmware/config.txt", "boot/config.txt")
#: What libcamera and `vcgencmd` open, and the group that each belongs to.
_DEVICES = {
    "dev/vcio": "video",
    "dev/media0": "video",
    "dev/dma_heap/linux,cma": "video",
    "dev/dri/renderD128": "render",
}


def pi_checks(log_folder: Path, root: Path = machine.ROOT) -> Iterator[Check]:
    """Nothing on another machine. log_folder: where sessions are saved."""
    if not (machine.board(root) or "").startswith("Raspberry Pi"):
        return
    yield from _ribbon(root)
    yield _picamera2()
    yield from _groups(root)
    installed = (root / MANIFEST).is_file()
    yield from _memory_only(Path("/") / DATA if installed else log_folder, root)
    yield from _services(root)


def _ribbon(root: Path) -> Iterator[Check]:
    """A camera at the ribbon; none is no lack where there is a USB camera."""
    if (found := machine.ribbon_camera(root)) is not None:
        yield Check("Raspberry Pi", "ribbon camera", "ok", f"one answers ({found})")
        return
    if machine.cameras(root):
        return
    text = "\n".join(path.read_text(errors="replace") for name in _CONFIGS if (path := root / name).is_file())
    overlay = re.search(r"^\s*(camera_auto_detect=1|dtoverlay=(imx|ov|arducam)\S*)", text, re.MULTILINE)
    if overlay is None:
        mend = f"echo camera_auto_detect=1 | sudo tee -a /{_CONFIGS[0]}, then sudo reboot"
        yield Check("Raspberry Pi", "ribbon camera", "note", "none, and no overlay asks for one", mend)
    else:
        mend = "switch off, seat the ribbon anew (contacts to the board's side), and see: rpicam-hello --list-cameras"
        yield Check("Raspberry Pi", "ribbon camera", "note", f"none answers ({overlay[1]} is set)", mend)


def _picamera2() -> Check:
    """Debian's package, seen from this environment: its simplejpeg may be compiled for an older numpy."""
    mend = "sudo apt-get install python3-picamera2, then make clean run VENV_ARGS=--system-site-packages"
    try:
        importlib.import_module("picamera2")
    except ImportError:
        return Check("Raspberry Pi", "picamera2", "note", "absent: no `run picamera`", mend)
    except ValueError as error:  # numpy's, of a module that was compiled for another numpy
        mend = f"{sys.executable} -m pip install --only-binary :all: --no-deps --ignore-installed simplejpeg"
        return Check("Raspberry Pi", "picamera2", "note", f"can't be used: {error}", mend)
    return Check("Raspberry Pi", "picamera2", "ok", "here")


def _groups(root: Path) -> Iterator[Check]:
    closed = [(name, group) for name, group in _DEVICES.items()
              if (root / name).exists() and not os.access(root / name, os.R_OK | os.W_OK)]  # fmt: skip
    groups = ",".join(sorted({group for _, group in closed}))
    found = f"no permission for {', '.join(f'/{name}' for name, _ in closed)}" if closed else "enough"
    mend = f"sudo usermod -aG {groups} $USER, then log in again"
    yield check("Raspberry Pi", "groups", not closed, found, mend, "note")


def _memory_only(folder: Path, root: Path) -> Iterator[Check]:
    """The overlay of `raspi-config` keeps in memory whatever is written; it is gone with the power."""
    mount = machine.mount_of(folder.absolute(), root)
    if mount is None:
        return
    place, kind, options = mount
    overlay = kind in ("overlay", "tmpfs", "ramfs")
    found = f"{folder} is in memory ({kind} at {place})" if overlay else f"{kind} at {place}"
    if "ro" in options.split(","):
        mend = f"mount a partition that can be written to at {folder}"
        yield Check("Raspberry Pi", "history", "note", f"{folder} can't be written to ({kind} at {place})", mend)
        return
    mend = f"mount a USB stick or a partition of its own at {folder}, or: sudo raspi-config nonint disable_overlayfs"
    yield check(
        "Raspberry Pi", "history", not overlay, found + (": lost at power-off" if overlay else ""), mend, "note"
    )


def _services(root: Path) -> Iterator[Check]:
    """Whether it starts by itself, whether it runs, and whether the screen has what it needs."""
    installed = (root / MANIFEST).is_file()
    mend = "make install-pi, and it starts with the Pi"
    yield check("Raspberry Pi", "service", installed, "installed" if installed else "not installed", mend, "note")
    if not installed:
        return
    state = unit_state("repsight.service")
    if state is not None:
        mend = f"journalctl --namespace=repsight -n 20 tells why; /{SETTINGS} has its settings"
        yield check("Raspberry Pi", "repsight.service", state == "active", state, mend, "note")
    if (root / "etc/systemd/system/repsight-kiosk.service").exists():
        names = {"chromium": ("chromium", "chromium-browser"), "cage": ("cage",)}
        missing = [package for package, programs in names.items() if not any(map(shutil.which, programs))]
        found = f"absent: {', '.join(missing)}" if missing else "here"
        mend = f"sudo apt-get install {' '.join(missing)}"
        yield check("Raspberry Pi", "kiosk", not missing, found, mend, "note")


def unit_state(unit: str) -> str | None:
    """What systemd says of a unit, such as `active` or `failed`; None where nobody can be asked."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    try:
        done = subprocess.run([systemctl, "is-active", unit], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
