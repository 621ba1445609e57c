"""How others come to the web screen: its address with the token, as text and as a QR code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from configs.web import Listen
from edge.web.access import is_local, own_address


@dataclass(frozen=True, slots=True)
class Invitation:
    """here: the address for a browser on this machine. there: for one elsewhere in the network, None where it can't
    be reached from there. Each has the token in it, if one is needed."""

    here: str
    there: str | None

    @property
    def code(self) -> NDArray[np.bool_] | None:
        """The QR code of `there`: bool (n, n), true where it is dark, without its quiet zone (4 modules wide)."""
        return None if self.there is None else qr_code(self.there)


def invite(settings: Listen, token: str | None, port: int | None = None) -> Invitation:
    """The addresses of a server with these settings. port: where it listens, if another one was taken."""
    port = settings.port if port is None else port
    query = "/" if token is None else "/?" + urlencode({"token": token})
    everywhere = settings.host in ("0.0.0.0", "::")
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    there = None if is_local(settings.host) else own_address() if everywhere else settings.host
    return Invitation(_url(here, port) + query, None if there is None else _url(there, port) + query)


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def qr_code(text: str) -> NDArray[np.bool_]:
    """The QR code of a text (ISO/IEC 18004, error correction M): bool (n, n), true where it is dark."""
    import segno

    return np.array(segno.make(text, error="m", micro=False).matrix, dtype=bool)


def as_text(code: NDArray[np.bool_], quiet: int = 2) -> str:
    """A QR code for a terminal, dark on light whatever its colours are: half blocks, two modules a character."""
    padded = np.pad(code, quiet)
    if len(padded) % 2:
        padded = np.pad(padded, ((0, 1), (0, 0)))
    glyphs = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    rows: Sequence[str] = [
        "".join(glyphs[bool(above), bool(below)] for above, below in zip(*pair, strict=True))
        for pair in zip(padded[0::2], padded[1::2], strict=True)
    ]
    return "\n".join(f"\x1b[38;5;16;48;5;231m{row}\x1b[0m" for row in rows)


def as_svg(code: NDArray[np.bool_], quiet: int = 4) -> str:
    """A QR code as a picture of one unit a module."""
    side = len(code) + 2 * quiet
    squares = "".join(f"M{x + quiet} {y + quiet}h1v1h-1z" for y, x in np.argwhere(code))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{squares}"/></svg>'
    )
