"""The chain: a `Frame` goes in, a `Reading` comes out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from classifier.counter import Count
from classifier.reader import ActionReader
from edge.reading import Reading, State
from keypoints.estimator import PoseEstimator
from keypoints.smoothing import PoseSmoother
from keypoints.tracker import SubjectTracker
from keypoints.types import Frame, Pose


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
    """Both stages, chained for one camera."""

    def __init__(self, estimator: PoseEstimator | None, reader: ActionReader) -> None:
        """estimator: stage 1; None when only keypoint sequences are read."""
        self._estimator = estimator
        self._reader = reader
        self._tracker = SubjectTracker()
        self._smoother = PoseSmoother()
        self._identity = self._tracker.identity

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
            self._greet()
            pose = self._smoother.update(subject, frame.time_s)
        return self._read_pose(frame.time_s, pose, clock)

    def read_pose(self, time_s: float, pose: Pose | None) -> Reading:
        """Stage 2 alone, for a keypoint sequence: past estimator, tracker and smoother."""
        return self._read_pose(time_s, pose, Stopwatch())

    def lost_camera(self, time_s: float) -> Reading:
        """The reading while the source gives no frames: counts are kept, time goes on."""
        return self._reading(time_s, None, self._reader.update(time_s, None), "camera lost", Stopwatch())

    def finish(self, time_s: float) -> Reading | None:
        """The source ended at `time_s`: a last reading when reps were done by then that are not counted yet."""
        count = self._reader.finish()
        if count is None or not count.new_reps:
            return None
        return self._reading(time_s, None, count, self._state(count), Stopwatch())

    def _greet(self) -> None:
        """When the subject is somebody else, nothing of the one before may go on."""
        if self._tracker.identity != self._identity:
            self._identity = self._tracker.identity
            self._smoother.reset()
            self._reader.forget()

    def _read_pose(self, time_s: float, pose: Pose | None, clock: Stopwatch) -> Reading:
        count = self._reader.update(time_s, None if pose is None else pose.keypoints, clock)
        return self._reading(time_s, pose, count, self._state(count), clock)

    def _state(self, count: Count | None) -> State:
        """What to tell the user."""
        if count is None:
            return "no person"
        if not count.visible:
            return "step back"
        if not count.countable:
            return "turn to the side"
        if count.holding:
            return "hold"
        if count.phase is not None:
            return "counting"
        return "rest" if self._reader.reps else "ready"

    def _reading(
        self, time_s: float, pose: Pose | None, count: Count | None, state: State, clock: Stopwatch
    ) -> Reading:
        return Reading(
            time_s=time_s,
            pose=pose,
            action=count.action if count else None,
            confidence=count.confidence if count else 0.0,
            state=state,
            phase=count.phase if count else None,
            reps=self._reader.reps,
            holds_s=self._reader.holds_s,
            new_reps=count.new_reps if count else (),
            stage_ms=clock.stage_ms,
        )
