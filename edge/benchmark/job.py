"""One benchmark from order to result: the chain alone, fresh starts, others beside it, the machine's peak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from configs.saved import save_config
from configs.schema import Counting, Run
from edge.benchmark import picture as pictures
from edge.benchmark import show
from edge.benchmark.alone import first_reading_s, measure_alone
from edge.benchmark.chain import Amount, Measured, Tell
from edge.benchmark.compare import Row, compare, differences
from edge.benchmark.contenders import Chain, Contender, contenders, is_own
from edge.benchmark.growth import faster_than_input
from edge.benchmark.growth import growth as growth_of
from edge.benchmark.peak import Limit, limit_of, measured_peaks
from edge.benchmark.result import Contestant, Energy, Grown, PoseLimit, Result
from edge.benchmark.sidebyside import Side, side_by_side
from edge.benchmark.surroundings import install_mb, machine_facts
from edge.benchmark.watch import confined, load_warning
from edge.local import local_models
from edge.paint import Image
from edge.report import check_writable
from edge.run import keep_inputs
from edge.sources import open_source
from keypoints.errors import ModelError, RepSightError, SourceError
from keypoints.resources import ASSUMED_W
from keypoints.yolo import SHIPPED

#: Gives a progress bar for a piece of work.
Progress = Callable[[str], AbstractContextManager[Tell]]

T = TypeVar("T")


@dataclass(slots=True)
class Made:
    """How a benchmark ended. exit_code: 2 when something that was given could not be used, and the rest was done."""

    result: Result
    written: list[Path]
    exit_code: int


@dataclass(slots=True)
class Troubles:
    """What went wrong on the way: each is said once, in one line, and the rest goes on."""

    say: Callable[[str], None]
    exit_code: int = 0
    said: list[str] = field(default_factory=list)

    def warn(self, line: str | None) -> None:
        """Something that makes figures doubtful."""
        if line is not None and line not in self.said:
            self.said.append(line)
            self.say(f"warning: {line}")

    def survive(self, what: Callable[[], T]) -> T | None:
        """The outcome of `what`, or None when it can't be had."""
        try:
            return what()
        except RepSightError as error:
            self.note(error)
            return None

    def note(self, error: RepSightError) -> None:
        """Something can't be done; the exit code remembers."""
        self.exit_code = max(self.exit_code, error.exit_code)
        self.warn(str(error))


def benchmark(
    settings: Run,
    counting: Counting,
    amount: Amount,
    *,
    models: Sequence[Path] = (),
    cores: int = 1,
    json_file: Path | None = None,
    picture: Path | None = None,
    growth: Path | None = None,
    command: str = "",
    say: Callable[[str], None],
    progress: Progress,
) -> Made:
    """Measure the chain, and `models` beside it, on so many cores (0: all).

    growth: where to draw what more people, pixels and cameras cost; they are measured as well then.
    Raises InputError when the source can't be opened, or no pose model of RepSight is left to measure.
    """
    troubles = Troubles(say)
    inputs = [settings.source, settings.pose, settings.head, *map(str, models)]
    keep_inputs({"--json": json_file, "--picture": picture, "--growth": growth}, inputs)
    json_file = _checked(json_file, "--json", check_writable, troubles)
    picture = _checked(picture, "--picture", pictures.check_picture, troubles)
    growth = _checked(growth, "--growth", pictures.check_picture, troubles)
    open_source(settings.source, settings).__exit__(None, None, None)  # the one thing that nothing goes without
    asked = settings.model_copy(update={"counting": counting})
    settings, fetched = local_models(settings, progress)
    for line in fetched:
        troubles.warn(line)
    settings, others = _chosen(settings, models, troubles)
    facts = machine_facts(cores)
    troubles.warn(load_warning())
    with progress("the chain") as tell:
        alone = measure_alone(settings, counting, amount, cores, tell)
    for line in alone.warnings:
        troubles.warn(line)
    with progress("fresh starts") as tell:
        start_s = troubles.survive(lambda: first_reading_s(settings, counting, 3 if amount.seconds > 5 else 1, tell))
    sides = _beside(settings, counting, others, amount, cores, troubles, progress) if others else []
    limit = _limit(alone, cores, troubles, progress)
    grown = _growth(settings, counting, amount, cores, troubles, progress) if growth else {}
    size_mb, sizes = install_mb()
    result = _result(alone, facts, command, start_s, sides, limit, size_mb, sizes, troubles.said)
    result = result.model_copy(update={"growth": grown})
    written = [json_file and troubles.survive(lambda: _write(result, json_file, asked)),
               picture and troubles.survive(lambda: _draw(show.picture(result), picture)),
               growth and grown and troubles.survive(lambda: _draw(show.growth_picture(result), growth))]  # fmt: skip
    return Made(result, [path for path in written if path], troubles.exit_code)


def comparison(files: tuple[Path, Path], picture: Path | None = None) -> tuple[list[Row], list[str], tuple[str, str]]:
    """Two results: the figures that both have, what else differs, and what to call them; `picture` draws them.

    Raises InputError when a file is no result, or one of another schema version.
    """
    one, other = (Result.read(file) for file in files)
    names = (files[0].stem, files[1].stem) if files[0].stem != files[1].stem else ("first", "second")
    rows = compare(one, other)
    if picture is not None:
        pictures.check_picture(picture, "--picture")
        pictures.write_picture(show.comparison_picture(one, other, rows, names), picture)
    return rows, differences(one, other), names


def _checked(path: Path | None, what: str, check: Callable[[Path, str], None], troubles: Troubles) -> Path | None:
    """The path, when what is asked for can be made there: told before the work, not after it."""

    def checked(path: Path) -> Path:
        check(path, what)
        return path

    return path and troubles.survive(lambda: checked(path))


def _chosen(settings: Run, models: Sequence[Path], troubles: Troubles) -> tuple[Run, list[Path]]:
    """The settings with the pose model that the others are compared with, and those others.

    It is the settings' (or the shipped) one; where that can't be opened, the first of `models` that is RepSight's own.
    """
    if settings.source.lower().endswith(".npz"):
        if models:
            troubles.note(SourceError("has no pictures, so no model is run beside it", file=settings.source))
        return settings, []
    first = Path(settings.pose or SHIPPED)
    named = settings.estimator is not None or first.suffix.lower() == ".task"  # a chain around another estimator
    usable, errors = [], []
    for path in (first, *models):
        try:
            usable.append((path, (named and path == first) or is_own(path)))
        except RepSightError as error:
            errors.append(error)
    reference = next((path for path, own in usable if own), None)
    if reference is None:
        raise errors[0] if errors else ModelError("no pose model of RepSight", file=first, hint="`export` makes them")
    for trouble in errors:
        troubles.note(trouble)
    others = [path for path, _ in usable if path != reference]
    return settings.model_copy(update={"pose": str(reference)}), others


def _beside(
    settings: Run, counting: Counting, others: Sequence[Path], amount: Amount, cores: int, troubles: Troubles,
    progress: Progress,
) -> list[Side]:  # fmt: skip
    """The chain and everybody else in turn; who can't be opened is left out."""
    with ExitStack() as parts:
        threads = parts.enter_context(confined(cores))
        own = settings.model_copy(update={"threads": threads})
        line_up: list[Contender] = [Chain(Path(settings.pose or SHIPPED).name, own, counting)]
        for path in others:
            opened = troubles.survive(lambda path=path: contenders(path, settings, counting, threads))  # type: ignore[misc]
            line_up += opened or []
        for one in line_up:
            parts.callback(one.close)
        if len(line_up) < 2:
            return []
        with progress(f"{len(line_up)} side by side") as tell:
            found = troubles.survive(lambda: side_by_side(line_up, settings, amount, tell))
    if found is None:
        return []
    sides, busy = found
    troubles.warn(busy.warning() if busy else None)
    return sides


def _growth(
    settings: Run, counting: Counting, amount: Amount, cores: int, troubles: Troubles, progress: Progress
) -> dict[str, tuple[Grown, ...]]:
    """What more of it costs, an eighth of the frames for each; what grows faster than its input is said."""
    with confined(cores) as threads, progress("more people, pixels, cameras") as tell:
        own = settings.model_copy(update={"threads": threads})
        found = troubles.survive(lambda: growth_of(own, counting, max(4, amount.frames // 8), tell=tell))
    measured = {kind: [(p.label, p.input, p.stages()) for p in points] for kind, points in (found or {}).items()}
    for kind, points in measured.items():
        if faster := faster_than_input([(size, stages) for _, size, stages in points]):
            troubles.warn(f"with more {kind}, {', '.join(faster)} takes longer by a larger factor than there are more")
    return {
        kind: tuple(Grown.model_validate({"label": a, "input": b, "stages": c}) for a, b, c in points)
        for kind, points in measured.items()
    }


def _limit(alone: Measured, cores: int, troubles: Troubles, progress: Progress) -> Limit | None:
    """What the pose model would take at the machine's peak."""
    pose = alone.models.get("pose")
    if not pose or "pose" not in alone.stages or not pose["path"].lower().endswith(".onnx"):
        return None
    with confined(cores) as threads, progress("the machine's peak") as tell:
        peaks = measured_peaks(threads, tell=tell)
        return troubles.survive(lambda: limit_of(Path(pose["path"]), peaks, threads))


def _write(result: Result, path: Path, settings: Run) -> Path:
    result.write(path)
    save_config("run", settings, path, result.command)
    return path


def _draw(image: Image, path: Path) -> Path:
    pictures.write_picture(image, path)
    return path


def _result(
    alone: Measured, facts: dict[str, object], command: str, start_s: float | None, sides: Sequence[Side],
    limit: Limit | None, size_mb: float, sizes: dict[str, float], warnings: Sequence[str],
) -> Result:  # fmt: skip
    chain, pose = alone.stages["chain"]["mean"], alone.stages.get("pose", {}).get("mean", 0.0)
    minutes = alone.video_s / 60
    how = "measured by the processor's counters, with all else that the machine did"
    if not alone.energy_measured:
        how = f"an estimate: processor time at {ASSUMED_W:g} W a busy core, because no counter can be read"
    energy = Energy(
        j_per_minute=round(alone.energy_j / minutes, 1), mj_per_frame=round(1000 * alone.energy_j / alone.frames, 2),
        how=how,
    ) if minutes > 0 else None  # fmt: skip
    return Result(
        command=command, machine=facts, models=alone.models, source=alone.source, size=alone.size,
        frames=alone.frames, seconds=round(alone.seconds, 2), stages=alone.stages,
        fps=round(alone.frames / alone.seconds, 2), rss_mb=round(alone.rss_mb, 1),
        first_reading_s=None if start_s is None else round(start_s, 3), install_mb=round(size_mb, 1),
        install={name: round(size, 1) for name, size in sizes.items()},
        cpu_s_per_minute=round(alone.cpu_s / minutes, 2) if minutes > 0 else None, energy=energy,
        accounted=None if alone.accounted is None else round(alone.accounted, 4),
        beside_pose=None if alone.accounted is None else round(1 - pose / chain, 4), drift=round(alone.drift, 3),
        looks=alone.looks, others_cores=alone.others_cores, steal=alone.steal,
        pose_limit=None if limit is None else PoseLimit(**asdict(limit)),
        side_by_side=tuple(Contestant(**asdict(side)) for side in sides), warnings=tuple(warnings),
    )  # fmt: skip
