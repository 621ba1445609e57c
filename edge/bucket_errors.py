"""What an S3 server, or the way to it, can say against a request: one clear line each, and no secret in any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keypoints.errors import InputError, RepSightError, without_password


class UnreachableError(RepSightError):
    """The server does not answer, or breaks off: it may be there later."""


class SpoiledError(RepSightError):
    """What arrives is not what was sent."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url}: what arrived is not what was sent: something on the way cuts or changes it")


#: By the codes of S3's answers: what is wrong, and what to do about it.
_CREDENTIALS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile in ~/.aws"
_REGION = "set `region` to the bucket's"
_WRONG = {
    "NoSuchBucket": ("no such bucket", "make it first, or name one that is there"),
    "InvalidBucketName": ("not the name of a bucket", None),
    "InvalidAccessKeyId": ("wrong credentials: the server does not know the access key", _CREDENTIALS),
    "SignatureDoesNotMatch": ("wrong credentials: the secret key does not fit the access key", _CREDENTIALS),
    "InvalidToken": ("wrong credentials: the session token is not valid", _CREDENTIALS),
    "ExpiredToken": ("wrong credentials: the session token has expired", "log in again"),
    "AuthorizationHeaderMalformed": ("wrong region", _REGION),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "301": ("the bucket is in another region", _REGION),
    "RequestTimeTooSkewed": ("the clock of this machine is wrong, so the server refuses it", "set the clock"),
    "EntityTooLarge": ("too large for one upload", None),
}
_SPOILED = frozenset({"BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})


@contextmanager
def one_line(url: str, server: str | None, doing: str = "read") -> Iterator[None]:
    """Turn what boto3 raises inside into an error of ours. doing: `read` or `write`, for what is not allowed."""
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    where = without_password(server or "the server")
    try:
        yield
    except boto.ClientError as error:
        raise _refused(error, url, where, doing) from None
    except (boto.NoCredentialsError, boto.NoAuthTokenError):
        raise InputError("no credentials", file=url, hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or make a"
                         " profile in ~/.aws") from None  # fmt: skip
    except (boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.UnknownCredentialError, boto.SSOError,
            boto.TokenRetrievalError, boto.ProfileNotFound) as error:  # fmt: skip
        raise InputError(f"the credentials can't be used ({type(error).__name__})", file=url, hint=_CREDENTIALS
                         ) from None  # fmt: skip
    except boto.SSLError:
        raise UnreachableError(f"{url}: {where} has no certificate that this machine trusts") from None
    except (boto.ConnectTimeoutError, boto.ReadTimeoutError):
        raise UnreachableError(f"{url}: {where} does not answer in time; timeout_s and attempts say for how long it is"
                               " waited") from None  # fmt: skip
    except (boto.ResponseStreamingError, boto.IncompleteReadError, boto.ConnectionClosedError):
        raise UnreachableError(f"{url}: {where} breaks off in the middle") from None
    except (boto.HTTPClientError, boto.ConnectionError):
        raise UnreachableError(f"{url}: {where} can't be reached; is there a network, and is the endpoint right?"
                               ) from None  # fmt: skip
    except (ResponseParserError, KeyError):
        raise _no_s3(where) from None
    except (boto.BotoCoreError, ValueError) as error:  # its settings: a region that is none, a file in ~/.aws, ...
        raise InputError(f"boto3 can't use its settings ({type(error).__name__})", file=url,
                         hint="check endpoint and region, and ~/.aws/config") from None  # fmt: skip


def _no_s3(where: str) -> InputError:
    return InputError("it does not answer as S3 does", file=where, expected="a server that speaks S3",
                      hint="set `endpoint` to http(s)://HOST[:PORT]")  # fmt: skip


def _refused(error: Any, url: str, where: str, doing: str) -> RepSightError:
    """What the server itself says; of its words only the code, for it may repeat what it was sent."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    bucket = "/".join(url.split("/")[:3])
    if code in _WRONG:
        what, hint = _WRONG[code]
        return InputError(what, file=bucket, hint=hint)
    if code in _SPOILED:
        return SpoiledError(url)
    if code in ("AccessDenied", "AllAccessDisabled", "403", "Forbidden") or status == 403:
        return InputError(f"no right to {doing}", file=url, hint="these credentials need s3:GetObject"
                          + (" and s3:PutObject" if doing == "write" else "") + " there")  # fmt: skip
    if status in (404, 405, 501) and code in ("", str(status)):  # a web server that knows no codes of S3
        return _no_s3(where)
    if status >= 500 or code in ("SlowDown", "RequestTimeout"):
        return UnreachableError(f"{url}: {where} fails ({code or status}); try again later")
    return RepSightError(f"{url}: {where} refuses to {doing} it ({code or status})")
