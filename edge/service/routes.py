"""The routes that are asked and answered: pictures, sequences, jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from edge.service.jobs import Job
from edge.service.refusal import RefusedError
from edge.service.schemas import Counted, JobState, Picture, body, problems
from edge.service.wire import Message

if TYPE_CHECKING:
    from edge.service.service import Service

#: A name is shown and never a path.
Name = Annotated[
    str | None,
    Query(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f\x7f]+$", description="of the file, for people"),
]
Number = Annotated[str, Path(max_length=64, description="of the job")]

_SENT = problems(400, 401, 403, 408, 411, 413, 415, 421, 422, 503)
_ASKED = problems(401, 403, 404, 421, 422, 503)

_IMAGES = ("image/jpeg", "image/png", "image/webp")
_SEQUENCES = ("application/zip", "application/octet-stream")
_VIDEOS = ("video/mp4", "video/webm", "video/quicktime", "application/octet-stream")


def work_routes(service: Service) -> APIRouter:
    """`/api/image` and `/api/sequence`."""
    router = APIRouter(tags=["at once"])
    limits = service.limits

    @router.post("/api/image", response_model=Picture, responses=_SENT, openapi_extra=body(_IMAGES, "a picture"))
    async def image(request: Request) -> Response:
        """The people in a picture, and their keypoints."""
        async with service.uploads.take(request, "image") as path:
            answer = await service.pool.ask(Message({"do": "image", "path": str(path)}), limits.answer_s)
        return _json(answer)

    @router.post(
        "/api/sequence", response_model=Counted, responses=_SENT,
        openapi_extra=body(_SEQUENCES, "a keypoint sequence: an .npz with keypoints, time_s and size"),
    )  # fmt: skip
    async def sequence(request: Request, name: Name = None) -> Response:
        """What is counted in a keypoint sequence."""
        async with service.uploads.take(request, "sequence") as path:
            work = {"do": "sequence", "path": str(path), "name": name or "upload"}
            # Always the same worker: a long one keeps no picture waiting.
            answer = await service.pool.ask(Message(work), limits.answer_s, service.pool.workers[-1], weight=4)
        return Response(json.dumps(answer.head["report"]), media_type="application/json")

    return router


def job_routes(service: Service) -> APIRouter:
    """`/api/jobs`: videos, which take their time."""
    router = APIRouter(prefix="/api/jobs", tags=["jobs"])
    jobs = service.jobs

    def state(job: Job) -> JobState:
        return JobState(
            id=job.id, state=job.state, position=jobs.position(job), progress=job.progress, frames=job.frames,
            error=job.error, name=job.name,
        )  # fmt: skip

    @router.post(
        "", status_code=202, responses=_SENT | {202: {"model": JobState, "description": "it waits for its turn"}},
        openapi_extra=body(_VIDEOS, "a video, or a keypoint sequence"),
    )  # fmt: skip
    async def add(request: Request, response: Response, name: Name = None) -> JobState:
        """Count in a video. The answer's Location is where to ask how far it is."""
        jobs.check_room()
        async with service.uploads.take(request, "video", "sequence") as path:
            await service.pool.ask(Message({"do": "probe", "path": str(path)}), service.limits.answer_s)
            job = jobs.add(path, name)
        response.headers["location"] = f"/api/jobs/{job.id}"
        return state(job)

    @router.get("/{number}", responses=_ASKED)
    async def look(number: Number) -> JobState:
        """How far a job is."""
        return state(jobs.find(number))

    @router.get(
        "/{number}/readings", response_class=StreamingResponse,
        responses=_ASKED | {200: {"content": {"application/x-ndjson": {}}, "description": "a reading a line"}},
    )  # fmt: skip
    async def readings(number: Number) -> StreamingResponse:
        """Every reading from the first one on, a line of JSON each, until the job ends."""
        return StreamingResponse(jobs.lines(jobs.find(number)), media_type="application/x-ndjson")

    @router.get("/{number}/result", response_model=Counted, responses=_ASKED | problems(409))
    async def result(number: Number) -> Response:
        """What was counted. A job that failed on the way has what was counted until then."""
        job = jobs.find(number)
        if not job.has_result:
            raise RefusedError(409, job.error or f"the job is {job.state}, not done")
        return FileResponse(job.result, media_type="application/json")

    @router.delete("/{number}", status_code=204, responses=_ASKED)
    async def delete(number: Number) -> None:
        """Cancel a job, and delete what there is of it."""
        await jobs.remove(jobs.find(number))

    return router


def _json(answer: Message) -> Response:
    content = {key: value for key, value in answer.head.items() if key != "is"}
    return Response(json.dumps(content), media_type="application/json")
