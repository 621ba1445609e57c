"""The settings that made a result, written beside it: `--config` with that file gives the same run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from keypoints.errors import RepSightError, without_password
from keypoints.files import whole


def config_beside(result: Path) -> Path:
    """Where the settings of a result lie: `head.config.yaml` beside `head.onnx`, `config.yaml` in a folder."""
    return result / "config.yaml" if result.is_dir() else result.with_suffix(".config.yaml")


def save_config(name: str, settings: BaseModel, result: Path, command: str = "") -> Path:
    """Write the resolved settings of what `result` is, a file or folder that is there, or a file still to come.

    name: of the settings in `configs.registry`; it and the command become comments. Passwords in addresses are left
    out. Returns the file, which appears whole or not at all. Raises RepSightError when it can't be written.
    """
    path = config_beside(result)
    content = _without_passwords(settings.model_dump(mode="json", by_alias=True))
    said = f"# config: {name}\n" + (f"# {' '.join(command.split())}\n" if command else "")
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    try:
        with whole(path) as partial:
            partial.write_text(said + text, encoding="utf-8")
    except OSError as error:
        with suppress(OSError):
            path.with_name(f"{path.name}.partial").unlink(missing_ok=True)
        raise RepSightError(f"{path}: the settings can't be written: {error.strerror}") from None
    return path


def name_in(path: Path) -> str | None:
    """Of which settings a saved file is, by its first line; None when it does not say."""
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return first.removeprefix("# config: ") if first.startswith("# config: ") else None


def _without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_passwords(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_passwords(part) for part in value]
    return without_password(value) if isinstance(value, str) else value
