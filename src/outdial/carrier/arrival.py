"""When a request arrived: the kernel's own time stamp, not the moment at which this process came to read it.

Start rates are judged within fractions of a second. On a busy machine the carrier's event loop may wait longer for a
CPU than that; what it then reads at once did not come at once, and its callers must not be blamed for it. Linux stamps
what comes in when it is asked to; where it does not, the moment of reading counts.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import Any

from aiohttp import web

_STAMPED = 35
"""SO_TIMESTAMPNS of Linux, also the type of the message that brings the stamp (asm-generic/socket.h)."""
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)


class Stamped(socket.socket):
    """A connection that remembers when what was last read from it had arrived."""

    arrived_at: float | None = None

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """See `socket.socket`."""
        data, notes, _, _ = self.recvmsg(bufsize, _ANCILLARY, flags)
        seconds, nanoseconds = next(
            (
                _TIMESPEC.unpack_from(note)
                for level, kind, note in notes
                if (level, kind) == (socket.SOL_SOCKET, _STAMPED)
            ),
            (0, 0),
        )
        self.arrived_at = seconds + nanoseconds / 1e9 if seconds else time.time()
        return data


class Listener(socket.socket):
    """A listening socket whose connections are `Stamped`."""

    def accept(self) -> tuple[socket.socket, Any]:
        """See `socket.socket`."""
        descriptor, address = self._accept()  # type: ignore[attr-defined]  # what socket.accept itself is made of
        return Stamped(self.family, self.type, self.proto, fileno=descriptor), address


def listen(host: str, port: int) -> Listener:
    """Listen there, port 0 = any free one. Raises `OSError` when the port is taken."""
    listener = Listener(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # inherited by what is accepted
            listener.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def arrived_at(request: web.BaseRequest) -> float | None:
    """When the request arrived, Unix seconds; None when nobody knows."""
    transport = request.transport
    shown = None if transport is None else transport.get_extra_info("socket")
    found = getattr(getattr(shown, "_sock", None), "arrived_at", None)
    return found if isinstance(found, float) else None
