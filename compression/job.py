"""The job behind `compress`: a plan from its file to the last artefact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from compression.plan import Artefact, Finished, Kind, run_plan
from configs.plan import load_plan
from configs.saved import save_config
from keypoints.errors import InputError


def compress(
    kind: Kind,
    plan: str | Path,
    out: Path,
    *,
    source: Path | None = None,
    overrides: Sequence[str] = (),
    command: str = "",
    report: Callable[[str], None] = lambda line: None,
) -> Finished:
    """Run a plan on a pose checkpoint or a head: on `source`, else on what the plan names, else on the shipped head.

    Raises InputError for a plan that does not fit its schema or a source of another kind, before any step runs.
    """
    steps = load_plan(plan, [*overrides, *([f"source={source}"] if source else [])])
    begin = Path(steps.source) if steps.source else None
    if begin is None and kind == "head":
        from classifier.head import SHIPPED

        begin = SHIPPED
    if begin is None:
        raise InputError("nothing to compress", file=plan, field="source", hint="give a checkpoint with --source FILE")
    require_kind(begin, kind)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=out) from None
    save_config(f"compress/{kind}", steps, out, command)
    return run_plan(Artefact(begin, kind), steps, out, report, command=command)


def require_kind(checkpoint: Path, kind: Kind) -> None:
    """Raise InputError or ModelError when a file is not a checkpoint of that kind."""
    if kind == "head":
        from compression.heads import read_head

        read_head(checkpoint)
        return
    from compression.checkpoint import load_network

    if checkpoint.is_file() and checkpoint.suffix != ".pt":
        raise InputError("not a checkpoint", file=checkpoint, field="source", expected="a YOLO pose .pt file")
    load_network(checkpoint)
