"""Stage 1 as one: pictures go in, the smoothed pose of one person, the subject, comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from configs.schema import Follow
from keypoints.clock import Clock, untimed
from keypoints.estimator import PoseEstimator
from keypoints.follow import Gaze, Kind
from keypoints.movement import Movement
from keypoints.region import Region
from keypoints.search import FAR
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
    """Where to look, pose estimator, tracker and smoother, chained for one camera or file.

    `see` is `look`, the estimator and `take` in one; a caller who lets the estimator work elsewhere calls the two.
    """

    def __init__(self, estimator: PoseEstimator, follow: Follow | None = None) -> None:
        """follow: how the subject is followed; as `Follow()` without it."""
        self._follow = follow or Follow()
        self._tracker = SubjectTracker()
        self._smoother = PoseSmoother()
        self._movement = Movement()
        self._identity = self._tracker.identity
        self.use(estimator)

    def use(self, estimator: PoseEstimator) -> None:
        """Go on with this estimator: where to look is found anew, whom it was about is not forgotten."""
        settings = self._follow
        if not estimator.takes_regions:
            settings = settings.model_copy(update={"enabled": False})
        self.estimator = estimator
        self._gaze = Gaze(estimator.input_size, settings, getattr(estimator, "input_widths", ()))

    def see(self, frame: Frame, clock: Clock = untimed) -> Sight:
        """One picture, by the stages letterbox, pose, track and smooth; pictures come in the order of time."""
        with clock("letterbox"):
            region = self.look(frame)
        return self.take(frame, look_at(self.estimator, frame, region, clock), clock)

    def foresee(self, frames: Sequence[Frame]) -> list[Region | None]:
        """Where the coming looks at these frames will probably be, the next one surely; asking changes nothing."""
        return self._gaze.foresee([(frame.time_s, _size(frame)) for frame in frames])

    def look(self, frame: Frame) -> Region | None:
        """Where to look in the next picture; None is all of it. `take` follows."""
        size = _size(frame)
        moving = None
        if self._gaze.searching:
            moving = self._movement.where(frame.image, frame.time_s, FAR * size[1])
        else:
            self._movement.forget()
        return self._gaze.look(frame.time_s, size, moving).region

    def take(self, frame: Frame, people: Sequence[Pose], clock: Clock = untimed) -> Sight:
        """What that look showed of the subject; people: as the estimator gave them."""
        kind = self._gaze.kind
        with clock("track"):
            found = self._tracker.update(self._gaze.entire(people), frame.time_s, _size(frame))
            self._greet()
            clear = self._gaze.saw(
                found, frame.time_s, locked=self._tracker.locked, lost=self._tracker.lost, people=people
            )
        with clock("smooth"):
            pose = self._smoother.update(found if clear else None, frame.time_s)
        return Sight(pose, self._identity, kind)

    def _greet(self) -> None:
        """When the subject is somebody else, nothing of the one before may go on."""
        if self._tracker.identity != self._identity:
            self._identity = self._tracker.identity
            self._smoother.reset()
            self._gaze.forget()


def look_at(estimator: PoseEstimator, frame: Frame, region: Region | None, clock: Clock = untimed) -> list[Pose]:
    """The people in a frame, or in a region of it, by the stages letterbox and pose."""
    with clock("letterbox"):
        prepared = estimator.prepare(frame.image, region)
    with clock("pose"):
        return estimator.infer(prepared)


def _size(frame: Frame) -> tuple[int, int]:
    """(width, height) px."""
    return frame.image.shape[1], frame.image.shape[0]
