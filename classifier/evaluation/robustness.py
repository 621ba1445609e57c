"""What worse recordings cost: the exact share of a head under each perturbation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from classifier.evaluation import counts
from classifier.evaluation.bootstrap import Draws
from classifier.evaluation.counts import CountScore, Item
from classifier.evaluation.perturb import PERTURBATIONS, perturb
from classifier.evaluation.play import Played
from classifier.evaluation.truth import Event, Truth
from classifier.rep import Rep
from keypoints.labels import Labelled
from keypoints.types import KeypointSequence


@dataclass(frozen=True, slots=True)
class Case:
    """One sequence with reps to count, and what came of it unchanged."""

    number: int
    labelled: Labelled
    truth: Truth
    played: Played


@dataclass(frozen=True, slots=True)
class Cost:
    """One perturbation. loss: of the exact share, beside the same sequences as they are; below 0 it gained."""

    score: CountScore
    loss: float


def measure(
    cases: Sequence[Case],
    play: Callable[[KeypointSequence], Played],
    classes: frozenset[str],
    draws: Draws,
    sequences: int,
    seed: int,
    done: Callable[[], None],
) -> dict[str, Cost]:
    """The cost of each perturbation over `cases`, of a set of `sequences`. done: called after each sequence."""
    costs = {}
    for name in PERTURBATIONS:
        before: list[Item] = []
        after: list[Item] = []
        for case in cases:
            changed = perturb(name, case.labelled.sequence, case.labelled.name, seed)
            played = play(changed.sequence)
            truth: Truth = case.truth
            whole: Mapping[str, int] = case.played.totals
            totals: Mapping[str, int] = played.totals
            if changed.hidden_s is not None:
                truth, whole, totals = without(case, played, changed.hidden_s)
            before += counts.items_of(case.number, truth, whole, classes)
            after += counts.items_of(case.number, truth, totals, classes)
            done()
        one, two = counts.score(before, draws, sequences), counts.score(after, draws, sequences)
        if one is not None and two is not None:
            costs[name] = Cost(two, one.exact.value - two.exact.value)
    return costs


def without(
    case: Case, played: Played, hidden_s: tuple[float, float]
) -> tuple[Truth, Mapping[str, int], Mapping[str, int]]:
    """Truth, counts as it was and counts now, without the reps that reach into `hidden_s`.

    Where the reps have no labelled intervals, those that were counted in the unchanged recording stand for them.
    """
    known = case.truth.events if case.truth.events is not None else tuple(map(_event, case.played.reps))
    lost = [e for e in known if e.start_s < hidden_s[1] and e.end_s > hidden_s[0]]
    zone = (min([hidden_s[0], *(e.start_s for e in lost)]), max([hidden_s[1], *(e.end_s for e in lost)]))
    gone = Counter(event.action for event in lost)
    left = {name: n - gone[name] for name, n in (case.truth.reps or {}).items() if n > gone[name]}
    truth = Truth(case.truth.kind, case.truth.segments, left, None, case.truth.allowed)
    return truth, _outside(case.played.reps, zone), _outside(played.reps, zone)


def _outside(reps: Sequence[Rep], zone: tuple[float, float]) -> Mapping[str, int]:
    """Reps by action, without those whose middle is in the zone."""
    return Counter(rep.action for rep in reps if not zone[0] <= (rep.start_s + rep.end_s) / 2 <= zone[1])


def _event(rep: Rep) -> Event:
    return Event(rep.action, rep.start_s, rep.end_s)
