"""Pictures of synthetic people: the skinned Anny mesh in clothes, in a room, from any camera (PyVista, off-screen)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.body import Body
from data.camera import Camera
from data.posture import Solved, keypoints
from data.skin import Look, Skin, clothes, make_skin
from keypoints.errors import MissingExtraError
from keypoints.types import FloatArray


class Renderer:
    """One off-screen window that draws one person after the other; a context manager, and not thread-safe.

    Raises MissingExtraError when PyVista is not installed.
    """

    def __init__(
        self, size: tuple[int, int], look: Look | None = None, smooth: bool = True, detail: float = 1.0
    ) -> None:
        """smooth: edges are smoothed, which takes half of the time. detail: share of the skin's triangles that are
        drawn; a fifth of them is plenty in a small picture, and takes a third of the time."""
        try:
            import pyvista
        except ImportError:
            raise MissingExtraError("rendering needs the package pyvista", hint="pip install '.[train]'") from None
        self._pv: Any = pyvista
        pyvista.vtk_verbosity("off")  # without a display it tries one first, and says so
        self.size, self.look, self.detail = size, look or Look(), detail
        self._plotter: Any = pyvista.Plotter(off_screen=True, window_size=size, lighting="none")
        if smooth:
            self._plotter.enable_anti_aliasing("msaa", multi_samples=8)
        self.skin: Skin | None = None
        self._mesh: Any = None
        self._shadow: Any = None
        self._room()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._plotter.close()

    def _room(self) -> None:
        pv, look = self._pv, self.look
        floor = pv.Plane(
            center=(0, 0, -0.002), direction=(0, 0, 1), i_size=40, j_size=40, i_resolution=40, j_resolution=40
        )
        self._plotter.add_mesh(floor, color=look.floor, ambient=0.45, diffuse=0.6, specular=0.0)
        across = np.arange(-8, 8.01, 0.8)  # the joints of floor boards
        ends = np.array([(x, y, 0.0) for x in across for y in (-20, 20)])
        joints = pv.line_segments_from_points(ends)
        self._plotter.add_mesh(joints, color=tuple(0.86 * c for c in look.floor), line_width=2, lighting=False)
        self._plotter.set_background(look.wall)
        sun = pv.Light(position=tuple(4 * s for s in look.sun), focal_point=(0, 0, 0.8), intensity=0.95)
        fill = pv.Light(position=(-4, -3, 3), focal_point=(0, 0, 0.8), intensity=0.45)
        for light in (sun, fill):
            self._plotter.add_light(light)

    def wall(self, distance: float, yaw: float) -> None:
        """A wall behind the person, `distance` m from the middle, facing the camera at `yaw` radians."""
        direction = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        centre = -direction * distance + [0, 0, 2.0]
        plane = self._pv.Plane(center=centre, direction=direction, i_size=30, j_size=30)
        self._plotter.add_mesh(plane, color=self.look.wall, ambient=0.75, diffuse=0.3, specular=0.0)
        skirting = self._pv.Plane(center=centre * [1, 1, 0] + direction * 0.01 + [0, 0, 0.06], direction=direction,
                                  i_size=0.12, j_size=30)  # fmt: skip
        self._plotter.add_mesh(skirting, color=tuple(0.75 * c for c in self.look.wall), ambient=0.5, diffuse=0.4)

    def dress(self, body: Body) -> None:
        """Make `body` the person who is drawn from now on."""
        skin = make_skin(body, self.look)
        _, colours = clothes(body, skin, self.look)
        if self.detail < 1:
            skin, nearest = skin.coarse(self.detail)
            colours = colours[nearest]
        faces = np.column_stack([np.full(len(skin.triangles), 3), skin.triangles]).ravel()
        for actor in ("person", "shadow"):
            self._plotter.remove_actor(actor)
        self._mesh = self._pv.PolyData(skin.vertices.copy(), faces)
        self._mesh["rgb"] = (colours * 255).astype(np.uint8)
        self._mesh["Normals"] = skin.normals(skin.vertices).astype(np.float32)
        self._mesh.GetPointData().SetActiveNormals("Normals")
        self._plotter.add_mesh(self._mesh, scalars="rgb", rgb=True, smooth_shading=False, name="person",
                               ambient=0.38, diffuse=0.75, specular=0.08, specular_power=12,
                               interpolation="phong")  # fmt: skip
        self._shadow = self._pv.PolyData(skin.vertices.copy(), faces)
        self._plotter.add_mesh(
            self._shadow, color=tuple(0.84 * c for c in self.look.floor), lighting=False, name="shadow"
        )
        self.skin = skin

    def draw(self, body: Body, solved: Solved, frame: int, camera: Camera) -> NDArray[np.uint8]:
        """One frame of `solved`, seen by `camera`: a BGR picture (height, width, 3)."""
        if self.skin is None:
            self.dress(body)
        assert self.skin is not None
        points = self.skin.posed(solved, frame)
        self._mesh.points = points.astype(np.float32)
        self._mesh["Normals"][:] = self.skin.normals(points)
        self._mesh.GetPointData().GetNormals().Modified()
        flat = points - (points[:, 2:] / self.look.sun[2]) * np.asarray(self.look.sun)
        flat[:, 2] = 0.001
        self._shadow.points = flat.astype(np.float32)
        self._look_through(camera, frame)
        self._plotter.render()
        image = self._plotter.screenshot(None, return_img=True)
        return np.ascontiguousarray(image[..., ::-1])

    def cut_out(self) -> NDArray[np.float32]:
        """How much of each pixel of the picture drawn last the person is: (height, width, 1), 0 to 1."""
        room = [actor for name, actor in self._plotter.actors.items() if name != "person"]
        for actor in room:
            actor.SetVisibility(False)
        self._plotter.render()
        image = self._plotter.screenshot(None, return_img=True, transparent_background=True)
        for actor in room:
            actor.SetVisibility(True)
        return np.asarray(image[..., 3:] / 255, np.float32)

    def _look_through(self, camera: Camera, frame: int) -> None:
        _, down, ahead = camera.turn[frame]
        place = camera.place[frame]
        view = self._plotter.camera
        view.position, view.focal_point, view.up = tuple(place), tuple(place + ahead), tuple(-down)
        width, height = camera.size
        view.view_angle = float(np.rad2deg(2 * np.arctan(height / 2 / camera.focal)))
        offset = camera.centre - np.asarray(camera.size) / 2
        view.SetWindowCenter(-2 * offset[0] / width, 2 * offset[1] / height)
        view.clipping_range = (0.05, 60.0)


def box_of(skin: Skin, solved: Solved, frame: int, camera: Camera) -> FloatArray:
    """The person's box in one frame, float32 (4,): x1 y1 x2 y2 px, clipped to the picture."""
    one = Camera(camera.place[[frame]], camera.turn[[frame]], camera.focal, camera.size, camera.centre)
    pixels = one.project(skin.posed(solved, frame)[None])[0, :, :2]
    limits = np.asarray(camera.size, float)
    low, high = np.clip(pixels.min(0), 0, limits), np.clip(pixels.max(0), 0, limits)
    return np.concatenate([low, high]).astype(np.float32)


def frame_with_truth(
    renderer: Renderer, body: Body, solved: Solved, frame: int, camera: Camera
) -> tuple[NDArray[np.uint8], FloatArray, FloatArray]:
    """A picture (H, W, 3) BGR, its keypoints (17, 3) with confidence 1 inside of the picture, and the box (4,).

    A keypoint outside of the picture is (0, 0, 0).
    """
    image = renderer.draw(body, solved, frame, camera)
    assert renderer.skin is not None
    pixels = camera.project(keypoints(body, solved))[frame]
    inside = ((pixels[:, :2] >= 0) & (pixels[:, :2] < np.asarray(camera.size))).all(1) & (pixels[:, 2] > 0.06)
    points = np.where(inside[:, None], np.column_stack([pixels[:, :2], np.ones(17)]), 0.0)
    return image, points.astype(np.float32), box_of(renderer.skin, solved, frame, camera)
