"""The base of every schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """The base of every schema: frozen, and nothing unknown and no number without end gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a tree by its dotted name, in its order."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
