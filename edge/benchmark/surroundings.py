"""What a figure was measured on: the machine in words, and what the runtime half takes on its disk."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from edge import machine
from edge.benchmark.watch import load_average
from edge.doctor import RUNTIME
from keypoints.session import usable_cores

_ROOT = Path(__file__).parents[2]
_ROOMS = ("keypoints", "classifier", "compression", "edge", "data", "configs")


def machine_facts(cores: int, root: Path = machine.ROOT) -> dict[str, Any]:
    """The machine as JSON holds it; `words` is all of it on one line. cores: how many are used."""
    usable, answer, governor = usable_cores(), machine.throttled(), machine.governor(root)
    memory, heat, mhz = machine.memory_mb(root), machine.temperature_c(root), machine.frequency_mhz(root)
    versions = {"python": platform.python_version(), **{name: _version(name) for name in list(RUNTIME)[:3]}}
    if answer is not None:
        now, since = machine.throttle_reasons(answer)
        throttling = f"throttled now: {', '.join(now)}" if now else "throttled before" if since else "not throttled"
    else:
        count = machine.throttle_count(root)
        throttling = "throttling unknown" if count is None else f"throttled {count} times since the start"
    facts = {
        "board": machine.board(root), "cpu": machine.cpu_model(root), "cores": usable, "cores_used": cores or usable,
        "frequency_mhz": mhz, "governor": governor, "memory_mb": memory[0] if memory else None,
        "temperature_c": heat, "throttling": throttling, "load": load_average(root),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}", "versions": versions,
    }  # fmt: skip
    shown = [
        facts["board"], facts["cpu"], f"{facts['cores_used']} of {usable} cores",
        f"{mhz:.0f} MHz" if mhz else None, f"governor {governor or 'unknown'}", throttling,
        f"{memory[0] / 1024:.0f} GB" if memory else None, f"{heat:.0f} °C" if heat is not None else None,
        facts["system"], *(f"{name} {version}" for name, version in versions.items()),
    ]  # fmt: skip
    return {"words": ", ".join(str(fact) for fact in shown if fact), **facts}


def install_mb() -> tuple[float, dict[str, float]]:
    """MB on disk of the runtime half: every distribution that it needs, with what those need, and RepSight itself.

    The sizes by name, largest first. Python and pip are not in it.
    """
    sizes = {name: _distribution_mb(name) for name in _closure(RUNTIME)}
    sizes["repsight"] = _disk_mb(path for room in _ROOMS for path in (_ROOT / room).rglob("*") if path.is_file())
    return sum(sizes.values()), dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _closure(names: Iterable[str]) -> set[str]:
    """The installed distributions among `names` and what they require, extras aside."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another system, or another distribution brings the module
            continue
        if name not in found:
            found.add(name)
            plain = [text for text in required if "extra ==" not in text]
            waiting += [match[0] for text in plain if (match := re.match(r"[\w.-]+", text))]
    return found


def _distribution_mb(name: str) -> float:
    return _disk_mb(Path(str(file.locate())) for file in metadata.files(name) or [])


def _disk_mb(paths: Iterable[Path]) -> float:
    """What files take on the disk, whole blocks, as `du` says it."""
    total = 0
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # listed, and taken away since
            continue
        total += getattr(status, "st_blocks", -(-status.st_size // 4096) * 8) * 512
    return total / 2**20


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
