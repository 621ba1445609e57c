"""The HTTP API, fuzzed from its own description: whatever is asked, it never fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from .conftest import Site
from .test_records import fill

schemathesis = pytest.importorskip("schemathesis", reason="needs the package schemathesis")


@pytest.mark.slow
def test_the_api_answers_whatever_is_asked_as_its_description_says(guarded: Site, tmp_path: Path) -> None:
    fill(tmp_path / "log", 3)
    guarded.tell()
    headers = {"Authorization": f"Bearer {guarded.token}"}
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{guarded.port}/api/openapi.json", headers=headers)
    # A stream without an end is no answer that can be looked at whole.
    asked = schema.exclude(path="/api/video")
    seen = []
    for operation in asked.get_all_operations():
        case_strategy = operation.ok().as_strategy()
        seen.append(operation.ok().label)
        _fuzz(case_strategy, headers)
    assert {"GET /api/sessions/{number}", "DELETE /api/sessions/{number}", "GET /api/reps.csv"} <= set(seen)
    assert guarded.ask("/api/now", authorization=headers["Authorization"]).status == 200


def _fuzz(cases: object, headers: dict[str, str]) -> None:
    from hypothesis import given

    @settings(max_examples=15, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases)
    def ask(case: object) -> None:
        case.call_and_validate(headers=headers)  # type: ignore[attr-defined]

    ask()
