"""What goes wrong in life, done to the real process: is everything that was counted kept, and kept once?

    python tests/benchmarks/faults.py --unplugs 100 --kills 50 --json faults.json    # all of it: 25 minutes
    python tests/benchmarks/faults.py --only kills --kills 10                        # one part
    python tests/benchmarks/faults.py --only disk --only corrupt

unplugs  A stream server plays the demo clip at 15 frames a second, is killed and comes back. One process counts all the
         while. A rep that the camera saw from end to end is counted once, no other rep is, save those that an unplugged
         moment cut; the session log holds what the report says; memory, files and threads do not grow.
kills    Kill -9 while it begins, while it counts, and in the moment in which a rep is announced, again and again into
         one log folder. Each session is then a beginning of the undisturbed one, as long as a viewer of the web
         screen was told, and the count of the day goes on from all of them.
disk     A disk that is full after a while, or from the start (a small tmpfs, for which it is to be root; else files
         that may not grow).
clock    The wall clock jumps by hours and days while a session runs (a few lines of C, preloaded: it
         takes a compiler).
corrupt  A damaged history, before a run and under it.

The machine is to be idle for `unplugs`, which is real time. Exit code 1, and a line for each thing that is wrong.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[2]))

from fault_disk import clock, corrupt, disk
from fault_kills import kills
from fault_runs import noon
from fault_unplugs import unplugs

PARTS = ("unplugs", "kills", "disk", "clock", "corrupt")


@click.command()
@click.option("--unplugs", "unplug_times", type=int, default=100, show_default=True)
@click.option("--kills", "kill_times", type=int, default=50, show_default=True)
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="This part alone; may be repeated.")
@click.option("--seed", type=int, default=6, show_default=True, help="Of the random moments.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every figure.")
def main(unplug_times: int, kill_times: int, only: tuple[str, ...], seed: int, json_file: Path | None) -> None:
    """Do to a real run what goes wrong in life."""
    jobs = {
        "unplugs": lambda folder: unplugs(unplug_times, seed, folder),
        "kills": lambda folder: kills(kill_times, seed, folder),
        "disk": disk, "clock": clock, "corrupt": corrupt,
    }  # fmt: skip
    parts = []
    for name in only or PARTS:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder, noon():
            parts.append(jobs[name](Path(folder)))
        click.echo(f"{name}: " + (f"{len(parts[-1].wrong)} wrong" if parts[-1].wrong else "as it is to be"))
        for what, value in parts[-1].figures.items():
            click.echo(f"  {what}: {value}")
    if json_file is not None:
        json_file.write_text(json.dumps({part.name: part.figures | {"wrong": part.wrong} for part in parts}, indent=1))
    wrong = [line for part in parts for line in part.wrong]
    for line in wrong:
        click.secho(line, bold=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
