"""What one run of `evaluate` found, as data: the page, the JSON and the workbook are made of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from classifier.evaluation.figures import FIGURES, number
from classifier.evaluation.measure import Outcome
from classifier.evaluation.screen import LabelledSet
from configs.schema import Evaluate

#: The version of the JSON's shape.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class HeadInfo:
    """One head file, as the report shows it."""

    name: str
    file: str
    sha256: str
    size_kb: float
    version: str
    window: int
    rate_hz: float
    actions: tuple[str, ...]
    trained_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One head on one set, by their numbers in the report."""

    head: int
    set: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of `evaluate` found. stopped: not everything was measured."""

    command: str
    settings: Evaluate
    heads: tuple[HeadInfo, ...]
    sets: tuple[LabelledSet, ...]
    results: tuple[Result, ...]
    stopped: bool = False

    def content(self) -> dict[str, Any]:
        """The report as JSON holds it: everything but the pictures."""
        sets = [
            {"name": s.name, "sequences": len(s.records), "minutes": s.minutes,
             "groups": len({r.group for r in s.records}), "problems": list(s.problems)} for s in self.sets
        ]  # fmt: skip
        results = []
        for result in self.results:
            found = asdict(replace(result.outcome, worst=()))
            found["worst"] = [shown.labelled.name for shown in result.outcome.worst]
            results.append({"head": result.head, "set": result.set, **found})
        return {
            "format": FORMAT, "command": self.command, "stopped": self.stopped,
            "settings": self.settings.model_dump(mode="json"), "heads": [asdict(head) for head in self.heads],
            "sets": sets, "results": results,
        }  # fmt: skip

    def figures(self) -> dict[str, float]:
        """The headline figures that were measured, as `SET/path`, or `HEAD/SET/path` where there are several heads."""
        found = {}
        for result in self.results:
            head = f"{self.heads[result.head].file}/" if len(self.heads) > 1 else ""
            for figure in FIGURES:
                value = number(figure.of(result.outcome))
                if value is not None:
                    found[f"{head}{self.sets[result.set].name}/{figure.path}"] = value
        return found

    def lines(self) -> list[str]:
        """The report in words: one line for each head on each set."""
        out = []
        for result in self.results:
            figures = [(f, f.of(result.outcome)) for f in FIGURES]
            said = [
                f"{f.name} {number(v):z.{f.digits}f}{f' {f.unit}' if f.unit else ''}"
                for f, v in figures
                if v is not None
            ]
            if all(value is None for figure, value in figures if not figure.path.startswith("latency")):
                unnamed = result.outcome.ghosts_unnamed
                said = ["nothing could be measured: see Not measured in the page" if unnamed is None else
                        f"ghosts {unnamed.per_min.value:.2f} /min on exercises without a name here, and nothing else:"
                        " see Not measured in the page"]  # fmt: skip
            out.append(f"{self.heads[result.head].file} on {self.sets[result.set].name}: {', '.join(said)}")
        return out
