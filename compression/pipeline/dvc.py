"""A pipeline as a DVC pipeline: `dvc repro` then says which stage is to do, and `repsight pipeline --only` does it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

from compression.pipeline.wiring import inputs
from configs.stages import Pipeline, reference, settings_of
from keypoints.errors import InputError
from keypoints.files import whole

#: What `dvc repro` reads, and the resolved settings that it looks at; both in the folder that it is run in.
STAGES_FILE, SETTINGS_FILE = "dvc.yaml", "pipeline.yaml"


def write_dvc(pipeline: Pipeline, out: Path, folder: Path) -> tuple[Path, Path]:
    """Write dvc.yaml and pipeline.yaml, the settings of all stages, into `folder`; returns both.

    Each stage depends on its own section of the settings and on the files that it takes; its folder below `out` is its
    output. Raises InputError when `out` is not below `folder` or dvc.yaml there is of something else.
    """
    try:
        below = out.resolve().relative_to(folder.resolve())
    except ValueError:
        raise InputError("is not below the folder of dvc.yaml", file=out, field="--out", expected=f"below {folder}",
                         hint="DVC keeps what is in its own folder") from None  # fmt: skip
    file, settings = folder / STAGES_FILE, folder / SETTINGS_FILE
    for path in (file, settings):
        if path.exists() and not path.read_text(encoding="utf-8").startswith(_FIRST_LINE):
            raise InputError("is there already, and `repsight pipeline --dvc` did not write it", file=path,
                             hint="write it into another folder, or move that file away")  # fmt: skip
    content = {"stages": {stage: _stage(pipeline, stage, below) for stage in pipeline.stages}}
    _write(settings, {stage: settings_of(pipeline, stage) for stage in pipeline.stages})
    _write(file, content)
    return file, settings


_FIRST_LINE = "# Written by `repsight pipeline --dvc`."


def _stage(pipeline: Pipeline, stage: str, out: Path) -> dict[str, Any]:
    command = ["repsight", "pipeline", "--config", f"./{SETTINGS_FILE}", "--out", str(out), "--only", stage]
    taken = []
    for text in inputs(pipeline, stage).values():
        earlier = reference(text)
        taken.append(text if earlier is None else str(out / earlier[0] / earlier[1]))
    made: dict[str, Any] = {"cmd": shlex.join(command), "params": [{SETTINGS_FILE: [stage]}]}
    if taken:
        made["deps"] = sorted(set(taken))
    return made | {"outs": [str(out / stage)]}


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        with whole(path) as partial:
            partial.write_text(f"{_FIRST_LINE}\n" + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=path) from None
