"""The gate before `publish`: every condition of the settings, judged on an evaluation report."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.publishing import Condition
from keypoints.errors import InputError, RepSightError


class GateRefused(RepSightError):  # noqa: N818 - nothing is in error: a threshold was not reached
    """A condition does not hold; the message says which, its value and its threshold. Nothing was uploaded."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition and one value that it was held against. where: the labelled set, if the report has several parts.
    value: None when there is no such number in the report; `why` then says more."""

    condition: Condition
    where: str | None
    value: float | None
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether the condition does."""
        return self.value is not None and self.condition.holds(self.value)

    @property
    def said(self) -> str:
        """In words: `counts.exact on clips is 0.71, at least 0.8 is asked for`."""
        on = f" on {self.where}" if self.where else ""
        found = self.why if self.value is None else f"is {self.value:g}"
        return f"{self.condition.metric}{on} {found}, {self.condition.wanted} is asked for"

    @property
    def line(self) -> str:
        """As `said`, with the verdict before it."""
        return f"{'ok     ' if self.holds else 'REFUSED'} {self.said}"


def read_report(path: Path) -> dict[str, Any]:
    """The JSON of a report. Raises InputError when there is none, it is something else, or it was not finished."""
    try:
        tree = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="`repsight evaluate` writes report.json") from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=path) from None
    except ValueError:
        raise InputError("not JSON", file=path, expected="report.json of `repsight evaluate`") from None
    if not isinstance(tree, dict):
        raise InputError("not a report", file=path, expected="an object", found=type(tree).__name__)
    if tree.get("stopped"):
        raise InputError("the evaluation was stopped before its end", file=path, hint="run `repsight evaluate` again")
    return tree


def judge(conditions: Sequence[Condition], report: dict[str, Any], heads: Collection[str], path: Path) -> list[Verdict]:
    """Hold every condition against the report: against its one number, or against that of each labelled set.

    heads: SHA-256 of the heads that are to be published; results of other heads do not count. Raises InputError when
    the report is of other heads.
    """
    parts = _parts(report, heads, path)
    return [verdict for condition in conditions for verdict in _judged(condition, report, parts)]


def refusal(verdicts: Sequence[Verdict]) -> GateRefused | None:
    """The error that says which conditions do not hold, or None when all of them do."""
    failed = [verdict.said for verdict in verdicts if not verdict.holds]
    return GateRefused(f"not published, nothing was uploaded: {'; '.join(failed)}") if failed else None


def results_of(report: dict[str, Any], heads: Collection[str]) -> list[tuple[str, dict[str, Any]]]:
    """The results of these heads (all without any), each with the name of its labelled set."""
    results = report.get("results")
    if not isinstance(results, list):
        return []
    numbers = {i for i, head in enumerate(report.get("heads") or []) if _sha(head) in heads}
    sets = report.get("sets") or []
    found = []
    for result in results:
        if isinstance(result, dict) and (not heads or result.get("head") in numbers):
            number = result.get("set")
            there = sets[number] if isinstance(number, int) and 0 <= number < len(sets) else None
            found.append((str(there.get("name", number) if isinstance(there, dict) else number), result))
    return found


def _parts(report: dict[str, Any], heads: Collection[str], path: Path) -> list[tuple[str, dict[str, Any]]]:
    measured = report.get("heads")
    if heads and isinstance(measured, list) and not set(heads) <= {_sha(head) for head in measured}:
        names = ", ".join(str(head.get("file")) for head in measured if isinstance(head, dict))
        raise InputError("the report is not of this head: its sha256 is not in it", file=path, field="heads",
                         found=names or "none", hint="`repsight evaluate --head FILE` of this very file")  # fmt: skip
    return results_of(report, heads)


def _sha(head: Any) -> Any:
    return head.get("sha256") if isinstance(head, dict) else None


def _judged(
    condition: Condition, report: dict[str, Any], parts: Sequence[tuple[str, dict[str, Any]]]
) -> Iterator[Verdict]:
    if condition.set is None and (value := number_at(report, condition.metric)) is not None:
        yield Verdict(condition, None, value)
        return
    wanted = [part for part in parts if condition.set in (None, part[0])]
    measured = [(name, value) for name, part in wanted if (value := number_at(part, condition.metric)) is not None]
    if measured:
        yield from (Verdict(condition, name, value) for name, value in measured)
    elif condition.set is not None and not wanted:
        there = ", ".join(dict.fromkeys(name for name, _ in parts)) or "none"
        yield Verdict(condition, condition.set, None, f"can't be judged (the report has no such set, but: {there})")
    else:
        near = difflib.get_close_matches(condition.metric, _known(report, parts), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield Verdict(condition, condition.set, None, f"is not measured (no such number in the report{hint})")


def number_at(tree: Any, path: str) -> float | None:
    """The number at a dotted path, or None; of a figure with its interval the figure itself."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    if isinstance(tree, dict):
        tree = tree.get("value")
    if isinstance(tree, bool) or not isinstance(tree, int | float) or math.isnan(tree):
        return None
    return float(tree)


def _known(report: dict[str, Any], parts: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """The paths of all numbers that a condition could have meant."""
    return sorted({name for tree in (report, *(part for _, part in parts)) for name in _names(tree, "")})


def _names(tree: dict[str, Any], before: str) -> Iterator[str]:
    for key, value in tree.items():
        name = f"{before}{key}"
        if number_at({"x": value}, "x") is not None:
            yield name
        if isinstance(value, dict):
            yield from _names(value, f"{name}.")
