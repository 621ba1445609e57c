"""The schema of configs/serve.yaml: the HTTP service, its limits, and the chain that it counts with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Schema
from configs.follow import Follow
from configs.s3 import S3
from configs.schema import COUNTED, Counting, Run
from configs.web import Listen


class Limits(Schema):
    """What one client may ask for, and all of them together."""

    image_mb: float = Field(default=16.0, gt=0, description="a picture to /api/image")
    sequence_mb: float = Field(default=16.0, gt=0, description="a keypoint sequence, as it is sent")
    unpacked_mb: float = Field(default=64.0, gt=0, description="a keypoint sequence, unpacked")
    video_mb: float = Field(default=256.0, gt=0, description="a file to /api/jobs")
    frame_mb: float = Field(default=2.0, gt=0, description="a picture to /api/live")
    megapixels: float = Field(default=25.0, gt=0, description="a picture, or a frame of a video")
    video_s: float = Field(default=600.0, gt=0, description="length of a video or a sequence")
    answer_s: float = Field(default=30.0, gt=0, description="work on a picture, a sequence, the look into a video")
    job_s: float = Field(default=1800.0, gt=0, description="work on a job")
    upload_s: float = Field(default=300.0, gt=0, description="an upload, from its first byte to its last")
    slowest_kb_s: float = Field(default=2.0, ge=0, description="an upload, after the patience that all have")
    live_idle_s: float = Field(default=30.0, gt=0, description="without a picture before /api/live is closed")
    memory_mb: float = Field(default=768.0, ge=64, description="that one piece of work may take")
    requests: int = Field(default=64, ge=1, description="at the same time, streams included")
    disk_mb: float = Field(default=4096.0, gt=0, description="uploads and videos of jobs, all together")
    waiting: int = Field(default=32, ge=0, description="pieces of work that wait for a worker, beside jobs")
    live: int = Field(default=8, ge=0, description="people before a webcam at the same time")
    queued: int = Field(default=16, ge=0, description="jobs that wait for their turn")
    kept: int = Field(default=64, ge=1, description="finished jobs that are kept, the newest")
    kept_s: float = Field(default=3600.0, gt=0, description="a finished job is kept so long")


class Serve(Listen):
    """configs/serve.yaml: the HTTP service."""

    language: Literal["auto", "en", "de"] = Field(default="auto", description="of the page; auto asks LANG")
    workers: int = Field(
        default=0, ge=0, le=256, description="processes for what is answered at once; 0: by cores, from 2"
    )
    job_workers: int = Field(default=0, ge=0, le=256, description="processes for jobs; 0: half the cores, from 1")
    folder: str | None = Field(default=None, description="for uploads and results; the system's temporary one without")
    least_score: float = Field(default=0.25, ge=0, le=1, description="of a person in a picture of /api/image")
    limits: Limits = Limits()
    pose: str | None = Field(default=None, description="pose model file; the shipped one without it")
    estimator: str | None = Field(default=None, description="name of the pose estimator; else the file's suffix tells")
    follow: Follow = Follow()
    head: str | None = Field(default=None, description="head file; the shipped one without it")
    graphs: str = Field(default="auto", description="optimised models: auto, in the user's cache; none; or a folder")
    fps: float | None = Field(default=None, gt=0, description="leave out frames that come faster; null reads all")
    counting: Counting | str = Field(default="counting.yaml", description=COUNTED)
    s3: S3 = S3()

    @property
    def run(self) -> Run:
        """The same settings for the chain: one frame after the other in one thread, as each worker has one core."""
        shared = {name: getattr(self, name) for name in Serve.model_fields.keys() & Run.model_fields.keys()}
        return Run(**shared, source="upload", screen="none", log="none", sound="none", threads=1, overlap=False)
