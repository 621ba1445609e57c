"""Opening a model leaves the process as it was."""

from __future__ import annotations

import sys

import numpy as np

from keypoints.session import open_session, usable_cores
from keypoints.yolo import SHIPPED


def test_running_a_model_does_not_change_how_the_process_computes_small_numbers() -> None:
    """onnxruntime can flush denormals to zero, but then does so for the calling thread's other work as well."""
    session = open_session(SHIPPED, threads=1)
    seen = session.get_inputs()[0]
    session.run(None, {seen.name: np.zeros((1, 3, 256, 256), np.float32)})
    assert sys.float_info.min / 2 > 0
    assert np.float32(np.finfo(np.float32).tiny) / np.float32(2) > 0


def test_zero_threads_is_every_usable_core_but_four_at_most() -> None:
    threads = open_session(SHIPPED, threads=0).get_session_options().intra_op_num_threads
    assert threads == min(4, usable_cores())
    assert open_session(SHIPPED, threads=3).get_session_options().intra_op_num_threads == 3
