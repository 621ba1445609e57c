"""Rendered people as the pose model sees them: labelled by the scene, the same for the same seed and index."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("anny", reason="bodies come with the extra [train]")
pytest.importorskip("pyvista", reason="rendering comes with the extra [train]")

from configs.schema import Synthesize
from data.watched import sequences, watch

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
