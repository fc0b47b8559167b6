"""Named places at which a rehearsal may kill the process: no-ops unless the environment arms one.

`OUTDIAL_CRASH_AT=after_intent` kills this process with SIGKILL when it passes that place, `after_intent:3` when it
passes it for the third time; `OUTDIAL_CRASH_BY=stop`: with SIGSTOP, until somebody continues it.
Before that the file named by `OUTDIAL_CRASH_MARK` is written, so that the test knows
that the process died where it should. A production profile refuses to start with a crash point armed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from outdial.errors import BadConfiguration

CRASH_POINTS: Mapping[str, str] = {
    "after_receive": "deliveries are in our hands, nothing is stored",
    "after_intake": "attempts are stored, their deliveries not yet acked",
    "before_ack": "everything of the batch is durable, its deliveries are about to be acked",
    "before_intent_commit": "a turn has written intents, its transaction is still open",
    "after_intent": "intents are committed, no byte of a create request has left",
    "request_written": "the create request is written, its answer not read",
    "after_response": "the carrier's answer is read, nothing of it is stored",
    "before_settle_commit": "a turn has written what ended, its transaction is still open",
    "after_settle_commit": "what ended is committed: its events are not yet published, the slots given on not yet used",
    "after_publish": "events are confirmed by the broker, still in the outbox",
    "in_shutdown": "intake has stopped, work under way is being finished",
}
"""Every crash point and what is true when it is passed, in the order of an attempt's way."""

NAMES = frozenset(CRASH_POINTS)

CRASH_AT = "OUTDIAL_CRASH_AT"
CRASH_MARK = "OUTDIAL_CRASH_MARK"
CRASH_BY = "OUTDIAL_CRASH_BY"
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
"""Dead for good, or a zombie: away for as long as somebody likes, and back in the middle of what it did."""


class Crashpoints:
    """One armed crash point at most, with its count. Raises `BadConfiguration` for a name or count that is none."""

    def __init__(self, environment: Mapping[str, str], die: Callable[[], None] | None = None) -> None:
        name, colon, count = environment.get(CRASH_AT, "").partition(":")
        if name and name not in CRASH_POINTS:
            raise BadConfiguration(f"{CRASH_AT}: unknown crash point {name!r} (known: {', '.join(CRASH_POINTS)})")
        if colon and not (count.isdecimal() and int(count) > 0):
            raise BadConfiguration(f"{CRASH_AT}: {count!r} is no count (write {name}:2 for the second passing)")
        by = environment.get(CRASH_BY, "kill")
        if by not in SIGNALS:
            raise BadConfiguration(f"{CRASH_BY}: {by!r} is no way to crash (known: {', '.join(SIGNALS)})")
        self.armed = name
        self._left = int(count) if colon else 1
        self._mark = environment.get(CRASH_MARK)
        self._die = die or (lambda: os.kill(os.getpid(), SIGNALS[by]))

    def pass_by(self, name: str) -> None:
        """Say that the process is at `name` now; does not return if it is to die here."""
        if name != self.armed:
            return
        self._left -= 1
        if self._left == 0:
            self._leave_mark(name)
            self._die()

    def _leave_mark(self, name: str) -> None:
        if self._mark is None:
            return
        with Path(self._mark).open("w") as mark:
            mark.write(f"{name}\n")
            mark.flush()
            os.fsync(mark.fileno())


_here: Crashpoints | None = None


def crashpoint(name: str) -> None:
    """Pass the crash point `name` (one of `CRASH_POINTS`). Costs a comparison when nothing is armed."""
    global _here  # noqa: PLW0603  the environment is read once, at the first passing
    if _here is None:
        _here = Crashpoints(os.environ)
    if _here.armed:
        _here.pass_by(name)
