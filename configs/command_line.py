"""What every command has: its settings, a progress bar, its own words for a model card, and errors of one line."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from keypoints.errors import RepSightError

_ROOMS = ("keypoints", "classifier", "compression", "edge", "data", "configs")
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class _Model(click.Path):
    """A model file, or its place in a bucket."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if str(value).startswith("s3://") else super().convert(value, param, ctx)


MODEL = _Model(dir_okay=False)

F = TypeVar("F", bound=Callable[..., object])


class _OneLine(click.ClickException):
    """An error as the user sees it: one line, `error: ...`."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", err=True)


class _Stopped(_OneLine):
    """Ctrl-C is no error: one line that says what becomes of the work."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"\n{self.message}", err=True)


class _WrongInput(_OneLine):
    exit_code = 2


class Commands(click.Group):
    """Turns every expected error of a command into one line and its exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RepSightError as error:
            if ctx.params["debug"]:
                raise
            raise (_WrongInput if error.exit_code == 2 else _OneLine)(str(error)) from None
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            raise _WrongInput(f"{error.format_message()} See `{command} --help`.") from None
        except ModuleNotFoundError as error:
            if ctx.params["debug"] or error.name in _ROOMS:
                raise
            hint = "make test makes an environment that has it, .venv-test; or: pip install '.[train]'"
            raise _WrongInput(f"this command needs the workshop half ({error.name} is not installed); {hint}") from None
        except KeyboardInterrupt as stop:
            raise _Stopped(str(stop) or "stopped") from None


def split_off(arguments: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What is a dotted override `key.sub=value`, and what is not (a URL may hold a `=` as well)."""
    overrides = [a for a in arguments if re.match(r"[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*=", a)]
    return [a for a in arguments if a not in overrides], overrides


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar; call it with what is done and what there is to do."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True))
    task = bar.add_task(label, total=None)

    def tell(done: int, total: int) -> None:
        bar.start()  # with the first news: an error before it stays one line
        bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


def command_line(words: Sequence[str] | None = None) -> str:
    """The command as it was typed, or of these words, for a model card; of absolute paths the last part alone."""

    def shortened(word: str) -> str:
        if word.startswith("/"):
            return Path(word).name
        return re.sub(r"(?<=[=,\[\s\"'])/[^=,\]\s\"']*", lambda found: Path(found[0]).name, word)

    return shlex.join(["repsight", *map(shortened, sys.argv[1:] if words is None else words)])


def settings_option(default: str) -> Callable[[F], F]:
    """The option that every command with settings has."""
    return click.option(
        "--config", type=FILE, default=default, show_default=True, help="Settings; KEY=VALUE changes one."
    )


def track_option() -> Callable[[F], F]:
    """The option of every command that MLflow may be told of."""
    return click.option(
        "--track", is_flag=True, help="Keep settings, curves, files and models with MLflow; see tracking.yaml."
    )


def tell(problems: Sequence[str]) -> None:
    """What was left out or is odd, a line each up to a few, after everything else."""
    from keypoints.labels import shortened

    for line in shortened(problems):
        click.echo(line, err=True)
