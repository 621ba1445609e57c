"""The step `reapply`: an earlier mask is put on a checkpoint that was trained without it."""

from __future__ import annotations

from compression.step import register
from compression.steps.mask import reapply

step = register("reapply")(reapply)
