"""What README and docs/ promise: links that lead somewhere, commands, options and settings that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

import cli
from configs.registry import CONFIGS, Config, config_of
from configs.tracking import Tracking
from keypoints.errors import ConfigError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: A setting that is changed, as `split_off` knows one.
OVERRIDE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*=")
#: How a setting is written, not one.
FORMS = {"key=value", "key.sub=value"}
#: What stands for a machine of the reader's.
PLACES = {"HOST": "localhost", "PORT": "9000", "SERVER": "localhost"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)


def slug(heading: str) -> str:
    """As GitHub makes an anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def spans(page: Path) -> list[str]:
    """What stands as code within a line."""
    lines = "\n".join(line for line in prose(page).splitlines() if not line.startswith("    "))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", lines)]


def block_lines(page: Path) -> Iterator[str]:
    """The lines of code blocks; those that a backslash continues, as one."""
    text = text_of(page)
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
    indented = [line[4:] for line in prose(page).splitlines() if line.startswith("    ")]
    for block in [*blocks, "\n".join(indented)]:
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()


def words_of(line: str) -> list[list[str]]:
    """The commands of a shell line, as words."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return []
    commands: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("&;|"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


def calls(page: Path) -> Iterator[list[str]]:
    """The arguments of each `repsight` that a page tells of."""
    for line in block_lines(page):
        for words in words_of(line):
            for at, word in enumerate(words):
                if word == "repsight" or word.endswith(("/repsight", "cli.py")):
                    yield words[at + 1 :]
                    break
    for span in spans(page):
        words = span.split()
        if words[0] == "repsight" or words[0].endswith("/repsight"):
            yield words_of(span)[0][1:]
        elif words[0] in cli.cli.commands and " --" in span:
            yield words_of(span)[0]


def command_of(words: list[str]) -> tuple[click.Command, list[str], str]:
    """The command, what is left of the words, and its name."""
    command: click.Command = cli.cli
    name = "repsight"
    while isinstance(command, click.Group):
        while words and words[0] == "--debug":
            words = words[1:]
        if not words or words[0].startswith("-"):
            break
        assert words[0] in command.commands, f"no command {name} {words[0]}"
        name, command, words = words[0], command.commands[words[0]], words[1:]
    return command, words, name


def config_for(command: click.Command, parsed: click.Context) -> Config | None:
    """The settings that a call changes, if they are among those that come with RepSight."""
    shipped = {config.file: config for config in CONFIGS} | {config.name: config for config in CONFIGS}
    if command.name == "show":
        return shipped.get(parsed.params["name"])
    if command.name == "compress":
        return shipped.get(f"compress/{parsed.params['plan'] or parsed.params['kind']}")
    return shipped.get(str(parsed.params.get("config")))


@cache
def trouble(config: Config, overrides: tuple[str, ...]) -> str | None:
    """Why the settings don't take them."""
    overrides = tuple(re.sub(r"\b[A-Z]+\b", lambda word: PLACES.get(word[0], word[0]), one) for one in overrides)
    try:
        config.load(None, overrides)
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_picture_of_a_page_is_there(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)) + re.findall(r'src="([^"]+)"', prose(page)):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        found = file.exists() and file.is_relative_to(ROOT)
        if not found or (anchor and anchor not in map(slug, re.findall(r"^#+ (.+)$", prose(file), flags=re.MULTILINE))):
            lost.append(target)
    assert lost == []


# The pages of docs/extend are run, by test_extend.
@pytest.mark.parametrize("page", [p for p in PAGES if p.parent.name != "extend"], ids=lambda page: page.name)
def test_every_command_option_and_setting_of_a_page_exists(page: Path) -> None:
    wrong = []
    for words in calls(page):
        said = " ".join(words)
        command, rest, name = command_of(words)
        try:
            parsed = command.make_context(name, [word for word in rest if word not in ("...", "…")])
        except (click.MissingParameter, click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
            continue
        except click.UsageError as error:
            if "requires an argument" in error.format_message():  # named in a sentence, such as `run --json`
                continue
            wrong.append(f"{said}: {error.format_message()}")
            continue
        values = [v for value in parsed.params.values() if isinstance(value, tuple) for v in value]
        overrides = [value for value in values if isinstance(value, str) and OVERRIDE.match(value)]
        tracked = tuple(value.removeprefix("tracking.") for value in overrides if value.startswith("tracking."))
        own = tuple(value for value in overrides if not value.startswith("tracking."))
        config = config_for(command, parsed)
        if own and config is not None and (why := trouble(config, own)):
            wrong.append(f"{said}: {why}")
        if tracked and (why := trouble(config_of("tracking"), tracked)):
            wrong.append(f"{said}: {why}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_and_options_that_a_page_names_by_themselves_exist(page: Path) -> None:
    options = {"--help"}.union(*(option.opts for command in _all_commands(cli.cli) for option in command.params))
    wrong = []
    for span in spans(page):
        if OVERRIDE.match(span) and span not in FORMS:
            key = span.removeprefix("tracking.") if span.startswith("tracking.") else span
            configs = sorted(CONFIGS, key=lambda config: config.file != "run.yaml")
            if all(trouble(config, (key,)) for config in configs):
                wrong.append(span)
        elif span.startswith("--") and span.split()[0].partition("=")[0] not in options:
            wrong.append(span)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_and_targets_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    commands = [words for line in [*block_lines(page), *spans(page)] for words in words_of(line)]
    scripts = {word for words in commands for word in words if re.fullmatch(r"tests/[\w/]+\.py", word)}
    made = {w for words in commands if words[0] == "make" for w in words[1:] if re.fullmatch(r"[a-z][a-z-]+", w)}
    assert {script for script in scripts if not (ROOT / script).is_file()} == set()
    assert made <= targets


def test_the_settings_of_tracking_are_checked_too() -> None:
    assert config_of("tracking").schema is Tracking
    assert trouble(config_of("tracking"), ("urx=1",))


def _all_commands(group: click.Command) -> Iterator[click.Command]:
    yield group
    if isinstance(group, click.Group):
        for command in group.commands.values():
            yield from _all_commands(command)
