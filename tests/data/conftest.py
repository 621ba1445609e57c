"""Bodies for the tests: Anny loads once a session (half a minute the first time on a machine)."""

from __future__ import annotations

import pytest

from data.body import Body, make_body


@pytest.fixture(scope="session")
def body() -> Body:
    """One adult."""
    return make_body(3)


@pytest.fixture(scope="session")
def bodies(body: Body) -> list[Body]:
    """A few people of different shapes."""
    return [make_body(index) for index in (0, 3, 12)]
