"""Who may reach the web screen: the token of this installation, and the names that this machine is called by."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from configs.web import Listen
from edge.history.database import default_folder

TOKEN_FILE: Final = "web-token"

#: Bits of the token; a guess a microsecond finds it in 10^25 years.
_BITS: Final = 128
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,86}")

#: `name`, `name:80`, `192.0.2.1:80`, `[::1]:80` (RFC 9110, section 7.2).
_HOST: Final = re.compile(r"(?P<name>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Access:
    """token: what a viewer must know, None where only this machine reaches the server. names: in lower case."""

    token: str | None
    names: frozenset[str]

    @classmethod
    def of(cls, settings: Listen, token: str | None) -> Access:
        """What these settings allow."""
        names = {"localhost", *(name.lower().rstrip(".") for name in settings.names)}
        if not is_local(settings.host):
            own = socket.gethostname().lower()
            names |= {own, f"{own.partition('.')[0]}.local"}
        return cls(token, frozenset(names))

    def serves(self, host: str) -> bool:
        """Whether a `Host` header means this machine. A name that is not ours may be a stranger's that leads here: DNS
        rebinding. An address can't be."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().rstrip(".").strip("[]")
        if name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.token is not None or address.is_loopback

    def admits(self, token: str | None) -> bool:
        """Whether this is the token, or none is needed."""
        if self.token is None:
            return True
        return token is not None and secrets.compare_digest(token.encode(), self.token.encode())


def is_local(host: str) -> bool:
    """Whether nobody but this machine reaches a server at this address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_address() -> str:
    """The address by which others in the network reach this machine; its name where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: it asks which address would be the sender's (RFC 5737)
        return str(probe.getsockname()[0])
    return f"{socket.gethostname().partition('.')[0]}.local"


def own_token(host: str) -> tuple[str | None, str | None]:
    """The token that a server at this address asks for, None for one that is local; and what to say of it."""
    return (None, None) if is_local(host) else load_token()


def load_token(folder: Path | None = None) -> tuple[str, str | None]:
    """The token of this installation, and what to say of it: made the first time, in a file that only its owner reads.

    Where no file can be written (a read-only disk) it is another one every time.
    """
    path = (folder or default_folder()) / TOKEN_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _read(path) or _make(path), None
    except OSError as error:
        why = f"{path}: the token can't be kept: {error.strerror}; it is another one at the next start"
        return secrets.token_urlsafe(_BITS // 8), why


def _read(path: Path) -> str | None:
    """The token in the file; None when there is no file, or nothing in it that is one."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, encoding="ascii", errors="replace") as file:
        if os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)
        text = file.read(200).strip()
    return text if _TOKEN.fullmatch(text) else None


def _make(path: Path) -> str:
    """Write a new token; where another process is faster, its token is the one."""
    token, draft = secrets.token_urlsafe(_BITS // 8), path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(token + "\n")
        if path.exists():  # something else than a token is in it
            draft.replace(path)
            return token
        try:
            os.link(draft, path)
        except FileExistsError:
            return _read(path) or token
        return token
    finally:
        draft.unlink(missing_ok=True)
