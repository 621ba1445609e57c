"""Every settings file is in one table, is checked by its schema, can be shown, and can be read again from a result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

import cli
from configs.loader import FOLDER
from configs.registry import CONFIGS, Config, config_of
from configs.saved import config_beside, save_config
from configs.schema import Run

NAMES = [one.name for one in CONFIGS]


def call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.cli, [*map(str, arguments)])


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that it is called with."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


def test_every_settings_file_is_in_the_table_once() -> None:
    files = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml"))
    assert sorted(one.file for one in CONFIGS) == files


def test_the_settings_of_every_command_are_in_the_table_as_its_own() -> None:
    known = {one.file: one for one in CONFIGS}
    read = {name: known.get(str(option.default)) for name, command in commands(cli.cli)
            for option in command.params if "--config" in option.opts and isinstance(option.default, str)}  # fmt: skip
    assert {"run", "train-head", "evaluate", "synthesize", "export", "benchmark", "record"} <= set(read)
    for name, one in read.items():
        assert one is not None and name in one.commands, name
    words = {name for name, _ in commands(cli.cli)} | set(cli.cli.commands)
    assert [command for one in CONFIGS for command in one.commands if command not in words] == []


def test_every_command_with_settings_takes_overrides() -> None:
    for name, command in commands(cli.cli):
        if any("--config" in option.opts for option in command.params) and name != "config show":
            (argument,) = [p for p in command.params if isinstance(p, click.Argument) and p.nargs == -1]
            assert "KEY=VALUE" in (argument.metavar or ""), name


@pytest.mark.parametrize("one", CONFIGS, ids=NAMES)
def test_a_settings_file_fits_its_schema_and_is_the_same_when_it_was_saved(one: Config, tmp_path: Path) -> None:
    settings = one.load()
    assert isinstance(settings, one.schema)
    assert yaml.safe_load(one.path.read_text(encoding="utf-8")), "an empty file explains nothing"
    saved = save_config(one.name, settings, tmp_path / "result.onnx", "repsight a command")
    assert saved.name == "result.config.yaml"
    assert one.load(saved) == settings
    assert saved.read_text(encoding="utf-8").startswith(f"# config: {one.name}\n# repsight a command\n")


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_shown_as_yaml_that_is_read_back_and_their_schema_as_json(name: str) -> None:
    shown = call("config", "show", name)
    assert shown.exit_code == 0, shown.output
    wanted = config_of(name).load().model_dump(mode="json", by_alias=True)
    assert yaml.safe_load(shown.output) == wanted
    schema = json.loads(call("config", "schema", name).output)
    assert set(wanted) <= set(schema["properties"])


def test_what_is_shown_says_where_a_value_comes_from(tmp_path: Path) -> None:
    lines = call("config", "show", "run", "web.port=9", "counting.belief_s=0.5").output.splitlines()
    assert lines[0] == "# config: run"
    assert "  port: 9  # command line" in lines and "  host: 127.0.0.1" in lines
    assert "  belief_s: 0.5  # command line" in lines and "  rival: 0.6" in lines
    lines = call("config", "show", "shipped-head").output.splitlines()
    assert "hidden: 104" in lines and "batch: 256  # default" in lines
    lines = call("config", "show", "compress/head", "prune.ratio=0.3").output.splitlines()
    assert {"  - step: prune", "    ratio: 0.3  # command line", "    round_to: 4", "    side: 320  # default"} <= set(
        lines
    )
    file = tmp_path / "mine.yaml"
    file.write_text("hidden: 12\n")
    assert "hidden: 12" in call("config", "show", "train_head", "--config", file).output.splitlines()


def test_without_a_name_every_configuration_is_listed_with_its_commands() -> None:
    lines = call("config", "show").output.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert set(json.loads(call("config", "schema").output)) == set(NAMES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian_head"], "trian_head: no such configuration; did you mean 'train_head'?"),
        (["zzz"], "there are run, counting"),
        (["run", "webb.port=1"], "error: on the command line: webb: unknown key; did you mean 'web'?"),
        (["run", "web.prot=1"], "on the command line: web.prot: unknown key; did you mean 'port'?"),
        (["run", "counting.belieef_s=1"], "on the command line: belieef_s: unknown key; did you mean 'belief_s'?"),
        (["evaluate", "counting=3"], "on the command line: counting: "),
        (["export", "size=large"], "on the command line: size: "),
        (["compress/head", "prnue.ratio=1"], "did you mean 'prune'?"),
        (["compress/head", "prune.ratoi=1"], "on the command line: step 1 (prune).ratoi: unknown key"),
        (["run", "--config", "typo.yaml"], "typo.yaml: web.prot: unknown key; did you mean 'port'?"),
        (["run", "--config", "inline.yaml"], "inline.yaml: counting.rivall: unknown key; did you mean 'rival'?"),
        (["typo.yaml"], "typo.yaml: does not say whose settings it has"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_one_line_with_the_nearest_name_wherever_it_stands(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("typo.yaml").write_text("web: {prot: 1}\n")
    Path("inline.yaml").write_text("counting: {rivall: 0.4}\n")
    result = call("config", "show", *arguments)
    assert result.exit_code == 2 and len(result.output.strip().splitlines()) == 1
    assert message in result.output


def test_a_file_beside_a_result_is_shown_by_its_path_and_holds_no_password(tmp_path: Path) -> None:
    settings = Run(source="rtsp://anna:secret@camera/1", threads=3)
    saved = save_config("run", settings, tmp_path / "counts.json")
    assert saved == config_beside(tmp_path / "counts.json")
    assert "secret" not in saved.read_text() and "rtsp://camera/1" in saved.read_text()
    shown = call("config", "show", saved, "threads=2").output.splitlines()
    assert shown[:2] == ["# config: run", f"# {saved}"] and "threads: 2  # command line" in shown
    assert config_beside(tmp_path) == tmp_path / "config.yaml", "a folder has its own"
