"""Stage 1 as one: pictures go in, the smoothed pose of one person, the subject, comes out."""

from __future__ import annotations

from dataclasses import dataclass

from configs.schema import Follow
from keypoints.clock import Clock, untimed
from keypoints.estimator import PoseEstimator
from keypoints.follow import Gaze, Kind
from keypoints.smoothing import PoseSmoother
from keypoints.tracker import SubjectTracker
from keypoints.types import Frame, Pose


@dataclass(frozen=True, slots=True)
class Sight:
    """What one picture shows of the subject.

    pose: smoothed, in pixels of the picture; None when they are not seen. identity: which person it belongs to, as
    `SubjectTracker.identity`. look: what the pose model was shown: the whole picture, a crop around the subject, or a
    tile of the picture.
    """

    pose: Pose | None
    identity: int
    look: Kind


class SubjectWatcher:
    """Where to look, pose estimator, tracker and smoother, chained for one camera or file."""

    def __init__(self, estimator: PoseEstimator, follow: Follow | None = None) -> None:
        """follow: how the subject is followed; as `Follow()` without it."""
        settings = follow or Follow()
        if not estimator.takes_regions:
            settings = settings.model_copy(update={"enabled": False})
        self._estimator = estimator
        self._gaze = Gaze(estimator.input_size, settings)
        self._tracker = SubjectTracker()
        self._smoother = PoseSmoother()
        self._identity = self._tracker.identity

    def see(self, frame: Frame, clock: Clock = untimed) -> Sight:
        """One picture, by the stages letterbox, pose, track and smooth; pictures come in the order of time."""
        height, width = frame.image.shape[:2]
        with clock("letterbox"):
            look = self._gaze.look(frame.time_s, (width, height))
            prepared = self._estimator.prepare(frame.image, look.region)
        with clock("pose"):
            people = self._estimator.infer(prepared)
        with clock("track"):
            found = self._tracker.update(self._gaze.entire(people), frame.time_s, (width, height))
            self._greet()
            clear = self._gaze.saw(found, frame.time_s, locked=self._tracker.locked, lost=self._tracker.lost)
        with clock("smooth"):
            pose = self._smoother.update(found if clear else None, frame.time_s)
        return Sight(pose, self._identity, look.kind)

    def _greet(self) -> None:
        """When the subject is somebody else, nothing of the one before may go on."""
        if self._tracker.identity != self._identity:
            self._identity = self._tracker.identity
            self._smoother.reset()
            self._gaze.forget()
