"""Makes a Raspberry Pi count by itself from the moment that it is switched on; and takes all of that away again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import resources
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from keypoints.errors import InputError

Kiosk = Literal["auto", "console", "desktop", "none"]

_UNITS: Final = PurePosixPath("etc/systemd/system")
#: What was installed, with digests, and the folders that were made for it.
MANIFEST: Final = PurePosixPath("etc/repsight/installed.json")
#: The user's: it stays when it was edited.
SETTINGS: Final = PurePosixPath("etc/repsight/run.yaml")
DATA, CACHE = PurePosixPath("var/lib/repsight"), PurePosixPath("var/cache/repsight")

#: Where each file goes.
_ALWAYS: Final = {
    "repsight.service": _UNITS / "repsight.service",
    "repsight-night.service": _UNITS / "repsight-night.service",
    "repsight-night.timer": _UNITS / "repsight-night.timer",
    "sysusers.conf": PurePosixPath("etc/sysusers.d/repsight.conf"),
    "journald.conf": PurePosixPath("etc/systemd/journald@repsight.conf"),
}
_KIOSKS: Final[dict[str, dict[str, PurePosixPath]]] = {
    "console": {"repsight-kiosk.service": _UNITS / "repsight-kiosk.service"},
    "desktop": {"kiosk.desktop": PurePosixPath("etc/xdg/autostart/repsight-kiosk.desktop")},
    "none": {},
}
#: The units that start by themselves, and what starts them.
_WANTED: Final = {
    "repsight.service": "multi-user.target",
    "repsight-kiosk.service": "multi-user.target",
    "repsight-night.timer": "timers.target",
}

Run = Callable[[Iterable[str]], None]


def _run(command: Iterable[str]) -> None:
    subprocess.run(list(command), check=False)


@dataclass(slots=True)
class Change:
    """What was done to the system. written and removed: paths from its root on. said: what the user is to know."""

    written: list[PurePosixPath] = field(default_factory=list)
    removed: list[PurePosixPath] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def install(root: Path = Path("/"), kiosk: Kiosk = "auto", program: str | None = None, run: Run = _run) -> Change:
    """Write the services under `root`, and start them when that is this machine's own.

    kiosk: where Chromium shows the screen: at the first terminal, on the desktop, or nowhere; `auto` is the desktop
    where there is one. program: the command that the services run; else the one that is running. run: starts a program.
    Raises InputError without the right to write.
    """
    kind = kiosk if kiosk != "auto" else "desktop" if _has_desktop(root) else "console"
    uninstall(root, run=lambda _: None)  # what another version, or another kiosk, has left
    change, made, digests = Change(), [], {}
    places = _ALWAYS | _KIOSKS[kind]
    try:
        for name, place in places.items():
            text = _text(name).replace("@repsight@", program or _program(root))
            made += _write(root, place, text)
            digests[str(place)] = _digest(text)
            change.written.append(place)
        if not (root / SETTINGS).exists():
            made += _write(root, SETTINGS, _text("run.yaml"))
            change.written.append(SETTINGS)
        digests[str(SETTINGS)] = _digest(_text("run.yaml"))
        for unit in (name for name in places if name in _WANTED):
            link = _UNITS / f"{_WANTED[unit]}.wants" / unit
            made += _folders(root, link.parent)
            (root / link).symlink_to(f"../{unit}")
            digests[str(link)] = ""
            change.written.append(link)
        made += _folders(root, MANIFEST.parent)
        manifest = {"files": digests, "folders": [str(folder) for folder in made]}
        _write(root, MANIFEST, json.dumps(manifest, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=str(error.filename), field="--root",
                         hint="sudo, or another --root") from None  # fmt: skip
    change.written.append(MANIFEST)
    if _is_this_machine(root):
        run(["systemd-sysusers", str(root / _ALWAYS["sysusers.conf"])])
        run(["systemctl", "daemon-reload"])
        started = [unit for unit in places if unit in _WANTED]
        run(["systemctl", "restart", *started])
        change.said.append("it counts now, and after every start; its screen: http://127.0.0.1:8000")
    return change


def uninstall(root: Path = Path("/"), run: Run = _run) -> Change:
    """Remove what `install` has written under `root`, whichever version that was; the history and edited settings stay.

    Raises InputError without the right to remove.
    """
    change = Change()
    installed: dict[str, Any] = {"files": {}, "folders": []}
    if (root / MANIFEST).is_file():
        installed = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    here = _is_this_machine(root)
    units = sorted({PurePosixPath(name).name for name in installed["files"]} & set(_WANTED))
    try:
        if here and units:
            run(["systemctl", "disable", "--now", *units])
        for name, digest in installed["files"].items():
            place, path = PurePosixPath(name), root / name
            if place == SETTINGS and path.is_file() and _digest(path.read_text(encoding="utf-8")) != digest:
                change.said.append(f"/{place} stays: it was edited")
            elif path.is_symlink() or path.exists():
                path.unlink()
                change.removed.append(place)
        if (root / MANIFEST).exists():
            (root / MANIFEST).unlink()
            change.removed.append(MANIFEST)
        for folder in sorted(installed["folders"], key=len, reverse=True):
            if (root / folder).is_dir() and not any((root / folder).iterdir()):
                (root / folder).rmdir()
        if units and (root / CACHE).is_dir():
            shutil.rmtree(root / CACHE)
            change.removed.append(CACHE)
    except OSError as error:
        raise InputError(f"can't be removed: {error.strerror}", file=str(error.filename), field="--root",
                         hint="sudo, or another --root") from None  # fmt: skip
    if here and units:
        run(["systemctl", "daemon-reload"])
    if (root / DATA).is_dir() and any((root / DATA).iterdir()):
        change.said.append(f"/{DATA} stays: your history is in it")
    elif here and units:
        run(["userdel", "repsight"])
    return change


def _program(root: Path) -> str:
    """The command that runs, as a system that has `root` as its root will call it.

    By its Python, and not by the script beside it, whose first line has the path of today.
    """
    spec = find_spec("cli")
    python, module = Path(sys.executable), Path((spec and spec.origin) or "cli.py").absolute()
    if not module.is_relative_to(sys.prefix):  # a checkout
        return f"{python} {module}"
    place = python.relative_to(root.resolve()) if python.is_relative_to(root.resolve()) else python.relative_to("/")
    return f"/{place} -P -m cli"


def _has_desktop(root: Path) -> bool:
    """Whether somebody logs in to a desktop there (Debian's link to the display manager in charge)."""
    return os.path.lexists(root / _UNITS / "display-manager.service")


def _is_this_machine(root: Path) -> bool:
    return root.resolve() == Path("/")


def _text(name: str) -> str:
    return (resources.files("edge.pi") / "files" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(root: Path, place: PurePosixPath, text: str) -> list[PurePosixPath]:
    """Write a file that everybody may read; the folders that were made for it."""
    made = _folders(root, place.parent)
    (root / place).write_text(text, encoding="utf-8")
    (root / place).chmod(0o644)
    return made


def _folders(root: Path, folder: PurePosixPath) -> list[PurePosixPath]:
    """Make a folder and those that it is in; which of them were not there."""
    missing = [place for place in (folder, *folder.parents) if not (root / place).is_dir()]
    (root / folder).mkdir(parents=True, exist_ok=True)
    return missing
