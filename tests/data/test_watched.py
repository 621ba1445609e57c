"""Rendered people as the pose model sees them: labelled by the scene, the same for the same seed and index."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("anny", reason="bodies come with the extra [train]")
pytest.importorskip("pyvista", reason="rendering comes with the extra [train]")

from configs.schema import Synthesize
from data.watched import Wear, sequences, watch

SHORT = Synthesize(longest_s=1.5)


@pytest.mark.slow
def test_a_watched_person_is_seen_by_the_pose_model_and_labelled_by_the_scene() -> None:
    [seen] = sequences(SHORT, seed=3, count=1, first=4)
    again = watch(4, 3, SHORT)
    assert seen.source == again.source == "synthetic-watched-3-000004"
    assert np.array_equal(seen.keypoints, again.keypoints) and np.array_equal(seen.time_s, again.time_s)
    assert seen.actions is not None and len(seen.actions) == len(seen)
    assert seen.phase is not None and seen.phase.shape == (len(seen), 2)
    assert (seen.keypoints[..., 2] > 0).any(1).mean() > 0.5, "somebody is found"
    assert not np.array_equal(seen.keypoints, watch(5, 3, SHORT).keypoints)


def test_a_film_is_worn_alike_throughout_and_never_turns_or_moves() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:40, 50:70] = (40, 90, 200)
    places = []
    for seed in range(12):
        wear = Wear(np.random.default_rng(seed))
        first, second = wear(image), wear(image)
        assert first.shape == image.shape and first.dtype == np.uint8
        assert np.abs(first.astype(int) - second).mean() < 20, "only the grain differs from frame to frame"
        bright = first[..., 2].astype(float) - first[..., 0]
        rows, columns = np.nonzero(bright > bright.max() / 2)
        places.append((rows.mean(), columns.mean()))
    assert np.allclose(np.median(places, axis=0), (29.5, 59.5), atol=1)
