"""Settings as text: resolved, with a comment on every value that its file does not give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from configs.registry import CONFIGS, Config

#: Where no value stands.
_ABSENT = object()


def listing() -> list[str]:
    """A line for each configuration: its name, and which commands read it."""
    width = max(len(one.name) for one in CONFIGS)
    return [f"{one.name:{width}}  {', '.join(one.commands)}" for one in CONFIGS]


def shown(config: Config, file: Path | None = None, overrides: Sequence[str] = ()) -> str:
    """The settings as a command would use them, as YAML; a value that neither `file` (the shipped one without it) nor
    an override gives is marked `default`, one that an override changes `command line`. Raises ConfigError."""
    resolved = config.load(file, overrides).model_dump(mode="json", by_alias=True)
    given, changed = config.trees(file, overrides)
    return "\n".join([f"# config: {config.name}", f"# {file or config.path}", *_lines(resolved, given, changed, "")])


def _lines(value: dict[str, Any], given: Any, changed: Any, indent: str) -> Iterator[str]:
    for key, part in value.items():
        was, is_now = _below(given, key), _below(changed, key)
        if isinstance(part, dict) and part:
            yield f"{indent}{_plain(key)}:"
            yield from _lines(part, was, is_now, indent + "  ")
        elif isinstance(part, list) and part and isinstance(part[0], dict):
            yield f"{indent}{_plain(key)}:"
            for number, item in enumerate(part):
                below = _lines(item, _below(was, number), _below(is_now, number), indent + "    ")
                yield f"{indent}  - {next(below).lstrip()}"
                yield from below
        else:
            yield f"{indent}{_plain(key)}: {_plain(part)}{_origin(was, is_now)}"


def _origin(was: Any, is_now: Any) -> str:
    if is_now is _ABSENT:
        return "  # default"
    return "" if was is not _ABSENT and was == is_now else "  # command line"


def _below(tree: Any, key: Any) -> Any:
    if isinstance(tree, dict):
        return tree.get(key, _ABSENT)
    return tree[key] if isinstance(tree, list) and isinstance(key, int) and key < len(tree) else _ABSENT


def _plain(value: Any) -> str:
    """A value in one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return text.removesuffix("...\n").strip()
