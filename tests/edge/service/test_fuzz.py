"""The HTTP API of the service, fuzzed from its own description: whatever is sent, it answers as it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from .conftest import Api
from .evil import IMAGE, picture

schemathesis = pytest.importorskip("schemathesis", reason="needs the package schemathesis")


def test_the_service_answers_whatever_is_sent_as_its_description_says(api: Api) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{api.port}/api/openapi.json")
    fuzzed = []
    for operation in schema.get_all_operations():
        found = operation.ok()
        fuzzed.append(found.label)
        _fuzz(found.as_strategy())
    assert {"POST /api/image", "POST /api/sequence", "POST /api/jobs", "GET /api/jobs/{number}/readings",
            "DELETE /api/jobs/{number}", "GET /metrics", "GET /ready"} <= set(fuzzed)  # fmt: skip
    assert api.ask(IMAGE, body=picture()).status == 200
    ends = {name: value for name, value in api.metrics().items() if "worker_ends" in name and 'why="died"' in name}
    assert set(ends.values()) == {0.0}, "no body of it has killed a worker"


def _fuzz(cases: Any) -> None:
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    @settings(max_examples=6, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases)
    def ask(case: Any) -> None:
        # A description can't say what makes bytes a picture.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()
