"""Two results beside each other: every figure that both have, and their ratio."""

from __future__ import annotations

from dataclasses import dataclass

from edge.benchmark.result import Result
from edge.reading import STAGES


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both; ratio: the second's over the first's, None where the first is 0."""

    name: str
    unit: str
    one: float
    other: float

    @property
    def ratio(self) -> float | None:
        return self.other / self.one if self.one else None


def compare(one: Result, other: Result) -> list[Row]:
    """The figures that both results have."""
    rows = []
    for stage in dict.fromkeys([*STAGES, *one.stages, *other.stages]):
        if stage in one.stages and stage in other.stages:
            a, b = one.stages[stage], other.stages[stage]
            rows.append(Row(f"{stage} p50", "ms", a.p50, b.p50))
            if stage == "chain":
                rows += [Row("chain p90", "ms", a.p90, b.p90), Row("chain p99", "ms", a.p99, b.p99)]
    for (name, unit, first), (_, _, second) in zip(_figures(one), _figures(other), strict=True):
        if first is not None and second is not None:
            rows.append(Row(name, unit, first, second))
    return rows


def _figures(result: Result) -> list[tuple[str, str, float | None]]:
    """What is no stage: name, unit, value."""
    return [
        ("frames a second", "", result.fps),
        ("peak memory", "MB", result.rss_mb),
        ("first reading", "s", result.first_reading_s),
        ("processor time a minute", "s", result.cpu_s_per_minute),
        ("energy a frame", "mJ", result.energy.mj_per_frame if result.energy else None),
        ("install size", "MB", result.install_mb),
        ("share of the peak", "", result.pose_limit.share if result.pose_limit else None),
    ]


def differences(one: Result, other: Result) -> list[str]:
    """What else differs between the two, so that a ratio is not taken for what it is not; and what each warned of."""
    lines = []
    for name, a, b in (
        ("machine", one.machine.get("words"), other.machine.get("words")),
        ("source", f"{one.source} {_size(one)}", f"{other.source} {_size(other)}"),
        ("pose model", *(_digest(result, "pose") for result in (one, other))),
        ("head", *(_digest(result, "head") for result in (one, other))),
    ):
        if a != b:
            lines.append(f"another {name}: {a} | {b}")
    if one.energy and other.energy and one.energy.how != other.energy.how:
        lines.append(f"energy: {one.energy.how} | {other.energy.how}")
    return lines + [f"{which}: {text}" for which, r in (("first", one), ("second", other)) for text in r.warnings]


def _size(result: Result) -> str:
    return f"{result.size[0]}x{result.size[1]}" if result.size else ""


def _digest(result: Result, kind: str) -> str:
    model = result.models.get(kind) or {}
    return f"{model.get('name', 'none')} {str(model.get('sha256', ''))[:12]}"
