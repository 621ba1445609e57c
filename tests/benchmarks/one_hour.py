"""An hour of video through the chain as `run` has it: does memory grow, does latency drift?

`python tests/benchmarks/one_hour.py [--minutes 60] [--clip FILE] [--json FILE]`: one film, the clip again and again,
every frame drawn, the session logged, as fast as the machine goes. Prints the most resident memory and the chain's
median in each minute of the video. Exit code 1 when memory grew by a megabyte after the first minute.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from array import array
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import av
import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.benchmark.chain import Drawn
from edge.history.log import SessionLog
from edge.models import Models
from edge.outcome import Outcome
from edge.reading import Reading
from edge.report import Report
from edge.run import Runner, load_settings
from edge.sources import open_source
from keypoints.resources import resident_bytes

DEMO = Path(__file__).parents[2] / "edge" / "demo.mp4"
MOST_GROWTH_MB = 1.0
#: Frames between two looks at the memory: pictures come and go, so one look a minute would tell little.
EVERY = 5


class Hour(Report):
    """The report of a run, and what each minute of its video took."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.minutes: list[tuple[float, float]] = []  # the most MB, ms of the chain (median)
        self._chain, self._most_mb = array("d"), 0.0

    def add(self, reading: Reading) -> None:
        super().add(reading)
        self._chain.append(reading.stage_ms["chain"])
        if self.frames % EVERY == 0:
            self._most_mb = max(self._most_mb, (resident_bytes(os.getpid()) or 0) / 2**20)
        if reading.time_s >= 60 * (len(self.minutes) + 1):
            self.minutes.append((self._most_mb, median(self._chain)))  # by numpy, it would take memory of its own
            self._most_mb = 0.0
            del self._chain[:]
            print(
                f"minute {len(self.minutes):3d}: {self.minutes[-1][0]:7.2f} MB, {self.minutes[-1][1]:6.2f} ms",
                flush=True,
            )


def repeated(clip: Path, seconds: float, film: Path) -> None:
    """Write `film`: the pictures of `clip` as they are stored there, again and again for so long."""
    with av.open(str(film), "w") as out:
        began = 0
        while True:
            with av.open(str(clip)) as source:
                stream = source.streams.video[0]
                written = out.streams.video[0] if out.streams.video else out.add_stream_from_template(stream)
                end = 0
                for packet in source.demux(stream):
                    if packet.dts is None:
                        continue
                    end = max(end, packet.pts + packet.duration)
                    packet.pts, packet.dts, packet.stream = packet.pts + began, packet.dts + began, written
                    out.mux(packet)
                began += end
                if began * stream.time_base >= seconds:
                    return


@click.command()
@click.option("--minutes", type=click.IntRange(min=2), default=60, show_default=True)
@click.option("--clip", type=click.Path(path_type=Path, exists=True), default=DEMO, show_default="the demo")
@click.option("--json", "json_file", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
def main(minutes: int, clip: Path, json_file: Path | None, overrides: tuple[str, ...]) -> None:
    """Run it."""
    settings, counting = load_settings(Path("run.yaml"), overrides)
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        repeated(clip, 60 * minutes + 1, folder / "film.mp4")
        log = parts.enter_context(SessionLog(folder / "log"))
        models = Models.open(settings)
        parts.callback(models.close)
        film = parts.enter_context(open_source(str(folder / "film.mp4"), settings))
        hour = Hour(film.name)
        runner = Runner(
            film, models.pipeline(settings, counting), Drawn(), Outcome(hour), log=log, workers=models.workers
        )
        runner.run(lambda: len(hour.minutes) >= minutes)
    memory, chain = map(np.array, zip(*hour.minutes, strict=True))
    quarter = max(1, minutes // 4)
    found = {
        "minutes": minutes, "frames": hour.frames,
        "grew_mb": round(float(memory[1:].max() - memory[0]), 2),
        "drift": round(float(np.median(chain[-quarter:]) / np.median(chain[:quarter])), 3),
        "totals": hour.totals, "memory_mb": memory.round(2).tolist(), "chain_ms": chain.round(3).tolist(),
    }  # fmt: skip
    print(f"{hour.frames} frames: memory grew by {found['grew_mb']} MB after the first minute (asked: less than "
          f"{MOST_GROWTH_MB}); the chain's median in the last quarter is {found['drift']} of the first")  # fmt: skip
    if json_file:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    raise SystemExit(found["grew_mb"] >= MOST_GROWTH_MB)


if __name__ == "__main__":
    main()
