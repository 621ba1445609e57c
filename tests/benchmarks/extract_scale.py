"""Videos a minute that `extract` gets through with one worker and with two, of one thread each, run about.

    python tests/benchmarks/extract_scale.py                # on a Ray made here; 3 runs of each, 12 clips of 16 s
    python tests/benchmarks/extract_scale.py --engine local --videos 24 --runs 5

The clips are parts of the demo. The rate is that of the videos after each worker's first, so that no start counts: not
that of Ray, nor of the pose model. One worker and two take turns at going first, and what is said is the median of the
runs' ratios. Ray Data looks ten times a second for what is done, so of clips of two seconds a part of the gain is lost
(in 2.60: 1.3 with `--frames 60`). The machine needs two idle cores; what else kept it busy is said with every run. The
outputs of all runs are compared.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

# FFmpeg decodes on every core that it finds; a worker is to have one thread.
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "threads;1"

import cv2  # noqa: E402

from configs.extraction import Extract  # noqa: E402
from keypoints.extract_many import locally  # noqa: E402
from keypoints.extract_one import Made  # noqa: E402
from keypoints.extract_plan import Item, find, plan  # noqa: E402
from keypoints.extract_ray import on_ray  # noqa: E402
from keypoints.video import Video  # noqa: E402


def clips(folder: Path, count: int, frames: int) -> list[Item]:
    """So many clips, each `frames` of the demo, one after the other."""
    written, writer = 0, None
    while written < count * frames:
        with Video(ROOT / "edge" / "demo.mp4") as demo:
            for frame in demo:
                if written == count * frames:
                    break
                if written % frames == 0:
                    path = folder / f"{written // frames:03}.mp4"
                    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25, demo.size)
                writer.write(frame.image)
                written += 1
                if written % frames == 0:
                    writer.release()
    return plan(find([folder]), [], ".npz")


def measure(items: Sequence[Item], engine: str, workers: int) -> tuple[float, str]:
    """Videos a minute, and a hash of all outputs."""
    settings = Extract(engine=engine, workers=workers)
    results: Iterator[tuple[Item, Made | str]] = (on_ray if engine == "ray" else locally)(items, settings)
    times: list[float] = []
    made: dict[str, bytes] = {}
    with closing(results):  # type: ignore[type-var]
        for item, one in results:
            times.append(time.monotonic())
            if isinstance(one, str):
                raise SystemExit(one)
            made[item.name] = one.content
    digest = hashlib.sha256(b"".join(made[name] for name in sorted(made))).hexdigest()
    return 60 * (len(times) - workers) / (times[-1] - times[workers - 1]), digest


def busy(seconds: float = 3.0) -> float:
    """How many cores others keep busy now: the load average would still speak of the run before."""

    def jiffies() -> tuple[int, int]:
        user, nice, system, idle, *rest = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        return user + nice + system + sum(rest[1:]), user + nice + system + idle + sum(rest)

    work, total = jiffies()
    time.sleep(seconds)
    work_after, total_after = jiffies()
    return (os.cpu_count() or 1) * (work_after - work) / max(total_after - total, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["local", "ray"], default="ray")
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--frames", type=int, default=400, help="of each")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    rates: dict[int, list[float]] = {1: [], 2: []}
    hashes = set()
    with tempfile.TemporaryDirectory() as folder:
        items = clips(Path(folder), given.videos, given.frames)
        for run in range(given.runs):
            for workers in (1, 2) if run % 2 == 0 else (2, 1):
                others = busy()
                rate, digest = measure(items, given.engine, workers)
                rates[workers].append(rate)
                hashes.add(digest)
                print(f"run {run + 1}, {workers} worker{'s' * (workers > 1)}: {rate:6.1f} videos a minute"
                      f" (before it, {others:.1f} of {os.cpu_count()} cores were busy)", flush=True)  # fmt: skip
        hashes.add(measure(items, "local", 1)[1])
    ratios = sorted(two / one for one, two in zip(rates[1], rates[2], strict=True))
    for workers, values in rates.items():
        print(f"{given.engine}, {workers} worker{'s' * (workers > 1)}: {median(values):6.1f} videos a minute")
    print(f"two over one: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print("the outputs are the same in every run, and as made locally" if len(hashes) == 1 else "THE OUTPUTS DIFFER")


if __name__ == "__main__":
    main()
