"""Read a YAML file into its schema, with dotted overrides; every mistake becomes one clear line."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from configs.schema import Actions, Counting, Evaluate, Run
from configs.serving import Serve
from keypoints.errors import ConfigError, without_password

FOLDER = Path(__file__).parent

#: Where a wrong value is when an override brought it.
TYPED = "on the command line"

S = TypeVar("S", bound=BaseModel)
R = TypeVar("R", Run, Evaluate, Serve)

_COUNTING = "counting."

#: What pydantic says in Python's words, by the kind of mistake.
_SHAPES = {
    "tuple_type": "Input should be a list: [a, b]",
    "model_type": "Input should be keys with values: {key: value}",
    "dict_type": "Input should be keys with values: {key: value}",
}


def load(schema: type[S], file: str | Path, overrides: Sequence[str] = ()) -> S:
    """Read `file` (a path, or the name of a file in this folder), apply `key.sub=value`, check it.

    Raises ConfigError naming the file, or the command line where an override is what is wrong, the key, what was
    expected, what was found, and the nearest known key.
    """
    tree, changed = trees(file, overrides)
    try:
        return schema.model_validate(changed)
    except ValidationError as error:
        # What stays wrong without the overrides is the file's fault.
        raise _clear(error, schema, TYPED if overrides and _fits(schema, tree) else located(file)) from None


def load_with_counting(schema: type[R], file: str | Path, overrides: Sequence[str] = ()) -> R:
    """`load` for settings that name a file for `counting`: the same with what that file says in place of its name.

    `counting.key=value` among the overrides changes one of its values. Raises ConfigError.
    """
    ours, theirs = _parted(overrides)
    settings = load(schema, file, ours)
    if not isinstance(settings.counting, str):
        return load(schema, file, overrides)
    return settings.model_copy(update={"counting": load(Counting, settings.counting, theirs)})


def trees_with_counting(file: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """`trees` of what `load_with_counting` reads."""
    ours, theirs = _parted(overrides)
    both = trees(file, ours)
    if not isinstance(both[1].get("counting", "counting.yaml"), str):
        return trees(file, overrides)
    for tree, changes in zip(both, ((), theirs), strict=True):
        tree["counting"] = trees(both[1].get("counting", "counting.yaml"), changes)[1]
    return both


def _parted(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides of settings, and those of what they name for `counting`."""
    theirs = [text for text in overrides if text.startswith(_COUNTING)]
    return [text for text in overrides if text not in theirs], [text.removeprefix(_COUNTING) for text in theirs]


def located(file: str | Path, folder: Path = FOLDER) -> Path:
    """A path as it is, or the name of a shipped file, which is in `folder`, as the path to it."""
    path = Path(file)
    shipped = folder / path
    return shipped if path.parent == Path() and not path.exists() and shipped.exists() else path


def trees(file: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file says, and what it says with the overrides; neither is checked. Raises ConfigError for what is no
    mapping."""
    path = located(file)
    tree = read(path)
    if not isinstance(tree, dict):
        raise ConfigError("wrong content", file=path, expected="a mapping", found=type(tree).__name__)
    changed = copy.deepcopy(tree)
    for override in overrides:
        override_in(changed, override)
    return tree, changed


def _fits(schema: type[BaseModel], tree: object) -> bool:
    try:
        schema.model_validate(tree)
    except ValidationError:
        return False
    return True


def check(schema: type[S], tree: object, path: str | Path, where: str = "") -> S:
    """The part of a file that `tree` is, checked; `where` names the part. Raises ConfigError as `load` does."""
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise _clear(error, schema, path, where) from None


@cache
def load_actions() -> Actions:
    """The shipped configs/actions.yaml."""
    return load(Actions, "actions.yaml")


def read(path: Path, folder: Path = FOLDER) -> Any:
    """What a YAML file holds; a mapping without anything when it is empty. folder: where shipped ones like it are.

    Raises ConfigError when it can't be read.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError("no such file", file=path, hint=f"the shipped ones are in {folder}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't be read: {error}", file=path) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}", file=path) from None
    return {} if tree is None else tree


def override_in(tree: dict[str, Any], override: str) -> None:
    """Set `key.sub=value` in the tree; the value is read as YAML. Raises ConfigError for what is no override of it."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError("not an override", file=TYPED, field=override, expected="key.sub=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    *parents, last = key.split(".")
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            raise ConfigError("has no fields", file=TYPED, field=key, found=f"{parent} is {below!r}")
        tree = below
    tree[last] = value


def _clear(error: ValidationError, schema: type[BaseModel], path: str | Path, part: str = "") -> ConfigError:
    first = error.errors()[0]
    where = tuple(first["loc"])
    field = ".".join(((part,) if part else ()) + _keys(schema, where))
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(where[-1]), _known_keys(schema, where[:-1]), n=1, cutoff=0.5)
        known = ", ".join(_known_keys(schema, where[:-1]))
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {known}"
        return ConfigError("unknown key", file=path, field=field, hint=hint)
    if first["type"] == "missing":
        return ConfigError("missing", file=path, field=field)
    message = _SHAPES.get(first["type"], first["msg"].removeprefix("Value error, "))
    return ConfigError(message, file=path, field=field or None,
                       found=without_password(repr(first["input"])) if where else None)  # fmt: skip


def _keys(schema: type[BaseModel], where: tuple[Any, ...]) -> tuple[str, ...]:
    """The keys and numbers of a place, without the names of alternatives that pydantic puts between them."""
    keys: list[str] = []
    annotation: Any = schema
    for part in where:
        owner = next((model for model in _models(annotation) if part in model.model_fields), None)
        tags = {"int", "str", "float", "bool", *(model.__name__ for model in _models(annotation))}
        if owner is not None:
            annotation = owner.model_fields[part].annotation
        elif isinstance(part, str) and (part in tags or "[" in part):
            continue
        keys.append(str(part))
    return tuple(keys)


def _known_keys(schema: type[BaseModel], where: tuple[Any, ...]) -> list[str]:
    """The field names of the model that sits at `where` inside `schema`."""
    model: Any = schema
    for part in where:
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        annotation = fields[part].annotation if part in fields else model
        model = next((m for m in _models(annotation)), model)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Every schema inside an annotation such as `dict[str, Action] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
