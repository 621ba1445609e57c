"""What this machine is: board, processor, heat, memory, cameras, display. Facts alone; `edge.doctor` judges them.

Every function that reads /proc, /sys or /dev takes the folder that they stand in, so that a test can build a machine.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")

#: `vcgencmd get_throttled`, by bit: Raspberry Pi documentation, "vcgencmd", get_throttled. Bits 16 to 19 tell the
#: same four of any time since the start.
_THROTTLED = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")

#: VIDIOC_QUERYCAP and the flags in its answer: linux/videodev2.h.
_QUERYCAP = 0x80685600
_DEVICE_CAPS_AT = 88
_VIDEO_CAPTURE = 0x00000001 | 0x00001000  # single- and multi-planar
_MEMORY_TO_MEMORY = 0x00004000 | 0x00008000  # a codec or a scaler, not a camera
#: Drivers of a Raspberry Pi whose nodes give raw sensor data, or pictures of what is put into them (drivers/media of
#: its kernel): libcamera is for these.
_RAW = ("unicam", "bcm2835-", "rp1-cfe", "pispbe", "rpi-hevc-dec")
#: The nodes that are there when a sensor at the ribbon has answered, as the kernel names them.
_RIBBON = ("unicam", "rp1-cfe")


@dataclass(frozen=True, slots=True)
class Camera:
    """A capture device: its path, the name that its driver gives, and whether this user may open it."""

    device: Path
    name: str
    allowed: bool


def board(root: Path = ROOT) -> str | None:
    """The name that a board's firmware gives, such as `Raspberry Pi 5 Model B Rev 1.0`; None on a PC."""
    text = _read(root / "proc/device-tree/model")
    return text.rstrip("\0") if text else None


def cpu_model(root: Path = ROOT) -> str:
    """The processor's name; on Arm, where the kernel gives none, the architecture."""
    names = re.findall(r"^model name\s*:\s*(.+)$", _read(root / "proc/cpuinfo") or "", flags=re.MULTILINE)
    return names[0] if names else platform.processor() or platform.machine()


def governor(root: Path = ROOT) -> str | None:
    """What decides the first core's frequency, such as `ondemand` or `powersave`; None where nothing can."""
    return _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def frequency_mhz(root: Path = ROOT) -> float | None:
    """What the first core runs at now; None where the kernel does not tell."""
    text = _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    if text and text.isdigit():
        return int(text) / 1000
    found = re.search(r"^cpu MHz\s*:\s*([\d.]+)$", _read(root / "proc/cpuinfo") or "", flags=re.MULTILINE)
    return float(found[1]) if found else None


def throttle_count(root: Path = ROOT) -> int | None:
    """How often the first core was slowed down for its heat since the start (Intel); None where nobody counts."""
    text = _read(root / "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count")
    return int(text) if text and text.isdigit() else None


def temperature_c(root: Path = ROOT) -> float | None:
    """The hottest sensor of the machine, in degrees Celsius; None without one."""
    texts = (_read(zone / "temp") for zone in (root / "sys/class/thermal").glob("thermal_zone*"))
    return max((int(text) / 1000 for text in texts if text and text.lstrip("-").isdigit()), default=None)


def memory_mb(root: Path = ROOT) -> tuple[int, int] | None:
    """Memory in all, and free for a new program, in MB; None where /proc does not tell."""
    lines = dict(re.findall(r"^(\w+):\s+(\d+) kB$", _read(root / "proc/meminfo") or "", flags=re.MULTILINE))
    if not {"MemTotal", "MemAvailable"} <= lines.keys():
        return None
    return int(lines["MemTotal"]) // 1024, int(lines["MemAvailable"]) // 1024


def throttled() -> str | None:
    """The answer of a Raspberry Pi's `vcgencmd get_throttled`, such as `throttled=0x50005`; None elsewhere."""
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        answer = subprocess.run([command, "get_throttled"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def throttle_reasons(answer: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `vcgencmd get_throttled` says: the reasons in force now, and those since the start."""
    bits = int(answer.partition("=")[2] or "0", 16)
    now = tuple(name for i, name in enumerate(_THROTTLED) if bits >> i & 1)
    since = tuple(name for i, name in enumerate(_THROTTLED) if bits >> (16 + i) & 1)
    return now, since


def cameras(root: Path = ROOT) -> list[Camera]:
    """The capture devices under /dev, in the order of their numbers: codecs and metadata nodes left out."""
    devices = [d for d in (root / "dev").glob("video*") if d.name.removeprefix("video").isdigit()]
    found = []
    for device in sorted(devices, key=lambda d: int(d.name.removeprefix("video"))):
        allowed = os.access(device, os.R_OK | os.W_OK)
        if allowed and not _captures(device):
            continue
        name = _read(root / "sys/class/video4linux" / device.name / "name") or "unnamed"
        found.append(Camera(device, name, allowed))
    return found


def ribbon_camera(root: Path = ROOT) -> str | None:
    """What receives the pictures of a camera at the Pi's ribbon; None where no sensor has answered."""
    names = (_read(node / "name") or "" for node in (root / "sys/class/video4linux").glob("video*"))
    return min((name for name in names if name.startswith(_RIBBON)), default=None)


def mount_of(folder: Path, root: Path = ROOT) -> tuple[str, str, str] | None:
    """Where what holds `folder` is mounted, its file system, and its options; None where the kernel does not tell."""
    best: tuple[str, str, str] | None = None
    for line in (_read(root / "proc/self/mounts") or "").splitlines():
        _, place, kind, options, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if folder.is_relative_to(place) and (best is None or len(place) >= len(best[0])):
            best = (place, kind, options)
    return best


def display(environ: Mapping[str, str] = os.environ) -> str | None:
    """The display that a window would open on; None without one. OpenCV's window is X11's, on Wayland as well."""
    if platform.system() in ("Windows", "Darwin"):
        return platform.system()
    return environ.get("DISPLAY") or None


def is_camera(capability: bytes) -> bool:
    """Whether a `struct v4l2_capability` (104 bytes) is a camera's, and not a codec's or of raw sensor data."""
    if capability[:16].decode("ascii", "replace").startswith(_RAW):
        return False
    flags = int.from_bytes(capability[_DEVICE_CAPS_AT : _DEVICE_CAPS_AT + 4], "little")
    return bool(flags & _VIDEO_CAPTURE) and not flags & _MEMORY_TO_MEMORY


def _captures(device: Path) -> bool:
    """Ask the driver; one that does not answer, or is not asked for video at all, gets the benefit of the doubt."""
    try:
        import fcntl  # not on Windows

        with device.open("rb+", buffering=0) as file:
            capability = bytearray(104)
            fcntl.ioctl(file, _QUERYCAP, capability)
    except (ImportError, OSError):
        return True
    return is_camera(bytes(capability))


def _read(path: Path) -> str | None:
    """A small system file's text without its line end; None when it is absent or can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
