"""Model outputs become people: both layouts, thresholds, and the suppression of second boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keypoints.decode import decode_nms_free, decode_yolo, nms, overlap


def yolo_output(rows: list[tuple[float, float, float, float, float]]) -> np.ndarray:
    """Layout `yolo` with these cx cy w h score; joint j of row i is at (i, j) with confidence 0.5."""
    output = np.zeros((1, 56, len(rows)), np.float32)
    for i, row in enumerate(rows):
        output[0, :5, i] = row
        output[0, 5:, i] = np.array([(i, j, 0.5) for j in range(17)], np.float32).ravel()
    return output


def test_only_candidates_above_the_threshold_are_decoded() -> None:
    found = decode_yolo(yolo_output([(10, 10, 4, 8, 0.9), (50, 50, 4, 8, 0.3)]), threshold=0.5, iou=0.7)
    np.testing.assert_array_equal(found.boxes, [[8, 6, 12, 14]])
    np.testing.assert_array_equal(found.keypoints[0, :, 1], np.arange(17))
    assert found.scores.tolist() == pytest.approx([0.9])


def test_no_candidate_gives_empty_arrays_of_the_right_shape() -> None:
    for found in (
        decode_yolo(yolo_output([(10, 10, 4, 8, 0.1)]), 0.5, 0.7),
        decode_nms_free(np.zeros((1, 5, 57), np.float32), 0.5),
    ):
        assert found.boxes.shape == (0, 4)
        assert found.scores.shape == (0,)
        assert found.keypoints.shape == (0, 17, 3)


def test_the_better_of_two_overlapping_boxes_stays() -> None:
    rows = [(10, 10, 10, 10, 0.6), (11, 10, 10, 10, 0.9), (40, 40, 10, 10, 0.5)]
    found = decode_yolo(yolo_output(rows), threshold=0.25, iou=0.7)
    assert found.keypoints[:, 0, 0].tolist() == [1, 2]


def test_the_nms_free_layout_is_taken_as_it_is_best_first() -> None:
    output = np.zeros((1, 3, 57), np.float32)
    output[0, :, :4] = [[0, 0, 9, 9], [0, 0, 9, 9], [1, 1, 5, 5]]
    output[0, :, 4] = [0.5, 0.8, 0.1]
    output[0, :, 6] = [1, 2, 3]
    found = decode_nms_free(output, threshold=0.25)
    np.testing.assert_allclose(found.scores, [0.8, 0.5])
    assert found.keypoints[:, 0, 0].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 10, 10), 1.0), ((0, 0, 10, 5), 0.5), ((10, 0, 20, 10), 0.0), ((5, 5, 5, 5), 0.0), ((-5, 0, 5, 10), 1 / 3)],
)
def test_overlap_is_intersection_over_union(other: tuple[float, ...], expected: float) -> None:
    boxes = np.array([[0, 0, 10, 10], other], np.float32)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    assert overlap(boxes[0], boxes[1:], area[0], area[1:])[0] == pytest.approx(expected)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100, width=32),
            st.floats(0, 100, width=32),
            st.floats(1, 60, width=32),
            st.floats(0, 1, width=32),
        ),
        max_size=12,
    )
)
def test_what_nms_keeps_overlaps_little_and_what_it_drops_overlaps_a_better_box(
    rows: list[tuple[float, float, float, float]],
) -> None:
    boxes = np.array([(x, y, x + s, y + s) for x, y, s, _ in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[3] for row in rows], np.float32)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept = nms(boxes, scores, iou=0.5).tolist()
    assert scores[kept].tolist() == sorted(scores[kept], reverse=True)
    for i in range(len(rows)):
        shared = overlap(boxes[i], boxes, area[i], area)
        better = [k for k in kept if shared[k] > 0.5 and (scores[k], -k) > (scores[i], -i)]
        assert (i in kept) == (not better)
