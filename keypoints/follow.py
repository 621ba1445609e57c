"""Find once, then follow: where in the next picture to look for the subject, so that few pixels show much of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np

from configs.schema import Follow
from keypoints.region import Box, Region, around, longer_side, scale, whole
from keypoints.search import LEAST_GAIN, Search
from keypoints.types import FloatArray, Pose

Kind = Literal["whole", "crop", "tile"]

#: A person whose longer side is shorter than this in the model's input is often missed, and the joints are rough:
#: YOLO11n-pose at 256 found 53 % of people of 48 px, 72 % of 64 px, 97 % of 96 px, with joints off by 19, 10 and 6 %
#: of the torso (median).
CLEAR_PX = 64

#: A crop that would show the subject SHARPER times larger than the one there is takes its place after SETTLED_S: a body
#: that bends in a rep and comes up again changes nothing.
SHARPER, SETTLED_S = 1.5, 2.0

#: The crop moves when the subject comes this near to its edge, in box sides.
INNER = 0.08

#: A subject who is not locked, or was not seen, is looked for in the whole picture so often; one of whom the model is
#: less sure than this, twice as often as others.
SOON_S, UNSURE_SCORE = 0.25, 0.4

#: Whole looks that do not show the subject clearly become rarer, down to this.
RAREST_S = 8.0

#: Time constant of the box's speed, and how far ahead it is trusted, as in the tracker.
SPEED_S, AHEAD_S = 0.15, 0.3

#: How far from where they were somebody is looked for, in box sides: at once, and for each second.
REACH, REACH_PER_S = 0.35, 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look: at `region`, None for the whole picture. scale: input pixels for one of the picture."""

    kind: Kind
    region: Region | None
    scale: float


class Gaze:
    """Decides where to look next, picture by picture, from what the last looks showed; looks at the past alone.

    Nobody known: as `Search` says. Not locked yet: a crop, and often the whole picture, so that somebody more prominent
    is seen. Locked: a crop, and now and then the whole picture. Not seen: the whole picture, and a wider crop. A crop
    that shows the subject hardly larger is the whole picture.
    """

    def __init__(self, input_size: tuple[int, int], settings: Follow | None = None, widths: Sequence[int] = ()) -> None:
        """input_size: of the model, (height, width) px. widths: that its input may have as well."""
        self._input, self._widths = input_size, widths
        self._settings = settings or Follow()
        self._size = (0, 0)
        self._look: Look | None = None
        self._whole_s = -np.inf
        self.forget()

    def forget(self) -> None:
        """Nobody is known, or somebody else is: what was known of the one before does not hold."""
        self._box: FloatArray | None = None
        self._speed = np.zeros(4, np.float32)
        self._seen_s = 0.0
        self._score = 0.0
        self._locked = False
        self._missed = self._crop_missed = False
        self._crop: Region | None = None
        self._sharper_since_s: float | None = None
        self._every_s = self._settings.whole_every_s
        self._search: Search | None = None

    @property
    def searching(self) -> bool:
        """Whether nobody is known, and parts of the picture are looked at for somebody."""
        return self._box is None and self._settings.enabled and self._settings.tiles

    def look(self, time_s: float, size: tuple[int, int], moving: tuple[int, int] | None = None) -> Look:
        """Where to look in the picture of `time_s`, (width, height) px.

        moving: while `searching`, the middle (x, y) px of what alone moves in it.
        """
        if size != self._size:
            self._size, self._look = size, None
            self.forget()
        region = self._region(time_s, moving)
        kind: Kind = "crop" if self._box is not None else "tile"
        if region == whole(size):
            self._whole_s = time_s
            self._look = Look("whole", None, scale(region, self._input))
        else:
            self._look = Look(kind, region, scale(region, self._input))
        return self._look

    def foresee(self, coming: Iterable[tuple[float, tuple[int, int]]]) -> list[Region | None]:
        """Where `look` will send the next pictures (time in s, size) when the subject is seen where they are expected.

        The first answer is sure, as long as nothing is seen before it and nothing moves where nobody is known; asking
        changes nothing.
        """
        later = copy(self)  # what `look` changes it replaces, and never writes into, but for the search
        later._search = copy(self._search)
        return [later.look(time_s, size).region for time_s, size in coming]

    @property
    def kind(self) -> Kind:
        """Of the last look."""
        assert self._look is not None, "look comes before kind"
        return self._look.kind

    def entire(self, people: Sequence[Pose]) -> list[Pose]:
        """Those of the people seen by the last look who may be new: a tile also shows parts of larger ones."""
        return [pose for pose in people if not self._cut(pose)]

    def _cut(self, pose: Pose) -> bool:
        """Whether the last look was at a tile and shows no more than a part of somebody."""
        look = self._look
        if look is None or look.kind != "tile" or look.region is None:
            return False
        return look.region.cuts(pose.box, 0.02 * max(look.region.size), self._size)

    def saw(self, pose: Pose | None, time_s: float, *, locked: bool, lost: bool, people: Sequence[Pose] = ()) -> bool:
        """Take in what the last look showed of the subject; whether it showed their joints well enough to be used.

        locked: they are sure to be the subject. lost: nobody is known any more. people: all whom it showed, the surest
        first, were it only in part or dimly.
        """
        assert self._look is not None, "look comes before saw"
        if lost:
            if self._box is not None:
                self.forget()
            if people and self._search is not None:
                self._search.glimpsed(people[0].box, self._look.scale, cut=self._cut(people[0]))
            return False
        coarse = self._crop is not None and scale(self._crop, self._input) > self._look.scale
        clear = pose is not None and (not coarse or longer_side(pose.box) * self._look.scale >= CLEAR_PX)
        self._locked = locked
        self._missed = pose is None
        if coarse and locked:
            longer = min(2 * self._every_s, max(RAREST_S, self._settings.whole_every_s))
            self._every_s = self._settings.whole_every_s if clear else longer
        if pose is not None and clear:
            self._follow(pose, time_s)
        elif not coarse:
            self._crop, self._crop_missed = None, True
        return clear

    def _follow(self, pose: Pose, time_s: float) -> None:
        gap_s = time_s - self._seen_s
        if self._box is None or self._crop_missed:
            self._speed[:] = 0
        elif gap_s > 0:
            share = np.float32(1 - math.exp(-gap_s / SPEED_S))
            self._speed += share * ((pose.box - self._box) / np.float32(gap_s) - self._speed)
        self._box, self._seen_s, self._score = pose.box, time_s, pose.score
        self._crop_missed = False
        if self._crop is None:
            self._crop = self._wanted(pose.box)

    def _region(self, time_s: float, moving: tuple[int, int] | None) -> Region:
        """The next look: the rules of the class, in their order."""
        full = whole(self._size)
        just_whole = self._look is not None and self._look.kind == "whole"
        if not self._settings.enabled:
            return full
        if self._box is None:
            margin, parts = self._settings.margin, self._settings.tiles
            self._search = self._search or Search(self._size, self._input, self._widths, margin, parts)
            return self._search.look(moving)
        if not just_whole and time_s - self._whole_s >= self._whole_after_s():
            return full
        return self._reach(time_s) if self._crop_missed else self._follow_crop(time_s)

    def _whole_after_s(self) -> float:
        """How long after a look at the whole picture the next is due."""
        if self._missed or not self._locked:
            return min(SOON_S, self._every_s)
        return self._every_s / 2 if self._score < UNSURE_SCORE else self._every_s

    def _expected(self, time_s: float) -> list[float]:
        """Where the subject was, and where they should be by now, in one box."""
        assert self._box is not None
        ahead = self._box + self._speed * np.float32(min(time_s - self._seen_s, AHEAD_S))
        both = list(zip(self._box.tolist(), ahead.tolist(), strict=True))
        return [*map(min, both[:2]), *map(max, both[2:])]

    def _reach(self, time_s: float) -> Region:
        """As far as somebody who is not where they should be may have got."""
        box = self._expected(time_s)
        far = (REACH + REACH_PER_S * (time_s - self._seen_s)) * longer_side(box)
        return self._worth(around(box, far, self._size, self._input, self._widths))

    def _follow_crop(self, time_s: float) -> Region:
        """The crop that there is while it fits, else a new one: joints must not tremble because a crop does."""
        assert self._crop is not None
        box = self._expected(time_s)
        wanted = self._wanted(box)
        if self._crop.cuts(box, INNER * longer_side(box), self._size):
            self._crop, self._sharper_since_s = wanted, None
        elif scale(wanted, self._input) < SHARPER * scale(self._crop, self._input):
            self._sharper_since_s = None
        elif self._sharper_since_s is None:
            self._sharper_since_s = time_s
        elif time_s - self._sharper_since_s >= SETTLED_S:
            self._crop, self._sharper_since_s = wanted, None
        return self._crop

    def _wanted(self, box: Box) -> Region:
        margin = self._settings.margin * longer_side(box)
        return self._worth(around(box, margin, self._size, self._input, self._widths))

    def _worth(self, region: Region) -> Region:
        """The region, or the whole picture when the region shows hardly more."""
        full = whole(self._size)
        return region if scale(region, self._input) >= LEAST_GAIN * scale(full, self._input) else full
