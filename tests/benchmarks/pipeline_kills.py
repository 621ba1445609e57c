"""A pipeline that is killed again and again: does it end in the files of one that ran through?

    python tests/benchmarks/pipeline_kills.py --kills 10                        # the smoke pipeline: some minutes
    python tests/benchmarks/pipeline_kills.py --config mine.yaml --kills 10 train_head.epochs=4

The pipeline runs through once, in a folder of its own. In another it is started, killed (-9) at a random moment, and
started again, until it has been killed so many times; then it goes on to its end. Moments are drawn over the time and
the stages of the first run. Data, splits, heads and quantized heads are to be the same byte for byte, and so is the
quantized pose model unless its training was killed (what comes of it is then a model of its own); reports are compared
by what they say, without times. Exit code 1, and a line for each thing that differs.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[2]

#: What is compared by its bytes, and what by what it says.
SAME = ("sequences/", "frames/", "actions.yaml", "split.yaml", "head.onnx", "pose.onnx", "pose.pt", "pose_fp16.onnx")
#: Made by the training of a pose model, or of what it made.
OF_POSE = ("train_pose", "compress_pose", "export")
#: In a report: what depends on the machine's mood.
_TIMES = ("latency", "latency_ms")


class Run:
    """One start of the pipeline in its own folder."""

    def __init__(self, folder: Path, config: str, overrides: tuple[str, ...]) -> None:
        command = [sys.executable, str(ROOT / "cli.py"), "pipeline", "--config", config, "--out", "out", *overrides]
        self.log = (folder / "log.txt").open("a")
        self.process = subprocess.Popen(command, cwd=folder, stdout=self.log, stderr=subprocess.STDOUT)

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit code; None when it still runs after so long."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def made(folder: Path) -> dict[str, str]:
    """What every stage made: STAGE/FILE to its hash, of what is compared by its bytes."""
    found: dict[str, str] = {}
    for file in sorted((folder / "out").glob("*/record.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        found |= {f"{file.parent.name}/{name}": digest for name, digest in record["made"].items()
                  if name.startswith(SAME)}  # fmt: skip
    return found


def report(folder: Path) -> Any:
    """What the evaluation says, without times."""
    file = folder / "out" / "evaluate" / "report.json"
    return _timeless(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key not in _TIMES}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def seconds_of(folder: Path) -> dict[str, float]:
    """How long each stage took, in the order in which they ran."""
    files = sorted((folder / "out").glob("*/record.json"), key=lambda file: file.stat().st_mtime_ns)
    return {file.parent.name: json.loads(file.read_text(encoding="utf-8"))["seconds"] for file in files}


def moments(seconds: dict[str, float], count: int, chance: random.Random) -> list[tuple[str, float]]:
    """Moments of a run, in their order: a stage, and how many seconds after it has begun. Half of them are drawn over
    the time of the whole run, half over its stages: short ones are to be hit as well. Of a stage it is the first half,
    for a machine that has less to do by then is through sooner."""
    drawn = chance.choices(list(seconds), [s + 0.1 for s in seconds.values()], k=count - count // 2)
    drawn += chance.choices(list(seconds), k=count // 2)
    order = list(seconds)
    return [(stage, chance.uniform(0.0, 0.5 * seconds[stage])) for stage in sorted(drawn, key=order.index)]


def reached(folder: Path, stage: str) -> bool:
    """Whether a stage is at work, or done."""
    return (folder / "out" / stage).exists() or (folder / "out" / f"{stage}.partial").exists()


def _of_pose(name: str) -> bool:
    stage, _, file = name.partition("/")
    return stage in OF_POSE and file.startswith("pose")


def stage_at_work(folder: Path) -> str:
    """Which stage was stopped; where none was, between two."""
    stopped = [path.name.removesuffix(".partial") for path in (folder / "out").glob("*.partial")]
    return stopped[0] if stopped else "between"


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--kills", default=10, show_default=True)
@click.option("--config", default="smoke.yaml", show_default=True, help="The pipeline.")
@click.option("--seed", default=7, show_default=True, help="Of the random moments.")
@click.option("--folder", type=click.Path(path_type=Path), help="Work here, and leave it; else in a temporary folder.")
def main(overrides: tuple[str, ...], kills: int, config: str, seed: int, folder: Path | None) -> None:
    """Kill a pipeline at random, and compare what it ends in."""
    with tempfile.TemporaryDirectory() as name:
        wrong = _compare(overrides, kills, config, random.Random(seed), folder or Path(name))
    for line in wrong:
        click.echo(line, err=True)
    sys.exit(bool(wrong))


def _compare(overrides: tuple[str, ...], kills: int, config: str, chance: random.Random, root: Path) -> list[str]:
    """What differs, a line each."""
    whole, killed = root / "whole", root / "killed"
    for folder in (whole, killed):
        folder.mkdir(parents=True, exist_ok=True)
    if Run(whole, config, overrides).wait() != 0:
        return [f"the pipeline fails: {(whole / 'log.txt').read_text()[-500:]}"]
    seconds = seconds_of(whole)
    click.echo("ran through: " + ", ".join(f"{stage} {took:.0f} s" for stage, took in seconds.items()))
    stages: dict[str, int] = {}
    for number, (stage, after_s) in enumerate(moments(seconds, kills, chance), 1):
        run = Run(killed, config, overrides)
        while run.wait(0.02) is None and not reached(killed, stage):
            pass
        if run.wait(after_s) is not None:
            click.echo(f"it was done before kill {number}: {number - 1} kills")
            break
        run.kill()
        at = stage_at_work(killed)
        stages[at] = stages.get(at, 0) + 1
        click.echo(f"kill {number}: in {at}")
    if Run(killed, config, overrides).wait() != 0:
        return [f"it does not go on: {(killed / 'log.txt').read_text()[-500:]}"]
    one, other = made(whole), made(killed)
    apart = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    excused = [name for name in apart if "train_pose" in stages and _of_pose(name)]
    click.echo(f"kills by stage: {json.dumps(stages)}; files compared: {len(one)}; "
               f"other after a training that was killed: {len(excused)}")  # fmt: skip
    wrong = [f"{name}: differs" for name in apart if name not in excused]
    said, also = report(whole), report(killed)
    if excused and said and also:
        said, also = ({key: value for key, value in one.items() if key != "pose"} for one in (said, also))
    if said != also:
        wrong.append("evaluate/report.json: says something else")
    return wrong


if __name__ == "__main__":
    main()
