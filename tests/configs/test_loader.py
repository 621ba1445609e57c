"""What does not fit a schema is said in words for who writes YAML, not Python."""

from __future__ import annotations

import pytest

from configs.loader import load
from configs.serving import Serve
from keypoints.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("limits.video_mb=.inf", "limits.video_mb: Input should be a finite number"),
        ("limits.job_s=.nan", "limits.job_s: Input should be a finite number"),
        ("workers=100000", "workers: Input should be less than or equal to 256 (found 100000)"),
        ("job_workers=-1", "job_workers: Input should be greater than or equal to 0 (found -1)"),
        ("names=foo", "names: Input should be a list: [a, b] (found 'foo')"),
        ("limits=3", "limits: Input should be keys with values: {key: value} (found 3)"),
    ],
)
def test_an_absurd_value_is_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(Serve, "serve.yaml", [override])
    assert message in str(error.value)
