"""The commands of the appliance: install it, take it away, and be its screen."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FOLDER


@click.group()
def pi() -> None:
    """A Raspberry Pi that counts from the moment it is switched on."""


_root = click.option("--root", type=FOLDER, default="/", show_default=True, help="Another folder than the system's.")


@pi.command()
@_root
@click.option("--kiosk", type=click.Choice(["auto", "console", "desktop", "none"]), default="auto", show_default=True,
              help="Where Chromium shows the screen: auto is on the desktop if there is one.")  # fmt: skip
def install(root: Path, kiosk: str) -> None:
    """Have RepSight started with this machine; `make install-pi` does it with all that it needs."""
    from edge.pi.install import install as make

    change = make(root, kiosk)  # type: ignore[arg-type]
    for path in change.written:
        click.echo(f"wrote {root / path}")
    for line in change.said:
        click.secho(line, bold=True)


@pi.command()
@_root
def uninstall(root: Path) -> None:
    """Undo `install`; the history stays."""
    from edge.pi.install import uninstall as remove

    change = remove(root)
    for path in change.removed:
        click.echo(f"removed {root / path}")
    for line in change.said:
        click.secho(line, bold=True)


@pi.command()
@click.option("--url", default="http://127.0.0.1:8000/", show_default=True, help="Of the web screen.")
def kiosk(url: str) -> None:
    """Show the web screen in Chromium, as large as the display."""
    from edge.pi.kiosk import show

    show(url)
