"""The event loop of the daemon: uvloop; on Windows, which it does not know, asyncio's own. Both keep asyncio's contract."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

Result = TypeVar("Result")


def run_fast(main: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run` on the faster loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
