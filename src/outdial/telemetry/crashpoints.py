"""Named places where a test may let the process die: `OUTDIAL_CRASH_AT=after_intent` (or `after_intent:3`).

No-ops otherwise. The process kills itself with SIGKILL, after writing the name to `OUTDIAL_CRASH_MARK` if that is set.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

NAMES = frozenset(
    {
        "after_receive", "after_intake", "before_ack", "after_intent", "request_written", "after_response",
        "before_settle_commit", "after_settle_commit", "after_publish", "in_shutdown",
    }
)  # fmt: skip
_AT, _, _NTH = os.environ.get("OUTDIAL_CRASH_AT", "").partition(":")
_left = int(_NTH or "1")


def crashpoint(name: str) -> None:
    """Die here if asked to."""
    if _AT:
        _maybe_die(name)


def _maybe_die(name: str) -> None:
    global _left  # noqa: PLW0603 - one countdown per process is the point
    if name != _AT:
        return
    _left -= 1
    if _left == 0:
        mark = os.environ.get("OUTDIAL_CRASH_MARK")
        if mark:
            Path(mark).write_text(name, encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
