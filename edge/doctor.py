"""What this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from shutil import disk_usage, which

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge import machine
from edge.checks import Check, check
from edge.pi.checks import pi_checks
from keypoints.files import sha256

#: The runtime half: each distribution, and the module that it brings.
RUNTIME = {
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "opencv-python": "cv2",
    "click": "click",
    "pydantic": "pydantic",
    "PyYAML": "yaml",
    "rich": "rich",
}

#: The extras: the distribution that shows that one is here, and what it is for.
EXTRAS = {
    "train": ("torch", "training, compression, synthetic people"),
    "mediapipe": ("mediapipe", "the pose estimator BlazePose"),
}

#: Every distribution that brings a `cv2`; the first is ours.
CV2_PROVIDERS = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)

#: A Raspberry Pi slows down from here on (Raspberry Pi documentation, "Frequency management and thermal control").
HOT_C = 80.0
#: What `run` takes at most, and a little.
LEAST_MEMORY_MB = 300
#: A session with an annotated video of an hour.
LEAST_DISK_MB = 2000

_MARKS = {"ok": "[green]✓[/]", "note": "[yellow]•[/]", "fault": "[bold red]✗[/]"}


def examine(log_folder: Path) -> list[Check]:
    """Look at everything, change nothing; `log_folder` is where sessions are saved."""
    return [
        *_python(),
        *_packages(),
        *_cv2_providers(),
        *_models(),
        *_board(),
        *_cameras(),
        *_screen(),
        *_sound(),
        *_sessions(log_folder),
        *pi_checks(log_folder),
        *_extras(),
    ]


def healthy(checks: list[Check]) -> bool:
    """Whether everything that `run` needs is here."""
    return all(one.state != "fault" for one in checks)


def show(checks: list[Check], console: Console) -> None:
    """Print the checks as a table, what helps under it, and the verdict."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for style in ("bold", "", "", ""):
        table.add_column(style=style, overflow="fold")
    area = ""
    for one in checks:
        table.add_row(one.area if one.area != area else "", _MARKS[one.state], escape(one.name), escape(one.found))
        area = one.area
    console.print(table)
    console.print()
    for one in checks:
        if one.mend:  # unbroken, so that a command can be copied
            line = f"{_MARKS[one.state]} [bold]{escape(one.name)}[/]: {escape(one.mend)}"
            console.print(line, highlight=False, soft_wrap=True)
    faults = ", ".join(escape(one.name) for one in checks if one.state == "fault")
    console.print()
    if faults:
        console.print(f"[bold red]`repsight run` can't work yet.[/] Mend: {faults}", highlight=False)
    else:
        console.print("[bold green]Everything that `repsight run` needs is here.[/]", highlight=False)


def _python() -> Iterator[Check]:
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    found = f"{platform.python_version()}, {sys.executable}"
    yield check("Python", "version", fits, found, "take 3.11 to 3.13: make run PYTHON=python3.12", "fault")
    found = f"{platform.system()} {platform.machine()}"
    mend = "onnxruntime has no 32-bit build: install the 64-bit Raspberry Pi OS"
    yield check("Python", "system", sys.maxsize > 2**32, found, mend, "fault")


def _packages() -> Iterator[Check]:
    for distribution, module in RUNTIME.items():
        version, broken = _version(distribution), _import_error(module)
        if broken is None:
            yield Check("Packages", distribution, "ok", version or f"another distribution's {module}")
        elif version is None:
            yield Check("Packages", distribution, "fault", "absent", _pip(f"install {distribution}"))
        elif module == "cv2" and ".so" in broken:
            mend = "sudo apt-get install libgl1 libglib2.0-0 libxcb1"
            yield Check("Packages", distribution, "fault", f"{version}: {broken}", mend)
        else:
            mend = _pip(f"install --force-reinstall --no-deps {distribution}=={version}")
            yield Check("Packages", distribution, "fault", f"{version}: {broken}", mend)
    if _import_error("onnxruntime") is None:
        import onnxruntime

        providers = [name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]
        yield Check("Packages", "onnxruntime can use", "ok", ", ".join(providers))
    if _import_error("cv2") is None:
        import cv2

        inside = cv2.CAP_FFMPEG in cv2.videoio_registry.getBackends()
        places = (["inside cv2"] if inside else []) + [path for path in [which("ffmpeg")] if path]
        mend = _pip("install --force-reinstall --no-deps opencv-python")
        yield check("Packages", "ffmpeg", inside, ", ".join(places) or "absent: no video files", mend, "fault")


def _cv2_providers() -> Iterator[Check]:
    """Two distributions overwrite each other's `cv2`, removing one breaks the other; a headless one has no window."""
    present = [name for name in CV2_PROVIDERS if _version(name) is not None]
    if len(present) > 1:
        found = f"two overwrite each other: {', '.join(present)}"
        yield Check("Packages", "cv2", "fault", found, _only_opencv_python(present))
    elif present and "headless" in present[0]:
        found = f"{present[0]} has no window: no `--screen window`"
        yield Check("Packages", "cv2", "note", found, _only_opencv_python(present))


def _models() -> Iterator[Check]:
    if any(_import_error(module) for module in RUNTIME.values()):
        yield Check("Models", "shipped models", "note", "not looked at: the packages above come first")
        return
    from classifier.head import SHIPPED as HEAD
    from keypoints.card import HeadCard, PoseCard, read_card
    from keypoints.errors import ModelError
    from keypoints.session import open_session
    from keypoints.yolo import SHIPPED as POSE

    def describe(card: object) -> str:
        if isinstance(card, PoseCard):
            return f"{card.precision}, {card.input[1]}×{card.input[0]}"
        assert isinstance(card, HeadCard)
        return f"{len(card.actions)} actions, {card.window / card.rate_hz:.1f} s window"

    kinds: tuple[tuple[str, Path, type[PoseCard] | type[HeadCard]], ...]
    kinds = (("pose model", POSE, PoseCard), ("head", HEAD, HeadCard))
    for name, file, kind in kinds:
        try:
            card = read_card(kind, open_session(file, threads=1).get_modelmeta().custom_metadata_map, file)
        except ModelError as error:
            yield Check("Models", name, "fault", str(error), "install RepSight again: its models are part of it")
        else:
            digest = sha256(file)[:12]
            yield Check("Models", name, "ok", f"{card.name} {card.version}, {describe(card)}, sha256 {digest}…")


def _board() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = [machine.board(), machine.cpu_model(), f"{cores} cores"]
    yield Check("Machine", "processor", "ok", ", ".join(fact for fact in facts if fact))
    if (memory := machine.memory_mb()) is not None:
        total, free = memory
        mend = f"close other programs: `run` wants {LEAST_MEMORY_MB} MB"
        yield check("Machine", "memory", free >= LEAST_MEMORY_MB, f"{free} of {total} MB free", mend, "note")
    if (governor := machine.governor()) is not None:
        mend = "echo schedutil | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        yield check("Machine", "governor", governor != "powersave", governor, mend, "note")
    if (heat := machine.temperature_c()) is not None:
        yield check("Machine", "temperature", heat < HOT_C, f"{heat:.0f} °C", "give it a fan or a heat sink", "note")
    if (answer := machine.throttled()) is not None:
        now, since = machine.throttle_reasons(answer)
        reasons = [f"now {', '.join(now)}"] * bool(now) + [f"since the start {', '.join(since)}"] * bool(since)
        mend = "use the board's own power supply, and a fan"
        yield check("Machine", "throttling", not reasons, "; ".join(reasons) or "none", mend, "note")


def _cameras() -> Iterator[Check]:
    cameras = machine.cameras()
    for camera in cameras:
        found = camera.name if camera.allowed else f"{camera.name}: no permission"
        mend = "sudo usermod -aG video $USER, then log in again"
        yield check("Camera", str(camera.device), camera.allowed, found, mend, "note")
    if not cameras and machine.ribbon_camera() is None:
        mend = "plug one in, or `run FILE`, or `run URL`"
        yield Check("Camera", "camera", "note", "none: `run` shows the demo clip", mend)


def _screen() -> Iterator[Check]:
    display = machine.display()
    wayland = "WAYLAND_DISPLAY" in os.environ
    mend = "for the window: " + ("switch XWayland on" if wayland else "start on the desktop, or set DISPLAY")
    found = display or f"{'Wayland without X11' if wayland else 'none'}: `run` shows the terminal screen"
    yield check("Screen", "display", display is not None, found, mend, "note")


def _sound() -> Iterator[Check]:
    voice, player = which("espeak-ng") or which("espeak"), which("aplay")
    found = (
        f"said by {Path(voice).name}" if voice else "beeps by aplay" if player else "none: nothing is said or beeped"
    )
    yield check("Sound", "voice", voice is not None, found, "sudo apt-get install espeak-ng", "note")


def _sessions(folder: Path) -> Iterator[Check]:
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    found = str(folder) if writable else f"{folder}: can't be written to"
    yield check("Sessions", "log folder", writable, found, f"sudo chown $USER {existing}", "fault")
    free_mb = disk_usage(existing).free // 10**6
    mend = "make room: a saved video of an hour takes that much"
    yield check("Sessions", "free disk", free_mb >= LEAST_DISK_MB, f"{free_mb / 1000:.1f} GB", mend, "note")


def _extras() -> Iterator[Check]:
    tree = Path(__file__).parents[1]
    project = str(_short(tree)) if (tree / "setup.cfg").is_file() else "repsight"
    for extra, (distribution, purpose) in EXTRAS.items():
        version = _version(distribution)
        mend = _pip(f"install '{project}[{extra}]'")
        if extra == "train" and (tree / "Makefile").is_file():
            mend = "`make test` makes .venv-test, which has it; for an environment of your own: "
            mend += f"python -m pip install '{project}[train]'"
        if extra == "mediapipe":  # it asks for opencv-contrib-python
            mend += f" && {_only_opencv_python(['opencv-contrib-python'])}"
        found = f"{distribution} {version}" if version else f"absent: {purpose}"
        yield check("Extras", extra, version is not None, found, mend, "note")


def _only_opencv_python(present: list[str]) -> str:
    """The commands that leave opencv-python as the one cv2; what another one overwrote has to come again."""
    ours = CV2_PROVIDERS[0]
    version = _version(ours)
    others = " ".join(name for name in present if name != ours)
    again = f"install --force-reinstall --no-deps {ours}{f'=={version}' if version else ''}"
    return f"{_pip(f'uninstall -y {others}')} && {_pip(again)}"


def _pip(arguments: str) -> str:
    """A pip command for this interpreter."""
    return f"{_short(Path(sys.executable))} -m pip {arguments}"


def _short(path: Path) -> Path:
    """The path as it can be typed in this folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _import_error(module: str) -> str | None:
    """Why `module` can't be imported, on one line; None when it can."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return " ".join(str(error).split())
    return None
