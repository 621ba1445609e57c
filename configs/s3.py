"""The schema of `s3:` in configs/run.yaml, and of a server wherever one is named."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from configs.base import Schema


class S3(Schema):
    """A server that speaks S3. Credentials come from boto3's usual places alone: environment, ~/.aws, the machine."""

    endpoint: str | None = Field(default=None, description="http(s)://HOST[:PORT]; null: boto3's settings, else AWS")
    region: str | None = Field(default=None, min_length=1, description="null: boto3's settings")
    timeout_s: float = Field(default=10.0, gt=0, le=600, description="to connect, and for the next bytes")
    attempts: int = Field(default=3, ge=1, le=10, description="of a request, before it has failed")

    @field_validator("endpoint")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if "@" in parts.netloc:
            raise ValueError("no user and password here: boto3 reads credentials from the environment or ~/.aws")
        try:
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is none
            usable = False
        if not usable or parts.query or parts.fragment:
            raise ValueError("not an address of a server: http(s)://HOST[:PORT]")
        return value.rstrip("/")
