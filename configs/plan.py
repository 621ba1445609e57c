"""Read a compression plan: overrides by step, and every mistake as one clear line."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.compression import STEPS, Plan
from configs.loader import FOLDER, TYPED, check, located, override_in, read
from configs.step import StepConfig
from keypoints.errors import ConfigError

#: The plans that come with RepSight.
_SHIPPED = FOLDER / "compress"


def load_plan(file: str | Path, overrides: Sequence[str] = ()) -> Plan:
    """Read a plan (a path, or a name in configs/compress): a list of steps, or a mapping with `steps` and `source`.

    overrides: `source=FILE`, or `STEP.key=value` for the step of that name. Raises ConfigError naming the file, the
    step, the key, what was expected, what was found, and the nearest known one.
    """
    given, changed = trees(file, overrides)
    try:
        return _checked(changed, TYPED if overrides else located(file, _SHIPPED))
    except ConfigError:
        _checked(given, located(file, _SHIPPED))  # what is wrong without the overrides is the file's fault
        raise


def trees(file: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a plan says, as a mapping, and what it says with the overrides; neither is checked."""
    path = located(file, _SHIPPED)
    tree: Any = read(path, _SHIPPED)
    if isinstance(tree, list):
        tree = {"steps": tree}
    if not isinstance(tree, dict) or not isinstance(tree.get("steps"), list):
        raise ConfigError("wrong content", file=path, expected="a list of steps", found=type(tree).__name__)
    tree["steps"] = [{"step": part} if isinstance(part, str) else part for part in tree["steps"]]
    changed = copy.deepcopy(tree)
    for override in overrides:
        _apply(changed, override)
    return tree, changed


def _checked(tree: dict[str, Any], path: str | Path) -> Plan:
    steps = [_step(part, path, number) for number, part in enumerate(tree["steps"], 1)]
    plan = check(Plan, tree | {"steps": steps}, path)
    check_names(plan, path)
    return plan


def _step(tree: object, path: str | Path, number: int) -> StepConfig:
    """One checked step."""
    where = f"step {number}"
    if not isinstance(tree, dict) or "step" not in tree:
        raise ConfigError(
            "not a step", file=path, field=where, expected="a mapping with the key step", found=repr(tree)
        )
    name = str(tree["step"])
    if name not in STEPS:
        near = difflib.get_close_matches(name, STEPS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known steps: {', '.join(STEPS)}"
        raise ConfigError("unknown step", file=path, field=where, found=repr(name), hint=hint)
    return check(STEPS[name], tree, path, f"{where} ({name})")


def check_names(plan: Plan, path: str | Path) -> None:
    """Raise ConfigError when two steps have one name, or a step begins with one that is not before it."""
    before: list[str] = []
    for number, step in enumerate(plan.steps, 1):
        where = f"step {number} ({step.step})"
        if step.name is not None and step.name in before:
            raise ConfigError("the name is taken", file=path, field=f"{where}.name", found=step.name)
        if step.start is not None and step.start not in {"source", *before, *map(str, range(1, number))}:
            raise ConfigError("no such step before it", file=path, field=f"{where}.from", found=step.start,
                              expected=" or ".join(["source", *dict.fromkeys(before)]))  # fmt: skip
        before.append(step.label)


def _apply(tree: dict[str, Any], override: str) -> None:
    """Set `source=FILE` or `STEP.key.sub=value` in the tree of a plan."""
    name, dot, rest = override.partition("=")[0].partition(".")
    if (name, dot) == ("source", ""):
        override_in(tree, override)
        return
    steps = [part for part in tree["steps"] if isinstance(part, dict) and name in (part.get("name"), part.get("step"))]
    if "=" not in override:
        raise ConfigError("not an override", file=TYPED, field=override, expected="STEP.key=value")
    if not steps or not rest:
        named = [str(part.get("name") or part.get("step")) for part in tree["steps"] if isinstance(part, dict)]
        near = difflib.get_close_matches(name, [*named, "source"], n=1, cutoff=0.5) if not steps else []
        raise ConfigError("no such step", field=override, expected="STEP.key=value with STEP one of "
                          + ", ".join(named), hint=f"did you mean {near[0]!r}?" if near else None)  # fmt: skip
    for part in steps:
        override_in(part, override.partition(".")[2])
