"""Everything that can be measured of one head on one labelled set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from classifier.evaluation import counts, events, labels, robustness
from classifier.evaluation.bootstrap import Draws
from classifier.evaluation.counts import CountScore, GhostScore, Item
from classifier.evaluation.events import EventScore
from classifier.evaluation.labels import Calibration, LabelScore
from classifier.evaluation.perturb import PERTURBATIONS
from classifier.evaluation.play import ListeningHead, Played, play
from classifier.evaluation.robustness import Case, Cost
from classifier.evaluation.truth import Truth, folder, truth_of
from configs.schema import Actions, Counting, Evaluate
from keypoints.card import CardAction
from keypoints.labels import Labelled


@dataclass(frozen=True, slots=True)
class Latency:
    """Window, head and counter together, ms a frame on one thread."""

    frames: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class CountedRep:
    """One rep that was counted, and when. delay_s: since the end of the labelled rep that it is, if it is one."""

    action: str
    start_s: float
    end_s: float
    counted_at_s: float
    delay_s: float | None


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """One sequence. true and counted: reps of what is to be counted. ghosts: other reps, where that can be told.
    seconds, seconds_right: judged seconds of the action shown. missed: labelled reps that no counted one fits.
    reps: all that were counted, in the order of time."""

    name: str
    kind: str
    action: str
    minutes: float
    true: int | None
    counted: int
    ghosts: int | None
    seconds: int
    seconds_right: int
    missed: int | None
    reps: tuple[CountedRep, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a timeline picture is drawn of."""

    labelled: Labelled
    truth: Truth
    played: Played
    score: SequenceScore


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one head on one set; None where the set's labels do not allow one, `left_out` says why.

    told: the oracle, all reps of a sequence whatever their action. ghosts_none: where nobody exercises alone;
    ghosts_unnamed: on exercises that have no name here. sequences: in the order of the set. worst: the most wrong.
    """

    windows: LabelScore | None
    calibration: Calibration | None
    seconds: LabelScore | None
    counts: CountScore | None
    counts_by_action: dict[str, CountScore]
    told: CountScore | None
    ghosts: GhostScore | None
    ghosts_none: GhostScore | None
    ghosts_unnamed: GhostScore | None
    events: EventScore | None
    robustness: dict[str, Cost]
    left_out: dict[str, str]
    sequences: tuple[SequenceScore, ...]
    worst: tuple[Shown, ...]
    latency: Latency | None


def measure(
    head: ListeningHead,
    records: Sequence[Labelled],
    actions: Actions,
    counting: Counting,
    settings: Evaluate,
    classes: frozenset[str],
    done: Callable[[], None],
) -> Outcome:
    """Run `head` over every record and score what it said.

    classes: the actions whose reps are scored. done: called after each sequence, 1 + len(PERTURBATIONS) times for one
    with reps when `settings.robustness`.
    """
    played = []
    for record in records:
        played.append(play(head, record.sequence, actions, counting))
        done()
    outcome = scored(records, played, head.card.actions, actions, settings, classes)
    if not settings.robustness:
        return outcome
    truths = truths_of(records, head.card.actions, actions)
    cases = [Case(i, records[i], truths[i], played[i]) for i, truth in enumerate(truths) if truth.kind == "reps"]
    costs = robustness.measure(cases, lambda s: play(head, s, actions, counting), classes, _draws(records, settings),
                               len(records), settings.seed, done)  # fmt: skip
    return replace(outcome, robustness=costs)


def truths_of(records: Sequence[Labelled], own: Sequence[CardAction], actions: Actions) -> list[Truth]:
    """The truth of each record, in the names of `actions` and of a head's own."""
    fold = folder(actions, {action.name for action in own})
    with_reps = {name for name, action in actions.actions.items() if action.kind == "reps"}
    with_reps |= {action.name for action in own if action.kind == "reps"}
    return [truth_of(record, fold, with_reps) for record in records]


def scored(
    records: Sequence[Labelled],
    played: Sequence[Played],
    own: Sequence[CardAction],
    actions: Actions,
    settings: Evaluate,
    classes: frozenset[str],
) -> Outcome:
    """The figures of what a head with the classes `own` said of each record."""
    truths = truths_of(records, own, actions)
    draws = _draws(records, settings)
    totals = [each.totals for each in played]
    count = len(records)
    items = [item for i, truth in enumerate(truths) for item in counts.items_of(i, truth, totals[i], classes)]

    judged = [labels.Moments((), (), ())] * count
    windows = list(judged)
    matched = [events.Matched(0, 0, (), ())] * count
    names = [action.name for action in own]
    for i, truth in enumerate(truths):
        if truth.kind == "unnamed":
            continue
        judged[i] = labels.seconds_shown(truth, played[i])
        windows[i] = labels.windows_judged(truth, played[i], records[i].sequence, names, settings.every_s)
        if truth.events is not None and truth.kind != "unknown":
            wanted = [event for event in truth.events if event.action in classes]
            matched[i] = events.match(wanted, played[i].reps, settings.tolerance_s)

    def ghosts(*kinds: str) -> GhostScore | None:
        return counts.ghosts(truths, totals, [r.seconds for r in records], draws, frozenset(kinds))

    scores = tuple(
        _sequence(records[i], truths[i], played[i], [x for x in items if x.sequence == i], judged[i], matched[i])
        for i in range(count)
    )
    return Outcome(
        windows=labels.score(windows, draws),
        calibration=labels.calibration(windows),
        seconds=labels.score(judged, draws),
        counts=counts.score(items, draws, count),
        counts_by_action=counts.by_action(items, draws, count),
        told=counts.score(counts.told(items, totals), draws, count),
        ghosts=ghosts("reps", "none"),
        ghosts_none=ghosts("none"),
        ghosts_unnamed=ghosts("unnamed"),
        events=events.score(matched, settings.tolerance_s, draws),
        robustness={},
        left_out=_left_out(truths, items),
        sequences=scores,
        worst=tuple(Shown(records[i], truths[i], played[i], scores[i]) for i in _worst(scores, settings.worst)),
        latency=_latency(np.concatenate([each.latency_ms for each in played])) if played else None,
    )


def _draws(records: Sequence[Labelled], settings: Evaluate) -> Draws:
    return Draws([record.group for record in records], settings.draws, settings.seed)


def steps(records: Sequence[Labelled], robust: bool) -> int:
    """About how often `measure` says that it is done with a sequence."""
    return len(records) * (1 + (len(PERTURBATIONS) if robust else 0))


def _sequence(
    record: Labelled,
    truth: Truth,
    played: Played,
    items: Sequence[Item],
    judged: labels.Moments,
    matched: events.Matched,
) -> SequenceScore:
    ghosts = sum(n for name, n in played.totals.items() if name not in truth.allowed)
    delays = {counted: delay_s for (_, counted), delay_s in zip(matched.pairs, matched.delays_s, strict=True)}
    return SequenceScore(
        name=record.name,
        kind=truth.kind,
        action=truth.main or record.exercise or "",
        minutes=record.seconds / 60,
        true=sum(item.true for item in items) if items else None,
        counted=sum(item.counted for item in items),
        ghosts=None if truth.kind == "unknown" else ghosts,
        seconds=len(judged.true),
        seconds_right=sum(a == b for a, b in zip(judged.true, judged.said, strict=True)),
        missed=matched.events - len(matched.pairs) if matched.events else None,
        reps=tuple(
            CountedRep(r.action, r.start_s, r.end_s, r.counted_at_s, delays.get(i)) for i, r in enumerate(played.reps)
        ),
    )


def _worst(scores: Sequence[SequenceScore], wanted: int) -> list[int]:
    """The numbers of the most wrong sequences: reps missed or too many, then seconds with another action shown."""

    def wrong(i: int) -> tuple[float, float]:
        s = scores[i]
        reps = abs(s.counted - s.true) if s.true is not None else 0
        return reps + (s.ghosts or 0), (s.seconds - s.seconds_right) / max(s.seconds, 1)

    bad = [i for i in range(len(scores)) if wrong(i) > (0, 0)]
    return sorted(bad, key=lambda i: (*(-value for value in wrong(i)), scores[i].name))[:wanted]


def _latency(milliseconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Latency | None:
    if not len(milliseconds):
        return None
    p50, p99 = np.percentile(milliseconds, (50, 99))
    return Latency(len(milliseconds), float(p50), float(p99))


def _left_out(truths: Sequence[Truth], items: Sequence[Item]) -> dict[str, str]:
    """What is not measured on this set, or not on all of it, and why."""
    kinds = Counter(truth.kind for truth in truths)
    out = {}
    if not any(truth.segments for truth in truths if truth.kind != "unnamed"):
        out["labels by window and by second"] = "no sequence says when its action is shown"
    if not items:
        out["counts"] = "no sequence has a known number of reps of an action that is asked for"
    if not any(truth.events for truth in truths):
        out["single reps and their delay"] = "no sequence has labelled rep intervals"
    if not kinds["none"]:
        out["ghosts where nobody exercises"] = "no sequence without an exercise"
    if kinds["unnamed"]:
        out[f"{kinds['unnamed']} sequences"] = "their exercise has no name here: only the ghosts on them are told"
    if kinds["unknown"]:
        out[f"ghosts on {kinds['unknown']} sequences"] = "no label says which reps they may hold"
    return out
