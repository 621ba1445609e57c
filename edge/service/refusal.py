"""How the service says no: a status of HTTP and one line."""

from __future__ import annotations

from keypoints.errors import RepSightError


class RefusedError(RepSightError):
    """A request that is not answered as it was asked.

    status: of HTTP. retry_s: after so many seconds it may be asked again; with it the answer is a 503 that we mean.
    """

    def __init__(self, status: int, detail: str, retry_s: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.retry_s = status, retry_s


def busy(detail: str, retry_s: int = 2) -> RefusedError:
    """There is too much to do at the moment."""
    return RefusedError(503, detail, retry_s)
