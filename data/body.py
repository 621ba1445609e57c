"""Bodies of many shapes: Anny's skeleton and keypoint regressor, folded into small matrices.

Linear blend skinning is linear in the bones' transforms, and the COCO keypoints are linear in the vertices.
So for one body shape a matrix of a few thousand numbers gives exactly the keypoints that Anny would regress
from its 13,718 posed vertices, and a batch of poses costs no more than its forward kinematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from data.kinematics import Floats, apply
from keypoints import skeleton
from keypoints.errors import MissingExtraError

#: Rigid parts of the body: name, parent, and the beginnings of the names of Anny's bones that move with it.
_CORE: Final = (
    ("pelvis", "", ("root", "pelvis.")),
    ("spine5", "pelvis", ("spine05",)),
    ("spine4", "spine5", ("spine04",)),
    ("spine3", "spine4", ("spine03",)),
    ("spine2", "spine3", ("spine02",)),
    ("chest", "spine2", ("spine01",)),
    ("neck", "chest", ("neck",)),
    ("head", "neck", ("head", "eye")),
)
_SIDE: Final = (
    ("girdle", "chest", ("clavicle", "shoulder01")),
    ("upper_arm", "girdle", ("upperarm",)),
    ("forearm", "upper_arm", ("lowerarm",)),
    ("hand", "forearm", ("wrist", "finger", "metacarpal")),
    ("thigh", "pelvis", ("upperleg",)),
    ("shin", "thigh", ("lowerleg",)),
    ("foot", "shin", ("foot",)),
    ("toes", "foot", ("toe",)),
)


def _parts() -> tuple[tuple[str, str, tuple[str, ...], str], ...]:
    core = [(name, parent, bones, "") for name, parent, bones in _CORE]
    sided = [
        (f"{name}.{side}", parent if parent in ("chest", "pelvis") else f"{parent}.{side}", bones, f".{side}")
        for side in "LR"
        for name, parent, bones in _SIDE
    ]
    return tuple(core + sided)


_PARTS: Final = _parts()
PARTS: Final = tuple(name for name, *_ in _PARTS)
PART: Final = {name: i for i, name in enumerate(PARTS)}
PARENT: Final = tuple(PART.get(parent, -1) for _, parent, *_ in _PARTS)

#: How many different people there are; each is one `subject`.
BODIES: Final = 240


@dataclass(frozen=True)
class Body:
    """One person's shape, at rest: standing upright, arms half lowered, pelvis at the origin.

    heads: (S, 3) m, the joint about which each part turns. moments: (S, 17, 3) and weights: (S, 17), so that
    keypoint j is the sum over parts of R moments[:, j] + weights[:, j] t for the transform x -> R x + t.
    hull: (M, 3) points of the skin that touch floors, each bound to part hull_part: (M,).
    """

    subject: str
    shape: dict[str, float]
    heads: Floats
    moments: Floats
    weights: Floats
    hull: Floats
    hull_part: Any

    def head(self, part: str) -> Floats:
        """Where `part` turns, at rest (3,)."""
        return np.asarray(self.heads[PART[part]], np.float64)

    def length(self, part: str, to: str) -> float:
        """Distance between the joints of two parts, m."""
        return float(np.linalg.norm(self.head(part) - self.head(to)))

    @property
    def thigh(self) -> float:
        return self.length("thigh.L", "shin.L")

    @property
    def shin(self) -> float:
        return self.length("shin.L", "foot.L")

    @property
    def leg(self) -> float:
        return self.thigh + self.shin

    @property
    def upper_arm(self) -> float:
        return self.length("upper_arm.L", "forearm.L")

    @property
    def forearm(self) -> float:
        return self.length("forearm.L", "hand.L")

    @property
    def arm(self) -> float:
        return self.upper_arm + self.forearm

    @property
    def hip_half(self) -> float:
        """Half the distance of the hip joints, m."""
        return float(self.head("thigh.L")[0])

    @property
    def shoulder_half(self) -> float:
        """Half the distance of the shoulder joints, m."""
        return float(self.head("upper_arm.L")[0])

    @property
    def hip_centre(self) -> Floats:
        """The middle of the hip joints (3,), which postures call the root."""
        return np.asarray((self.head("thigh.L") + self.head("thigh.R")) / 2, np.float64)

    @property
    def torso(self) -> float:
        """Hip centre to shoulder centre, m."""
        return float(self.head("upper_arm.L")[2] - self.head("thigh.L")[2])

    @property
    def ankle(self) -> float:
        """Height of the ankle over the sole, m."""
        soles = self.hull[np.isin(self.hull_part, [PART["foot.L"], PART["toes.L"]]), 2]
        return float(self.head("foot.L")[2] - soles.min())

    def keypoints(self, turns: Floats, shifts: Floats) -> Floats:
        """COCO keypoints (N, 17, 3) m for the parts' transforms x -> R x + t: (N, S, 3, 3), (N, S, 3)."""
        n, s = turns.shape[:2]
        flat = turns.transpose(0, 2, 1, 3).reshape(n, 3, s * 3)
        moved = flat @ self.moments.transpose(0, 2, 1).reshape(s * 3, skeleton.COUNT)
        shifted = shifts.transpose(0, 2, 1) @ self.weights
        return np.asarray((moved + shifted).transpose(0, 2, 1), np.float64)

    def skin(self, turns: Floats, shifts: Floats) -> Floats:
        """The hull's points (N, M, 3) m for the same transforms."""
        return apply(turns[:, self.hull_part], self.hull) + shifts[:, self.hull_part]


def part_of_bones(labels: Sequence[str]) -> list[int]:
    """The part that each of Anny's bones belongs to."""

    def part(label: str) -> int:
        for i, (_, _, bones, side) in enumerate(_PARTS):
            if label.startswith(bones) and (not side or label.endswith(side)):
                return i
        raise KeyError(label)

    return [part(label) for label in labels]


@cache
def anny_model() -> tuple[Any, Any]:
    """Anny and its COCO regressor; loading takes half a minute the first time, ten seconds later.

    Raises MissingExtraError when the package is not installed.
    """
    try:
        import anny
    except ImportError:
        raise MissingExtraError("synthetic people need the package anny", hint="pip install '.[train]'") from None
    model = anny.Anny(skinning_method="lbs")
    return model, anny.KeypointsRegressor.coco(model, labels=list(skeleton.NAMES))


def random_shape(rng: np.random.Generator) -> dict[str, float]:
    """Anny's phenotype parameters of a random adult, now and then of a child of ten or more."""
    child = rng.random() < 0.06
    return {
        "gender": float(rng.beta(0.35, 0.35)),
        "age": float(rng.uniform(0.42, 0.55) if child else rng.uniform(0.6, 0.92)),
        "muscle": float(rng.beta(2.2, 2.0)),
        "weight": float(rng.beta(2.0, 2.4)),
        "height": float(np.clip(rng.normal(0.42, 0.13), 0.15, 0.75)),
        "proportions": float(rng.uniform(0.2, 1.0)),
    }


@cache
def make_body(index: int) -> Body:
    """Person number `index`: the same shape on every machine."""
    return shape_body(random_shape(np.random.default_rng([7411, index])), subject=f"body-{index:03d}")


def shape_body(shape: dict[str, float], subject: str) -> Body:
    """The body of Anny's phenotype parameters `shape`."""
    import torch

    model, regressor = anny_model()
    with torch.no_grad():
        rest = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**shape))
        vertices = rest["rest_vertices"][0].numpy()
        bone_heads = rest["rest_bone_heads"][0].numpy()
        bone_weights = model.dense_vertex_bone_weights.numpy()
        joints = regressor.regression_weights.numpy()
    parts = np.asarray(part_of_bones(model.bone_labels))
    heads = np.stack([bone_heads[int(np.argmax(parts == i))] for i in range(len(PARTS))])
    for side in "LR":  # five toes: their common hinge is in the middle
        toes = [i for i, name in enumerate(model.bone_labels) if name.startswith("toe") and "-1." in name]
        heads[PART[f"toes.{side}"]] = np.mean([bone_heads[i] for i in toes if parts[i] == PART[f"toes.{side}"]], 0)
    part_weights = np.stack([bone_weights[:, parts == i].sum(1) for i in range(len(PARTS))])
    spread = (part_weights.T[:, :, None] * vertices[:, None]).reshape(len(vertices), -1)
    moments = (joints @ spread).reshape(skeleton.COUNT, len(PARTS), 3).transpose(1, 0, 2).copy()
    hull, hull_part = _hull(vertices, part_weights)
    return Body(subject, shape, heads, moments, part_weights @ joints.T, hull, hull_part)


def _hull(vertices: Floats, part_weights: Floats) -> tuple[Floats, Any]:
    """The outermost vertices of every part in 26 directions, and the part each is bound to."""
    grid = np.array([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z], float)
    grid /= np.linalg.norm(grid, axis=1, keepdims=True)
    strongest = part_weights.argmax(0)
    points, bound = [], []
    for part in range(len(PARTS)):
        mine = np.flatnonzero(strongest == part)
        outer = np.unique(mine[(vertices[mine] @ grid.T).argmax(0)])
        points.append(vertices[outer])
        bound.append(np.full(len(outer), part))
    return np.concatenate(points), np.concatenate(bound)
