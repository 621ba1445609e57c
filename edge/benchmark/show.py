"""A benchmark on the terminal and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.benchmark.chain import CHAINED
from edge.benchmark.compare import Row
from edge.benchmark.picture import Bar, bar, draw_picture
from edge.benchmark.result import Grown, Result, Stage
from edge.paint import Image
from edge.reading import STAGES


def show(result: Result, console: Console) -> None:
    """Print a result: the machine, the stages, what it takes, who was beside it, and what makes it doubtful."""
    console.print(escape(result.machine["words"]), style="dim", highlight=False)
    console.print(f"{escape(_what(result))}\n", highlight=False)
    console.print(_table(_HEAD, _stage_rows(result)))
    console.print()
    facts = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    facts.add_column(style="bold", no_wrap=True)
    for name, text in _facts(result):
        facts.add_row(name, escape(text))
    console.print(facts)
    if result.side_by_side:
        console.print("\nSide by side, a frame of each in turn; how many times as long as the first:", style="bold")
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for name in ("", "", "p50 ms", "p99 ms", "pose p50", "ratio (95 %)"):
            table.add_column(name, justify="right" if name else "left", header_style="dim", overflow="fold")
        for one in result.side_by_side:
            chain, pose = one.stages["chain"], one.stages.get("pose")
            ratio = f"{one.ratio:.2f} ({one.low:.2f}-{one.high:.2f})"
            table.add_row(escape(one.name), one.what, f"{chain.p50:.2f}", f"{chain.p99:.2f}",
                          f"{pose.p50:.2f}" if pose else "", ratio)  # fmt: skip
        console.print(table)
    for kind, points in result.growth.items():
        console.print(f"\nMore {kind}:", style="bold")
        names = [name for name in (*CHAINED, "chain") if name in points[0].stages]
        table = _table(["mean ms", *names], ((point.label, *_means(point, names)) for point in points))
        console.print(table)


def show_comparison(rows: Sequence[Row], notes: Sequence[str], names: tuple[str, str], console: Console) -> None:
    """Print two results beside each other."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in (*names, "ratio"):
        table.add_column(escape(name), justify="right", header_style="dim", overflow="fold")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        name = f"{row.name}, {row.unit}" if row.unit else row.name
        style = "bold" if row.name.startswith("chain") else ""
        table.add_row(name, _number(row.one), _number(row.other), ratio, style=style)
    console.print(table)
    for note in notes:
        console.print(escape(note), style="yellow", highlight=False)


def picture(result: Result) -> Image:
    """The result as a picture: who was side by side, or the chain alone; under it every stage."""
    own = _side("the chain by itself", _model_name(result), result.stages, f"{result.fps:.1f} frames a second")
    beside = [_side(one.name, one.what, one.stages, "" if i == 0 else f"{one.ratio:.2f} times as long")
              for i, one in enumerate(result.side_by_side)]  # fmt: skip
    lines = _wrapped(result.machine["words"])
    panels = [[own], beside] if beside else [[own]]
    return draw_picture("Where the milliseconds go", [*lines, _what(result)], panels, _HEAD, list(_stage_rows(result)))


def growth_picture(result: Result) -> Image:
    """How the chain grows: a panel for each thing that there may be more of."""
    panels = [
        [_side(point.label, "all together" if kind == "cameras" else "", point.stages) for point in points]
        for kind, points in result.growth.items()
    ]
    lines = _wrapped(result.machine["words"])
    return draw_picture("What more of it costs", [*lines, _what(result)], panels, (), ())


def comparison_picture(one: Result, other: Result, rows: Sequence[Row], names: tuple[str, str]) -> Image:
    """Two results as a picture."""
    bars = [
        _side(name, f"{_model_name(r)}, whole chain", r.stages) for name, r in zip(names, (one, other), strict=True)
    ]
    cells = [(row.name.removesuffix(" p50") if row.name.endswith(" p50") else row.name, _number(row.one),
              _number(row.other), "" if row.ratio is None else f"{row.ratio:.2f}") for row in rows]  # fmt: skip
    lines = [f"{name}: {r.machine.get('words', '')}" for name, r in zip(names, (one, other), strict=True)]
    return draw_picture("Two benchmarks", lines, [bars], ("p50 ms, and the rest", *names, "ratio"), cells)


def _means(point: Grown, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        stage = point.stages.get(name)
        yield "" if stage is None or stage.mean is None else f"{stage.mean:.2f}"


_HEAD = ("stage", "p50 ms", "p90 ms", "p99 ms", "mean ms", "of the chain")


def _stage_rows(result: Result) -> Iterator[tuple[str, ...]]:
    whole = result.stages["chain"].mean or result.stages["chain"].p50
    for name in dict.fromkeys([*STAGES, *result.stages]):
        if (stage := result.stages.get(name)) is not None:
            mean = stage.mean if stage.mean is not None else stage.p50
            share = f"{mean / whole:.1%}" if name in (*CHAINED, "chain") else "beside it"
            yield name, *(f"{value:.3f}" for value in (stage.p50, stage.p90, stage.p99, mean)), share


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    """What is not a stage, in words."""
    yield "speed", f"{result.fps:.1f} frames a second, decoding and logging included"
    if result.accounted is not None and result.beside_pose is not None:
        yield "stages", (f"together {result.accounted:.1%} of the chain; all but the pose model "
                         f"{result.beside_pose:.1%} of it")  # fmt: skip
    for look, took in result.looks.items():
        yield f"look: {look}", f"{took.frames} frames, chain p50 {took.p50:.2f} ms, p99 {took.p99:.2f} ms"
    if result.pose_limit is not None:
        limit = result.pose_limit
        work = ", ".join(f"{count / 1e6:.0f} million in {name}" for name, count in limit.macs.items())
        peak = ", ".join(
            f"{value:.0f} billion a second in {name}" for name, value in limit.peak_gmacs.items() if name in limit.macs
        )
        yield "pose model", (f"{limit.share:.0%} of this machine's multiplying peak: {work}, which takes "
                             f"{limit.limit_ms:.2f} ms at {peak}")  # fmt: skip
    yield "memory", f"{result.rss_mb:.0f} MB at the most"
    if result.cpu_s_per_minute is not None:
        yield "processor", f"{result.cpu_s_per_minute:.1f} s for a minute of video"
    if result.energy is not None:
        yield "energy", (f"{result.energy.mj_per_frame:.1f} mJ a frame, {result.energy.j_per_minute:.0f} J for a "
                         f"minute of video ({result.energy.how})")  # fmt: skip
    if result.first_reading_s is not None:
        yield "start", f"{result.first_reading_s:.2f} s from the process's start to the first reading"
    if result.install_mb is not None:
        largest = ", ".join(f"{name} {size:.0f}" for name, size in list(result.install.items())[:3])
        yield "install", f"{result.install_mb:.0f} MB without Python and pip" + (f" ({largest})" if largest else "")
    if result.drift is not None:
        yield "drift", f"the last quarter took {result.drift:.2f} times as long as the first"


def _what(result: Result) -> str:
    size = f", {result.size[0]}x{result.size[1]}" if result.size else ""
    seconds = f" in {result.seconds:.0f} s" if result.seconds is not None else ""
    return f"{result.source}{size}: {result.frames} frames{seconds}, {_model_name(result)}"


def _model_name(result: Result) -> str:
    pose = result.models.get("pose")
    if not pose:
        return "no pose model"
    height, width = pose["input"]
    return f"{pose['path'].replace(chr(92), '/').rpartition('/')[2]} ({pose['precision']}, {width}x{height})"


def _side(name: str, what: str, stages: dict[str, Stage], note: str = "") -> Bar:
    plain = {stage: {k: v for k, v in value.model_dump().items() if v is not None} for stage, value in stages.items()}
    return bar(name, what, plain, note)


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2 if len(head) < 8 else 1, 0, 0))
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left", header_style="dim", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row, style="bold" if row[0] in ("pose", "chain") else "")
    return table


def _wrapped(words: str, most: int = 130) -> list[str]:
    """Lines of at most so many letters, broken at commas."""
    lines = [""]
    for part in words.split(", "):
        if lines[-1] and len(lines[-1]) + len(part) > most:
            lines.append("")
        lines[-1] += (", " if lines[-1] else "") + part
    return lines


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
