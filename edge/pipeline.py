"""The chain: a `Frame` goes in, a `Reading` comes out."""

from __future__ import annotations

from classifier.counter import Count
from classifier.reader import ActionReader
from configs.schema import Follow
from edge.reading import Reading, State
from keypoints.clock import Stopwatch
from keypoints.estimator import PoseEstimator
from keypoints.follow import Kind
from keypoints.subject import Sight, SubjectWatcher
from keypoints.types import Frame, Pose


class Pipeline:
    """Both stages, chained for one camera."""

    def __init__(
        self,
        estimator: PoseEstimator | None,
        reader: ActionReader,
        follow: Follow | None = None,
        small: PoseEstimator | None = None,
    ) -> None:
        """estimator: stage 1; None when only keypoint sequences are read. follow: as in `SubjectWatcher`. small: an
        estimator that is used instead while `small` is set, from the next picture on."""
        self._estimators = estimator, small or estimator
        self.small = False
        self.watcher = None if estimator is None else SubjectWatcher(estimator, follow)
        self._reader = reader
        self._identity = 0

    def read(self, frame: Frame) -> Reading:
        """One picture through every stage."""
        clock = Stopwatch()
        return self.read_sight(frame.time_s, self.see(frame, clock), clock)

    def see(self, frame: Frame, clock: Stopwatch) -> Sight:
        """Stage 1 alone: what a picture shows of the subject."""
        wanted = self._estimators[self.small]
        assert self.watcher is not None and wanted is not None, "a pipeline without an estimator reads poses alone"
        if self.watcher.estimator is not wanted:
            self.watcher.use(wanted)
        return self.watcher.see(frame, clock)

    @property
    def input_size(self) -> tuple[int, int]:
        """Of the pose model that is wanted now: (height, width) px."""
        wanted = self._estimators[self.small]
        return wanted.input_size if wanted is not None else (0, 0)

    def read_sight(self, time_s: float, sight: Sight, clock: Stopwatch) -> Reading:
        """Stage 2 alone, for what stage 1 saw. clock: with the times of stage 1."""
        if sight.identity != self._identity:  # nothing of the one before may go on
            self._identity = sight.identity
            self._reader.forget()
        return self._read_pose(time_s, sight.pose, clock, sight.look)

    def read_pose(self, time_s: float, pose: Pose | None, clock: Stopwatch | None = None) -> Reading:
        """Stage 2 alone, for a keypoint sequence: past estimator, tracker and smoother."""
        return self._read_pose(time_s, pose, clock or Stopwatch())

    def lost_camera(self, time_s: float) -> Reading:
        """The reading while the source gives no frames: counts are kept, time goes on."""
        return self._reading(time_s, None, self._reader.update(time_s, None), "camera lost", Stopwatch())

    def finish(self, time_s: float) -> Reading | None:
        """The source ended at `time_s`: a last reading when reps were done by then that are not counted yet."""
        count = self._reader.finish()
        if count is None or not count.new_reps:
            return None
        return self._reading(time_s, None, count, self._state(count), Stopwatch())

    def _read_pose(self, time_s: float, pose: Pose | None, clock: Stopwatch, look: Kind | None = None) -> Reading:
        count = self._reader.update(time_s, None if pose is None else pose.keypoints, clock)
        return self._reading(time_s, pose, count, self._state(count), clock, look)

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
        return "rest" if self._reader.reps or self._reader.holds_s else "ready"

    def _reading(
        self,
        time_s: float,
        pose: Pose | None,
        count: Count | None,
        state: State,
        clock: Stopwatch,
        look: Kind | None = None,
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
            look=look,
            stage_ms=clock.stage_ms,
        )
