"""Frames a second of a film on one core and on two, run about: what the overlap of decoding, looking and drawing gives.

    python tests/benchmarks/two_cores.py                  # 5 runs of each, of the demo clip; --source my.mp4 --runs 9
    python tests/benchmarks/two_cores.py --draw           # every frame drawn as well, as for a window

Each run is a fresh process of `repsight run`, held to its cores, and its own report tells the frames a second (without
the start). The machine must be idle: on one that is not, the second core is not there to be measured, and one core
loses less by that than two. Where others can't be stopped, root puts it before them all: `chrt -r 1 python tests/...`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]

#: Name, cores, and settings of each way to run.
WAYS: dict[str, tuple[int, tuple[str, ...]]] = {
    "one core": (1, ()),
    "two cores": (2, ()),
    "two cores, overlap=false": (2, ("overlap=false", "threads=1")),
    "two cores, overlap=false, both in a look": (2, ("overlap=false", "threads=2")),
    "two cores, a look at a time, both in it": (2, ("threads=2",)),
}

#: Draws every frame and shows it to nobody, in the child.
_DRAWN = "from edge.screens import Screen; Screen.needs_picture = True; "


def measure(source: str, cores: int, settings: tuple[str, ...], frames: int, draw: bool) -> dict[str, Any]:
    """The report of one run."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        arguments = ["run", source, "--screen", "none", "--log", "none", "--frames", str(frames), "--json", str(report)]
        program = f"{_DRAWN if draw else ''}import sys; sys.argv[0] = 'repsight'; import cli; cli.main()"
        usable = sorted(os.sched_getaffinity(0))[-cores:]
        subprocess.run(
            [sys.executable, "-c", program, *arguments, *settings], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, usable),
        )  # fmt: skip
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="demo")
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--draw", action="store_true")
    given = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    totals = set()
    for _ in range(given.runs):
        for name, (cores, settings) in WAYS.items():
            found = measure(given.source, cores, settings, given.frames, given.draw)
            rates[name].append(found["fps"])
            totals.add(json.dumps([found["totals"], found["segments"], found["reps"]]))
    for name, values in rates.items():
        ratios = sorted(value / one for value, one in zip(values, rates["one core"], strict=True))
        print(f"{name:42} {median(values):6.1f} fps   x {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print("the counts are the same in every run" if len(totals) == 1 else "THE COUNTS DIFFER")


if __name__ == "__main__":
    main()
