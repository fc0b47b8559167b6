"""Server processes that never outlive us: the kernel signals them when this process dies, however it dies."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

UNPRIVILEGED = "nobody"
_PR_SET_PDEATHSIG = 1


def dies_with_us(signal_number: int) -> Callable[[], None] | None:
    """What a child calls before exec so that it gets this signal when its parent dies; Linux only."""
    try:
        libc = ctypes.CDLL(None)
        prctl = libc.prctl
    except (OSError, AttributeError):
        return None
    return lambda: prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def service_user() -> str | None:
    """Whom servers run as that refuse to be root; None = as whoever we are."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def own(path: Path, user: str | None) -> None:
    """Give a folder to the service user."""
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def start(
    command: Sequence[str], *, env: Mapping[str, str], log: IO[bytes], user: str | None, death_signal: int, cwd: Path
) -> subprocess.Popen[bytes]:
    """Start a server of ours."""
    return subprocess.Popen(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=dies_with_us(death_signal),  # noqa: PLW1509 - one prctl call; no threads run yet where this is used
    )


def stop(process: subprocess.Popen[bytes], gently: int = signal.SIGTERM, within_s: float = 10.0) -> None:
    """End a server: ask, wait, kill."""
    if process.poll() is not None:
        return
    process.send_signal(gently)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
