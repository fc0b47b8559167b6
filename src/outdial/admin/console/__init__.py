"""The console: pages for operators, served by the admin port as the files in `static/` and built on nothing but its API.

No token is needed for the files, since nothing of anybody is in them: whoever opens the page pastes one, and the browser
sends it with every request to the API. The browser may run and load what comes from this port, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from aiohttp import web

STATIC: Final = Path(__file__).parent / "static"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""No script and no style but files from here: what somebody wrote into a name stays text."""
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-cache",  # kept, but asked about each time: after an upgrade nobody sees yesterday's page
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".md": "text/plain; charset=utf-8",
    }
)


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent. `etag`: changes with its bytes, and only then."""

    body: bytes
    content_type: str
    etag: str


def read_files(folder: Path = STATIC) -> dict[str, File]:
    """Everything below the folder, by the path in the browser. Read once: a path that is not among them is not there."""
    found = {
        f"/console/{path.relative_to(folder).as_posix()}": _file(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }
    return {"/": found["/console/index.html"], "/favicon.ico": found["/console/icon.svg"], **found}


def _file(path: Path) -> File:
    body = path.read_bytes()
    return File(body, _TYPES[path.suffix], sha256(body).hexdigest()[:32])


def add_console(router: web.UrlDispatcher) -> None:
    """Serve the files at `/` and below `/console/`."""
    files = read_files()

    async def send(request: web.Request) -> web.Response:
        file = files.get(request.path)
        if file is None:
            raise web.HTTPNotFound
        headers = {**HEADERS, "ETag": f'"{file.etag}"'}
        if any(one.value in {file.etag, "*"} for one in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, headers={**headers, "Content-Type": file.content_type})

    router.add_get("/", send)
    router.add_get("/favicon.ico", send)
    router.add_get("/console/{path:.*}", send)
