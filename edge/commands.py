"""The commands beside `run`: what was done before, and what this machine has."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE, FOLDER, settings_option, split_off


@click.command()
@click.argument("arguments", metavar="[SESSION] [KEY=VALUE]...", nargs=-1)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many sessions are listed.")
@click.option("--csv", "csv_file", type=FILE, help="Write every rep and hold; - is the terminal.")
@click.option("--plot", type=FILE, metavar="PNG", help="Draw what was done, day by day.")
@click.option("--days", type=click.IntRange(min=7, max=366), default=28, show_default=True, help="Of the picture.")
@click.option("--log", type=FOLDER, metavar="DIR", help="Where the history is.  [default: the user's data folder]")
@settings_option("run.yaml")
def history(
    arguments: tuple[str, ...],
    last: int,
    csv_file: Path | None,
    plot: Path | None,
    days: int,
    log: Path | None,
    config: Path,
) -> None:
    """Show past sessions, personal bests and streaks; or of one SESSION every rep."""
    from configs.loader import load
    from configs.schema import Run
    from edge.history import show
    from edge.history.database import folder_of

    numbers, overrides = split_off(arguments)
    if len(numbers) > 1 or not all(number.isdecimal() for number in numbers):
        raise click.UsageError(f"SESSION is a number of the list, not {' '.join(numbers)}.")
    session = int(numbers[0]) if numbers else None
    setting = load(Run, config, overrides).log
    folder = log or folder_of("auto" if setting == "none" else setting)
    for line in show.history(folder, session=session, last=last, csv_file=csv_file, plot=plot, days=days):
        click.secho(line, bold=True)


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Tell what this machine has, what is missing, and the command that mends it."""
    from rich.console import Console

    from edge import doctor as checkup
    from edge.history.database import default_folder

    checks = checkup.examine(default_folder())
    checkup.show(checks, Console())
    ctx.exit(0 if checkup.healthy(checks) else 1)
