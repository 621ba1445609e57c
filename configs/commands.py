"""The commands that show settings: as a command would use them, and what they may be."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE


@click.group()
def config() -> None:
    """The settings of every command: what they are, and what they may be."""


@config.command("show")
@click.argument("name", required=False)
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--config", "file", type=FILE, help="These settings of NAME, instead of the shipped ones.")
def config_show(name: str | None, overrides: tuple[str, ...], file: Path | None) -> None:
    """Print the settings NAME as a command would use them, marked where the file does not give them.

    NAME is one of the list that comes without it, or a file that lies beside a result.
    """
    from configs import show
    from configs.registry import find

    if name is None:
        if file is not None:
            raise click.UsageError("--config is of one NAME.")
        for line in show.listing():
            click.echo(line)
        return
    found, saved = find(name)
    click.echo(show.shown(found, file or saved, overrides))


@config.command("schema")
@click.argument("name", required=False)
def config_schema(name: str | None) -> None:
    """Print what the settings NAME may be, as JSON Schema; without NAME every one, by its name."""
    import json

    from configs.registry import CONFIGS, find

    content = {one.name: one.schema.model_json_schema() for one in CONFIGS}
    click.echo(json.dumps(content[find(name)[0].name] if name else content, indent=1))
