"""The chain: a `Frame` goes in, a `Reading` comes out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from classifier.counter import Count, RepCounter
from classifier.head import OnnxHead, Prediction
from classifier.motion import DominantMotion
from classifier.window import Window
from configs.loader import load_actions
from configs.schema import Counting
from edge.reading import Reading, State
from keypoints.estimator import PoseEstimator
from keypoints.smoothing import KeypointSmoother
from keypoints.tracker import SubjectTracker
from keypoints.types import FloatArray, Frame, Pose


class Stopwatch:
    """Milliseconds by stage of one frame."""

    def __init__(self) -> None:
        self.stage_ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a `with` under the name `stage`."""
        start = time.perf_counter()
        yield
        self.stage_ms[stage] = (time.perf_counter() - start) * 1000


class Pipeline:
    """Both stages and the counter, chained for one camera."""

    def __init__(self, estimator: PoseEstimator | None, head: OnnxHead, settings: Counting | None = None) -> None:
        """estimator: stage 1; None when only keypoint sequences are read."""
        self._settings = settings or Counting()
        self._estimator = estimator
        self._head = head
        self._tracker = SubjectTracker()
        self._smoother = KeypointSmoother()
        self._window = Window(head.card.window, head.card.rate_hz)
        self._motion = DominantMotion()
        self._counter = RepCounter(head.card.actions, load_actions(), self._settings)
        self._seen_s: float | None = None
        self._last: Count | None = None

    def read(self, frame: Frame) -> Reading:
        """One picture through every stage."""
        assert self._estimator is not None, "a pipeline without an estimator reads poses alone"
        clock = Stopwatch()
        height, width = frame.image.shape[:2]
        with clock("letterbox"):
            prepared = self._estimator.prepare(frame.image)
        with clock("pose"):
            people = self._estimator.infer(prepared)
        with clock("track"):
            subject = self._tracker.update(people, frame.time_s, (width, height))
        with clock("smooth"):
            pose = self._smoother.update(subject, frame.time_s)
        return self._read_pose(frame.time_s, pose, (width, height), clock)

    def read_pose(self, time_s: float, pose: Pose | None, size: tuple[int, int]) -> Reading:
        """Stage 2 alone, for a keypoint sequence: past estimator, tracker and smoother. size: (width, height) px."""
        return self._read_pose(time_s, pose, size, Stopwatch())

    def lost_camera(self, time_s: float) -> Reading:
        """The reading while the source gives no frames: counts are kept, time goes on."""
        self._lose_when_due(time_s)
        return self._reading(time_s, None, None, "camera lost", Stopwatch())

    def _read_pose(self, time_s: float, pose: Pose | None, size: tuple[int, int], clock: Stopwatch) -> Reading:
        if pose is None or not (pose.keypoints[:, 2] > 0).any():
            self._lose_when_due(time_s)
            state: State = "no person" if self._last is None else self._state(self._last)
            return self._reading(time_s, pose, self._last, state, clock)
        self._seen_s = time_s
        with clock("window"):
            self._window.push(time_s, pose.keypoints)
            window = self._window.sample()
        with clock("head"):
            prediction = self._with_phase(self._head(window), window)
        with clock("count"):
            self._last = self._counter.update(time_s, pose.keypoints, prediction)
        return self._reading(time_s, pose, self._last, self._state(self._last), clock)

    def _with_phase(self, prediction: Prediction, window: FloatArray) -> Prediction:
        """The prediction, with a phase from the body's motion where the head gives none."""
        if prediction.phase is not None:
            return prediction
        likeliest = self._head.card.actions[int(prediction.probabilities.argmax())].name
        action = load_actions().actions[likeliest]
        return Prediction(prediction.probabilities, self._motion.phase(window, self._head.card.rate_hz, action))

    def _state(self, count: Count) -> State:
        """What to tell a user who is in the picture."""
        if not count.visible:
            return "step back"
        if not count.countable:
            return "turn to the side"
        if count.holding:
            return "hold"
        if count.phase is not None:
            return "counting"
        return "rest" if self._counter.reps else "ready"

    def _lose_when_due(self, time_s: float) -> None:
        """Drop what is in progress once the person has been gone too long."""
        if self._seen_s is not None and time_s - self._seen_s >= self._settings.lost_after_s:
            self._counter.lose_person()
            self._window.clear()
            self._motion.reset()
            self._seen_s = self._last = None

    def _reading(
        self, time_s: float, pose: Pose | None, count: Count | None, state: State, clock: Stopwatch
    ) -> Reading:
        return Reading(
            time_s=time_s, pose=pose,
            action=count.action if count else None,
            confidence=count.confidence if count else 0.0,
            state=state,
            phase=count.phase if count else None,
            reps=dict(self._counter.reps), holds_s=dict(self._counter.holds_s),
            new_reps=count.new_reps if count and time_s == self._seen_s else (),
            stage_ms=clock.stage_ms,
        )  # fmt: skip
