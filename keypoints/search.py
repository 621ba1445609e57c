"""Where to look while nobody is known: at the whole picture, and at parts of it, larger, for whoever is far away."""

from __future__ import annotations

from collections.abc import Sequence

from keypoints.region import Box, Region, around, longer_side, scale, tiles, whole

#: As share of the picture's height: people down to this size are looked for.
FAR = 1 / 8

#: Tiles show them this tall in the model's input. Of filmed people, shrunk to an eighth of a 1280x720 picture as
#: tests/benchmarks/far_people.py does, one look of the shipped model was sure enough of 12 % at 48 px in its input,
#: 51 % at 64 px, 73 % at 80 px, 83 % at 96 px and 89 % at 128 px, which takes more than twice the tiles of 96 px.
FOUND_PX = 96

#: What moves is looked at in a tile about it, and in one that shows it this much larger, in turn: no two looks at
#: somebody who was not found are alike.
CLOSER = 1.6

#: Tiles overlap by this share of the smallest who are looked for: whoever is cut by one is seen in part, and then
#: looked at larger.
OVERLAP = 2 / 3

#: One look of so many is at the whole picture.
WHOLE_EVERY = 3

#: A region is worth a look when it shows what is in it this much larger than the look before did.
LEAST_GAIN = 1.25

#: Of whom a tile shows a part, the rest is looked for so far from it, in sides of the part's box.
REST = 1.0

#: What might be somebody gets so many looks in a row, then the search goes on.
IN_A_ROW = 3


class Search:
    """Looks for somebody, picture by picture: the whole picture, what moves in it, and its tiles, one after the other;
    what might be somebody is looked at larger at once."""

    def __init__(
        self, size: tuple[int, int], input_size: tuple[int, int], widths: Sequence[int], margin: float, parts: bool
    ) -> None:
        """size: (width, height) of the pictures, px. input_size, widths: of the model, as in `region.fitting`.

        margin: about what might be somebody, in sides of their box. parts: whether parts are looked at at all; they are
        not when the whole picture shows as much.
        """
        self._size, self._input, self._widths, self._margin = size, input_size, widths, margin
        self._enlarged = FOUND_PX / (FAR * size[1])
        self.parts = parts and self._enlarged >= LEAST_GAIN * scale(whole(size), input_size)
        side = round(input_size[1] / self._enlarged), round(input_size[0] / self._enlarged)
        self._tiles = tiles(size, side, overlap=OVERLAP * FAR * size[1]) if self.parts else ()
        self._turn = self._tile = self._moves = self._extra = 0
        self._closer: Region | None = None
        self._moving: tuple[int, int] | None = None

    def look(self, moving: tuple[int, int] | None) -> Region:
        """Where to look next. moving: the middle (x, y) px of what alone moves in the picture."""
        closer, self._closer = self._closer, None
        if closer is not None:
            self._extra += 1
            return closer
        self._extra = 0
        self._moving = moving or self._moving
        self._turn += 1
        if not self.parts or self._turn % WHOLE_EVERY == 1:
            return whole(self._size)
        moving, self._moving = self._moving, None
        if moving is not None:
            return self._about(*moving)
        self._tile += 1
        return self._tiles[(self._tile - 1) % len(self._tiles)]

    def glimpsed(self, box: Box, seen_scale: float, *, cut: bool) -> None:
        """A look at `seen_scale`, as of `region.scale`, showed what might be somebody, px of the picture.

        cut: whether only a part of them was in the region that was looked at.
        """
        margin = (REST if cut else self._margin) * longer_side(box)
        region = around(box, margin, self._size, self._input, self._widths)
        least = scale(whole(self._size), self._input) if cut else seen_scale
        if self.parts and self._extra < IN_A_ROW and scale(region, self._input) >= LEAST_GAIN * least:
            self._closer = region

    def _about(self, x: int, y: int) -> Region:
        self._moves += 1
        enlarged = self._enlarged * (CLOSER if self._moves % 2 == 0 else 1)
        return around((x, y, x, y), self._input[0] / enlarged / 2, self._size, self._input)
