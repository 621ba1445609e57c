"""What synthetic people look like: their skin as a mesh that follows the posed parts, and the clothes on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from data.body import PART, PARTS, Body, anny_model, part_of_bones
from data.kinematics import Floats, unit
from data.posture import Solved

Colour = tuple[float, float, float]

#: Skin tones from fair to dark, RGB 0-1.
SKINS: tuple[Colour, ...] = (
    (0.93, 0.76, 0.66), (0.85, 0.65, 0.52), (0.72, 0.51, 0.38), (0.52, 0.35, 0.25), (0.36, 0.24, 0.18),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (0.12, 0.09, 0.07), (0.25, 0.16, 0.1), (0.45, 0.3, 0.17), (0.65, 0.5, 0.3), (0.5, 0.5, 0.5),
)  # fmt: skip
_SHIRT = ("spine5", "spine4", "spine3", "spine2", "chest", "girdle.L", "girdle.R")
_TROUSERS = ("pelvis", "thigh.L", "thigh.R", "shin.L", "shin.R")
_SHOES = ("foot.L", "foot.R", "toes.L", "toes.R")


@dataclass(frozen=True)
class Look:
    """What a person wears and the room they are in; colours are RGB 0-1, sleeves and legs shares of the limb."""

    skin: Colour = SKINS[1]
    hair: Colour = HAIRS[1]
    shirt: Colour = (0.16, 0.42, 0.72)
    trousers: Colour = (0.16, 0.17, 0.22)
    shoes: Colour = (0.92, 0.92, 0.92)
    sleeves: float = 0.55
    legs: float = 1.0
    floor: Colour = (0.62, 0.57, 0.52)
    wall: Colour = (0.83, 0.84, 0.83)
    sun: tuple[float, float, float] = (0.5, -1.2, 2.0)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Look:
        """Anything that people wear."""

        def colour(low: float = 0.05, high: float = 0.95) -> Colour:
            r, g, b = rng.uniform(low, high, 3)
            grey = rng.uniform(0, 0.6)
            mean = (r + g + b) / 3
            return (float(r + grey * (mean - r)), float(g + grey * (mean - g)), float(b + grey * (mean - b)))

        return cls(
            SKINS[rng.integers(len(SKINS))], HAIRS[rng.integers(len(HAIRS))], colour(), colour(0.05, 0.7), colour(),
            float(rng.choice([0.0, rng.uniform(0.3, 0.7), 2.0])), float(rng.choice([rng.uniform(0.3, 0.6), 2.0])),
            colour(0.2, 0.9), colour(0.3, 0.95),
            (float(rng.uniform(-2, 2)), float(rng.uniform(-2, 1)), float(rng.uniform(1, 3))),
        )  # fmt: skip


@dataclass(frozen=True)
class Skin:
    """A body's surface at rest. vertices: (V, 3) m. shares: (V, S) of each part's pull. triangles: (F, 3)."""

    vertices: Floats
    shares: Floats
    triangles: NDArray[np.int64]

    def posed(self, solved: Solved, frame: int) -> Floats:
        """The vertices (V, 3) in one frame of a solved sequence."""
        blend = np.concatenate([solved.turns[frame], solved.shifts[frame][..., None]], -1).reshape(len(PARTS), 12)
        matrices = (self.shares @ blend).reshape(-1, 3, 4)
        return np.asarray((matrices[..., :3] @ self.vertices[..., None])[..., 0] + matrices[..., 3], np.float64)

    def normals(self, vertices: Floats) -> Floats:
        """Outward unit normals (V, 3) of posed vertices."""
        a, b, c = (vertices[self.triangles[:, i]] for i in range(3))
        face = np.cross(b - a, c - a)
        total = np.zeros_like(vertices)
        for i in range(3):
            for axis in range(3):
                total[:, axis] += np.bincount(self.triangles[:, i], face[:, axis], len(vertices))
        return unit(total)

    def coarse(self, share: float) -> tuple[Skin, NDArray[np.int64]]:
        """The surface with about `share` of its triangles, and which vertex (V',) of this one each of it is nearest to.

        Its vertices are some of this one's, so that they follow the parts as here.
        """
        import pyvista
        from scipy.spatial import cKDTree

        faces = np.column_stack([np.full(len(self.triangles), 3), self.triangles]).ravel()
        fewer = pyvista.PolyData(self.vertices, faces).decimate(1 - share)
        _, nearest = cKDTree(self.vertices).query(fewer.points)
        triangles = np.asarray(fewer.faces).reshape(-1, 4)[:, 1:].astype(np.int64)
        return Skin(self.vertices[nearest], self.shares[nearest], triangles), nearest


@cache
def _triangles() -> NDArray[np.int64]:
    model, _ = anny_model()
    return np.asarray(model.get_triangular_faces().numpy(), np.int64)


def make_skin(body: Body, look: Look) -> Skin:
    """The surface of `body`, a little wider where clothes are."""
    import torch

    model, _ = anny_model()
    with torch.no_grad():
        coefficients = model.get_phenotype_blendshape_coefficients(**body.shape)
        vertices = np.asarray(model.get_rest_model(coefficients)["rest_vertices"][0].numpy(), np.float64)
        weights = model.dense_vertex_bone_weights.numpy()
    parts = np.asarray(part_of_bones(model.bone_labels))
    shares = np.stack([weights[:, parts == i].sum(1) for i in range(len(PARTS))], 1)
    bare = Skin(vertices, shares, _triangles())
    cloth, _ = clothes(body, bare, look)
    thick = np.select([cloth == 1, cloth == 2, cloth == 3, cloth == 4], [0.011, 0.009, 0.008, 0.012], 0.0)
    dressed = vertices + thick[:, None] * bare.normals(vertices)
    return Skin(_cobble(dressed, bare.triangles, cloth == 3), shares, bare.triangles)


def _cobble(vertices: Floats, triangles: NDArray[np.int64], shoes: NDArray[np.bool_]) -> Floats:
    """Smooth the toes away where shoes are: each vertex moves to the mean of its neighbours, thirty times."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    edges = edges[shoes[edges[:, 0]]]
    count = np.maximum(np.bincount(edges[:, 0], minlength=len(vertices)), 1)[:, None]
    smooth = vertices.copy()
    for _ in range(30):
        total = np.stack([np.bincount(edges[:, 0], smooth[edges[:, 1], i], len(vertices)) for i in range(3)], -1)
        smooth[shoes] = (total / count)[shoes]
    for one in (shoes & (vertices[:, 0] > 0), shoes & (vertices[:, 0] <= 0)):  # smoothing shrinks: stretch again
        low, high = vertices[one].min(0), vertices[one].max(0)
        shrunk = smooth[one]
        scale = (high - low) / np.maximum(np.ptp(shrunk, axis=0), 1e-6)
        smooth[one] = low + (shrunk - shrunk.min(0)) * scale
    return smooth


def clothes(body: Body, skin: Skin, look: Look) -> tuple[NDArray[np.int64], Floats]:
    """What covers each vertex (V,): 0 skin, 1 shirt, 2 trousers, 3 shoes, 4 hair, 5 eye; and its colour (V, 3)."""
    strongest = skin.shares.argmax(1)
    v = skin.vertices
    cloth = np.zeros(len(v), np.int64)
    cloth[np.isin(strongest, [PART[p] for p in _SHIRT])] = 1
    cloth[np.isin(strongest, [PART[p] for p in _TROUSERS])] = 2
    for side in "LR":
        arm, elbow = body.head(f"upper_arm.{side}"), body.head(f"forearm.{side}")
        hand = body.head(f"hand.{side}")
        along = ((v - arm) @ (elbow - arm)) / ((elbow - arm) @ (elbow - arm))
        below = 1 + ((v - elbow) @ (hand - elbow)) / ((hand - elbow) @ (hand - elbow))
        cloth[(strongest == PART[f"upper_arm.{side}"]) & (along < look.sleeves)] = 1
        cloth[(strongest == PART[f"forearm.{side}"]) & (below < min(look.sleeves, 1.9))] = 1
        knee, ankle = body.head(f"shin.{side}"), body.head(f"foot.{side}")
        down = 1 + ((v - knee) @ (ankle - knee)) / ((ankle - knee) @ (ankle - knee))
        cloth[(strongest == PART[f"shin.{side}"]) & (down > 1 + look.legs * 0.97)] = 0
        if look.legs < 1:  # shorts end on the thigh
            hip = body.head(f"thigh.{side}")
            share = ((v - hip) @ (knee - hip)) / ((knee - hip) @ (knee - hip))
            cloth[
                (strongest == PART[f"shin.{side}"]) | ((strongest == PART[f"thigh.{side}"]) & (share > 0.4 + look.legs))
            ] = 0
    cloth[np.isin(strongest, [PART[p] for p in _SHOES])] = 3
    waist = body.heads[PART["spine5"], 2] + 0.01
    trunk = np.isin(strongest, [PART["pelvis"], PART["spine5"], PART["spine4"]])
    cloth[trunk & (v[:, 2] > waist)] = 1
    cloth[trunk & (v[:, 2] <= waist)] = 2
    head = (strongest == PART["head"]) | (strongest == PART["neck"])
    mine = v[strongest == PART["head"]]
    top, front, back = mine[:, 2].max(), mine[:, 1].min(), mine[:, 1].max()
    depth = (v[:, 1] - front) / (back - front)
    size = top - body.heads[PART["head"], 2]
    line = top - size * (0.24 + 0.95 * np.clip((depth - 0.3) / 0.5, 0, 1))
    cloth[head & (v[:, 2] > line) & (depth > 0.12)] = 4
    model, _ = anny_model()
    eyes = [i for i, name in enumerate(model.bone_labels) if name.startswith("eye")]
    cloth[model.dense_vertex_bone_weights.numpy()[:, eyes].sum(1) > 0.5] = 5
    palette = np.array([look.skin, look.shirt, look.trousers, look.shoes, look.hair, (0.15, 0.12, 0.1)])
    return cloth, palette[cloth]
