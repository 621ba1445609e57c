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
    figures: list[tuple[str, str, float | None, float | None]] = [
        ("frames a second", "", one.fps, other.fps),
        ("peak memory", "MB", one.rss_mb, other.rss_mb),
        ("first reading", "s", one.first_reading_s, other.first_reading_s),
        ("processor time a minute", "s", one.cpu_s_per_minute, other.cpu_s_per_minute),
        ("energy a frame", "mJ", one.energy and one.energy.mj_per_frame, other.energy and other.energy.mj_per_frame),
        ("install size", "MB", one.install_mb, other.install_mb),
        ("share of the peak", "", one.pose_limit and one.pose_limit.share, other.pose_limit and other.pose_limit.share),
    ]
    rows += [Row(name, unit, a, b) for name, unit, a, b in figures if a is not None and b is not None]
    return rows


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
